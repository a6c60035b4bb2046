"""A report as JSON, and its facts as lines of text."""

import collections
import dataclasses
import enum
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath

from perface_jax.report.contents import Report
from perface_jax.report.files import write_whole


def to_json(report: Report) -> str:
    """A report as strict JSON.

    Named tuples and dataclasses are objects, arrays are lists, an enum is its value, a path its text; what is no finite
    number is null. Of a figure there is the caption: its data are the rows.

    Raises:
      TypeError: a value that JSON has no form for.
    """
    sections = [
        section._asdict() | {"figures": [picture.caption for picture in section.figures]} for section in report.sections
    ]
    plain = _plain(report._asdict() | {"sections": sections})
    return json.dumps(plain, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(file: epath.PathLike, report: Report) -> None:
    """Write `to_json` to a file; it is whole or not there."""
    write_whole(file, to_json(report))


def grouped(facts: Mapping[str, Any]) -> dict[str, list[tuple[str, list[str]]]]:
    """Group -> (name, lines of text); facts without a group say what was run."""
    groups = collections.defaultdict(list)
    for name, value in _plain(facts).items():
        group, values = (name, value) if isinstance(value, dict) else ("What was run", {name: value})
        groups[group] += _flat(values)
    return dict(groups)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            sentences = isinstance(value, list) and all(isinstance(one, str) for one in value)
            yield prefix + name, [*map(_words, value if sentences else [value])] or ["none"]


def _words(value: Any) -> str:
    if value is None:
        return "n/a"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """The value in the types that JSON has."""
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {_key(name): _plain(one) for name, one in value.items()}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "__array__"):
        value = np.asarray(value).tolist()
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    raise TypeError(f"a report cannot hold {value!r} of type {type(value).__name__}: make it numbers, text or tuples")


def _key(name: Any) -> str:
    return ", ".join(map(_key, name)) if isinstance(name, tuple) else str(_plain(name))
