"""`scale.json` of a model folder: written atomically, and read with a check of every field."""

import datetime
import pathlib
import shlex
import sys
from typing import Any, TypeVar

import numpy as np
from etils import epath

from perface_jax import files, formatting
from perface_jax._version import __version__
from perface_jax.argument_parser import plain
from perface_jax.similarity_scale.background import Background
from perface_jax.similarity_scale.curves import Curve
from perface_jax.similarity_scale.scale import SimilarityScale
from perface_jax.similarity_scale.slope import Slope
from perface_jax.statistics.estimates import Estimate

NAME = "scale.json"
"""The file in a model folder."""
FORMAT = 1
Part = TypeVar("Part", Background, Slope, Curve)


def made(by: str) -> tuple[tuple[str, str], ...]:
    """When, by which version of what, and with which command: for `SimilarityScale.made`."""
    program = pathlib.PurePath(sys.argv[0]).name
    command = f"{program} {shlex.join(sys.argv[1:])}".strip()
    return ("date", datetime.date.today().isoformat()), ("by", f"perface_jax {__version__}, {by}"), ("command", command)


def write(model_folder: epath.PathLike, scale: SimilarityScale) -> epath.Path:
    """Write the scale into a model folder, replacing another one; returns the path of the file."""
    file = epath.Path(model_folder) / NAME
    files.write_text(file, files.to_json({"format": FORMAT, **scale._asdict(), "made": dict(scale.made)}))
    return file


def read(model_folder: epath.PathLike) -> SimilarityScale | None:
    """The scale of a model folder; None without a file.

    `SimilarityScale.model` says which model it belongs to.

    Raises:
      ValueError: the file is damaged, or of another format; one line.
    """
    file = epath.Path(model_folder) / NAME
    if not file.exists():
        return None
    try:
        return _scale(files.read_json(file))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError) as error:
        why = f"no {error}" if isinstance(error, KeyError) else plain(str(error))
        why = "a field of another kind" if isinstance(error, TypeError | AttributeError) else why
        raise ValueError(
            f"{file} is damaged or of another version ({why}); remove it, or make one with `perface scale`"
        ) from error


def _scale(record: dict[str, Any]) -> SimilarityScale:
    if (seen := record.get("format")) != FORMAT:
        raise ValueError(f"format {formatting.shown(repr(seen), 40)}, wanted {FORMAT}")
    found = SimilarityScale(
        model=_text(record["model"]),
        crop=_text(record["crop"]),
        background=_part(Background, record["background"]),
        slope=_part(Slope, record["slope"]),
        curve=_part(Curve, record["curve"]),
        missing=tuple(map(_text, record["missing"])),
        made=tuple((_text(name), _text(value)) for name, value in record["made"].items()),
    )
    if found.background is not None:
        for name in ("quantiles", "low", "high"):
            _check(f"background.{name}", getattr(found.background, name), length=201, known=name == "quantiles")
    if found.curve is not None:
        for name, values in found.curve._asdict().items():
            _check(f"curve.{name}", values, length=len(found.curve.cosine), known=name in ("cosine", "log_odds"))
    return found


def _part(kind: type[Part], record: dict[str, Any] | None) -> Part | None:
    """A named tuple from its fields: text, whole and other numbers, estimates and arrays."""
    if record is None:
        return None
    values = {}
    for name, hint in kind.__annotations__.items():
        value = record[name]
        if hint is str:
            values[name] = _text(value)
        elif hint is Estimate:
            values[name] = Estimate(*(_number(value[end]) for end in Estimate._fields))
        elif hint is int:
            values[name] = _whole(value)
        elif hint is float:
            values[name] = _number(value)
        else:
            values[name] = np.array([_number(one) for one in value], np.float64)
    return kind(**values)


def _check(name: str, values: np.ndarray, *, length: int, known: bool = True) -> None:
    ascending = name in ("background.quantiles", "curve.cosine")
    if len(values) != length or length < 2:
        raise ValueError(f"{len(values)} numbers in {name}, wanted {max(length, 2)}")
    if (known and not np.isfinite(values).all()) or (ascending and (np.diff(values) < 0).any()):
        raise ValueError(f"{name} is not a list of numbers{', ascending' * ascending}")


def _number(value: Any) -> float:
    if value is None:
        return np.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{formatting.shown(repr(value), 40)} is not a number")
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{formatting.shown(repr(value), 40)} is not a whole number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{formatting.shown(repr(value), 40)} is not a text")
    return value
