"""Converters from and to other people's checkpoints. In a wheel, this is `perface_jax.converters`."""

from .state_dicts import from_state_dict

__all__ = ["from_state_dict"]
