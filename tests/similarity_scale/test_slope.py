"""The slope of votes on cosines: against statsmodels, by its symmetries, and what has none."""

import numpy as np
import pytest
import statsmodels.api as sm

from perface_jax.similarity_scale import fit_slope
from tests.similarity_scale.simulation import SLOPE, votes


def _theirs(terms, for_a, given, *clusters):
    model = sm.GLM(np.stack([for_a, given - for_a], axis=1), terms, family=sm.families.Binomial())
    together = np.stack(clusters, axis=1) if len(clusters) > 1 else clusters[0]
    return model.fit(cov_type="cluster", cov_kwds={"groups": together}, tol=1e-12)


def test_slope_and_cluster_robust_error_are_those_of_statsmodels():
    similarities, for_a, given, source, target = study = votes(0, by_source=0.6, by_target=0.3)
    difference = similarities[:, 0] - similarities[:, 1]
    theirs, found = _theirs(difference[:, None], for_a, given, source, target), fit_slope(*study)
    np.testing.assert_allclose([found.value.value, found.error], [theirs.params[0], theirs.bse[0]], rtol=1e-4)
    assert (found.degrees, found.triplets, found.votes, found.sources, found.targets) == (15, 320, 960, 20, 16)
    assert found.value.high - found.value.value == pytest.approx(2.13145 * found.error, rel=1e-4)  # t of 15
    assert found.widest == np.abs(difference).max()
    one_way = fit_slope(*study[:4], np.zeros_like(target))
    np.testing.assert_allclose(one_way.error, _theirs(difference[:, None], for_a, given, source).bse[0], rtol=1e-4)


def test_a_preference_for_a_position_is_measured_and_averaged_out():
    similarities, _, given, source, target = votes(1)
    odds = SLOPE * (similarities[:, 0] - similarities[:, 1]) + 1.0
    for_a = np.random.default_rng(2).binomial(given, 1 / (1 + np.exp(-odds)))
    found = fit_slope(similarities, for_a, given, source, target)
    terms = sm.add_constant(similarities[:, 0] - similarities[:, 1])
    theirs = [_theirs(terms, for_a, given, *ids) for ids in ((source,), (target,), (source, target))]
    intercept, error = theirs[0].params[0], max(fit.bse[0] for fit in theirs)
    ends = 1 / (1 + np.exp(-intercept - error * 2.13145 * np.array([0, -1, 1])))
    np.testing.assert_allclose(found.first_share, ends, rtol=1e-3)  # they have (N - 1) / (N - 2)
    exchanged = fit_slope(similarities[:, ::-1], given - for_a, given, source, target)
    np.testing.assert_allclose(exchanged.value, found.value, rtol=1e-4)
    assert 6 < found.value.value < SLOPE  # as the mean of sigma(k d + 1) and sigma(k d - 1) is flatter


def test_triplets_without_votes_or_ids_do_not_count():
    similarities, for_a, given, source, target = votes(3)
    cut = [part[:-40] for part in (similarities, for_a, given, source, target)]
    given, source = given.copy(), source.copy()
    given[-40:-20], source[-20:] = 0, -1
    assert fit_slope(similarities, for_a, given, source, target) == fit_slope(*cut)


def test_what_has_no_slope_says_why():
    similarities, for_a, given, source, target = votes(4)
    more = similarities[:, 0] > similarities[:, 1]
    with pytest.raises(ValueError, match="no triplet has votes, a source and a target"):
        fit_slope(similarities, for_a, 0 * given, source, target)
    with pytest.raises(ValueError, match="at least two of either"):
        fit_slope(similarities, for_a, given, 0 * source, 0 * target)
    with pytest.raises(ValueError, match="960 votes are for the more similar picture: no slope fits best"):
        fit_slope(similarities, 3 * more, given, source, target)
    with pytest.raises(ValueError, match="equal in every triplet"):
        fit_slope(similarities[:, [0, 0]], for_a, given, source, target)
    similarities[0] = np.nan
    with pytest.raises(ValueError, match="NaN among the cosines"):
        fit_slope(similarities, for_a, given, source, target)
