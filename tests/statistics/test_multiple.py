"""Several tests at once."""

import numpy as np
from statsmodels.stats.multitest import multipletests

from perface_jax.statistics.multiple import holm


def test_by_hand_and_by_statsmodels():
    np.testing.assert_allclose(holm(np.array([0.04, 0.01, 0.03])), [0.06, 0.03, 0.06])  # .03, then 2 * .03, then .04
    p = np.random.default_rng(0).random(20) ** 3
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])


def test_what_was_not_tested_is_not_counted():
    np.testing.assert_allclose(holm(np.array([np.nan, 0.02, 0.4])), [np.nan, 0.04, 0.4])
    assert holm(np.array([])).shape == (0,)
