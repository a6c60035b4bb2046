"""The mesh and the way of a batch onto it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import parallel


def test_a_step_sees_its_own_rows_and_sums_over_all_devices():
    def step(total, rows, *, axis_name):
        assert rows["x"].shape == (2,)
        return total + 1, jax.lax.psum(jnp.sum(rows["x"]), axis_name)

    mesh = parallel.data_mesh()
    rows = parallel.to_global({"x": np.arange(16.0, dtype=np.float32)}, mesh)
    total, summed = parallel.spmd(step, mesh)(parallel.replicate(jnp.zeros(()), mesh), rows)
    assert (float(total), float(summed)) == (1, 120)


def test_a_batch_that_does_not_divide_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match="batch of 12 cannot be divided over 8 devices"):
        parallel.check_batch_size(12, parallel.data_mesh())


def test_fewer_devices_may_be_given():
    assert parallel.data_mesh(jax.devices()[:2]).shape == {"data": 2}
