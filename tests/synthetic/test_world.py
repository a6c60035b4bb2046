import jax
import krippendorff
import numpy as np
import pytest

from perface_jax.synthetic import world


@pytest.fixture(scope="module", params=[0, 1, 2])
def grid(request):
    created = world.create_world(request.param)
    return created, world.survey(request.param, created)


def test_the_votes_of_80_by_80_resemble_the_repaired_release(grid):
    votes = grid[1].answers.votes
    mean = votes.mean(1).reshape(80, 80)  # [target, source]
    assert (votes.min(1) == votes.max(1)).mean() == pytest.approx(0.54, abs=0.05)
    assert krippendorff.alpha(votes.T, level_of_measurement="nominal") == pytest.approx(0.38, abs=0.06)
    assert mean.mean(0).var() / mean.var() == pytest.approx(0.63, abs=0.08)
    assert mean.mean(1).var() / mean.var() < 0.03


def test_votes_follow_the_noise_free_choice_more_often_than_not(grid):
    answers = grid[1].answers
    assert 0.72 < (answers.votes == answers.noise_free[:, None]).mean() < 0.9


def test_there_are_240_sources_half_of_them_women_and_one_gender_in_a_triplet(grid):
    sources, targets, _ = grid[0]
    assert sources.female.sum() == 120
    assert targets.female.sum() == 40
    assert (np.ptp(sources.female.reshape(80, 3), axis=1) == 0).all()


def test_sources_of_a_triplet_are_more_alike_than_strangers(grid):
    spacing = np.asarray(grid[0].sources.faces.eye_spacing).reshape(80, 3)
    within, overall = spacing.var(axis=1, ddof=1).mean(), spacing.var(ddof=1)
    assert within / overall == pytest.approx(0.5, abs=0.2)


def test_features_are_counted_in_spreads_and_hidden_by_the_target():
    created = world.create_world(0, sources=4, targets=4)
    source = jax.tree.map(lambda leaf: leaf[0], created.sources.faces)
    source = source._replace(eye_spacing=0.526, eye_width=0.236 + 0.017)
    target = jax.tree.map(lambda leaf: leaf[0], created.targets.faces)._replace(eye_open=0.5)
    names = [name for name, _ in world.FEATURES]
    values = world.perceived_features(source, target)
    # one spread over the mean, seen at half the strength through narrowed eyes; widths weigh .8
    assert values[names.index("eye_spacing")] == pytest.approx(0.5, abs=1e-3)
    assert values[names.index("eye_width")] == pytest.approx(0.4, abs=1e-3)


def test_the_same_seed_is_the_same_world_and_another_is_not():
    first, again, other = (world.survey(seed, world.create_world(seed, sources=4, targets=4)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(first.answers.votes, again.answers.votes)
    assert not np.array_equal(first.features, other.features)


def test_portraits_come_in_four_equal_groups():
    sources, targets = world.create_people(0, 40)
    groups = 2 * (sources.age >= 40) + sources.female.astype(int)
    np.testing.assert_array_equal(np.bincount(groups), [10, 10, 10, 10])
    np.testing.assert_array_equal(sources.age, targets.age)
