"""The folder `converters/` at the top of the repository, under the name that it has in an installed wheel."""

import pathlib

__path__ = [str(pathlib.Path(__file__).resolve().parents[2] / "converters")]

from .onnx_writer import to_onnx  # noqa: E402  (found by the path above)
from .stablehlo import to_stablehlo  # noqa: E402
from .state_dicts import from_state_dict  # noqa: E402
from .to_torch import to_state_dict  # noqa: E402

__all__ = ["from_state_dict", "to_onnx", "to_stablehlo", "to_state_dict"]
