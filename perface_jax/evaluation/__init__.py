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
from perface_jax import metrics, parallel, verification
from perface_jax.datasets import batches
from perface_jax.model import IResNet
from perface_jax.similarity import similarity
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


class Scores(NamedTuple):
    """What one run scored on every triplet, 0, 0.5 or 1; NaN where a triplet has no label.

    Attributes:
      seed: what only repeats the run: runs that differ in nothing else are the spread of one cell of the table.
      before: float `[T]`, by the weights the run started from.
      after: float `[T]`, by those it ended with.
      settings: by name, positions of the triplets that count, as in `experiment.Data`.
    """

    seed: Any
    before: np.ndarray
    after: np.ndarray
    settings: Mapping[str, np.ndarray]


class TripletRow(NamedTuple):
    """One line of the accuracy table; NaN where there is no such number.

    Attributes:
      model: `before` or `after` training, and which cell of a sweep.
      setting: of the triplets, for example `i`.
      accuracy: share of right triplets, of all runs and folds together.
      low, high: its 95% interval, sources resampled.
      deviation: standard deviation over seeds, n - 1.
      gain, gain_low, gain_high: accuracy after minus before on the same triplets, with its 95% interval over sources.
      ties: scores of one half.
      triplets, sources, seeds: how many different ones it rests on.
    """

    model: str
    setting: str
    accuracy: float
    low: float
    high: float
    deviation: float
    gain: float
    gain_low: float
    gain_high: float
    ties: int
    triplets: int
    sources: int
    seeds: int


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
    mesh = parallel.make_mesh()
    batch_size = -(-batch_size // mesh.size) * mesh.size
    variables = parallel.share(dict(variables), mesh)
    outputs = [np.empty((0, 3, model.embedding_size), np.float32)]
    for batch in batches.evaluation_batches(source, labels, indices, batch_size=batch_size):
        images = batch["images"]
        flat = parallel.to_global(images.reshape(-1, *images.shape[2:]), mesh, parallel.ROWS)
        vectors = np.asarray(_embed(variables, flat, model=model), np.float32)
        outputs.append(vectors.reshape(*images.shape[:2], -1)[batch["weight"] > 0])
    return np.concatenate(outputs)


def score_triplets(model: IResNet, variables: Mapping, data: Any, *, batch_size: int) -> np.ndarray:
    """The score of every triplet that has an evaluation label, each embedded once.

    Args:
      model: the network.
      variables: its three collections.
      data: of `experiment.divide`.
      batch_size: triplets a step.

    Returns:
      float32 `[T]`: `metrics.triplet_scores`; NaN without a label.
    """
    labelled = np.flatnonzero(data.labels >= 0)
    embeddings = embed_triplets(model, variables, data.triplets, data.labels, labelled, batch_size=batch_size)
    scores = np.full(len(data.labels), np.nan, np.float32)
    scores[labelled] = metrics.triplet_scores(*np.moveaxis(embeddings, 1, 0))
    return scores


def triplet_rows(cells: Mapping[str, Sequence[Scores]], source_id: np.ndarray, *, seed: int = 0) -> list[TripletRow]:
    """The accuracy table: every cell in every setting, before and after training.

    Folds of one seed are pooled: with folds that make each source a test source once, [i] is every triplet once.

    Args:
      cells: by the name to print, the runs that only seeds and folds tell apart.
      source_id: int `[T]`, which source triplet the three faces come from.
      seed: of the bootstrap.

    Returns:
      rows in the order setting, cell; a setting without a labelled triplet has none, and one `before` stands for all
      cells that started alike.
    """
    rows = []
    for setting in next(iter(cells.values()))[0].settings:
        for name, runs in cells.items():
            before = _row("before", setting, runs, [run.before for run in runs], source_id, seed)
            after = _row(f"after {name}".strip(), setting, runs, [run.after for run in runs], source_id, seed)
            rows += [row for row in (before, after) if row and repr(row) not in map(repr, rows)]  # NaN is not itself
    return rows


class VerificationRow(NamedTuple):
    """One line of the verification table.

    Attributes:
      model: `before` or `after` training.
      accuracy: share of right decisions, one person or two, over ten folds.
      deviation: standard deviation over the folds, n - 1.
      pairs, identities: what it rests on.
    """

    model: str
    accuracy: float
    deviation: float
    pairs: int
    identities: int


def verification_row(name: str, model: IResNet, variables: Mapping, data: Any, *, batch_size: int) -> VerificationRow:
    """Verification accuracy on pairs of pictures of unseen identities, each picture embedded once.

    Args:
      name: of the model.
      model: the network.
      variables: its three collections.
      data: of `experiment.open_identities`.
      batch_size: pictures a step.
    """
    shown, places = np.unique(data.pairs, return_inverse=True)
    embeddings = embed(model, variables, data.people.pictures[shown], batch_size=batch_size)
    one, other = np.moveaxis(embeddings[places.reshape(data.pairs.shape)], 1, 0)
    accuracy, deviation = verification.verification_accuracy(np.asarray(similarity(one, other)), data.same)
    people = len(np.unique(data.people.identity[shown]))
    return VerificationRow(name, accuracy, deviation, len(data.pairs), people)


def _row(model, setting, runs, scores, source_id, seed):
    places = np.concatenate([run.settings[setting] for run in runs])
    if not len(places):
        return None
    lengths = [len(run.settings[setting]) for run in runs]
    _, seeds = np.unique(np.repeat([str(run.seed) for run in runs], lengths), return_inverse=True)
    now = np.concatenate([one[run.settings[setting]] for one, run in zip(scores, runs, strict=True)])
    then = np.concatenate([run.before[run.settings[setting]] for run in runs])
    of_seed = [now[seeds == i].mean() for i in np.unique(seeds)]
    sources, clusters = np.unique(source_id[places], return_inverse=True)
    none = np.nan, np.nan
    enough, trained = len(sources) > 1, model != "before"
    key = jax.random.key(seed)
    low, high = metrics.cluster_interval(key, now, clusters) if enough else none
    gain_low, gain_high = metrics.cluster_interval(key, now - then, clusters) if enough and trained else none
    return TripletRow(
        model=model,
        setting=setting,
        accuracy=float(now.mean()),
        low=float(low),
        high=float(high),
        deviation=float(np.std(of_seed, ddof=1)) if len(of_seed) > 1 else np.nan,
        gain=float(np.mean(now - then)) if trained else np.nan,
        gain_low=float(gain_low),
        gain_high=float(gain_high),
        ties=int((now == 0.5).sum()),
        triplets=len(np.unique(places)),
        sources=len(sources),
        seeds=len(of_seed),
    )


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
