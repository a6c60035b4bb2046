"""Embeddings of any model in a file: names -> vectors.

A `.npz` with `names`, strings `[N]`, and `embeddings`, floating `[N, D]`. A picture is identified by its name without
folder and suffix: `triplet/t0000_a.jpg` is `t0000_a`. Reading refuses NaN and zero vectors.
"""

import collections
import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from etils import epath
from jaxtyping import Float, Float32

from perface_jax import files
from perface_jax.evaluation.embedding import listed, refuse_bad
from perface_jax.images import picture_names, stem

ARRAYS = ("names", "embeddings")


@dataclasses.dataclass(frozen=True, eq=False)
class Vectors:
    """Embeddings by name, each once; finite and not zero. Any floating dtype is cast to float32.

    Raises:
      ValueError: otherwise; the message has the first names concerned and `path`, the file.
    """

    names: tuple[str, ...]
    embeddings: Float[np.ndarray, "n d"]
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
        with np.errstate(over="ignore"):  # values beyond float32 become infinite, and are refused below
            embeddings = embeddings.astype(np.float32)
        if not all(names):
            raise ValueError(f"{self.path}: an empty name in row {names.index('')}; wanted the name of a picture")
        if doubled := [name for name, count in collections.Counter(names).items() if count > 1]:
            raise ValueError(f"{self.path}: {listed(doubled)} more than once (names count without folder and suffix)")
        refuse_bad(names, embeddings, self.path)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "embeddings", embeddings)

    def of(self, names: Sequence[str]) -> Float32[np.ndarray, "n d"]:
        """The vectors of these pictures. ValueError: names without a vector; it lists the first."""
        places = {name: place for place, name in enumerate(self.names)}
        if missing := [name for name in names if stem(name) not in places]:
            raise ValueError(
                f"{self.path} has no vector for {len(missing)} of {len(names)} pictures: {listed(missing)}. It has"
                f" {len(self.names)}: {listed(self.names)}"
            )
        return self.embeddings[[places[stem(name)] for name in names]]

    def items(self, names: Sequence[Sequence[str]], load: Callable | None = None) -> Float32[np.ndarray, "n k d"]:
        """The vectors of n items of k pictures each, by name; no picture is loaded."""
        flat = [name for item in names for name in item]
        return self.of(flat).reshape(len(names), -1, self.embeddings.shape[1])


def read_vectors(file: epath.PathLike) -> Vectors:
    """Read a file of embeddings; see `Vectors` for what is refused with a ValueError."""
    names, embeddings = files.read_arrays(file, ARRAYS)
    try:
        found = files.read_names(names)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    return Vectors(found, embeddings, str(file))


def require_different_names(folder: epath.PathLike) -> None:
    """Raise a ValueError, before hours of computing, if two pictures would have one name in a file of vectors."""
    by_stem = collections.Counter(map(stem, picture_names(folder)))
    if doubled := [name for name, count in by_stem.items() if count > 1]:
        raise ValueError(
            f"{folder} has several pictures called {', '.join(doubled[:5])}: in a file of vectors a picture is known"
            " by its name without folder and suffix. Rename them, or embed the folders one by one"
        )


def write_vectors(file: epath.PathLike, names: Sequence[str], embeddings: Float[np.ndarray, "n d"]) -> None:
    """Write embeddings in the format of `read_vectors`; the file is complete or absent."""
    files.write_arrays(file, {ARRAYS[0]: np.asarray(names), ARRAYS[1]: embeddings})
