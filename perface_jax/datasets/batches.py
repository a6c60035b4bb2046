"""Batches of triplets: what a batch is, and the order of triplets.

A batch is a dict of host arrays (`Batch`). Axis 1 of `images` holds the roles reference, positive, negative: the label
decides which of the stored pictures a and b is the positive one, c is always the reference. Pixels stay uint8.

A training batch is a pure function of (seed, step): the triplets are shuffled anew every epoch, the remainder of an
epoch that does not fill a batch is dropped, and one integer, the step, resumes. Process p of P holds the rows
p*B/P .. (p+1)*B/P of the same global batch. An evaluation batch holds every triplet exactly once, in the given order;
the last batch is padded with weight 0.

The same plan feeds two ways: `training_batches` reads pictures from disk ahead of time, `training_plan` and `gather`
take them from an array that lives on the device. Both give the same batches. Nothing here normalizes pixels or
imports JAX.
"""

import dataclasses
import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypedDict, runtime_checkable

import grain
import numpy as np
from absl import flags
from jaxtyping import Bool, Float32, Int, Int8, Int32, UInt8

from perface_jax.datasets import streams

A_IS_CLOSER, B_IS_CLOSER = 0, 1
ROLES_BY_LABEL = np.array([[2, 0, 1], [2, 1, 0]], np.int32)  # stored a, b, c -> reference, positive, negative
BATCHES_AHEAD = 4


Indices = Sequence[int] | Int[np.ndarray, " n"]


@runtime_checkable
class Source(Protocol):
    """Pictures by position, with the stored roles a, b, c, and their votes."""

    votes: Int8[np.ndarray, "t v"]  # 0 = a is closer, 1 = b is closer, -1 = no vote

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> UInt8[np.ndarray, "3 h w c"]: ...


class Plan(TypedDict):
    """Which pictures a batch takes, without the pictures; small enough to send with every step."""

    triplet: Int32[np.ndarray, " b"]  # position in the data set, -1 for padding
    pictures: Int32[np.ndarray, "b 3"]  # 3 * triplet + stored position of reference, positive, negative
    flip: Bool[np.ndarray, " b"]  # all three pictures of the triplet are mirrored
    votes: Float32[np.ndarray, "b 2"]  # votes for the positive and for the negative
    weight: Float32[np.ndarray, " b"]  # 0 for padding


class Batch(TypedDict):
    """What a train or an evaluation step receives."""

    images: UInt8[np.ndarray, "b 3 h w c"]  # axis 1 = reference, positive, negative
    votes: Float32[np.ndarray, "b 2"]  # votes for the positive and for the negative
    weight: Float32[np.ndarray, " b"]  # 0 for padding
    triplet: Int32[np.ndarray, " b"]  # position in the data set, -1 for padding


def steps_per_epoch(indices: Indices, batch_size: int) -> int:
    """Number of full batches in one pass over `indices`; the remainder is dropped."""
    _require_batch_size(batch_size)
    steps = len(indices) // batch_size
    if steps == 0:
        raise ValueError(
            f"{len(indices)} triplets do not fill one batch of {batch_size}: choose a batch_size up to the number of "
            "triplets"
        )
    return steps


def training_plan(
    source: Source,
    labels: Int[np.ndarray, " t"],
    indices: Indices,
    *,
    batch_size: int,
    seed: int,
    step: int,
    process_index: int = 0,
    process_count: int = 1,
    flip: bool = True,
) -> Plan:
    """The part of global batch `step` that belongs to one process: a pure function of (seed, step).

    Args:
      source: gives the votes; no picture is read.
      labels: 0 where a is closer to the reference, 1 where b is.
      indices: positions of the triplets to train on.
      batch_size: triplets of the global batch, over all processes.
      seed: of the shuffle and of the flips.
      step: number of the global batch, from 0.
      process_index: this process, 0 .. process_count - 1.
      process_count: processes that share a global batch.
      flip: mirror half of the triplets, all three pictures of a triplet alike.

    Returns:
      a `Plan` of batch_size / process_count rows.

    Raises:
      ValueError: too few triplets for one batch, a triplet without a label, or a batch that does not divide.
    """
    rows = _rows_of_process(batch_size, process_index, process_count)
    epoch, step_in_epoch = divmod(step, steps_per_epoch(indices, batch_size))
    order = streams.shuffled(len(indices), seed=seed, epoch=epoch)
    order = order[step_in_epoch * batch_size : (step_in_epoch + 1) * batch_size]
    mirrored = streams.mirrored(batch_size, seed=seed, step=step)
    triplet = np.asarray(indices)[order[rows]]
    _require_labels(labels, triplet)  # a negative one would pass for padding
    return _plan(source, labels, triplet, mirrored[rows] & flip)


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
    """Endless batches of one process, read ahead by threads, or by `workers` processes where that is not enough.

    The i-th batch is the one of global step `start_step + i`; see `training_plan` for the arguments.
    """
    plan = functools.partial(
        training_plan,
        source,
        labels,
        indices,
        batch_size=batch_size,
        seed=seed,
        process_index=process_index,
        process_count=process_count,
        flip=flip,
    )
    _require_labels(labels, indices)
    plan(step=start_step)  # a wrong argument is reported here, not inside a reading thread
    return _read_ahead(_Reader(source, plan), start_step, sys.maxsize, workers)


def evaluation_plan(
    source: Source,
    labels: Int[np.ndarray, " t"],
    indices: Indices,
    *,
    batch_size: int,
    step: int,
    process_index: int = 0,
    process_count: int = 1,
) -> Plan:
    """The rows of one process of batch `step`: triplets in the given order, padded with weight 0 after the last one.

    See `training_plan` for the arguments.
    """
    chosen = np.full(batch_size, -1, np.int32)
    present = np.asarray(indices, np.int32)[step * batch_size : (step + 1) * batch_size]
    chosen[: len(present)] = present
    rows = chosen[_rows_of_process(batch_size, process_index, process_count)]
    return _plan(source, labels, rows, np.zeros(len(rows), bool))


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
    plan = functools.partial(
        evaluation_plan,
        source,
        labels,
        indices,
        batch_size=batch_size,
        process_index=process_index,
        process_count=process_count,
    )
    _require_labels(labels, indices)
    _rows_of_process(batch_size, process_index, process_count)  # reported here, not inside a reading thread
    return _read_ahead(_Reader(source, plan), 0, -(-len(indices) // batch_size), workers)


def gather(pictures: UInt8[Any, "p h w c"], plan: Mapping[str, Any]) -> UInt8[Any, "b k h w c"]:
    """Images of a batch from pictures that are all in memory; works on NumPy and, under `jit`, on JAX arrays.

    Args:
      pictures: of triplets, the stored roles a, b, c one after the other, p = 3t.
      plan: its `pictures` [b, k] and `flip` [b].

    Returns:
      Of triplets, with the roles reference, positive, negative; a padded row shows the last one.
    """
    chosen = pictures[plan["pictures"]]
    namespace = chosen.__array_namespace__()
    return namespace.where(plan["flip"][:, None, None, None, None], chosen[..., ::-1, :], chosen)


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Reads the pictures of a planned step; picklable, for reading processes."""

    source: Source
    plan: Any

    def __call__(self, step: int) -> Batch:
        plan = self.plan(step=step)
        pictures = (self.source[int(i) % len(self.source)] for i in plan["triplet"])
        images = np.stack([three[rows % 3] for three, rows in zip(pictures, plan["pictures"], strict=True)])
        pixels = images.view(f"V{images.shape[-1]}")[..., 0]  # whole pixels: mirrored ten times faster than channels
        pixels[plan["flip"]] = pixels[plan["flip"]][..., ::-1]
        return Batch(images=images, votes=plan["votes"], weight=plan["weight"], triplet=plan["triplet"])


def _read_ahead(reader: _Reader, start: int, stop: int, workers: int) -> Iterator[Batch]:
    steps = grain.MapDataset.range(start, stop).map(reader)
    batches = steps.to_iter_dataset(grain.ReadOptions(num_threads=2, prefetch_buffer_size=BATCHES_AHEAD))
    if workers:
        if not flags.FLAGS.is_parsed():
            flags.FLAGS.mark_as_parsed()  # Grain's workers read absl flags, which a notebook never parses
        batches = batches.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))
    return iter(batches)


def _plan(source: Source, labels: np.ndarray, triplet: np.ndarray, flip: np.ndarray) -> Plan:
    present = triplet >= 0
    _require_labels(labels, triplet[present])
    roles = ROLES_BY_LABEL[np.where(present, np.asarray(labels)[triplet], A_IS_CLOSER)]
    votes = np.asarray(source.votes)[triplet]
    counts = np.stack([(votes == A_IS_CLOSER).sum(-1), (votes == B_IS_CLOSER).sum(-1)], axis=-1)
    ordered = np.take_along_axis(counts, roles[:, 1:], axis=1) * present[:, None]
    return Plan(
        triplet=triplet.astype(np.int32),
        pictures=(3 * triplet[:, None] + roles).astype(np.int32),
        flip=flip,
        votes=ordered.astype(np.float32),
        weight=present.astype(np.float32),
    )


def _require_labels(labels: np.ndarray, triplets: Indices) -> None:
    indices = np.asarray(triplets, int)
    outside = indices[(indices < 0) | (indices >= len(labels))]
    if len(outside):
        raise ValueError(
            f"{len(outside)} of {len(indices)} indices are outside of 0..{len(labels) - 1}, the first is {outside[0]}"
        )
    without = indices[~np.isin(np.asarray(labels)[indices], (A_IS_CLOSER, B_IS_CLOSER))]
    if len(without):
        raise ValueError(
            f"{len(without)} of {len(indices)} triplets have no label 0 or 1, the first at position {without[0]} "
            f"(label {labels[without[0]]}): leave them out of the indices"
        )


def _require_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, expected at least 1")


def _rows_of_process(batch_size: int, process_index: int, process_count: int) -> slice:
    _require_batch_size(batch_size)
    if batch_size % process_count or not 0 <= process_index < process_count:
        raise ValueError(
            f"batch_size {batch_size} must divide by process_count {process_count}, and process_index {process_index} "
            f"must be in 0..{process_count - 1}"
        )
    size = batch_size // process_count
    return slice(process_index * size, (process_index + 1) * size)
