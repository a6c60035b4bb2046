"""From pictures to embeddings, every picture exactly once, with frozen batch statistics.

Pictures follow the contract of `images`; embeddings are float32 NumPy arrays `[N, D]`, not of unit length. All devices
of a process share its batches. Each of several processes embeds its share, and all get the embeddings of every picture.
"""

import collections
import concurrent.futures
import functools
import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from etils import epath
from jaxtyping import Float, Float32, Num, UInt8

from perface_jax import detection, parallel, progress_bar
from perface_jax import images as pictures
from perface_jax.arrays import AnyArray
from perface_jax.detection import Detector
from perface_jax.landmarks import five_points
from perface_jax.network import compilation, folding, kernels
from perface_jax.network.model import Applied, IResNet, embed_step

THREADS = min(8, os.cpu_count() or 1)


@runtime_checkable
class Embedding(Applied, Protocol):
    """A module of flax that embeds images: an `IResNet`, or any with its `apply`."""

    @property
    def embedding_size(self) -> int: ...


class Network:
    """A model and its weights on the devices of this process."""

    def __init__(self, model: Embedding, variables: Mapping, *, batch_size: int):
        """Embeds `batch_size` pictures per step, rounded up to a multiple of the devices."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.model = model
        self._mesh = parallel.make_mesh(devices=jax.local_devices())
        self.batch_size = -(-batch_size // self._mesh.size) * self._mesh.size
        folds = isinstance(model, IResNet)  # another module is applied unchanged
        device = self._mesh.devices.flat[0]
        weights = (
            folding.fold_norms(model, variables, platform=kernels.compiled_for([device])) if folds else dict(variables)
        )
        self._weights = parallel.place_global(weights, self._mesh)
        self._program = program(model, folds, device)  # pyright: ignore  # hashable

    def embed(self, images: Iterable[UInt8[np.ndarray, "s s 3"]]) -> Float32[np.ndarray, "n d"]:
        """The embeddings of a stream of pictures."""
        outputs = [np.empty((0, self.model.embedding_size), np.float32)]
        for (output, count), _ in itertools.pairwise(itertools.chain(self._steps(iter(images)), [(outputs[0], 0)])):
            outputs.append(np.asarray(output, np.float32)[:count])  # after the next step was started
        return np.concatenate(outputs)

    def _steps(self, images):
        while batch := list(itertools.islice(images, self.batch_size)):
            rows = np.zeros((self.batch_size, *batch[0].shape), np.uint8)  # one shape, one program
            rows[: len(batch)] = batch
            yield self._program(self._weights, parallel.place_global(rows, self._mesh, parallel.ROWS)), len(batch)

    def items(
        self, names: Sequence[Sequence[str]], load: Callable[[int], UInt8[np.ndarray, "k s s 3"]]
    ) -> Float32[np.ndarray, "n k d"]:
        """The embeddings of n items of k pictures each, on every process.

        Args:
          names: of the pictures, n times k; only their number matters here, see `Vectors.items`.
          load: position of an item -> its pictures; called once for each, in threads.
        """
        mine = range(jax.process_index(), len(names), jax.process_count())
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            loaded = _ahead(pool, load, mine, window=2 * self.batch_size)
            unit = "triplets" if names and len(names[0]) == 3 else "pictures"
            shown = progress_bar.over(loaded, "embedding", unit, total=len(mine))
            vectors = self.embed(itertools.chain.from_iterable(three for _, three in shown))
        rows = np.empty((len(names), len(names[0]) if names else 0, self.model.embedding_size), np.float32)
        for process, part in enumerate(parallel.gather_objects(vectors)):
            rows[process :: jax.process_count()] = part.reshape(-1, *rows.shape[1:])
        flat = [name for item in names for name in item]
        refuse_bad(flat, rows.reshape(len(flat), -1), "the network")
        return rows


@functools.cache  # the networks of one process share their programs
def program(model: Embedding, folds: bool, device: jax.Device) -> Callable:  # pyright: ignore  # an alias of jaxlib
    """`(weights, pictures) -> embeddings` for devices such as this one; `folds`: from weights of `folding`."""
    step = folding.embed_step if folds else embed_step
    return jax.jit(functools.partial(step, model=model), compiler_options=compilation.options([device]))


def refuse_bad(names: Sequence[str], embeddings: Float[np.ndarray, "n d"], origin: str) -> None:
    """Raise a ValueError that names the pictures whose vectors are zero or not finite."""
    for bad, what in (
        (~np.isfinite(embeddings).all(axis=1), "NaN or infinite numbers in the vectors of"),
        (~embeddings.any(axis=1), "vectors of length zero, which have no direction:"),
    ):
        if bad.any():
            named = [names[int(i)] for i in np.flatnonzero(bad)]
            raise ValueError(f"{origin}: {what} {listed(named)}; {len(named)} in all")


def listed(names: Sequence[str]) -> str:
    """The first names, for a message."""
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def embed(
    model: IResNet, variables: Mapping, images: UInt8[AnyArray, "n s s 3"], *, batch_size: int = 64
) -> Float32[np.ndarray, "n d"]:
    """Embed RGB pictures of the size `model.image_size`; `Network` keeps the prepared weights for many calls.

    Raises:
      TypeError, ValueError: pictures that break the contract; the message shows what was seen and wanted.
    """
    pictures.check(images, size=model.image_size, rank=4)
    batch_size = min(batch_size, max(len(images), 1))
    return Network(model, variables, batch_size=batch_size).embed(np.asarray(images))


def embed_folder(
    model: IResNet,
    variables: Mapping,
    folder: epath.PathLike,
    *,
    crop: str,
    batch_size: int = 64,
    landmarks: Mapping[str, Num[np.ndarray, "points 2"]] | None = None,
    detector: str | Detector | None = None,
    faces: str = "largest",
) -> tuple[list[str], Float32[np.ndarray, "n d"], list[tuple[str, str]]]:
    """Embed every picture of a folder and its subfolders, in the order of their names.

    Threads decode ahead; memory does not grow with the number of pictures. A progress bar shows the rate.

    Args:
      folder: searched for .jpg, .jpeg, .png, .webp, .bmp, .tif, .tiff, .gif; other and hidden files are ignored.
      crop: how the pictures were cropped. A template of `images` (`arcface`, `simswap`, `simswap_ffhq`) means squares
        of that kind, which are only resized. `celeba_hq` means squares as in CelebA-HQ and FFHQ, which are cropped to
        the model's crop by a fixed box. With `landmarks` or a `detector`, it is the template to align the faces to.
      landmarks: five points in pixels of the picture (or another number of `landmarks.COUNTS`), by name as returned or
        without folder and suffix; a picture without landmarks is skipped.
      detector: finds the faces of whole photographs: "mtcnn", or any `detection.Detector`. A picture without a face is
        skipped.
      faces: which of several faces: the "largest", or "all", returned as `name#0`, `name#1`, the largest first.

    Returns:
      (names, embeddings, skipped): paths relative to `folder`; row i for `names[i]`; and (name, reason) of each picture
      that could not be used.

    Raises:
      FileNotFoundError: no such folder.
      ValueError: no picture in it, or an unknown crop.
    """
    load = functools.partial(
        face_loader(model, crop=crop, landmarks=landmarks, detector=detector, faces=faces), epath.Path(folder)
    )
    network = Network(model, variables, batch_size=batch_size)
    names = pictures.picture_names(folder)
    kept, skipped = [], []

    def usable(loaded):
        for name, found in loaded:
            if isinstance(found, str):
                skipped.append((name, found))
                continue
            for number, picture in enumerate(found):
                kept.append((name, number))
                yield picture

    mine = names[jax.process_index() :: jax.process_count()]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        loaded = _ahead(pool, load, mine, window=2 * network.batch_size)
        vectors = network.embed(usable(progress_bar.over(loaded, "embedding", "pictures", total=len(mine))))
    parts = parallel.gather_objects((kept, vectors, skipped))
    kept, skipped = [face for part in parts for face in part[0]], [pair for part in parts for pair in part[2]]
    order = sorted(range(len(kept)), key=kept.__getitem__)
    named = [f"{name}#{number}" if faces == "all" else name for name, number in map(kept.__getitem__, order)]
    return named, np.concatenate([part[1] for part in parts])[order], sorted(skipped)


def face_loader(
    model: IResNet,
    *,
    crop: str,
    landmarks: Mapping[str, Num[np.ndarray, "points 2"]] | None = None,
    detector: str | Detector | None = None,
    faces: str = "largest",
) -> Callable[[epath.Path, str], list[UInt8[np.ndarray, "s s 3"]] | str]:
    """(folder, name of a picture in it) -> its faces, ready for the model; or the reason why there is none.

    Arguments, warnings and errors are those of `embed_folder`, which embeds the faces that this loads.
    """
    find = _finder(landmarks, detector, faces, crop)
    _warn_of_other_crop(model, crop)

    def load(folder: epath.Path, name: str) -> list[UInt8[np.ndarray, "s s 3"]] | str:
        return _load(folder, model, crop, find, name)

    return load


def _ahead(pool, load, names: Sequence, *, window: int) -> Iterator[tuple[Any, Any]]:
    """(name, load(name)) in order, with at most `window` pictures loaded ahead."""
    pending = collections.deque()
    for name in names:
        pending.append((name, pool.submit(load, name)))
        if len(pending) >= window:
            taken, future = pending.popleft()
            yield taken, future.result()
    for taken, future in pending:
        yield taken, future.result()


def _load(folder, model, crop, find, name):
    """The faces of a picture ready for the model, or the reason why there is none."""
    template = model.crop if crop == "celeba_hq" else None
    try:
        picture = pictures.decode((folder / name).read_bytes(), name=name)
        places = find(name, picture)
        fit = functools.partial(pictures.fit, picture, crop=crop, size=model.image_size, template=template)
        return places if isinstance(places, str) else [fit(landmarks=points) for points in places]
    except (ValueError, TypeError, OSError) as error:
        return str(error).removeprefix(f"{name}: ")  # whoever shows the reason names the picture


def _finder(landmarks, detector, faces, crop):
    """(name, picture) -> five points of each wanted face, None for a crop; or the reason why there is none."""
    if faces not in ("largest", "all"):
        raise ValueError(f"saw faces {faces!r}, wanted 'largest' or 'all'")
    if landmarks is None and detector is None:
        if faces == "all":
            raise ValueError("saw faces 'all' without a detector, wanted detector='mtcnn' or a function")
        return lambda name, picture: [None]
    if landmarks is not None and detector is not None:
        raise ValueError("saw landmarks and a detector, wanted one of the two")
    if detector is not None:
        if crop == "celeba_hq":
            raise ValueError(f"saw crop 'celeba_hq' with a detector, wanted one of {', '.join(pictures.TEMPLATES)}")
        return functools.partial(_detected, detection.named(detector), faces)
    if not isinstance(landmarks, Mapping):
        raise TypeError(f"landmarks must map names to five points [5, 2], got {type(landmarks).__name__}")
    return functools.partial(_looked_up, landmarks)


def _detected(detect, faces, name, picture):
    found = [face.landmarks for face in detection.by_size(detect(picture))]
    return found[: 1 if faces == "largest" else None] or "no face found in this picture"


def _looked_up(landmarks, name, picture):
    points = landmarks.get(name, landmarks.get(pictures.stem(name)))
    return "no landmarks for this picture" if points is None else [five_points(points)]


def _warn_of_other_crop(model, crop):
    known = (*pictures.TEMPLATES, "celeba_hq")
    if crop not in known:
        raise ValueError(f"unknown crop {crop!r}; wanted one of {', '.join(known)}")
    if model.crop not in (None, crop) and crop != "celeba_hq":
        warnings.warn(
            f"the model was trained on {model.crop!r} crops, these pictures are {crop!r} crops: it was not trained for"
            " similarities between them. Align the pictures to the model's crop (images.align).",
            stacklevel=4,
        )
