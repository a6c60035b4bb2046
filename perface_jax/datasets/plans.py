"""Which pictures form a batch of triplets, and which are mirrored. Reads no picture; NumPy only.

The label decides which of the stored pictures a and b is the positive one; c is always the reference. A training plan
is a pure function of (seed, step): triplets are reshuffled every epoch, a remainder that does not fill a batch is
dropped, and one integer, the step, is enough to resume. Process p of P has the rows p*B/P to (p+1)*B/P - 1 of the
global batch. Evaluation uses every triplet exactly once, in the given order; the last batch is padded with weight 0.

`batches` reads the pictures of a plan from disk ahead of time, `gather` takes them from an array on the device. Both
give the same batches.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, Protocol, TypedDict, cast, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int, Int8, Int32, UInt8

from perface_jax.datasets import streams

A_IS_CLOSER, B_IS_CLOSER = 0, 1
ROLES_BY_LABEL = np.array([[2, 0, 1], [2, 1, 0]], np.int32)  # stored a, b, c -> reference, positive, negative

Indices = Sequence[int] | Int[np.ndarray, " n"]


@runtime_checkable
class Source(Protocol):
    """Pictures by position, with the stored roles a, b, c, and their votes."""

    @property
    def votes(self) -> Int8[np.ndarray, "t v"]: ...  # 0 = a is closer, 1 = b is closer, -1 = no vote

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> UInt8[np.ndarray, "3 h w c"]: ...


class Plan(TypedDict):
    """Which pictures a batch has, without the pictures: small enough to send with every step."""

    triplet: Int32[np.ndarray, " b"]  # position in the data set, -1 for padding
    pictures: Int32[np.ndarray, "b 3"]  # 3 * triplet + stored position of reference, positive, negative
    flip: Bool[np.ndarray, " b"]  # all three pictures of the triplet are mirrored
    votes: Float32[np.ndarray, "b 2"]  # votes for the positive and for the negative
    weight: Float32[np.ndarray, " b"]  # 0 for padding
    annotator: NotRequired[Int32[np.ndarray, "b v"]]  # if the source knows: who gave each vote; 0 without a vote
    sides: NotRequired[Int8[np.ndarray, "b v"]]  # and for what: 1 = positive, -1 = negative, 0 = no vote


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


def drawn(indices: Indices, *, batch_size: int, seed: int, step: int) -> Int[np.ndarray, " {batch_size}"]:
    """The indices of a global batch: each epoch reshuffles them and uses them in turn."""
    epoch, step_in_epoch = divmod(step, steps_per_epoch(indices, batch_size))
    order = streams.shuffled(len(indices), seed=seed, epoch=epoch)
    return np.asarray(indices)[order[step_in_epoch * batch_size : (step_in_epoch + 1) * batch_size]]


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
    """The batch_size / process_count rows of global batch `step` that belong to one process.

    Args:
      source: gives the votes; no picture is read.
      labels: 0 where a is closer to the reference, 1 where b is.
      indices: positions of the triplets to train on.
      batch_size: triplets of the global batch, over all processes.
      seed, step: of the shuffle and of the flips; number of the global batch, from 0.
      process_index, process_count: this process, from 0; processes that share a global batch.
      flip: mirror half of the triplets, always all three pictures of a triplet.

    Raises:
      ValueError: too few triplets for one batch, a triplet without a label, or a batch that does not divide.
    """
    rows = rows_of_process(batch_size, process_index, process_count)
    triplet = drawn(indices, batch_size=batch_size, seed=seed, step=step)[rows]
    mirrored = streams.mirrored(batch_size, seed=seed, step=step)
    require_labels(labels, triplet)  # a negative one would look like padding
    return _plan(source, labels, triplet, mirrored[rows] & flip)


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
    rows = chosen[rows_of_process(batch_size, process_index, process_count)]
    return _plan(source, labels, rows, np.zeros(len(rows), bool))


def gather(pictures: UInt8[Any, "p h w c"], plan: Mapping[str, Any]) -> UInt8[Any, "b k h w c"]:
    """The images of a batch, from pictures that are all in memory: NumPy or, under `jit`, JAX arrays.

    For triplets, `pictures` holds the stored roles a, b, c one after another (p = 3t), and the images have the roles
    reference, positive, negative. A padded row shows the last triplet.
    """
    chosen = pictures[plan["pictures"]]
    namespace = chosen.__array_namespace__()
    return namespace.where(plan["flip"][:, None, None, None, None], chosen[..., ::-1, :], chosen)


def require_labels(labels: np.ndarray, triplets: Indices) -> None:
    """Raise a ValueError for positions beyond the labels, or of triplets without a label."""
    indices = positions(triplets, len(labels))
    without = indices[~np.isin(np.asarray(labels)[indices], (A_IS_CLOSER, B_IS_CLOSER))]
    if len(without):
        raise ValueError(
            f"{len(without)} of {len(indices)} triplets have no label 0 or 1, the first at position {without[0]} "
            f"(label {labels[without[0]]}): leave them out of the indices"
        )


def positions(indices: Indices, count: int) -> Int[np.ndarray, " n"]:
    """The indices as an array. ValueError if one is outside of 0..count - 1."""
    found = np.asarray(indices, int)
    outside = found[(found < 0) | (found >= count)]
    if len(outside):
        raise ValueError(
            f"{len(outside)} of {len(found)} indices are outside of 0..{count - 1}, the first is {outside[0]}"
        )
    return found


def rows_of_process(batch_size: int, process_index: int, process_count: int) -> slice:
    """The rows of a global batch that a process has. ValueError unless the batch divides evenly."""
    _require_batch_size(batch_size)
    if batch_size % process_count or not 0 <= process_index < process_count:
        raise ValueError(
            f"batch_size {batch_size} must divide by process_count {process_count}, and process_index {process_index} "
            f"must be in 0..{process_count - 1}"
        )
    size = batch_size // process_count
    return slice(process_index * size, (process_index + 1) * size)


def _plan(source: Source, labels: np.ndarray, triplet: np.ndarray, flip: np.ndarray) -> Plan:
    present = triplet >= 0
    require_labels(labels, triplet[present])
    roles = ROLES_BY_LABEL[np.where(present, np.asarray(labels)[triplet], A_IS_CLOSER)]
    votes = np.asarray(source.votes)[triplet]
    counts = np.stack([(votes == A_IS_CLOSER).sum(-1), (votes == B_IS_CLOSER).sum(-1)], axis=-1)
    ordered = np.take_along_axis(counts, roles[:, 1:], axis=1) * present[:, None]
    plan = Plan(
        triplet=triplet.astype(np.int32),
        pictures=(3 * triplet[:, None] + roles).astype(np.int32),
        flip=flip,
        votes=ordered.astype(np.float32),
        weight=present.astype(np.float32),
    )
    return cast(Plan, plan | _by_annotator(source, triplet, roles, votes))


def _by_annotator(source, triplet, roles, votes) -> dict[str, np.ndarray]:
    """Every single vote with its annotator; {} if the source does not know who voted."""
    annotator = getattr(source, "annotator", None)
    if annotator is None:
        return {}
    who, given = annotator[triplet], (votes >= 0) & (triplet >= 0)[:, None]
    given &= who >= 0
    sides = np.where(given, np.where(votes == roles[:, 1:2], 1, -1), 0)  # a and b are stored at 0 and 1, as they vote
    return {"annotator": np.where(given, who, 0).astype(np.int32), "sides": sides.astype(np.int8)}


def _require_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, expected at least 1")
