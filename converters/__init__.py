"""Converters from and to other people's checkpoints. In a wheel, this is `perface_jax.converters`."""

from .onnx_writer import to_onnx
from .stablehlo import to_stablehlo
from .state_dicts import from_state_dict
from .to_torch import to_state_dict

__all__ = ["from_state_dict", "to_onnx", "to_stablehlo", "to_state_dict"]
