"""Files of a report: their names, and that they are whole or not there."""

import itertools
import re
from collections.abc import Iterable

from etils import epath


def write_whole(file: epath.PathLike, text: str) -> None:
    """Write a text; the file is whole or not there."""
    file = epath.Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.parent / f".{file.name}"  # renamed when whole, so that no crash leaves half a file
    unfinished.write_bytes(text.encode(errors="backslashreplace"))  # names of files need not be UTF-8
    unfinished.replace(file)


def slugs(names: Iterable[str]) -> list[str]:
    """Names for files and addresses, each one once: `Fig. 4: before` -> `fig-4-before`."""
    found = []
    for name in names:
        slug = re.sub(r"\W+", "-", name.lower()).strip("-") or "part"
        if len(slug) > 60:
            slug = slug[:60].rpartition("-")[0] or slug[:60]
        same = itertools.chain([slug], (f"{slug}-{number}" for number in itertools.count(2)))
        found.append(next(one for one in same if one not in found))
    return found
