import math

import numpy as np
import pytest

from perface_jax.privacy import impostor_pairs, independent_threshold, match_threshold, pairs_needed, thresholds
from perface_jax.statistics.estimates import expanded_tails
from perface_jax.statistics.resampling import resample
from perface_jax.verification import threshold_at


def people(count, *, alike=0.0, seed=0):
    """Embeddings of random people; the higher `alike`, the more some of them resemble many others."""
    random = np.random.default_rng(seed)
    faces = random.normal(size=(count, 32))
    faces[:, 0] += alike * random.exponential(size=count)
    return faces


def by_copies(faces, persons, rate, draw):
    """The threshold of a resample that is written out: the pictures of a person as often as it was drawn."""
    rows = np.concatenate(
        [np.flatnonzero(persons == person) for person, count in enumerate(draw) for _ in range(int(count))]
    )
    unit = faces[rows] / np.linalg.norm(faces[rows], axis=1, keepdims=True)
    one, other = np.triu_indices(len(rows), 1)
    similarity = np.sum(unit[one] * unit[other], axis=1)[persons[rows][one] != persons[rows][other]]
    return np.sort(similarity)[::-1][math.floor(rate * len(similarity) + 1e-9)]


@pytest.mark.parametrize("rate", [0.5, 0.1, 0.01, 0.003])
def test_the_threshold_is_the_quantile_of_the_impostors(rate):
    similarity = impostor_pairs(people(60)).similarity
    wanted = np.quantile(similarity, 1 - rate, method="inverted_cdf")
    assert match_threshold(people(60), false_accept_rate=rate, resamples=2).value == wanted
    assert independent_threshold(similarity, false_accept_rate=rate).value == wanted
    assert (similarity > wanted).mean() <= rate < (similarity >= wanted).mean()


def test_the_threshold_is_that_of_verification():
    similarity = np.round(impostor_pairs(people(40)).similarity, 1)  # with ties
    both = np.append(similarity, 0.9), np.arange(len(similarity) + 1) == len(similarity)
    for rate in (0.01, 0.1, 0.3):
        found = independent_threshold(similarity, false_accept_rate=rate).value
        assert found == threshold_at(*both, false_accept_rate=rate)


def test_the_interval_draws_whole_persons():
    persons = np.repeat(np.arange(12), [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3])
    faces = people(24)
    found = match_threshold(faces, persons, false_accept_rate=0.05, resamples=200, seed=3)
    wanted = [by_copies(faces, persons, 0.05, draw) for draw in resample(12, 200, seed=3)]
    np.testing.assert_allclose(found[1:], np.percentile(wanted, expanded_tails(12)), atol=1e-12)
    assert found.value == pytest.approx(by_copies(faces, persons, 0.05, np.ones(12)), abs=1e-12)


def test_the_most_similar_pairs_suffice_for_the_threshold(monkeypatch):
    whole = match_threshold(people(100, alike=1), resamples=300)
    monkeypatch.setattr(thresholds, "KEPT", 0)
    assert match_threshold(people(100, alike=1), resamples=300) == whole


def test_a_lower_rate_has_a_higher_threshold():
    rates = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
    values = [match_threshold(people(100), false_accept_rate=rate, resamples=50) for rate in rates]
    assert (np.diff(np.array(values), axis=0) >= 0).all()
    assert all(low <= value <= high and low < high for value, low, high in values)


@pytest.mark.parametrize(("rate", "needed"), [(0.001, 3688), (0.01, 368), (0.5, 6), (0.1, 36), (0.9, 36)])
def test_the_number_needed_is_the_least_that_keeps_the_interval_inside_the_data(rate, needed):
    # (1 - rate)^n <= .025: log(.025) / log(.999) = 3687.03, / log(.99) = 367.04, / log(.5) = 5.32, / log(.9) = 35.01
    assert pairs_needed(rate) == needed
    smaller = max(rate, 1 - rate)
    assert smaller**needed <= 0.025 < smaller ** (needed - 1)
    found = independent_threshold(np.random.default_rng(0).normal(size=needed), false_accept_rate=rate)
    assert np.isfinite(found).all()


def test_too_few_impostors_are_refused_with_the_number_needed():
    message = "3,687 pairs of two persons; .* rate of 0.001 needs 3,688, that is pictures of 87 persons. Give more"
    with pytest.raises(ValueError, match=message):
        independent_threshold(np.arange(3687.0))
    with pytest.raises(ValueError, match="3,655 pairs .* needs 3,688, that is pictures of 87 persons"):
        match_threshold(people(86))
    assert match_threshold(people(87), resamples=2).value < 1  # 87 * 86 / 2 = 3,741
    with pytest.raises(ValueError, match="20 pairs of two persons"):  # 2 pictures of one and 10 of the other
        match_threshold(people(12), np.repeat([0, 1], [2, 10]), false_accept_rate=0.1)


def test_rates_and_similarities_out_of_range_are_refused():
    for rate in (0, 1, -0.1, np.nan):
        with pytest.raises(
            ValueError, match="false_accept_rate is .*; wanted more than 0 and less than 1, such as 0.001"
        ):
            match_threshold(people(10), false_accept_rate=rate)
    with pytest.raises(ValueError, match=r"similarities have shape \(2, 2\)"):
        independent_threshold(np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"shape \(3,\) and 1 that are not finite"):
        independent_threshold(np.array([0.1, np.nan, 0.2]))


def test_one_picture_under_many_names_is_refused():
    copies = np.repeat(people(30), 4, axis=0)
    with pytest.raises(
        ValueError, match="more than 0.001 of the 7,140 pairs of two persons have the same embedding; give"
    ):
        match_threshold(copies)
    assert match_threshold(copies, np.repeat(np.arange(30), 4), resamples=2).value < 1


def test_the_ends_are_order_statistics_that_contain_the_quantile_in_95_of_100_samples():
    random = np.random.default_rng(0)
    found = [independent_threshold(random.uniform(size=400), false_accept_rate=0.01) for _ in range(2000)]
    inside = np.mean([low <= 0.99 <= high for _, low, high in found])
    assert 0.94 < inside < 0.985  # at least .95, and more only because there are whole pairs


def coverage(alike, *, count=60, rate=0.01, samples=100):
    """How often the threshold of 3,000 people is above, in and below the interval of persons, and in that of pairs."""
    pairs = impostor_pairs(people(3000, alike=alike, seed=10**6), keep=100_000)
    truth = pairs.similarity[int(rate * 3000 * 2999 / 2)]
    found = []
    for seed in range(samples):
        faces = people(count, alike=alike, seed=seed)
        _, low, high = match_threshold(faces, false_accept_rate=rate, resamples=200)
        _, lowest, highest = independent_threshold(impostor_pairs(faces).similarity, false_accept_rate=rate)
        found.append((truth > high, low <= truth <= high, truth < low, lowest <= truth <= highest))
    return np.mean(found, axis=0)


def test_the_interval_covers_the_threshold_if_some_people_resemble_many_and_that_of_independent_pairs_does_not():
    _, inside, _, as_independent = coverage(1)
    assert inside > 0.9
    assert as_independent < inside - 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("count", "rate"), [(60, 0.01), (100, 0.001), (300, 0.001)])
def test_coverage_of_the_interval(count, rate):
    for alike in (0, 1, 2):
        above, inside, below, independent = coverage(alike, count=count, rate=rate, samples=300)
        shares = f"inside {inside:.3f}, above {above:.3f}, below {below:.3f}; of independent pairs {independent:.3f}"
        print(f"{count} persons, rate {rate}, alike {alike}: {shares}")
        assert inside > 0.75
        assert below < 0.05
