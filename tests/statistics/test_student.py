"""Student's t against SciPy."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm, t

from perface_jax.statistics import student

DEGREES = np.array([1, 2, 3, 15, 79, 99, 100, 500, 1000, 1500, 10**4, 10**6], np.float32)


def test_quantiles_are_those_of_scipy():
    np.testing.assert_allclose(student.quantile(DEGREES, 0.95), t.ppf(0.975, DEGREES), rtol=1e-6)
    np.testing.assert_allclose(student.quantile(jnp.float32(np.inf), 0.9), norm.ppf(0.95), rtol=1e-6)
    assert np.isnan(student.quantile(jnp.float32(0), 0.95))
    with pytest.raises(ValueError, match="level is 95; wanted a share"):
        student.quantile(DEGREES, 95)


@pytest.mark.parametrize("value", [-4.0, 0.0, 0.5, 2.1])
def test_p_values_are_those_of_scipy(value):
    np.testing.assert_allclose(
        student.two_sided_p(jnp.float32(value), DEGREES), 2 * t.sf(abs(value), DEGREES), atol=1e-5
    )
    np.testing.assert_allclose(student.one_sided_p(jnp.float32(value), DEGREES), t.sf(value, DEGREES), atol=1e-5)


def test_nan_and_no_degrees_have_no_p():
    assert np.isnan(student.two_sided_p(jnp.float32(np.nan), jnp.float32(4)))
    assert np.isnan(student.one_sided_p(jnp.float32(1), jnp.float32(0)))


def test_the_expanded_tail_is_that_of_hesterberg():

    clusters = np.array([5, 10, 20, 80])
    expected = norm.cdf(-np.sqrt(clusters / (clusters - 1.0)) * t.ppf(0.975, clusters - 1))
    np.testing.assert_allclose(student.expanded_tail(clusters, 0.95), expected, rtol=1e-4)
    np.testing.assert_allclose(student.expanded_tail(jnp.int32(10**6), 0.95), 0.025, rtol=1e-3)
    np.testing.assert_allclose(student.expanded_p(student.expanded_tail(clusters, 0.95), clusters), 0.05, rtol=1e-3)
