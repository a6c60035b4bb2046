"""The folder `configs/` at the top of the repository, under the name that it has in an installed wheel."""

import pathlib

__path__ = [str(pathlib.Path(__file__).resolve().parents[2] / "configs")]
