"""Random streams of a run's seed. Each use has its own stream, so that no use affects another."""

import enum
import functools

import numpy as np
from jaxtyping import Bool, Int


class Stream(enum.IntEnum):
    """The streams of a seed. The numbers are part of every result: they never change."""

    ORDER = 0
    MIRRORED = 1
    FRACTION = 2
    CLASSES = 3


def generator(seed: int, stream: Stream, *place: int) -> np.random.Generator:
    """The generator of a stream, or of one position in it, such as an epoch or a step."""
    return np.random.default_rng((seed, int(stream), *place))


@functools.lru_cache(maxsize=4)
def shuffled(count: int, *, seed: int, epoch: int) -> Int[np.ndarray, " {count}"]:
    """The order of `count` rows in an epoch, read-only: all readers of the epoch share it."""
    order = generator(seed, Stream.ORDER, epoch).permutation(count)
    order.setflags(write=False)
    return order


def mirrored(count: int, *, seed: int, step: int) -> Bool[np.ndarray, " {count}"]:
    """Which rows of the global batch of a step are mirrored: about half of them."""
    return generator(seed, Stream.MIRRORED, step).random(count) < 0.5
