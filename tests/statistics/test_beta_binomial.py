"""The beta-binomial against SciPy's probabilities and maximizer, and where the likelihood has no maximum."""

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from perface_jax.statistics.beta_binomial import cell_chances, fit_beta_binomial

THREE = np.arange(4), np.full(4, 3)
MIXED = np.array([0, 1, 2, 0, 1, 2, 3, 4, 5]), np.array([2, 2, 2, 5, 5, 5, 5, 5, 5])


def test_the_probabilities_are_those_of_scipy():
    for a, b in ((0.5, 2.0), (300.0, 1.5), (1e-3, 1e-3)):
        ours = cell_chances(*MIXED, np.array([a]), np.array([b]))[0]
        np.testing.assert_allclose(ours, scipy.stats.betabinom.pmf(*MIXED, a, b), rtol=1e-8)


@pytest.mark.parametrize(
    ("cells", "counts"),
    [(THREE, [1819, 1619, 1345, 1617]), (THREE, [100, 1, 1, 3]), (MIXED, [9, 4, 3, 8, 3, 2, 2, 4, 6])],
)
def test_the_fit_agrees_with_a_general_maximizer(cells, counts):
    def loss(logarithms):
        return -np.sum(counts * scipy.stats.betabinom.logpmf(*cells, *np.exp(logarithms)))

    theirs = np.exp(scipy.optimize.minimize(loss, [0, 0], method="Nelder-Mead", options={"xatol": 1e-8}).x)
    a, b = fit_beta_binomial(*cells, np.array([counts]))
    np.testing.assert_allclose([a[0], b[0]], theirs, rtol=1e-4)


def test_many_data_sets_are_fitted_as_one_by_one():
    counts = np.random.default_rng(0).multinomial(50, [0.3, 0.2, 0.2, 0.3], size=6)
    alone = [fit_beta_binomial(*THREE, one[None]) for one in counts]
    np.testing.assert_allclose(fit_beta_binomial(*THREE, counts), np.concatenate(alone, axis=1), rtol=1e-5)


def test_where_the_likelihood_has_no_maximum_the_fit_is_nearly_its_limit():
    a, b = fit_beta_binomial(*THREE, np.array([[1, 3, 3, 1], [5, 0, 0, 5], [0, 0, 0, 9]]))
    np.testing.assert_allclose(a / (a + b), [0.5, 0.5, 1], atol=1e-3)
    assert a[0] + b[0] > 1e6  # one p for all
    assert a[1] + b[1] < 1e-6  # p = 0 and p = 1


def test_single_votes_say_nothing_about_the_spread_of_p():
    cells = np.array([0, 1, 0, 1, 2]), np.array([1, 1, 2, 2, 2])
    assert np.isnan(fit_beta_binomial(*cells, np.array([[4, 5, 0, 0, 0]]))).all()
    assert np.isfinite(fit_beta_binomial(*cells, np.array([[4, 5, 2, 1, 2]]))).all()
