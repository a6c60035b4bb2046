"""Atomic writes, strict JSON, and paths that may be bucket addresses."""

import contextlib
import dataclasses
import enum
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath
from jaxtyping import Shaped


@contextlib.contextmanager
def replacing(file: epath.PathLike) -> Iterator[epath.Path]:
    """A path to write to, renamed to `file` at the end: neither a crash nor a reader ever meets half a file.

    Parent folders are created. After an exception the old file, if any, is unchanged.
    """
    file = epath.Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.parent / f".{file.name}"
    yield unfinished
    unfinished.replace(file)


def read_names(names: Shaped[np.ndarray, " n"]) -> tuple[str, ...]:
    """Names from an array of a `.npz`: text, bytes in UTF-8, or whole numbers.

    Raises:
      ValueError: another shape or type; the caller says in which file.
    """
    if names.ndim != 1:
        raise ValueError(f"names have the shape {list(names.shape)}; wanted [N]")
    if names.dtype.kind not in "USiu":
        raise ValueError(f"names are {names.dtype}; wanted text: np.array(names, dtype=str)")
    return tuple(os.fsdecode(name) if isinstance(name, bytes) else str(name) for name in names.tolist())


def write_text(file: epath.PathLike, text: str) -> None:
    """Write a text file; it is complete or absent."""
    with replacing(file) as unfinished:
        unfinished.write_bytes(text.encode(errors="backslashreplace"))  # names of files need not be UTF-8


def to_json(value: Any, **options: Any) -> str:
    """A value as strict JSON; see `plain`. `options` are those of `json.dumps`."""
    return json.dumps(plain(value), indent=2, allow_nan=False, ensure_ascii=False, **options) + "\n"


def plain(value: Any) -> Any:
    """The value in the types of JSON.

    Named tuples and dataclasses become objects, arrays become lists, an enum its value, a path its text, and a number
    that is not finite None.

    Raises:
      TypeError: a value that JSON cannot represent.
    """
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {_key(name): plain(one) for name, one in value.items()}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "__array__"):
        value = np.asarray(value).tolist()
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    raise TypeError(f"JSON cannot hold {value!r} of type {type(value).__name__}; wanted numbers, text or tuples")


def sha256(file: epath.PathLike) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with epath.Path(file).open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()  # pyright: ignore[reportArgumentType]


def absolute(path: epath.PathLike) -> epath.Path:
    """The absolute path; a bucket address (`gs://...`) is unchanged, because resolving would make it a local path."""
    path = epath.Path(path)
    return path if "://" in str(path) else path.resolve()


def _key(name: Any) -> str:
    return ", ".join(map(_key, name)) if isinstance(name, tuple) else str(plain(name))
