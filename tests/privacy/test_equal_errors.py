import numpy as np
import pytest

from perface_jax.privacy import equal_error, impostor_pairs
from perface_jax.privacy.equal_errors import roc_of
from perface_jax.statistics.estimates import expanded_tails
from perface_jax.statistics.resampling import resample
from perface_jax.verification import equal_error_rate

IMPOSTORS = np.random.default_rng(0).normal(size=(300, 12))  # more than one block of rows


def of_all_pairs(similarity, impostors):
    return equal_error_rate(
        np.append(similarity, impostors), np.arange(len(similarity) + len(impostors)) < len(similarity)
    )


@pytest.mark.parametrize("mean", [0.0, 0.3, 0.6])
def test_the_rate_is_that_of_all_pairs(mean):
    similarity = np.random.default_rng(1).normal(mean, 0.2, size=150).clip(-1, 1)
    wanted = of_all_pairs(similarity, impostor_pairs(IMPOSTORS).similarity)
    assert equal_error(similarity, impostors=IMPOSTORS, resamples=2).value == pytest.approx(wanted, abs=1e-12)


def test_tied_pairs_are_accepted_together():
    # Four originals along two directions: of six pairs two have 1, four 0. Pairs: 1 and 0, which tie with both kinds.
    impostors = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    similarity = np.array([1.0, 1, 0, 0, 0])
    # Below 1: false accepts 2/6, false rejects 3/5. Below 0: all accepted. From (1/3, 3/5) to (1, 0) straight:
    # 1/3 + 2/3 w = 3/5 - 3/5 w, w = (4/15) / (19/15) = 4/19, 1/3 + 8/57 = 27/57
    found = equal_error(similarity, impostors=impostors, resamples=2)
    assert found.value == pytest.approx(27 / 57)
    assert of_all_pairs(similarity, np.array([1, 1, 0, 0, 0, 0])) == pytest.approx(27 / 57)


def test_the_interval_draws_persons():
    similarity, persons = np.random.default_rng(2).normal(0.4, 0.2, size=40).clip(-1, 1), np.repeat(np.arange(20), 2)
    found = equal_error(similarity, persons, impostors=IMPOSTORS, seed=5, resamples=100)
    impostors = impostor_pairs(IMPOSTORS).similarity
    copies = [np.repeat(similarity, draw[persons].astype(int)) for draw in resample(20, 100, seed=5)]
    wanted = np.percentile([of_all_pairs(copy, impostors) for copy in copies], expanded_tails(20))
    np.testing.assert_allclose(found[1:], wanted, atol=1e-12)


def test_pairs_of_one_person_are_not_impostors():
    twice, persons = np.repeat(IMPOSTORS, 2, axis=0), np.repeat(np.arange(300), 2)
    similarity = np.random.default_rng(3).normal(0.5, 0.2, size=50).clip(-1, 1)
    once = equal_error(similarity, impostors=IMPOSTORS, resamples=2).value
    found = equal_error(similarity, impostors=twice, impostor_persons=persons, resamples=2).value
    assert found == pytest.approx(once, abs=1e-12)


def test_one_person_has_no_interval_and_one_impostor_no_rate():
    found = equal_error(np.array([0.5, 0.1]), [1, 1], impostors=IMPOSTORS)
    assert np.isfinite(found.value)
    assert np.isnan(found[1:]).all()
    with pytest.raises(ValueError, match="pictures: 1, persons: 1; wanted two persons or more"):
        equal_error(np.array([0.5, 0.1]), impostors=IMPOSTORS[:1])


def test_the_curve_is_slanted_where_results_tie_with_impostors():
    # Impostors at .8, .5, .2, .1. A result at .8 and two at .5 tie with them.
    accepted = np.array([[2 / 4, 1 / 4], [1 / 4, 0], [2 / 4, 1 / 4]])
    curve = roc_of(np.array([0.5, 0.8, 0.5]), accepted)
    below = [np.nextafter(value, 0) for value in (0.8, 0.5)]
    np.testing.assert_array_equal(curve.threshold, [np.inf, 0.8, below[0], 0.5, below[1], -np.inf])
    np.testing.assert_array_equal(curve.false_accept_rate, [0, 0, 1 / 4, 1 / 4, 2 / 4, 1])
    np.testing.assert_array_equal(curve.true_accept_rate, [0, 0, 1 / 3, 1 / 3, 1, 1])
