"""Models with masks against models without: votes counted by hand, annotators with known masks, the tests before it."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from perface_jax import annotator_masks, losses
from perface_jax.annotations import Setting
from perface_jax.annotator_masks import AnnotatorMasks
from perface_jax.evaluation import AnnotatorRun, LabeledTriplets, Measure, annotator_rows, heterogeneity_rows, parts
from perface_jax.sections.annotators import heterogeneity, masks
from perface_jax.similarity import masked_similarity, similarity

PEOPLE, D = 12, 8


def run_of(votes, who, source, target, of_parts, *, test, logits=None, given=None):
    """A run whose test setting i has the triplets `test`."""
    triplets = types.SimpleNamespace(votes=votes, source_id=source, target_id=target)
    split = types.SimpleNamespace(rows={Setting.BOTH_UNSEEN: test})
    data = LabeledTriplets(triplets, None, None, None, None, split)
    people = int(who.max()) + 1
    found = None if logits is None else AnnotatorMasks(
        tuple(map(str, range(people))), logits, np.ones(people, int) if given is None else given)  # fmt: skip
    return AnnotatorRun(data, of_parts.astype(np.float32), who, found)


def study(seed, *, sources=40, targets=30, sd=1.0, temperature=0.1, each=3):
    """Embeddings, votes by annotators with known masks, and ids; every target of the first third is for the test."""
    rng = np.random.default_rng(seed)
    source, target = np.indices((sources, targets)).reshape(2, -1)
    faces = rng.normal(size=(sources, 3, D)) + 0.7 * rng.normal(size=(sources, 1, D))
    embeddings = (faces[source] + 0.5 * rng.normal(size=(len(source), 3, D))).astype(np.float32)
    logits = (sd * rng.normal(size=(PEOPLE, D))).astype(np.float32)
    who = np.argsort(rng.random((len(source), PEOPLE)), axis=1)[:, :each].astype(np.int32)
    weights = np.square(2 / (1 + np.exp(-logits)))
    difference = np.einsum("td,tvd->tv", parts(embeddings), weights[who]) / temperature
    votes = (rng.random(who.shape) >= 1 / (1 + np.exp(-difference))).astype(np.int8)
    return embeddings, votes, who, source, target, logits


def fit(embeddings, votes, who, rows, *, sd, temperature=0.1):
    """The masks that are most probable given the votes on these rows, by the loss of training."""
    a, b, reference = (jnp.asarray(one) for one in np.moveaxis(embeddings[rows], 1, 0))
    sides, people = np.where(votes[rows] == 0, 1, -1), who[rows]

    @jax.jit
    def loss(logits):
        logits = logits.reshape(PEOPLE, D)
        of_votes = annotator_masks.mask(logits)[people]
        mean = losses.annotator_votes(reference, a, b, of_votes, sides, temperature=temperature).mean()
        return mean + jnp.sum(logits**2) / (2 * sd**2 * sides.size)

    found = scipy.optimize.minimize(
        lambda x: [np.float64(one) for one in jax.device_get(jax.value_and_grad(loss)(np.float32(x)))],
        np.zeros(PEOPLE * D), jac=True, method="L-BFGS-B", options={"maxiter": 200},
    )  # fmt: skip
    return found.x.reshape(PEOPLE, D).astype(np.float32)


def test_the_parts_sum_to_the_difference_of_two_cosines_and_masks_weigh_them():
    random = np.random.default_rng(0)
    embeddings, logits = random.normal(size=(5, 3, D)).astype(np.float32), random.normal(size=(2, D)).astype(np.float32)
    a, b, reference = np.moveaxis(embeddings, 1, 0)
    np.testing.assert_allclose(
        parts(embeddings).sum(axis=1), similarity(reference, a) - similarity(reference, b), atol=1e-6
    )
    who = np.array([[0, 1], [1, -1], [0, 0], [1, 0], [-1, 1]])
    run = run_of(np.zeros((5, 2), np.int8), who, *np.zeros((2, 5), int), parts(embeddings), test=np.arange(5),
                 logits=logits)  # fmt: skip
    of_masks = np.asarray(annotator_masks.mask(logits))[np.maximum(who, 0)]
    x, y, z = (np.broadcast_to(one[:, None], of_masks.shape) for one in (reference, a, b))
    wanted = np.where(who < 0, 0, masked_similarity(x, y, of_masks) - masked_similarity(x, z, of_masks))
    np.testing.assert_allclose(run.differences(), wanted, atol=1e-6)


def test_votes_of_seen_annotators_on_test_triplets_are_counted():
    """Two dimensions; annotator 1 sees the second only. Annotator 2 gave no training vote, -1 is nobody."""
    of_parts = np.array([[0.5, -0.1], [0.5, -0.1], [-0.3, 0.2], [0.4, 0.4]])
    logits = np.array([[0.0, 0], [-30, 0], [0, 0]], np.float32)
    who, votes = np.array([[0, 1], [1, 2], [0, 1], [0, 1]]), np.array([[0, 1], [1, 0], [1, 0], [1, 1]], np.int8)
    votes[2, 0], who[2, 0] = -1, -1
    run = run_of(votes, who, np.array([0, 0, 1, 1]), np.arange(4), of_parts, test=np.array([0, 1, 2]), logits=logits,
                 given=np.array([5, 5, 0]))  # fmt: skip
    row = next(one for one in annotator_rows({"after": [run]}) if one.measure is Measure.ACCURACY)
    # With masks: a; b, b, a: all four are right. Without, the model says a, a, a, b: one is right.
    assert (row.votes, row.triplets, row.annotators) == (4, 3, 2)
    assert (row.score, row.other, row.difference) == pytest.approx((1, 0.25, 0.75))


def test_known_masks_predict_more_votes_and_masks_of_ones_predict_the_same():
    embeddings, votes, who, source, target, logits = study(0)
    test = np.flatnonzero(target < 10)
    options = {"votes": votes, "who": who, "source": source, "target": target, "of_parts": parts(embeddings)}
    known = run_of(**options, test=test, logits=logits)
    plain = run_of(**options, test=test)
    ones = run_of(**options, test=test, logits=np.zeros_like(logits))
    rows = annotator_rows({"after known": [known], "after plain": [plain], "after ones": [ones]})
    by = {(row.first, row.second, row.measure): row for row in rows}
    assert len(by) == len(rows) == 8
    better = by["after known", "after plain", Measure.ACCURACY]
    assert better.p < 0.01 < better.low
    assert by["after known", "after plain", Measure.LOG_LIKELIHOOD].low > 0
    assert better.difference == by["after known", "the same network without masks", Measure.ACCURACY].difference
    for row in rows:
        if row.first == "after ones":
            assert (row.difference, row.p) == (0, 1)


def test_runs_on_other_triplets_are_not_compared():
    embeddings, votes, who, source, target, logits = study(0, sources=6, targets=6)
    options = {"votes": votes, "who": who, "source": source, "target": target, "of_parts": parts(embeddings)}
    masked = run_of(**options, test=np.arange(10), logits=logits)
    other = run_of(**options, test=np.arange(5, 15))
    assert {row.second for row in annotator_rows({"after": [masked], "plain": [other]})} == {
        "the same network without masks"
    }


def test_the_tests_say_whether_annotators_weigh_dimensions_differently():
    found = {}
    for sd in (0.0, 1.0):
        embeddings, votes, who, source, target, logits = study(1, sd=sd)
        run = run_of(votes, who, source, target, parts(embeddings), test=np.arange(len(votes)), logits=logits)
        found[sd] = heterogeneity_rows({"after": [run]})
    assert [row.test.degrees for row in found[1.0]][:2] == [PEOPLE - 1, PEOPLE - 1]
    assert found[1.0][2].test.p < 1e-6
    assert found[0.0][2].test.p > 0.01
    assert (found[0.0][0].votes, found[0.0][0].annotators) == (3600, PEOPLE)
    section = heterogeneity(found[1.0])
    assert section.table.lines[2][0] == "weigh its dimensions alike"
    assert heterogeneity([]) is None
    assert masks([]) is None


@pytest.mark.slow
def test_when_masks_are_worth_it():
    """The table of docs/annotators.md: the gain of fitted masks by votes of each, and by how much people differ."""
    for targets in (15, 30, 60, 120):
        for sd in (0.0, 0.5, 1.0):
            gains, likelihoods, alarms, right = [], [], [], []
            for seed in range(4):
                embeddings, votes, who, source, target, logits = study((seed, targets), targets=targets, sd=sd)
                train, test = np.flatnonzero(target % 3 > 0), np.flatnonzero(target % 3 == 0)
                options = (votes, who, source, target, parts(embeddings))
                fitted = fit(embeddings, votes, who, train, sd=0.5)
                rows = annotator_rows({"after": [run_of(*options, test=test, logits=fitted)]})
                known = annotator_rows({"after": [run_of(*options, test=test, logits=logits)]})
                gains.append(rows[0].difference)
                likelihoods.append(rows[1].difference)
                right.append(known[0].difference)
                of_train = run_of(*options, test=train, logits=fitted)
                alarms.append(heterogeneity_rows({"after": [of_train]})[2].test.p < 0.05)
            each = len(train) * 3 // PEOPLE
            print(f"| {each:,} | {sd} | {np.mean(right):+.3f} | {np.mean(gains):+.3f} | {np.mean(likelihoods):+.4f} |"
                  f" {np.mean(alarms):.2f} |", flush=True)  # fmt: skip
            if sd == 1.0 and targets == 120:
                assert np.mean(gains) > 0.5 * np.mean(right) > 0
                assert np.mean(alarms) == 1
            if sd == 0.0:
                assert np.mean(alarms) < 0.6
                assert -0.03 < np.mean(gains) < 0.005  # masks that nobody has cost a little
