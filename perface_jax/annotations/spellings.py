"""Names in people's files: of persons, groups, annotators, sources. Two pictures are of one person if the names agree.

A name that says nothing would make one person of many strangers, and two spellings of a name would make strangers of
one person. Neither can be mended here without guessing; both are refused with their lines.
"""

import os
import re
import unicodedata
from collections.abc import Collection, Iterable

MISSING = frozenset(
    (
        *("", "not available", "nan", "-nan", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind", "<na>", "nat", "null", "\\n"),
        *("na", "n/a", "n.a.", "#na", "#n/a", "#null!", "#ref!", "#value!", "#name?", "#div/0!", "#num!"),
    )
)
"""What programs write into a cell without a value, in lower case."""
NOBODY = MISSING | {"none", "nil", "-", "--", "?", "-1", ".", "unknown", "undefined", "missing"}
"""What people write where they do not know who; of an attribute, `none` may be a value."""
SHOWN = 5  # lines that a message names


def key(name: str) -> str:
    """The same for spellings of one name: upper and lower case, spaces inside, forms of Unicode, 7 and 7.0."""
    text = unicodedata.normalize("NFKC", name).casefold()
    text = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")  # marks without a width
    text = " ".join(text.split())
    return re.sub(r"(?<=^\d)(\d*)\.0*$", r"\1", text, flags=re.ASCII)


def refuse_unclear(
    path: str | os.PathLike, column: str, cells: Iterable[tuple[int, str]], *, nothing: Collection[str] = NOBODY
) -> None:
    """Raise a ValueError for names that say nothing, or for two spellings of one name, with the lines.

    Args:
      path, column: of the file, for the message.
      cells: line number and name.
      nothing: names that say nothing, in lower case.
    """
    cells = list(cells)
    _refuse_nothing(path, column, [(line, name) for line, name in cells if name.casefold() in nothing])
    first: dict[str, tuple[int, str]] = {}
    for line, name in cells:
        before, other = first.setdefault(key(name), (line, name))
        if other != name:
            raise ValueError(
                f"{path}, line {line}: saw '{name}' in column {column}, and '{other}' on line {before}, which would"
                f" count as two; wanted one spelling of each {column}"
            )


def _refuse_nothing(path, column: str, cells: list[tuple[int, str]]) -> None:
    if not cells:
        return
    lines = ", ".join(str(line) for line, _ in cells[:SHOWN]) + (", ..." if len(cells) > SHOWN else "")
    names = " and ".join(dict.fromkeys(f"'{name}'" if name else "an empty cell" for _, name in cells))
    raise ValueError(
        f"{path}, line{'s' * (len(cells) > 1)} {lines}: saw {names} in column {column}, wanted a name: such cells would"
        f" all count as one {column}. Give each a name of its own, or leave out its line"
    )
