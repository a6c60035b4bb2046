"""The folder of compiled programs that runs of the suite leave to the next ones, outside of the clone."""

import os
import pathlib

BYTES = 2**30


def folder() -> pathlib.Path:
    """`perface_jax/test-programs` in the user's cache folder: where XDG_CACHE_HOME says, otherwise `~/.cache`."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(cache) / "perface_jax" / "test-programs"


def bound(programs: pathlib.Path, *, limit: int = BYTES) -> None:
    """Remove the oldest files of a folder that holds more than `limit` bytes, until half as many are left."""
    files = [(path.stat().st_mtime, path.stat().st_size, path) for path in programs.glob("*") if path.is_file()]
    total = sum(size for _, size, _ in files)
    goal = limit if total <= limit else limit // 2
    for _, size, path in sorted(files):
        if total <= goal:
            break
        path.unlink(missing_ok=True)
        total -= size
