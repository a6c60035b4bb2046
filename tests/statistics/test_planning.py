"""Power: the size at no gain, the normal approximation where triplets are independent, more with more sources."""

import numpy as np
import pytest
from scipy.stats import norm

from perface_jax import statistics
from perface_jax.statistics import cluster_robust
from perface_jax.statistics.planning import Effects, power, robust_mean

ALONE = Effects(*[0.0] * 8)  # triplets are independent, and so are the models


def test_power_is_reached_from_the_package():
    assert statistics.power is power


@pytest.mark.parametrize("two_way", [True, False])
def test_the_test_is_that_of_statsmodels(two_way):
    from statsmodels.api import OLS

    rng = np.random.default_rng(0)
    scores, kept = rng.normal(size=(3, 12, 7)).astype(np.float32), rng.random((3, 12, 7)) < 0.6
    kept[1, :, 2] = kept[2, 4] = False
    source, target = np.indices((12, 7)).reshape(2, -1)
    for study, found in enumerate(np.transpose(robust_mean(scores, kept, two_way=two_way))):
        x, at = scores[study][kept[study]].astype(float), kept[study].ravel()
        groups = np.stack((source, target), axis=1)[at][:, : 1 + two_way]
        wanted = OLS(x, np.ones(len(x))).fit(cov_type="cluster", cov_kwds={"groups": groups.squeeze()})
        floor = [np.square(OLS(x, np.ones(len(x))).fit(cov_type="cluster", cov_kwds={"groups": one}).bse[0])
                 for one in groups.T]  # fmt: skip
        error = np.sqrt(max(wanted.cov_params()[0, 0], *floor, 0.0))
        degrees = min(len(np.unique(one)) for one in groups.T) - 1
        np.testing.assert_allclose(found, [wanted.params[0], error, degrees], rtol=1e-4)


@pytest.mark.parametrize("two_way", [True, False])
def test_the_test_is_that_of_cluster_robust(two_way):
    rng = np.random.default_rng(1)
    scores, kept = rng.normal(size=(1, 12, 7)).astype(np.float32), rng.random((1, 12, 7)) < 0.6
    clusters = np.indices((12, 7)).reshape(2, -1)[: 1 + two_way]
    wanted = cluster_robust.robust_mean(scores[0].ravel(), *clusters, where=kept[0].ravel())
    np.testing.assert_allclose(np.ravel(robust_mean(scores, kept, two_way=two_way)), np.array(wanted), rtol=1e-5)


def test_without_effects_power_is_that_of_independent_triplets():
    """Votes without limit, no effects: two models that are right with probabilities p and q, n independent triplets."""
    p, q, n = 0.7, 0.76, 60 * 15
    found = power(
        sources=60, targets=15, votes=1, gain=q - p, accuracy=p, labels="majority",
        effects=ALONE._replace(vote_source=40.0), test="source", simulations=2000,
    )  # fmt: skip
    z = (q - p) / np.sqrt((p * (1 - p) + q * (1 - q)) / n)
    wanted = norm.sf(1.96 - z)
    assert found.power == pytest.approx(wanted, abs=0.04)
    assert found.gain == pytest.approx(q - p, abs=0.003)
    assert found.spread == pytest.approx((q - p) / z, rel=0.05)
    assert found.scored == n
    assert found.error == pytest.approx(np.sqrt(found.power * (1 - found.power) / 2000))


@pytest.mark.parametrize("labels", ["unanimous", "majority", "soft"])
def test_without_a_gain_the_power_is_the_size(labels):
    effects = Effects(model_source=1.0, model_target=0.5)
    size = power(sources=40, targets=20, gain=0.0, labels=labels, effects=effects, simulations=1500).power
    assert 0.02 < size < 0.075


def test_power_grows_with_sources_and_falls_with_what_sources_differ_in():
    found = [power(sources=sources, targets=10, simulations=500).power for sources in (20, 60, 180)]
    assert found[0] + 0.1 < found[1] < found[2] - 0.1
    wide = Effects(model_source=1.0)
    assert power(sources=180, targets=10, effects=wide, simulations=500).power < found[2] - 0.1


def test_labels_of_few_votes_are_often_wrong_and_show_less_of_the_gain():
    few, many = (power(sources=40, targets=10, votes=votes, labels="majority", simulations=300) for votes in (1, 21))
    assert few.gain < many.gain - 0.01
    assert many.gain == pytest.approx(0.05, abs=0.008)
    unanimous = power(sources=40, targets=10, simulations=300)
    assert unanimous.scored / 400 == pytest.approx(0.537, abs=0.02)  # the release: .537


def test_the_same_seed_gives_the_same_power():
    plan = {"sources": 10, "targets": 5, "simulations": 50}
    assert power(**plan) == power(**plan)
    assert power(**plan) != power(**plan, seed=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"targets": 1}, "wanted two or more of each"),
        ({"votes": 1}, "1 votes, unanimous labels"),
        ({"simulations": 0}, "wanted more votes or simulations"),
        ({"gain": 0.3}, "with the gain 1.1"),
        ({"level": 1.0}, "level 1.0; wanted all in"),
        ({"effects": ALONE._replace(model_source=-1.0)}, "deviations from 0 to 10"),
        ({"labels": "best"}, "'best' is not a valid Labels"),
        ({"test": "z"}, "'z' is not a valid PairedTest"),
    ],
)
def test_impossible_plans_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        power(**{"sources": 10, "targets": 5} | wrong)


@pytest.mark.slow
def test_the_power_of_the_designs_of_the_documentation():
    """80 x 16, 200 x 16, 400 x 6 for models that differ little or much on sources; docs/planning.md has the table."""
    designs = ((80, 16), (200, 16), (400, 6))
    for test in ("source", "two_way"):
        found = {
            (deviation, design): power(
                sources=design[0], targets=design[1], effects=Effects(model_source=deviation), test=test,
                simulations=4000,
            ).power
            for deviation in (0.3, 1.0) for design in designs
        }  # fmt: skip
        print(test, {key: round(value, 2) for key, value in found.items()})
        if test == "source":
            wanted = dict(zip(found, (0.56, 0.93, 0.85, 0.33, 0.67, 0.75), strict=True))
            assert found == pytest.approx(wanted, abs=0.07)  # figures of an earlier, independent simulation


@pytest.mark.slow
@pytest.mark.parametrize("test", ["source", "two_way"])
@pytest.mark.parametrize("effects", [Effects(), Effects(model_source=1.0), Effects(model_source=1.0, model_target=1.0)])
def test_the_size_of_the_test_in_many_studies(test, effects):
    size = power(sources=80, targets=16, gain=0.0, effects=effects, test=test, simulations=4000).power
    print(test, effects.model_source, effects.model_target, size)
    assert size < 0.07 or (test == "source" and effects.model_target)
