import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.metrics import roc_curve

from perface_jax.verification import equal_error_rate, roc, threshold_at, true_accept_rate, verification_accuracy

SAME = np.array([True, False] * 100)


def similarities(seed=0, *, ties=False):
    values = np.random.default_rng(seed).normal(size=200) + 1.2 * SAME
    return np.round(values, 1) if ties else values


def slow_accuracy(similarity, same, folds):
    """Every threshold between two values of the other folds tried, fold by fold."""
    parts = np.array_split(np.arange(len(same)), folds)
    accuracies = []
    for part in parts:
        rest = np.setdiff1d(np.arange(len(same)), part)
        values = np.unique(similarity[rest])
        tried = [-np.inf, *((values[1:] + values[:-1]) / 2), values[-1]]
        right = [((similarity[rest] > threshold) == same[rest]).sum() for threshold in tried]
        accuracies.append(((similarity[part] > tried[int(np.argmax(right))]) == same[part]).mean())
    return np.mean(accuracies), np.sqrt(np.sum(np.square(accuracies - np.mean(accuracies))) / (folds - 1))


def test_the_threshold_of_a_fold_is_chosen_on_the_others():
    similarity, same = np.array([0.4, 0.2, 0.7, 0.5, 0.9, 0.1]), np.array([True, False] * 3)
    # The others of fold 1 are .7 .9 | .5 .1, cut at .6: .4 is taken for two persons, 1 of 2 right.
    # Those of fold 2 are .4 .9 | .2 .1, cut at .3: .5 is taken for one person, 1 of 2 right.
    # Those of fold 3 are .4 .7 | .2 .5, of which cuts at .3 and at .6 are each wrong once: .9 and .1 are right anyway.
    mean, deviation = verification_accuracy(similarity, same, folds=3)
    # 1/2, 1/2 and 1 lie 1/6, 1/6 and 1/3 from their mean 2/3: squares 1/36 + 1/36 + 4/36, over n - 1 = 2
    np.testing.assert_allclose([mean, deviation], [2 / 3, np.sqrt(1 / 12)])


def test_of_equally_good_thresholds_the_lowest_counts():
    # The others of fold 1 are .4 .7 | .2 .5: cuts at .3 and at .6 are each wrong once; at .3, .45 is accepted.
    similarity, same = np.array([0.45, 0.1, 0.4, 0.2, 0.7, 0.5]), np.array([True, False] * 3)
    # fold 2: .45 .7 | .1 .5, cuts at .275 and .6 are each wrong once; at .275, .4 and .2 are right
    # fold 3: .45 .4 | .1 .2, cut at .3: .7 is right, .5 is wrong
    assert verification_accuracy(similarity, same, folds=3)[0] == pytest.approx((1 + 1 + 1 / 2) / 3)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("folds", [2, 7, 10, 200])
def test_accuracy_is_that_of_trying_every_threshold(ties, folds):
    similarity = similarities(ties=ties)
    np.testing.assert_allclose(
        verification_accuracy(similarity, SAME, folds=folds), slow_accuracy(similarity, SAME, folds)
    )


def test_separable_pairs_have_accuracy_one():
    assert verification_accuracy(np.where(SAME, 0.31, 0.29), SAME) == (1.0, 0.0)


def test_neighboring_numbers_are_separated():
    low = 1.0
    high = np.nextafter(low, 2.0)  # half way between them rounds to one of them
    for shift in (0, 1):
        values = np.where(SAME, np.nextafter(high, 2.0) if shift else high, high if shift else low)
        assert verification_accuracy(values, SAME) == (1.0, 0.0)


def test_equal_similarities_give_chance_accuracy():
    assert verification_accuracy(np.zeros(200), SAME) == (0.5, 0.0)
    assert true_accept_rate(np.zeros(200), SAME, false_accept_rate=0.99) == 0.0
    assert true_accept_rate(np.zeros(200), SAME, false_accept_rate=1.0) == 1.0


def test_a_similarity_equal_to_the_threshold_is_rejected():
    similarity, same = np.array([0.9, 0.8, 0.8, 0.5, 0.5, 0.1]), np.array([True, True, False, True, False, False])
    # of the pairs of two persons, .8 .5 .1, a third may pass: the threshold is .5, above it .9 .8 of .9 .8 .5
    assert threshold_at(similarity, same, false_accept_rate=1 / 3) == 0.5
    assert true_accept_rate(similarity, same, false_accept_rate=1 / 3) == pytest.approx(2 / 3)
    assert threshold_at(similarity, same, false_accept_rate=0.3) == 0.8
    assert true_accept_rate(similarity, same, false_accept_rate=0.3) == pytest.approx(1 / 3)
    assert threshold_at(similarity, same, false_accept_rate=1) == -np.inf


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("rate", [0, 0.001, 0.01, 0.07, 0.29, 0.5, 0.99, 1])  # of 100, 29 / 100 is exactly .29
def test_rates_are_those_of_scikit_learn(ties, rate):
    similarity = similarities(1, ties=ties)
    false, true, _ = roc_curve(SAME, similarity, drop_intermediate=False)
    assert true_accept_rate(similarity, SAME, false_accept_rate=rate) == pytest.approx(true[false <= rate].max())
    threshold = threshold_at(similarity, SAME, false_accept_rate=rate)
    assert (similarity[~SAME] > threshold).mean() == pytest.approx(false[false <= rate].max())


def test_half_precision_is_converted_exactly():
    similarity = similarities().astype(np.float16)
    wanted = threshold_at(similarity.astype(np.float64), SAME, false_accept_rate=0.1)
    assert threshold_at(similarity, SAME, false_accept_rate=0.1) == wanted


@pytest.mark.parametrize(
    ("similarity", "same", "error", "message"),
    [
        (np.zeros(4), np.array([1, 0, 1, 0]), TypeError, "same is int64, expected bool"),
        (np.zeros(3), SAME[:4], ValueError, r"\[P\], got \(3,\) and \(4,\)"),
        (np.zeros((2, 2)), SAME[:4].reshape(2, 2), ValueError, r"\[P\], got \(2, 2\)"),
        (np.array([0, np.nan, 1, 2]), SAME[:4], ValueError, "1 of 4 similarities are not finite"),
        (np.zeros(4), np.ones(4, bool), ValueError, "4 of 4 pairs show one person; wanted pairs of both kinds"),
        (np.zeros(0), np.zeros(0, bool), ValueError, "0 of 0 pairs show one person"),
    ],
)
def test_invalid_pairs_are_refused(similarity, same, error, message):
    with pytest.raises(error, match=message):
        verification_accuracy(similarity, same, folds=2)
    with pytest.raises(error, match=message):
        true_accept_rate(similarity, same, false_accept_rate=0.1)


def test_folds_and_rates_out_of_range_are_refused():
    for folds in (1, 201):
        with pytest.raises(ValueError, match=f"folds is {folds}, expected 2 to 200"):
            verification_accuracy(similarities(), SAME, folds=folds)
    for rate in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="false_accept_rate is .*, expected 0 to 1"):
            threshold_at(similarities(), SAME, false_accept_rate=rate)


def test_the_curve_of_four_pairs():
    similarity, same = np.array([0.9, 0.7, 0.7, 0.2]), np.array([True, True, False, False])
    # above .9 nothing; above .7 the first; above .2 all but the last; above -inf all
    curve = roc(similarity, same)
    np.testing.assert_array_equal(curve.threshold, [0.9, 0.7, 0.2, -np.inf])
    np.testing.assert_array_equal(curve.false_accept_rate, [0, 0, 1 / 2, 1])
    np.testing.assert_array_equal(curve.true_accept_rate, [0, 1 / 2, 1, 1])
    # from (0, 1/2) to (1/2, 0) false accepts and false rejects meet half way
    assert equal_error_rate(similarity, same) == 0.25


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_curve_and_its_equal_error_rate_are_those_of_scikit_learn(ties, seed):
    similarity = similarities(seed, ties=ties)
    false, true, threshold = roc_curve(SAME, similarity, drop_intermediate=False)
    curve = roc(similarity, SAME)
    np.testing.assert_allclose(curve.false_accept_rate, false)
    np.testing.assert_allclose(curve.true_accept_rate, true)
    np.testing.assert_array_equal(curve.threshold[:-1], threshold[1:])  # theirs accept from the threshold on
    wanted = brentq(lambda rate: 1 - rate - np.interp(rate, false, true), 0, 1)
    assert equal_error_rate(similarity, SAME) == pytest.approx(wanted, abs=1e-9)


def test_the_true_accept_rate_lies_on_the_curve():
    similarity = similarities(3)
    curve = roc(similarity, SAME)
    for rate in (0.01, 0.1, 0.5):
        at = np.flatnonzero(curve.threshold == threshold_at(similarity, SAME, false_accept_rate=rate))
        assert true_accept_rate(similarity, SAME, false_accept_rate=rate) == curve.true_accept_rate[at]


def test_the_equal_error_rate_ranges_from_zero_to_one():
    assert equal_error_rate(np.where(SAME, 0.8, 0.2), SAME) == 0
    assert equal_error_rate(np.where(SAME, 0.2, 0.8), SAME) == 1
    assert equal_error_rate(np.zeros(200), SAME) == 0.5
