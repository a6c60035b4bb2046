"""The cross-validated choice of a checkpoint: by hand, from a log, and without optimism in simulations."""

import numpy as np
import pytest
import scipy.special
import scipy.stats

from perface_jax.training.checkpoint_choice import assess, from_log

#  right triplets of sources A (4 triplets), B (2), C (2) at three validations
RIGHT = np.array([[4.0, 0.0, 1.0], [2.0, 2.0, 2.0], [3.0, 1.0, 1.5]])
TRIPLETS = np.array([4, 2, 2])


def test_by_hand():
    found = assess(RIGHT, TRIPLETS, (0, 5, 10))
    # Totals 5, 6, 5.5: the second. Without A 1, 4, 2.5: the second, 2 right. Without B 5, 4, 4.5: the first, 0 right.
    # Without C 4, 4, 4: the last of equals, 1.5 right.
    assert found.step == 5
    assert found.best == pytest.approx(6 / 8)
    assert found.held_out == pytest.approx((2 + 0 + 1.5) / 8)
    assert found.optimism == pytest.approx(2.5 / 8)
    assert (found.validations, found.sources, found.triplets) == (3, 3, 8)


def test_one_source_has_no_held_out_score_and_one_validation_no_optimism():
    assert np.isnan(assess(RIGHT[:, :1], TRIPLETS[:1], (0, 5, 10)).held_out)
    assert assess(RIGHT[:1], TRIPLETS, (0,)).optimism == 0


def test_a_log_has_a_choice_for_every_replica_whose_sources_it_knows():
    def line(step, row, **more):
        by_source = {source: [right, int(n)] for source, right, n in zip("ABC", row, TRIPLETS, strict=True)}
        return {"step": step, "validation_accuracy": sum(row) / 8, "validation_by_source": by_source, **more}

    lines = [
        line(step, row, replica=name) for name in ("one", "two") for step, row in zip((0, 5, 10), RIGHT, strict=True)
    ]
    found = from_log([{"step": 0, "loss": 1.0}, *lines, {"step": 10, "validation_accuracy": 0.5, "replica": "old"}])
    assert found == {name: assess(RIGHT, TRIPLETS, (0, 5, 10)) for name in ("one", "two")}
    assert from_log([{"step": 0, "validation_accuracy": 0.5}]) == {}


def simulate(generator, sources, per_source, validations=41):
    """Right triplets `[e, s]` of one run and the true accuracies `[e]` of its checkpoints on new sources.

    Log-odds of a right answer: a rising curve with jitter SD .1, a source effect SD 1.5, and an effect of source and
    checkpoint SD .5 with correlation .8 from one validation to the next; a triplet keeps its luck with correlation .7.
    """

    def walk(shape, keep):
        noise = generator.normal(size=(validations, *shape))
        for i in range(1, validations):
            noise[i] = keep * noise[i - 1] + np.sqrt(1 - keep**2) * noise[i]
        return noise

    curve = 1.4 * (1 - np.exp(-np.arange(validations) / 5)) + 0.1 * generator.normal(size=validations)
    of_source = 1.5 * generator.normal(size=sources) + 0.5 * walk((sources,), 0.8)
    chance = scipy.special.expit(curve[:, None] + of_source)
    right = (scipy.stats.norm.cdf(walk((sources, per_source), 0.7)) < chance[..., None]).sum(axis=-1)
    population = np.hypot(1.5, 0.5) * scipy.stats.norm.ppf((np.arange(400) + 0.5) / 400)
    return right.astype(float), scipy.special.expit(curve[:, None] + population).mean(axis=1)


def tibshirani(right, per_source, kept):
    """The correction of Tibshirani and Tibshirani (2009), with sources as folds, for comparison."""
    accuracy = right / per_source
    return np.mean(accuracy.max(axis=0) - accuracy[kept])


def biases(runs, sources, per_source):
    """The best, the held-out and Tibshirani's score, minus the true accuracy of the kept checkpoint, by run."""
    generator, found = np.random.default_rng(0), []
    for _ in range(runs):
        right, true = simulate(generator, sources, per_source)
        choice = assess(right, np.full(sources, per_source), range(len(right)))
        corrected = choice.best - tibshirani(right, per_source, choice.step)
        found.append(np.array([choice.best, choice.held_out, corrected]) - true[choice.step])
    return np.array(found)


def test_the_held_out_score_takes_most_of_the_optimism_away():
    best, held_out, _ = biases(150, 8, 5).mean(axis=0)
    assert best > 0.08
    assert abs(held_out) < 0.04  # two standard errors are .02


@pytest.mark.slow
@pytest.mark.parametrize("per_source", [29, 5])
def test_the_bias_of_the_held_out_score_is_small(per_source):
    found = biases(2000, 8, per_source)
    means, errors = found.mean(axis=0), found.std(axis=0) / np.sqrt(len(found))
    print(f"\n8 x {per_source}: best, held out, Tibshirani {means.round(3)} +- {errors.round(3)}, RMSE",
          np.sqrt(np.square(found).mean(axis=0)).round(3))  # fmt: skip
    assert means[0] > 0.04
    assert abs(means[1]) < 0.15 * means[0] + 2 * errors[1]
