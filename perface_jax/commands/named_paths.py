"""Flags with NAME=PATH,NAME=PATH,...: paths may hold `=` and `,`, as the folders of a sweep do.

`margin=0.1,seed=2` may be the name of a folder. Commas therefore belong to a path where the file or folder exists with
them, and a `=` does where the whole value is such a path, or where a `/` comes before it. A flag may also be repeated,
with one value each.
"""

import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import TypeVar

Alone = TypeVar("Alone", str, None)
WANTED = "wanted NAME=PATH,NAME=PATH,... or the flag once for each"


def named(values: Sequence[str], *, alone: Alone) -> dict[str | Alone, str]:
    """The paths of a repeatable flag, by name; the one that may go without a name is called `alone`.

    Raises:
      ValueError: a name twice, two values without a name, or nothing behind a `=`.
    """
    pairs = [_pair(value) for value in values for value in _split(value)]
    if len(bare := [path for name, path in pairs if name is None]) > 1:
        raise ValueError(f"only one may go without a name, not {' and '.join(bare)}; {WANTED}")
    found: dict[str | Alone, str] = {}
    for name, path in pairs:
        name = alone if name is None else name
        if not path:
            raise ValueError(f"'{name}=' has nothing behind =; {WANTED}")
        if name in found:
            raise ValueError(f"{name} is given twice; {WANTED}")
        found[name] = path
    return found


def _split(value: str) -> Iterator[str]:
    """The values that commas separate; of several readings, the one with the longest path that exists."""
    parts = value.split(",")
    while parts:
        ends = range(len(parts), 1, -1)
        end = next((end for end in ends if _is_one(",".join(parts[:end]))), 1)
        yield ",".join(parts[:end])
        parts = parts[end:]


def _is_one(value: str) -> bool:
    """Whether a value with commas is one path that exists, after a name without them or alone."""
    name, path = _pair(value)
    return "," not in (name or "") and _exists(path)


def _pair(value: str) -> tuple[str | None, str]:
    """(name, path); None for a path without a name."""
    name, equals, path = value.partition("=")
    if not equals or _exists(value) or os.sep in name:
        return None, value
    return name.strip(), path


def _exists(path: str) -> bool:
    try:
        return bool(path) and pathlib.Path(path).exists()
    except (OSError, ValueError):  # too long for a path
        return False
