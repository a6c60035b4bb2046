import numpy as np
import pytest
from scipy.stats import binomtest

from perface_jax.privacy import protection_success, share
from perface_jax.statistics.shares import share_of
from perface_jax.verification import true_accept_rate

SIMILARITY = np.array([0.8, 0.0, 0.5, 0.6])


def test_a_pair_that_equals_the_threshold_is_protected():
    assert protection_success(SIMILARITY, 0.5).value == 2 / 4  # 0 and .5
    assert protection_success(SIMILARITY, np.nextafter(0.5, 0)).value == 1 / 4
    assert protection_success(SIMILARITY, -1.0).value == 0
    assert protection_success(SIMILARITY, 0.8).value == 1


def test_protection_is_what_a_recognizer_does_not_accept():
    random = np.random.default_rng(0)
    made, impostors = random.normal(0.5, size=100).round(1), random.normal(size=100).round(1)
    both = np.append(made, impostors), np.arange(200) < 100
    threshold = np.sort(impostors)[::-1][5]  # of 100, .05 may be accepted: the sixth
    accepted = true_accept_rate(*both, false_accept_rate=0.05)
    assert protection_success(made, threshold).value == pytest.approx(1 - accepted)


def test_a_higher_threshold_protects_more():
    values = [protection_success(SIMILARITY, threshold) for threshold in np.linspace(-0.1, 0.9, 30)]
    assert (np.diff(values, axis=0)[:, 0] >= 0).all()


def test_persons_may_be_named():
    values, persons = np.array([1, 0, 1, 1, 0, 0.5]), np.array(["b", "b", "a", "c", "c", "c"])
    assert share(values, persons) == share_of(values, np.array([1, 1, 0, 2, 2, 2]))
    assert share(values, persons).value == pytest.approx(3.5 / 6)


def test_the_interval_rises_with_every_picture_that_is_protected():
    found = [share(np.arange(20) < k) for k in range(21)]
    assert (np.diff(found, axis=0) >= 0).all()
    np.testing.assert_allclose(found[19], (0.95, *binomtest(19, 20).proportion_ci(method="exact")))


def test_more_pictures_of_the_same_persons_are_no_more_evidence():
    values = np.random.default_rng(0).integers(0, 2, 40)
    one, five = share(values), share(np.repeat(values, 5), np.repeat(np.arange(40), 5))
    np.testing.assert_allclose(five, one)
    as_independent = share(np.repeat(values, 5))
    assert as_independent.high - as_independent.low < 0.6 * (five.high - five.low)


@pytest.mark.parametrize("persons", [2, 10, 100])
def test_all_or_none_has_the_exact_interval_of_as_many_persons(persons):
    ids = np.repeat(np.arange(persons), 3)
    for value in (0, 1):
        exact = binomtest(value * persons, persons).proportion_ci(method="exact")
        assert share(np.full(3 * persons, value), ids) == pytest.approx((value, exact.low, exact.high))


def test_one_person_has_no_interval():
    assert share(np.array([1, 1]), [5, 5]) == pytest.approx((1, np.nan, np.nan), nan_ok=True)
    assert share(np.array([1, 0]), [5, 5]) == pytest.approx((0.5, np.nan, np.nan), nan_ok=True)


def test_the_interval_holds_the_share_in_about_95_of_100_samples():
    random = np.random.default_rng(0)
    persons, inside = np.repeat(np.arange(60), 4), []
    for _ in range(300):
        values = random.uniform(size=240) < np.repeat(random.beta(1.6, 0.4, size=60), 4)  # mean .8, alike in a person
        _, low, high = share(values, persons)
        inside.append(low <= 0.8 <= high)
    assert 0.9 < np.mean(inside) < 0.98


def test_values_that_are_not_shares_are_refused():
    with pytest.raises(ValueError, match="values go from -0.5 to 1.5; wanted shares, 0 to 1"):
        share(np.array([1.5, -0.5]))
    with pytest.raises(ValueError, match=r"values have shape \(0,\)"):
        share(np.array([]))
    with pytest.raises(ValueError, match=r"similarities have shape \(4,\) and 1 that are not finite"):
        protection_success(np.where(SIMILARITY == 0.5, np.nan, SIMILARITY), 0.5)
    with pytest.raises(ValueError, match="the threshold is NaN"):
        protection_success(SIMILARITY, np.nan)
