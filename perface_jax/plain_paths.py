"""Paths for libraries that take some letters for patterns, or refuse names that are not UTF-8 (Orbax, TensorStore).

Orbax searches its own folders by patterns, so below `runs [1]` it finds nothing, and a model that it has saved there
cannot be loaded.
"""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

from etils import epath

PATTERN = frozenset("[]*?\\")


def is_plain(path: epath.PathLike) -> bool:
    """Whether every library takes the path as it is."""
    text = os.fspath(path)
    return "://" in text or (not PATTERN & set(text) and is_utf8(text))


def is_utf8(path: epath.PathLike) -> bool:
    """Whether the path is text in UTF-8."""
    return not any("\ud800" <= letter <= "\udfff" for letter in os.fspath(path))


@contextlib.contextmanager
def plain(folder: epath.PathLike) -> Iterator[epath.Path]:
    """A path of an existing folder that every library understands: its own, or a link to it while the block runs."""
    if is_plain(folder):
        yield epath.Path(folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        link = pathlib.Path(temporary) / "folder"
        link.symlink_to(pathlib.Path(folder).absolute(), target_is_directory=True)
        yield epath.Path(link)
