"""The folder `converters/` at the top of the repository, under the name that it has in an installed wheel."""

import pathlib

__path__ = [str(pathlib.Path(__file__).resolve().parents[2] / "converters")]

from .state_dicts import from_state_dict  # noqa: E402  (found by the path above)

__all__ = ["from_state_dict"]
