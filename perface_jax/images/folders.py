"""The pictures of a folder: every file that looks like one is listed, to be read or with the reason why it is not.

A file looks like a picture if its name ends in one of SUFFIXES or OTHER_SUFFIXES, or if it starts like a picture; files
that end in one of NO_PICTURES are not looked into. Links to folders are followed, and no folder is read twice. Names
that begin with a dot are passed over, such as `.thumbnails` and macOS's `._a.jpg`, and the folders in PASSED_OVER.
"""

import collections
import os
from collections.abc import Iterator
from typing import NamedTuple

from etils import epath

from perface_jax.images.formats import FORMATS, HEAD, OTHER_SUFFIXES, RAW, SUFFIXES, format_of, not_read, suffix

PASSED_OVER = ("@eaDir", "__MACOSX", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found")
"""Folders in which systems keep thumbnails and deleted files."""
NO_PICTURES = (
    ".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".xmp", ".yaml", ".yml", ".md", ".log", ".ini", ".html", ".py",
    ".npy", ".npz", ".mat", ".pts", ".pkl", ".pt", ".pth", ".h5", ".parquet", ".pdf", ".zip", ".tar", ".gz", ".7z",
    ".mp4", ".mov", ".avi", ".mkv", ".webm", ".mp3", ".wav", ".obj", ".ply", ".db",
)  # fmt: skip
"""How files end into which nobody looks: there may be one beside every picture."""
READ = ""  # in place of a reason


class Listing(NamedTuple):
    """What looks like a picture in a folder, by its path relative to it, in the order of names."""

    names: list[str]
    skipped: list[tuple[str, str]]  # (name, reason) of what cannot be read; the names of folders end in /


def list_pictures(folder: epath.PathLike) -> Listing:
    """The pictures of a folder and its subfolders; which files these are: see the module.

    Pictures of formats that are not read are in `skipped`, unless their suffix lies; so are folders and links that
    cannot be opened, and a folder that a link names again.

    Raises:
      FileNotFoundError: no such folder; NotADirectoryError: a file; PermissionError: no right to look into it.
      ValueError: nothing that looks like a picture.
    """
    folder = epath.Path(os.path.expanduser(folder))
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file, wanted a folder of pictures")
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    found = Listing([], [])
    others = []
    for name, reason in _remote(folder) if "://" in str(folder) else _local(os.fspath(folder)):
        if reason:
            found.skipped.append((name, reason))
        else:
            (others if reason is None else found.names).append(name)
    if not found.names and not found.skipped:
        seen = f"; it holds {len(others):,} other files, such as {min(others)}" if others else ""
        raise ValueError(f"no picture in {folder}{seen}; wanted files ending in {', '.join(SUFFIXES)}")
    return Listing(sorted(found.names), sorted(found.skipped))


def picture_names(folder: epath.PathLike) -> list[str]:
    """The names of `list_pictures`, whose errors it raises."""
    return list_pictures(folder).names


def _local(top: str) -> Iterator[tuple[str, str | None]]:
    """For each file, and each folder or link that cannot be read: its name, and READ, a reason, or None: no picture."""
    seen = {}  # real path -> name
    waiting = collections.deque([("", os.path.realpath(top))])  # folders to the left of links, which come last
    while waiting:
        name, real = waiting.popleft()
        if real in seen:
            yield f"{name}/", f"a folder that is read already (as {seen[real] or top})"
            continue
        seen[real], folders, links = name, [], []
        try:
            with os.scandir(os.path.join(top, name)) as entries:
                for entry in entries:
                    if entry.name[0] == "." or entry.name in PASSED_OVER:
                        continue
                    inner = f"{name}/{entry.name}" if name else entry.name
                    if not _is_folder(entry):
                        yield inner, _reason(entry)
                    elif entry.is_symlink():
                        links.append((inner, os.path.realpath(entry.path)))
                    else:
                        folders.append((inner, os.path.join(real, entry.name)))
        except OSError as error:
            if not name:
                raise
            yield f"{name}/", error.strerror or str(error)
        waiting.extendleft(sorted(folders, reverse=True))
        waiting.extend(sorted(links))


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into a folder that may not be entered
        return False


def _reason(entry: os.DirEntry) -> str | None:
    """READ, why a file cannot be read, or None for no picture."""
    end = suffix(entry.name)
    try:
        if not entry.is_file():
            return "a link to nothing" if entry.is_symlink() else _special(end)
        if end in SUFFIXES:
            return READ
        if end not in NO_PICTURES:
            return _reason_inside(entry, end)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _special(end: str) -> str | None:
    """The reason for a pipe or a device that is called like a picture: reading one may never end."""
    return "no regular file" if end in SUFFIXES + OTHER_SUFFIXES else None


def _reason_inside(entry: os.DirEntry, end: str) -> str | None:
    """As `_reason`, where the first bytes must tell."""
    with open(entry.path, "rb", buffering=0) as file:
        found = format_of(file.read(HEAD))
    if end in RAW and found in (None, "TIFF"):
        return not_read("raw photograph")
    if end in OTHER_SUFFIXES:
        return READ if found in FORMATS else not_read(found or end)
    if found is None:
        return None
    if "." in entry.name:
        return f"a name without a picture's suffix: rename it unless it is a copy ({found})"
    return READ if found in FORMATS else not_read(found)


def _remote(folder: epath.Path) -> Iterator[tuple[str, str | None]]:
    """As `_local`, by the names alone, where there are no links and each look into a file costs a request."""
    for root, folders, names in folder.walk():
        folders[:] = [name for name in folders if name[0] != "." and name not in PASSED_OVER]
        for name in names:
            if name[0] != ".":
                end = suffix(name)
                reason = READ if end in SUFFIXES else not_read(end) if end in OTHER_SUFFIXES else None
                yield (epath.Path(root) / name).relative_to(folder).as_posix(), reason
