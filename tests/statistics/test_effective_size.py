"""How many independent answers a share is worth."""

import numpy as np
import pytest

from perface_jax.statistics.effective_size import effective_size, spread_of


def test_errors_are_spread_over_as_many_clusters_as_have_them():
    def spread(*errors):
        return spread_of(sum(errors), sum(x * x for x in errors), least=1e-300)

    assert spread(0, 0) == 0
    assert spread(1, 0) == spread(5, 0) == 1
    assert spread(2, 2, 2, 0) == 3
    assert spread(1, 3) == pytest.approx(16 / 10)
    assert spread(0.1, 0.1) == pytest.approx(0.2)  # less than one error


def test_it_moves_from_the_clusters_to_the_estimate():
    sizes = [effective_size(400.0, 20.0, spread) for spread in (0, 1, 3, 10, 1e6)]
    np.testing.assert_allclose(sizes, [20, 20 * 20**0.1, np.sqrt(400 * 20), 20 * 20 ** (100 / 109), 400], rtol=1e-6)
    assert effective_size(20.0, 20.0, 2.0) == pytest.approx(20)  # clusters of one answer each
