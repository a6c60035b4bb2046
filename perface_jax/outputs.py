"""What a command will write, tried before it computes: a wrong path costs a second then, and not the work of hours.

    outputs.require_files(chosen.html, chosen.csv)
    outputs.require_folder(chosen.report)

Nothing is left behind. Bucket addresses are not tried.
"""

import contextlib
import os
import pathlib
from collections.abc import Iterator

from etils import epath

from perface_jax import disk_space
from perface_jax.argument_parser import plain

TRIED = 4096  # bytes written to see whether there is room


def require_files(*files: epath.PathLike | None) -> None:
    """Raise an OSError, one line that names the path, if one of these files could not be written; None is none."""
    for file in files:
        if not file or not _is_local(file):
            continue
        with _named(file):
            path = pathlib.Path(file)
            if path.is_dir():
                raise IsADirectoryError(f"{path} is a folder, wanted a file to write")
            if path.exists() and not path.is_file():
                raise OSError(f"{path} is a device or a pipe, wanted a file to write")
            _try_in(path.parent, path.name)


def require_folder(folder: epath.PathLike | None) -> None:
    """Raise an OSError, one line that names the path, if files could not be written into this folder; None is none."""
    if folder and _is_local(folder):
        with _named(folder):
            path = pathlib.Path(folder)
            if path.exists() and not path.is_dir():
                raise NotADirectoryError(f"{path} is a file, wanted a folder to write to")
            _try_in(path, "perface_jax")


def _is_local(path: epath.PathLike) -> bool:
    return "://" not in str(path)


@contextlib.contextmanager
def _named(path: epath.PathLike) -> Iterator[None]:
    """Errors of the system with the path that is wanted, not with the one that was tried."""
    try:
        with disk_space.explained(path):
            yield
    except OSError as error:
        if error.errno is None:  # ours
            raise
        why = (error.strerror or plain(str(error))).lower()
        raise type(error)(f"{path} cannot be written: {why}") from error


def _try_in(folder: pathlib.Path, name: str) -> None:
    """Write and remove a file of this name in a folder, or in its nearest parent that exists."""
    missing = [name]
    while not (folder.exists() or folder.is_symlink()):
        missing, folder = [*missing, folder.name], folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder / missing[-1]} cannot be written: {folder} is a file, wanted a folder")
    _write(folder / f".{max(missing, key=lambda part: len(os.fsencode(part)))}")


def _write(path: pathlib.Path) -> None:
    """Write a file and remove it; one that is there, of a process that was killed or still writes, stays."""
    try:
        file = open(path, "xb")
    except FileExistsError:
        open(path, "ab").close()
        return
    try:
        with file:
            file.write(bytes(TRIED))
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
