"""Batches of triplets, read from disk ahead of time; `plans` says which pictures make them, and in which order.

Pixels stay uint8; nothing here normalizes them or imports JAX.
"""

import functools
import signal
import sys
from collections.abc import Callable, Iterator
from typing import NotRequired, TypedDict, cast

import grain
import numpy as np
from absl import flags
from jaxtyping import Float32, Int, Int8, Int32, UInt8

from perface_jax.datasets.plans import (
    Indices,
    Plan,
    Source,
    evaluation_plan,
    require_labels,
    rows_of_process,
    training_plan,
)

BATCHES_AHEAD = 4


class Batch(TypedDict):
    """What a train or an evaluation step receives."""

    images: UInt8[np.ndarray, "b 3 h w c"]  # axis 1 = reference, positive, negative
    votes: Float32[np.ndarray, "b 2"]  # votes for the positive and for the negative
    weight: Float32[np.ndarray, " b"]  # 0 for padding
    triplet: Int32[np.ndarray, " b"]  # position in the data set, -1 for padding
    annotator: NotRequired[Int32[np.ndarray, "b v"]]  # as in `plans.Plan`
    sides: NotRequired[Int8[np.ndarray, "b v"]]


def training_batches(
    source: Source,
    labels: Int[np.ndarray, " t"],
    indices: Indices,
    *,
    batch_size: int,
    seed: int,
    process_index: int = 0,
    process_count: int = 1,
    start_step: int = 0,
    flip: bool = True,
    workers: int = 0,
) -> Iterator[Batch]:
    """Endless batches of one process, read ahead by threads, or by `workers` processes if threads are too slow.

    The i-th batch belongs to global step `start_step + i`; see `plans.training_plan` for the arguments.
    """
    options = {"batch_size": batch_size, "process_index": process_index, "process_count": process_count}
    plan = functools.partial(training_plan, source, labels, indices, seed=seed, flip=flip, **options)
    require_labels(labels, indices)
    plan(step=start_step)  # a wrong argument is reported here, not inside a reading thread
    return _read_ahead(functools.partial(_read, source, plan), start_step, sys.maxsize, workers)


def evaluation_batches(
    source: Source,
    labels: Int[np.ndarray, " t"],
    indices: Indices,
    *,
    batch_size: int,
    process_index: int = 0,
    process_count: int = 1,
    workers: int = 0,
) -> Iterator[Batch]:
    """Every triplet of `indices` exactly once over all processes, in order, the last batch padded with weight 0.

    Every process yields the same number of batches of batch_size / process_count rows.
    """
    options = {"batch_size": batch_size, "process_index": process_index, "process_count": process_count}
    plan = functools.partial(evaluation_plan, source, labels, indices, **options)
    require_labels(labels, indices)
    rows_of_process(batch_size, process_index, process_count)  # reported here, not inside a reading thread
    return _read_ahead(functools.partial(_read, source, plan), 0, -(-len(indices) // batch_size), workers)


def _read(source: Source, plan_step: Callable[..., Plan], step: int) -> Batch:
    plan = plan_step(step=step)
    pictures = (source[int(i) % len(source)] for i in plan["triplet"])
    images = np.stack([three[rows % 3] for three, rows in zip(pictures, plan["pictures"], strict=True)])
    pixels = images.view(f"V{images.shape[-1]}")[..., 0]  # whole pixels: mirrored ten times faster than channels
    pixels[plan["flip"]] = pixels[plan["flip"]][..., ::-1]
    kept = {name: array for name, array in plan.items() if name not in ("pictures", "flip")}
    return cast(Batch, {"images": images, **kept})


def _read_ahead(read: Callable[[int], Batch], start: int, stop: int, workers: int) -> Iterator[Batch]:
    steps = grain.MapDataset.range(start, stop).map(read)
    batches = steps.to_iter_dataset(grain.ReadOptions(num_threads=2, prefetch_buffer_size=BATCHES_AHEAD))
    if workers:
        if not flags.FLAGS.is_parsed():
            flags.FLAGS.mark_as_parsed()  # Grain's workers read absl flags, which a notebook never parses
        batches = batches.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers), _ignore_interrupts)
    return iter(batches)


def _ignore_interrupts(worker: int, workers: int) -> None:
    """Makes readers ignore Ctrl-C, which reaches all processes of a terminal; the training process ends its readers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
