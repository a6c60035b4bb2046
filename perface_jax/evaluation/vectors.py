"""Anybody's embeddings in a file: names -> vectors.

A `.npz` with `names`, strings `[N]`, and `embeddings`, floating `[N, D]`. A picture is known by its name without folder
and suffix: `triplet/t0000_a.jpg` is `t0000_a`. What is no embedding is refused when the file is read, so that nothing
behind this door meets a NaN.
"""

import collections
import dataclasses
import zipfile
import zlib
from collections.abc import Callable, Sequence

import numpy as np
from etils import epath

from perface_jax.evaluation.embedding import listed, refuse_bad
from perface_jax.images import stem

ARRAYS = ("names", "embeddings")


@dataclasses.dataclass(frozen=True, eq=False)
class Vectors:
    """Embeddings by name.

    Attributes:
      names: N names without folder and suffix, each once.
      embeddings: float32 `[N, D]`, not of unit length; finite, none of them zero.
      path: the file, for messages.

    Raises:
      ValueError: what breaks this, with the first names that do.
    """

    names: tuple[str, ...]
    embeddings: np.ndarray
    path: str = "the embeddings"

    def __post_init__(self):
        names = tuple(stem(name) for name in self.names)
        embeddings = np.asarray(self.embeddings)
        if embeddings.ndim != 2 or len(embeddings) != len(names) or 0 in embeddings.shape:
            raise ValueError(
                f"{self.path}: {len(names)} names and embeddings of shape {list(embeddings.shape)}; wanted [N, D], one"
                " row a name"
            )
        if not np.issubdtype(embeddings.dtype, np.floating):
            raise ValueError(f"{self.path}: embeddings are {embeddings.dtype}; wanted floating-point numbers")
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused below
            embeddings = embeddings.astype(np.float32)
        if doubled := [name for name, count in collections.Counter(names).items() if count > 1]:
            raise ValueError(f"{self.path}: {listed(doubled)} more than once (names count without folder and suffix)")
        refuse_bad(names, embeddings, self.path)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "embeddings", embeddings)

    def of(self, names: Sequence[str]) -> np.ndarray:
        """The vectors of these pictures, float32 `[len(names), D]`.

        Raises:
          ValueError: names without a vector, with how many and the first ones.
        """
        places = {name: place for place, name in enumerate(self.names)}
        if missing := [name for name in names if stem(name) not in places]:
            raise ValueError(
                f"{self.path} has no vector for {len(missing)} of {len(names)} pictures: {listed(missing)}. It has"
                f" {len(self.names)}: {listed(self.names)}"
            )
        return self.embeddings[[places[stem(name)] for name in names]]

    def items(self, names: Sequence[Sequence[str]], load: Callable | None = None) -> np.ndarray:
        """The vectors of n items of k pictures each, by name, float32 `[n, k, D]`; no picture is loaded."""
        flat = [name for item in names for name in item]
        return self.of(flat).reshape(len(names), -1, self.embeddings.shape[1])


def read_vectors(file: epath.PathLike) -> Vectors:
    """Read a file of embeddings; see `Vectors` for what is refused.

    Raises:
      FileNotFoundError: no such file.
      ValueError: not such a file, or not such embeddings.
    """
    path = epath.Path(file)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; wanted a .npz with the arrays {' and '.join(ARRAYS)}")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            held = {name: arrays[name] for name in ARRAYS}
    except (KeyError, ValueError, OSError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: wanted a .npz with the arrays {' and '.join(ARRAYS)} ({error})") from error
    if held["names"].ndim != 1:
        raise ValueError(f"{path}: names have the shape {list(held['names'].shape)}; wanted [N]")
    names = held["names"].astype(str)  # bytes are text too
    return Vectors(tuple(map(str, names)), held["embeddings"], str(path))


def write_vectors(file: epath.PathLike, names: Sequence[str], embeddings: np.ndarray) -> None:
    """Write embeddings as `read_vectors` reads them."""
    with epath.Path(file).open("wb") as opened:
        np.savez(opened, names=np.asarray(names), embeddings=embeddings)
