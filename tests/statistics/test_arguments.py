"""Checks of dtypes, masks and shapes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.statistics import arguments


def test_half_precision_is_widened_and_double_precision_kept():
    assert arguments.floats(np.ones(2, np.float16), "scores").dtype == np.float32
    assert arguments.floats(jnp.ones(2, jnp.bfloat16), "scores").dtype == np.float32
    assert arguments.integers(np.ones(2, np.int8), "votes").dtype == np.int32
    with jax.enable_x64(True):
        assert arguments.floats(np.ones(2), "scores").dtype == np.float64
        assert arguments.integers(np.ones(2, int), "votes").dtype == np.int64


def test_other_dtypes_are_refused_by_name():
    with pytest.raises(TypeError, match=r"scores are bool; wanted floating, for instance scores.astype\('float32'\)"):
        arguments.floats(np.ones(2, bool), "scores")
    with pytest.raises(TypeError, match="votes are float32; wanted integers"):
        arguments.integers(np.ones(2), "votes")


def test_a_mask_may_be_zeros_and_ones_and_none_keeps_all():
    assert arguments.mask(None, (3,)).tolist() == [True, True, True]
    assert arguments.mask(np.array([0, 1, 1.0]), (3,)).tolist() == [False, True, True]


def test_shapes_that_differ_are_all_shown():
    arguments.same_shape(a=np.ones(2), b=np.zeros(2))
    with pytest.raises(ValueError, match=r"got a \(2,\), b \(3,\)"):
        arguments.same_shape(a=np.ones(2), b=np.zeros(3))
