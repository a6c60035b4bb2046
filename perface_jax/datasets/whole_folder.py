"""A folder that is written once: it gets its name when it is complete, and records the options it was written with.

Until then it lies beside its final place under a hidden name. The next run for the same place removes what a killed run
left there. A lock on a file inside distinguishes it from a folder that another run is still writing.
"""

import contextlib
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Iterator
from typing import Any

from perface_jax import disk_space, files

if sys.platform != "win32":  # there, no folder counts as left behind
    import fcntl

OPTIONS = "synthetic.json"  # the options of a whole folder
LOCK = "unfinished.lock"  # only in a folder that is not whole


def is_written(folder: str | os.PathLike, options: dict[str, Any]) -> bool:
    """Whether the folder is complete, with these options; a ValueError names the options that differ."""
    path = pathlib.Path(folder) / OPTIONS
    if not path.is_file():
        return False
    try:
        was = dict(files.read_json(path))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); name another folder or remove this one") from error
    if changed := [f"{key}: {was.get(key)} (wanted {options[key]})" for key in options if was.get(key) != options[key]]:
        raise ValueError(
            f"{folder} was written with other options: {', '.join(changed)}; name another folder or remove it"
        )
    return True


@contextlib.contextmanager
def whole_folder(folder: str | os.PathLike, options: dict[str, Any]) -> Iterator[pathlib.Path]:
    """A folder to write into, which becomes `folder` when the block ends and disappears if it fails.

    Parent folders are created. The options (JSON values) are stored in the folder. ValueError if the folder is not
    empty, or it or a parent is a file.
    """
    folder = pathlib.Path(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty, and was not changed: name another folder or remove it")
    for path in (folder, *folder.parents):
        if path.exists() and not path.is_dir():
            raise ValueError(f"{path} is a file, expected a folder: name another place")
    folder.parent.mkdir(parents=True, exist_ok=True)
    hidden = f".{folder.name}.unfinished-"
    _remove_left_behind(folder.parent, hidden)
    part = folder.parent / f"{hidden}{os.getpid()}"
    part.mkdir()
    try:
        with disk_space.explained(folder), open(part / LOCK, "w") as lock:
            with contextlib.suppress(OSError):  # a file system without locks: no folder counts as left behind
                if sys.platform != "win32":
                    fcntl.flock(lock, fcntl.LOCK_EX)
            yield part
            (part / LOCK).unlink()
        (part / OPTIONS).write_text(json.dumps(options, indent=1) + "\n")
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _remove_left_behind(parent: pathlib.Path, hidden: str) -> None:
    for path in parent.iterdir():
        if path.name.startswith(hidden) and sys.platform != "win32":
            with contextlib.suppress(OSError), open(path / LOCK) as lock:  # not one of ours, or still being written
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path)
