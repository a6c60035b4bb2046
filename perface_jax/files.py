"""Atomic writes, strict JSON, and paths that may be bucket addresses.

Names of files need not be UTF-8. Python keeps their bytes as `surrogateescape`. Text for people (pages, JSON, the
terminal) shows such a byte as `\\udce9`, which JSON reads back; a CSV holds the byte itself, so its readers find the
file.
"""

import contextlib
import csv
import dataclasses
import enum
import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath
from jaxtyping import Shaped

from perface_jax import formatting
from perface_jax.disk_space import explained


@contextlib.contextmanager
def replacing(file: epath.PathLike) -> Iterator[epath.Path]:
    """A path to write to, renamed to `file` at the end: neither a crash nor a reader ever meets half a file.

    Parent folders are created. After an exception the old file, if any, is unchanged, and half a file is removed.

    Raises:
      OSError: the file cannot be written; the message of a full disk names it.
    """
    file = epath.Path(file)
    with explained(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.parent / f".{file.name}"
        try:
            yield unfinished
            unfinished.replace(file)
        except BaseException:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise


def write_bytes(file: epath.PathLike, data: bytes) -> None:
    """Write a file; it is complete or absent."""
    with replacing(file) as unfinished:
        unfinished.write_bytes(data)


def write_arrays(file: epath.PathLike, arrays: Mapping[str, Any], *, compressed: bool = False) -> None:
    """Write a `.npz`; it is complete or absent."""
    data = io.BytesIO()  # a ZIP that cannot be written would complain once more when it is collected
    (np.savez_compressed if compressed else np.savez)(data, **arrays)
    write_bytes(file, data.getvalue())


def write_csv(file: epath.PathLike, rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV with the headings as its first row; it is complete or absent."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    try:
        data = text.getvalue().encode(errors="surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte of a name
        data = text.getvalue().encode(errors="backslashreplace")
    write_bytes(file, data)


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


def read_arrays(file: epath.PathLike, names: Sequence[str]) -> list[Shaped[np.ndarray, "..."]]:
    """The arrays of these names of a `.npz`.

    Raises:
      FileNotFoundError: no such file.
      ValueError: not a `.npz`, a damaged one, an array that is missing or holds Python objects.
    """
    path, wanted = epath.Path(file), f"wanted a .npz with the arrays {' and '.join(names)}"
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; {wanted}")
    with path.open("rb") as opened:
        if not zipfile.is_zipfile(opened):
            raise ValueError(f"{path} is no .npz, or a damaged one; {wanted}")
        opened.seek(0)
        try:
            with np.load(opened, allow_pickle=False) as arrays:
                if missing := [name for name in names if name not in arrays.files]:
                    raise ValueError(f"no array {missing[0]}")
                return [arrays[name] for name in names]
        except Exception as error:  # damaged archives raise a dozen types
            objects = "Python objects in an array" if "allow_pickle" in str(error) else ""
            why = objects or (str(error) if isinstance(error, ValueError) else f"damaged ({type(error).__name__})")
            raise ValueError(f"{path}: {formatting.shown(why)}; {wanted}") from error


def read_json(file: epath.PathLike) -> Any:
    """What a JSON file holds. ValueError: none of that; the caller says which file, and what was wanted."""
    try:
        text = epath.Path(file).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("not text in UTF-8") from error
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}" if text.strip() else "an empty file") from error


def write_text(file: epath.PathLike, text: str) -> None:
    """Write a text file for people; it is complete or absent."""
    write_bytes(file, text.encode(errors="backslashreplace"))


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
