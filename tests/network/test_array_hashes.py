"""Hashes of arrays: dtype, shape and every byte count; memory layout and device do not."""

import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.network.array_hashes import array_hash, array_hashes

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def test_dtype_shape_and_values_count():
    other = X.copy()
    other[1, 2, 3] = np.nextafter(other[1, 2, 3], np.float32(0))
    arrays = [X, X.reshape(3, 2, 4), X.view(np.int32), other, X[:0], X.reshape(-1)]
    assert len({array_hash(x) for x in arrays}) == len(arrays)


@pytest.mark.parametrize("same", [X.transpose(2, 1, 0).copy().transpose(2, 1, 0), jnp.asarray(X), np.stack([X, X])[1]])
def test_layout_and_device_do_not_count(same):
    assert array_hash(same) == array_hash(X)


def test_half_precision_and_scalars_have_hashes():
    scalar, half = np.array(1.5, np.float32), jnp.ones(3, jnp.bfloat16)
    assert array_hashes({"b": half, "a": scalar}) == {"a": array_hash(scalar), "b": array_hash(half)}
