"""The pictures of a folder."""

from etils import epath

from perface_jax.images.decoding import SUFFIXES


def picture_names(folder: epath.PathLike) -> list[str]:
    """The pictures of a folder and its subfolders, as paths relative to it, in order.

    Files with one of SUFFIXES; hidden files are skipped.

    Raises:
      FileNotFoundError: no such folder; NotADirectoryError: a file.
      ValueError: no picture in it.
    """
    folder = epath.Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file, wanted a folder of pictures")
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    # Not those that begin with a dot: macOS puts ._x.jpg beside x.jpg.
    files = (epath.Path(root) / name for root, _, names in folder.walk() for name in names if name[0] != ".")
    found = (file for file in files if file.suffix.lower() in SUFFIXES)
    if not (names := sorted(file.relative_to(folder).as_posix() for file in found)):
        raise ValueError(f"no picture in {folder}; wanted files ending in {', '.join(SUFFIXES)}")
    return names
