"""From pictures to vectors to rows of a table. Every picture is embedded exactly once, with frozen statistics.

Pictures follow the contract of `images`; embeddings are float32 NumPy arrays `[N, D]`, not of unit length. What one
pictures folder or data set cannot give (a broken file) is listed and skipped; a single bad picture is an error.
"""

import collections
import concurrent.futures
import functools
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from etils import epath
from tqdm import tqdm

from perface_jax import images as pictures
from perface_jax import metrics, parallel
from perface_jax.datasets import batches
from perface_jax.model import IResNet
from perface_jax.step import embed_step

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
THREADS = min(8, os.cpu_count() or 1)

_embed = jax.jit(embed_step, static_argnames="model")


def embed(model: IResNet, variables: Mapping, images: np.ndarray, *, batch_size: int = 64) -> np.ndarray:
    """Embed pictures that are in memory.

    Args:
      model: the network.
      variables: its three collections.
      images: uint8 RGB `[N, S, S, 3]`, S = `model.image_size`.
      batch_size: pictures a step; the last batch is padded and the padding thrown away.

    Returns:
      float32 `[N, D]`, not normalised to length 1.

    Raises:
      TypeError, ValueError: pictures that break the contract; the message shows what was seen and wanted.
    """
    pictures.check(images, size=model.image_size, rank=4)
    _check_batch_size(batch_size)
    parts = np.split(np.asarray(images), range(batch_size, len(images), batch_size))
    outputs = [_embed_padded(model, variables, part, min(batch_size, len(images))) for part in parts if len(part)]
    return np.concatenate([np.empty((0, model.embedding_size), np.float32), *outputs])


def embed_folder(
    model: IResNet,
    variables: Mapping,
    folder: epath.PathLike,
    *,
    crop: str,
    batch_size: int = 64,
    landmarks: Mapping[str, np.ndarray] | None = None,
) -> tuple[list[str], np.ndarray, list[tuple[str, str]]]:
    """Embed every picture of a folder and its sub-folders, in the order of their names.

    Decoding runs ahead in threads; memory does not grow with the number of pictures. A progress bar shows the rate.

    Args:
      model: the network.
      variables: its three collections.
      folder: searched for .jpg, .jpeg, .png, .webp, .bmp, .tif, .tiff, .gif; other and hidden files are not looked at.
      crop: which crop the pictures have: a template of `images` (`arcface`, `simswap`, `simswap_ffhq`): they are
        square crops of that kind and only resized; `celeba_hq`: squares as in CelebA-HQ and FFHQ, cut to the model's
        crop by a fixed box. With `landmarks` it is the template that the pictures are aligned to.
      batch_size: pictures a step.
      landmarks: five points in pixels of the picture, `[5, 2]`, by name as returned; a picture without is skipped.

    Returns:
      (names, embeddings, skipped): paths relative to `folder`; float32 `[N, D]`, row i for `names[i]`; and
      (name, reason) of each picture that could not be used.

    Raises:
      FileNotFoundError: no such folder.
      ValueError: no picture in it, or an unknown crop.
    """
    _check_batch_size(batch_size)
    if landmarks is not None and not isinstance(landmarks, Mapping):
        raise TypeError(f"landmarks must map names to five points [5, 2], got {type(landmarks).__name__}")
    _warn_of_other_crop(model, crop)
    names = _picture_names(epath.Path(folder))
    load = functools.partial(_load, epath.Path(folder), model, crop, landmarks)
    kept, skipped, outputs = [], [], []
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool, tqdm(total=len(names), unit=" pictures") as progress:
        batch = []
        for name, loaded in _ahead(pool, load, names, window=2 * batch_size):
            progress.update()
            if isinstance(loaded, str):
                skipped.append((name, loaded))
                continue
            kept.append(name)
            batch.append(loaded)
            if len(batch) == batch_size:
                outputs.append(_embed_padded(model, variables, np.stack(batch), batch_size))
                batch = []
        if batch:
            outputs.append(_embed_padded(model, variables, np.stack(batch), batch_size))
    return kept, np.concatenate([np.empty((0, model.embedding_size), np.float32), *outputs]), skipped


class TripletRow(NamedTuple):
    """One cell of the accuracy table."""

    model: str
    setting: str
    accuracy: float
    low: float
    high: float
    ties: int
    triplets: int
    sources: int


def embed_triplets(
    model: IResNet, variables: Mapping, source: Any, labels: np.ndarray, indices: Sequence[int], *, batch_size: int
) -> np.ndarray:
    """Embeddings of triplets with their roles ordered by the label.

    Args:
      model: the network.
      variables: its three collections.
      source: random access to the pictures, see `datasets.batches.Source`.
      labels: int `[T]`, 0 where a is closer to the reference, 1 where b is.
      indices: positions of the triplets wanted.
      batch_size: triplets a step; rounded up to a multiple of the devices.

    Returns:
      float32 `[n, 3, D]`: reference, positive, negative of each of `indices`.
    """
    mesh = parallel.data_mesh()
    batch_size = -(-batch_size // mesh.size) * mesh.size
    variables = parallel.replicate(dict(variables), mesh)
    outputs = [np.empty((0, 3, model.embedding_size), np.float32)]
    for batch in batches.evaluation_batches(source, labels, indices, batch_size=batch_size):
        images = batch["images"]
        flat = parallel.to_global(images.reshape(-1, *images.shape[2:]), mesh)
        vectors = np.asarray(_embed(variables, flat, model=model), np.float32)
        outputs.append(vectors.reshape(*images.shape[:2], -1)[batch["weight"] > 0])
    return np.concatenate(outputs)


def triplet_row(name: str, setting: str, embeddings: np.ndarray, source_id: np.ndarray, *, seed: int = 0) -> TripletRow:
    """Accuracy on the triplets of one setting, with its interval over sources.

    Args:
      name: of the model.
      setting: of the triplets, for example `i`.
      embeddings: float `[n, 3, D]`: reference, positive, negative.
      source_id: int `[n]`, which source triplet the three faces come from.
      seed: of the bootstrap.

    Returns:
      the row; with one source only the interval is NaN: nothing can be resampled.

    Raises:
      ValueError: no triplet in the setting.
    """
    if not len(embeddings):
        raise ValueError(f"setting {setting} holds no triplet with a label")
    scores = metrics.triplet_scores(*np.moveaxis(embeddings, 1, 0))
    _, clusters = np.unique(source_id, return_inverse=True)
    low, high = np.nan, np.nan
    if (sources := clusters.max() + 1) > 1:
        low, high = metrics.cluster_interval(jax.random.key(seed), scores, clusters)
    ties = int((scores == 0.5).sum())
    return TripletRow(
        name, setting, float(scores.mean()), float(low), float(high), ties, len(embeddings), int(sources)
    )


def triplet_rows(models: Mapping[str, tuple[IResNet, Mapping]], data: Any, *, batch_size: int) -> list[TripletRow]:
    """The accuracy table: every model in every setting.

    Args:
      models: (module, variables) by the name to print.
      data: of `experiment.open_data`.
      batch_size: triplets a step.

    Returns:
      rows in the order setting, model; a setting without a labelled triplet has none.
    """
    labelled = np.flatnonzero(data.labels >= 0)
    place = np.full(len(data.labels), -1)
    place[labelled] = np.arange(len(labelled))
    embeddings = {
        name: embed_triplets(*model, data.triplets, data.labels, labelled, batch_size=batch_size)
        for name, model in models.items()
    }
    return [
        triplet_row(name, setting, embeddings[name][place[indices]], data.triplets.source_id[indices])
        for setting, indices in data.settings.items()
        if len(indices)
        for name in models
    ]


def _check_batch_size(batch_size):
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")


def _embed_padded(model, variables, images, batch_size):
    rows = np.zeros((batch_size, *images.shape[1:]), np.uint8)
    rows[: len(images)] = images
    return np.asarray(_embed(variables, rows, model=model), np.float32)[: len(images)]


def _ahead(pool, load, names: Sequence[str], *, window: int) -> Iterator[tuple[str, Any]]:
    """(name, load(name)) in order, with at most `window` pictures loaded and not yet taken."""
    pending = collections.deque()
    for name in names:
        pending.append((name, pool.submit(load, name)))
        if len(pending) >= window:
            taken, future = pending.popleft()
            yield taken, future.result()
    for taken, future in pending:
        yield taken, future.result()


def _load(folder, model, crop, landmarks, name):
    """The picture ready for the model, or the reason why it cannot be used."""
    points = None
    if landmarks is not None and (points := landmarks.get(name)) is None:
        return "no landmarks for this picture"
    template = model.crop if crop == "celeba_hq" else None
    try:
        picture = pictures.decode((folder / name).read_bytes(), name=name)
        return pictures.fit(picture, crop=crop, size=model.image_size, landmarks=points, template=template)
    except (ValueError, TypeError, OSError) as error:
        return str(error)


def _picture_names(folder):
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    files = (epath.Path(root) / name for root, _, names in folder.walk() for name in names)
    if not (names := sorted(f.relative_to(folder).as_posix() for f in files if _is_picture(f))):
        raise ValueError(f"no picture in {folder}; wanted files ending in {', '.join(SUFFIXES)}")
    return names


def _is_picture(file):
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")  # ._x.jpg is no picture but macOS


def _warn_of_other_crop(model, crop):
    known = (*pictures.TEMPLATES, "celeba_hq")
    if crop not in known:
        raise ValueError(f"unknown crop {crop!r}; wanted one of {', '.join(known)}")
    if model.crop not in (None, crop) and crop != "celeba_hq":
        warnings.warn(
            f"the model learned from {model.crop!r} crops, these pictures are {crop!r} crops: similarities between"
            " them are not what the model was trained for. Align the pictures to the model's crop (images.align).",
            stacklevel=3,
        )
