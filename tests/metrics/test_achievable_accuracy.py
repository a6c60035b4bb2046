"""The best achievable accuracy: figures of the release, cases worked by hand, and worlds whose p are known."""

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.stats

from perface_jax.metrics import achievable_accuracy, vote_histograms

RELEASE = [1819, 1619, 1345, 1617]  # 0 to 3 votes of 3, column repaired
SCORES = ("unanimous", "majority", "soft")


_large = achievable_accuracy(1e9 * scipy.stats.betabinom.pmf(np.arange(4), 3, 0.78, 0.85))
TRUE = [one.beta_binomial.value for one in _large[:3]]


def three(best):
    """Beta-binomial, lowest and highest of each score."""
    return np.array([[one.beta_binomial.value, one.lowest, one.highest] for one in best[:3]])


def truth(p, votes):
    """The best achievable values of triplets with these p, summed over every outcome."""
    k = np.arange(votes + 1)
    chances = scipy.stats.binom.pmf(k, votes, p[:, None])
    a = (p > 0.5)[:, None]
    unanimous = np.where(a, k == votes, k == 0), (k == 0) | (k == votes)
    majority = np.where(a, 2 * k > votes, 2 * k < votes), 2 * k != votes
    ratios = [np.sum(chances * right) / np.sum(chances * kept) for right, kept in (unanimous, majority)]
    return [*ratios, np.mean(np.maximum(p, 1 - p))]


def test_the_figures_of_the_release():
    expected = [[0.948, 0.871, 0.987], [0.831, 0.721, 0.904], [0.771, 0.707, 0.809]]
    for counts in (RELEASE, np.array(RELEASE, np.float32), np.array(RELEASE, np.int16), {3: RELEASE}):
        np.testing.assert_allclose(three(achievable_accuracy(counts)), expected, atol=5e-4)
    best = achievable_accuracy(RELEASE)
    assert best.misfit < 1e-9
    assert np.isnan(best.soft.beta_binomial.low)  # no source, no interval


def test_the_beta_binomial_is_the_integral_over_a_beta_distribution():
    best = achievable_accuracy(RELEASE)
    beta = scipy.stats.beta(best.a, best.b)

    def mean(function):
        return sum(scipy.integrate.quad(lambda p: function(p) * beta.pdf(p), *ends)[0] for ends in ((0, 0.5), (0.5, 1)))

    expected = mean(lambda p: max(p**3, (1 - p) ** 3)) / mean(lambda p: p**3 + (1 - p) ** 3)
    np.testing.assert_allclose(best.unanimous.beta_binomial.value, expected, atol=1e-6)
    expected = mean(lambda p: max(p**3 + 3 * p**2 * (1 - p), (1 - p) ** 3 + 3 * (1 - p) ** 2 * p))
    np.testing.assert_allclose(best.majority.beta_binomial.value, expected, atol=1e-6)


@pytest.mark.parametrize(("counts", "expected"), [([1, 3, 3, 1], 0.5), ([5, 0, 0, 5], 1), ([0, 0, 0, 9], 1)])
def test_coin_tosses_leave_chance_and_a_unanimous_world_leaves_everything(counts, expected):
    np.testing.assert_allclose(three(achievable_accuracy(counts)), np.full((3, 3), expected), atol=1e-3)


def test_with_two_votes_the_bounds_are_those_of_a_variance():
    # E[p q] = 1/8, so E[d^2] = 1/2 with d = 2 p - 1: E|d| is between 1/2 and sqrt(1/2).
    # Unanimous: E[max(p^2, q^2)] / (3/4) = 1/2 + 2/3 E|d|. Soft: 1/2 + E|d| / 2. Majority labels: the unanimous.
    best = achievable_accuracy([3, 2, 3])
    wanted = [
        0.5 + 2 / 3 * np.sqrt([1 / 4, 1 / 2]),
        0.5 + 2 / 3 * np.sqrt([1 / 4, 1 / 2]),
        0.5 + np.sqrt([1 / 16, 1 / 8]),
    ]
    np.testing.assert_allclose(three(best)[:, 1:], wanted, atol=1e-5)
    assert (best.a, best.b) == pytest.approx((0.5, 0.5))  # p and q alike, E[p q] = a / (4 a + 2)
    assert best.soft.beta_binomial.value == pytest.approx(0.5 + 1 / np.pi)  # the arcsine distribution


def test_with_one_vote_only_the_mean_of_p_is_known():
    # From one p for all, 5/8, to p = 0 and p = 1. One vote is no unanimity, and its variance tells nothing of p.
    best = achievable_accuracy([3, 5])
    np.testing.assert_allclose(three(best), [[np.nan] * 3, [np.nan, 5 / 8, 1], [np.nan, 5 / 8, 1]], atol=1e-5)
    np.testing.assert_allclose(three(achievable_accuracy([3, 5], min_votes=1))[0, 1:], [5 / 8, 1], atol=1e-5)


def test_a_and_b_may_be_swapped():
    np.testing.assert_allclose(
        three(achievable_accuracy([9, 3, 2, 4])), three(achievable_accuracy([4, 2, 3, 9])), atol=1e-6
    )


@pytest.mark.parametrize("votes", [3, 4, 5])
def test_the_bounds_agree_with_the_dual_problem_on_a_finer_grid(votes):
    # The largest mean is the smallest mean of a polynomial of degree V that is nowhere below the function.
    p = np.linspace(0, 1, 4001)
    chances = scipy.stats.binom.pmf(np.arange(votes + 1)[:, None], votes, p)
    shares = scipy.stats.betabinom.pmf(np.arange(votes + 1), votes, 0.6, 1.1)
    best = achievable_accuracy(shares)
    for found, function in (
        (best.soft, np.maximum(p, 1 - p)),
        (best.unanimous, np.maximum(p, 1 - p) ** votes / (shares[0] + shares[-1])),
    ):
        for bound, sign in ((found.highest, 1), (found.lowest, -1)):
            dual = scipy.optimize.linprog(sign * shares, -sign * chances.T, -sign * function, bounds=(None, None))
            np.testing.assert_allclose(bound, sign * dual.fun, atol=2e-5)


@pytest.mark.parametrize("votes", [2, 3, 6])
def test_the_truth_of_a_known_world_lies_within_the_bounds(votes):
    random = np.random.default_rng(votes)
    p = random.choice([0.02, 0.3, 0.55, 0.9], 100_000, p=[0.3, 0.2, 0.2, 0.3])  # far from a beta distribution
    best = achievable_accuracy(np.bincount(random.binomial(votes, p), minlength=votes + 1))
    assert best.misfit < 0.003
    for (_, lowest, highest), true in zip(three(best), truth(p, votes), strict=True):
        assert lowest - 0.003 <= true <= highest + 0.003


def test_in_a_beta_world_the_beta_binomial_is_the_truth_and_holes_change_nothing():
    random = np.random.default_rng(0)
    p, source = random.beta(0.8, 0.5, 50_000), random.integers(0, 500, 50_000) * 7
    votes = (random.random((50_000, 5)) > p[:, None]).astype(int)
    votes[random.random(votes.shape) < 0.3] = -1
    histograms = vote_histograms(votes, source=source)
    assert list(histograms) == [1, 2, 3, 4, 5]
    best = achievable_accuracy(histograms, resamples=200)
    np.testing.assert_allclose([best.a, best.b], [0.8, 0.5], rtol=0.05)
    true = np.mean(np.maximum(p, 1 - p))
    assert best.soft.beta_binomial.low - 0.002 < true < best.soft.beta_binomial.high + 0.002
    assert best.soft.lowest - 0.003 <= true <= best.soft.highest + 0.003


def test_only_triplets_with_enough_votes_count_as_unanimous():
    counts = {2: [8, 2, 9], 3: [40, 10, 10, 40]}
    alone = achievable_accuracy(counts, min_votes=4)
    assert np.isnan(three(alone)[0]).all()
    both, of_three = (three(achievable_accuracy(counts, min_votes=votes)) for votes in (2, 3))
    np.testing.assert_array_equal(of_three, three(achievable_accuracy(counts)))  # by default, as in the labels
    assert (both[0] < of_three[0] - 1e-4).all()  # two votes agree more easily
    np.testing.assert_array_equal(both[1:], of_three[1:])


def test_impossible_counts_are_replaced_by_the_nearest_possible_ones():
    # Always one of two: at most half of the triplets can be expected to be split, those with p = 1/2.
    best = achievable_accuracy([0, 10, 0])
    assert best.misfit == pytest.approx(1 / 2)
    np.testing.assert_allclose(three(best), np.full((3, 3), 0.5), atol=1e-3)


def test_many_votes_leave_little_room():
    counts = np.random.default_rng(0).multinomial(3000, scipy.stats.betabinom.pmf(np.arange(21), 20, 0.8, 0.7))
    best = achievable_accuracy(counts)
    assert 0 <= best.soft.highest - best.soft.lowest < 0.02
    assert best.soft.lowest - 0.02 < best.soft.beta_binomial.value < best.soft.highest + 0.02


def test_holes_in_few_triplets_leave_bounds_that_contain_the_truth():
    random = np.random.default_rng(3)
    inside = []
    for _ in range(10):
        p = random.beta(2, 2, 400)
        votes = (random.random((400, 3)) > p[:, None]).astype(int)
        votes[random.random(votes.shape) < 0.1] = -1
        best = achievable_accuracy(vote_histograms(votes))
        assert best.misfit > 1e-4  # triplets with two and with three votes never say quite the same
        assert best.soft.lowest < best.soft.highest
        inside.append(best.soft.lowest <= 0.6875 <= best.soft.highest)  # E|2 p - 1| = 3/8
    assert np.mean(inside) >= 0.8


def test_histograms_by_hand():
    votes = np.array([[0, 0, 1], [0, -1, 1], [0, 0, 1], [1, 1, 1], [-1, -1, -1]])
    whole = vote_histograms(votes)
    assert {given: table.tolist() for given, table in whole.items()} == {2: [0, 1, 0], 3: [1, 0, 2, 0]}
    by_source = vote_histograms(votes, source=np.array([5, 5, 9, 9, 7]))
    assert by_source[3].tolist() == [[0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0]]
    assert by_source[2].tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_the_interval_resamples_sources():
    # The same triplets, dealt into 400 sources evenly, or into 20 whose triplets are alike.
    even = np.tile([3, 1, 1, 3], (400, 1))
    alike = np.repeat(np.diag([1200, 400, 400, 1200]), 5, axis=0) // 5
    found = [achievable_accuracy(table, resamples=200).soft.beta_binomial for table in (even, alike)]
    assert found[0].value == pytest.approx(found[1].value)
    assert found[0].high - found[0].low < 1e-6  # each source is the same
    assert found[1].high - found[1].low > 0.05


def test_without_triplets_nothing_is_known():
    for counts in ([0, 0, 0, 0], np.zeros((3, 4), int), {2: [0, 0, 0], 5: [0] * 6}):
        best = achievable_accuracy(counts, resamples=10)
        assert np.isnan([*three(best).ravel(), best.a, best.b, best.misfit]).all()


def test_counts_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match=r"counts of 3 votes have shape \(3,\); wanted \[V \+ 1\]"):
        achievable_accuracy({3: [1, 2, 3]})
    with pytest.raises(ValueError, match="at least 0"):
        achievable_accuracy([1, -2, 3])
    with pytest.raises(ValueError, match="wanted as many everywhere"):
        achievable_accuracy({1: np.ones((2, 2), int), 2: np.ones((3, 3), int)})
    with pytest.raises(ValueError, match=r"counts of 0 votes have shape \(1,\)"):
        achievable_accuracy([4])
    with pytest.raises(ValueError, match="wanted as many everywhere"):
        achievable_accuracy({})


def test_swapping_all_votes_swaps_the_parameters():
    one, other = achievable_accuracy([9, 3, 2, 4]), achievable_accuracy([4, 2, 3, 9])
    np.testing.assert_allclose([one.a, one.b], [other.b, other.a], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("sources", "targets"), [(80, 80), (80, 8), (16, 16)])
def test_coverage_of_the_interval_over_sources(sources, targets):
    """p has a beta distribution, and its source explains about 63% of it: the truth is known. Prints a line of docs."""
    random = np.random.default_rng(sources)
    covered, inside = [], []
    for _ in range(400):
        source = random.normal(size=(sources, 1))
        z = np.sqrt(0.63) * source + np.sqrt(0.37) * random.normal(size=(sources, targets))
        p = scipy.stats.beta.ppf(scipy.stats.norm.cdf(z), 0.78, 0.85)
        votes = random.binomial(3, p)
        counts = (votes[..., None] == np.arange(4)).sum(axis=1)
        best = achievable_accuracy(counts, resamples=1000, seed=len(covered))
        covered.append(
            [one.beta_binomial.low <= true <= one.beta_binomial.high for one, true in zip(best, TRUE, strict=False)]
        )
        inside.append([one.lowest <= true <= one.highest for one, true in zip(best, TRUE, strict=False)])
    shares = np.mean(covered, axis=0), np.mean(inside, axis=0)
    print(f"| {sources} x {targets} |", *(f" {x:.3f} |" for x in np.concatenate(shares)))
    assert (shares[0] > 0.9).all()
    assert (shares[1] > (0.97 if sources == 80 else 0.8)).all()  # the bounds know no sampling error
