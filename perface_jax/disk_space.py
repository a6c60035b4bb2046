"""What a full disk raises, in many forms, as one OSError that names the path and says what to do."""

import contextlib
import errno
import os
import pathlib
import shutil
from collections.abc import Iterator

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
WORDS = ("No space left on device", "Disk quota exceeded")  # as C++ libraries say it


class DiskFull(OSError):
    """There is no room for a file; the message says which, and how much is free."""


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one that caused it, says that a disk or a quota is full."""
    while error is not None:
        if getattr(error, "errno", None) in FULL or any(word in str(error) for word in WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextlib.contextmanager
def explained(path: str | os.PathLike, advice: str = "Free some space, or name another place") -> Iterator[None]:
    """Raise a `DiskFull` that names `path` for every error of the block that a full disk caused.

    Args:
      path: what is being written; of nested blocks, the outer one knows what the user has named.
      advice: what to do, a sentence without its dot.
    """
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        raise DiskFull(f"{path} cannot be written: its disk is full{left(path)}. {advice}") from error


def left(path: str | os.PathLike) -> str:
    """The space left on the disk of a path, in brackets; "" where that cannot be asked."""
    place = pathlib.Path(path)
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return f" ({shutil.disk_usage(place).free / 2**20:.1f} MiB left)"
    except OSError:
        return ""
