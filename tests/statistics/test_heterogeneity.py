"""Cochran's Q against statsmodels, its size under the null hypothesis, and the differences that it finds."""

import numpy as np
import pytest

from perface_jax.statistics.heterogeneity import cochran_q

PEOPLE = 12


def study(rng, *, triplets=600, each=3, side=0.0, care=0.0, taste=0.0, dimensions=3):
    """Votes, annotators and parts of a model's difference by dimension; people differ by these deviations."""
    parts = rng.normal(size=(triplets, dimensions))
    who = np.argsort(rng.random((triplets, PEOPLE)), axis=1)[:, :each]
    weights = (1 + taste * rng.normal(size=(PEOPLE, dimensions))) * np.exp(care * rng.normal(size=(PEOPLE, 1)))
    logit = np.einsum("tk,tvk->tv", parts, weights[who]) + (side * rng.normal(size=PEOPLE))[who]
    return (rng.random(who.shape) < 1 / (1 + np.exp(-logit))).astype(np.int8), who, parts


def all_tests(votes, who, parts):
    """p of side, of care given side, of weights given both."""
    one, sums = np.ones((len(votes), 1)), parts.sum(axis=1, keepdims=True)
    return (
        cochran_q(votes, who).p,
        cochran_q(votes, who, sums, given=one).p,
        cochran_q(votes, who, parts, given=np.concatenate([one, sums], axis=1)).p,
    )


def test_with_everybody_on_every_triplet_it_is_cochrans_q():
    cochrans_q = pytest.importorskip("statsmodels.stats.contingency_tables").cochrans_q
    votes = (np.random.default_rng(0).random((40, 5)) < np.linspace(0.3, 0.7, 5)).astype(np.int8)
    found, theirs = cochran_q(votes, np.broadcast_to(np.arange(5), votes.shape)), cochrans_q(votes)
    assert (found.q, found.degrees, found.p) == pytest.approx((theirs.statistic, theirs.df, theirs.pvalue))
    assert found.excess == pytest.approx(max(0, 1 - 4 / theirs.statistic))


def test_mean_and_variance_are_those_of_all_assignments_of_the_votes():
    """Two triplets, three votes each: 3 x 3 assignments of one b and of two b."""
    who, z = np.array([[0, 1, 2], [0, 1, 2]]), np.array([[1.0], [2.0]])
    ones = np.eye(3, dtype=np.int8)
    values = [cochran_q(np.stack([one, 1 - two]), who, z).q for one in ones for two in ones]
    assert np.mean(values) == pytest.approx(2)  # the degrees of freedom


def test_missing_votes_unanimous_triplets_and_names_do_not_count():
    rng = np.random.default_rng(1)
    votes, who, _ = study(rng, side=1.0, triplets=80)
    wanted = cochran_q(votes, who)
    padded = np.concatenate([votes, [[1, 1, 1], [0, -1, -1], [-1, -1, -1]]])
    nobody = np.concatenate([who, [[0, 1, 2], [5, 0, 0], [0, 0, 0]]])
    np.testing.assert_allclose(cochran_q(padded, nobody), wanted)
    names = rng.permutation(1000)[:PEOPLE]
    np.testing.assert_allclose(cochran_q(votes, names[who]), wanted)


def test_nothing_to_test_has_no_p():
    same = cochran_q(np.ones((4, 3), np.int8), np.broadcast_to(np.arange(3), (4, 3)))
    assert (same.degrees, np.isnan(same.p), np.isnan(same.q)) == (0, True, True)
    rng = np.random.default_rng(2)
    votes, who, parts = study(rng, triplets=50)
    assert cochran_q(votes, who, parts[:, :1], given=parts[:, :1] * 3).degrees == 0


def test_what_does_not_fit_is_refused():
    votes = np.zeros((4, 3), np.int8)
    with pytest.raises(ValueError, match=r"both be \[T, V\], got \(4, 3\) and \(4, 2\)"):
        cochran_q(votes, np.zeros((4, 2), int))
    with pytest.raises(ValueError, match=r"for 4 triplets, got \(3, 1\)"):
        cochran_q(votes, np.zeros((4, 3), int), np.ones((3, 1)))
    with pytest.raises(ValueError, match="must be finite"):
        cochran_q(votes, np.zeros((4, 3), int), np.full((4, 1), np.nan))
    with pytest.raises(ValueError, match=r"3 annotators x 2000 covariates are more than 5,000"):
        cochran_q(votes, np.broadcast_to(np.arange(3), votes.shape), np.ones((4, 2000)))


def test_each_test_finds_its_own_difference_and_not_the_one_it_is_given():
    found = {
        name: np.array([all_tests(*study(np.random.default_rng(seed), **{name: size})) for seed in range(3)])
        for name, size in {"side": 0.8, "care": 0.8, "taste": 1.0}.items()
    }
    assert (found["side"][:, 0] < 1e-3).all()
    assert (found["care"][:, 1] < 1e-2).all()
    assert (found["taste"][:, 2] < 1e-3).all()
    for name in ("side", "care"):
        assert (found[name][:, 2] > 0.01).all(), name


@pytest.mark.slow
def test_the_level_holds_where_people_do_not_differ_or_only_in_what_is_given():
    """The table of docs/annotators.md: how often p is below .05, 200 studies each."""
    kinds = {"nobody differs": {}, "side": {"side": 0.5}, "care": {"care": 0.5}, "weights": {"taste": 0.5}}
    found = {}
    for name, options in kinds.items():
        studies = (study(np.random.default_rng(seed), triplets=300, **options) for seed in range(200))
        found[name] = np.mean([[p < 0.05 for p in all_tests(*one)] for one in studies], axis=0)
        print(name, *found[name].round(3), flush=True)
    assert (found["nobody differs"] < 0.1).all()
    assert found["side"][2] < 0.1
    assert found["care"][2] < 0.1
    assert min(found["side"][0], found["care"][1], found["weights"][2]) > 0.5
