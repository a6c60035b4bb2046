"""The draws of a seed are those that every recorded run was made with."""

import numpy as np

from perface_jax.datasets import streams
from perface_jax.datasets.streams import Stream


def test_the_numbers_of_the_streams_never_change():
    assert {stream.name: int(stream) for stream in Stream} == {"ORDER": 0, "MIRRORED": 1, "FRACTION": 2, "CLASSES": 3}
    wanted = np.random.default_rng((7, 2)).random(3)
    np.testing.assert_array_equal(streams.generator(7, Stream.FRACTION).random(3), wanted)


def test_order_and_mirroring_are_drawn_by_epoch_and_by_step():
    order = np.random.default_rng((7, 0, 4)).permutation(10)
    np.testing.assert_array_equal(streams.shuffled(10, seed=7, epoch=4), order)
    half = np.random.default_rng((7, 1, 9)).random(10) < 0.5
    np.testing.assert_array_equal(streams.mirrored(10, seed=7, step=9), half)
    assert sorted(streams.shuffled(10, seed=7, epoch=5)) == list(range(10))
