import numpy as np
import pytest

from perface_jax import annotations
from perface_jax.datasets import repair
from tests.simulated_votes import in_order, simulated_cells

SIZE = 24
IDS = tuple(f"t{i:04d}" for i in range(SIZE**2))
COLUMNS = ("ans1", "ans2", "ans3")
BY_GROUP = annotations.GridOrder("group_major", SIZE, SIZE, 8)
BY_TARGET = annotations.GridOrder("target_major", SIZE, SIZE)
BY_SOURCE = annotations.GridOrder("source_major", SIZE, SIZE)


def cells():
    """Cell by cell, target-major: the source decides, one vote in ten is the other."""
    random = np.random.default_rng(0)
    return np.tile(random.integers(0, 2, SIZE), SIZE)[:, None] ^ (random.random((SIZE**2, 3)) < 0.1)


def answers(cell_votes, *orders):
    return annotations.Votes(IDS, in_order(cell_votes, *orders), columns=COLUMNS)


def moved(votes, pictures):
    return repair.to_pictures(votes, annotations.audit(votes, grid=(SIZE, SIZE)), pictures)


def test_answers_filed_in_another_order_than_the_pictures_are_seen_by_what_sources_explain():
    pictures, by_target = annotations.GridOrder("group_major", 12, 12, 4), annotations.GridOrder("target_major", 12, 12)
    votes = np.empty(144)
    votes[by_target.positions()] = np.tile(np.arange(12) % 2, 12)  # cells run along the sources: the source decides all
    found = repair.better_order(votes, pictures)
    # Target-major explains 1. Filed in groups of four, source s is given rows s % 4 + 4 k of every target, and the
    # parity of a row is the parity of its source: the wrong order explains it as well, and nothing is gained.
    assert found.gain == pytest.approx(0)
    votes[by_target.positions()] = np.tile(np.arange(12) < 6, 12)
    found = repair.better_order(votes, pictures)
    assert found.order == by_target
    # A source of the pictures, s % 4 = w, now meets the answers of sources w, w + 4, w + 8 in turn. Of these two are
    # below 6 for w = 0, 1 and one for w = 2, 3: means 2/3 and 1/3, variance 1/36 of 1/4. The gain is 1 - 1/9.
    assert found.gain == pytest.approx(8 / 9)
    assert found.p <= 0.01


def test_answers_in_the_order_of_the_pictures_gain_nothing():
    pictures = annotations.GridOrder("group_major", 12, 12, 4)
    votes = np.empty(144)
    votes[pictures.positions()] = np.tile(np.random.default_rng(0).random(12), 12)
    found = repair.better_order(votes, pictures)
    assert found.order == pictures
    assert found.gain == pytest.approx(0)
    assert not found.elsewhere


@pytest.mark.parametrize(
    "orders",
    [(BY_TARGET,) * 3, (BY_SOURCE,) * 3, (BY_GROUP, BY_GROUP, BY_TARGET), (BY_TARGET, BY_TARGET, BY_GROUP),
     (BY_TARGET, BY_TARGET, BY_SOURCE), (BY_GROUP,) * 3],
    ids=["all by target", "all by source", "one fault", "one right", "two faults, none right", "all right"],
)  # fmt: skip
def test_columns_follow_the_pictures_whichever_orders_they_had(orders):
    votes, changes = moved(answers(cells(), *orders), BY_GROUP)
    assert votes.votes.tolist() == in_order(cells(), *(BY_GROUP,) * 3).tolist()
    assert changes == [
        f"{column}: {order.words()} to group-major in groups of 8 sources"
        for column, order in zip(COLUMNS, orders, strict=True)
        if order != BY_GROUP
    ]


def test_answers_that_say_nothing_of_their_order_stay():
    noise = np.random.default_rng(0).integers(0, 2, (SIZE**2, 3))
    votes, changes = moved(annotations.Votes(IDS, noise, columns=COLUMNS), BY_GROUP)
    assert votes.votes.tolist() == noise.tolist()
    assert changes == []


def test_columns_that_disagree_with_each_other_and_follow_nothing_clearly_are_refused():
    alike = np.repeat(np.random.default_rng(3).integers(0, 2, (SIZE**2, 1)), 3, axis=1)
    votes = answers(alike, BY_TARGET, BY_TARGET, BY_SOURCE)  # a triplet's three votes are one, sources explain none
    with pytest.raises(ValueError, match="the pictures are group-major .*, but no answer column is"):
        moved(votes, BY_GROUP)


def test_what_does_not_fit_is_named_once_with_its_evidence():
    votes = answers(cells(), BY_TARGET, BY_TARGET, BY_TARGET)
    said = repair.disagreements(votes, (), BY_GROUP)
    assert said == [f"all answers seem to be target-major, the pictures are {BY_GROUP.words()} (p = 0.005)"]
    assert repair.disagreements(votes, (), BY_TARGET) == []
    alarms = annotations.audit(answers(cells(), BY_GROUP, BY_GROUP, BY_TARGET), grid=(SIZE, SIZE)).order_alarms
    assert repair.disagreements(votes, alarms, BY_GROUP) == [
        "ans3: target-major, wanted group-major in groups of 8 sources (p = 0.001)"
    ]


def test_of_simulated_files_none_is_moved_wrongly_and_all_are_moved_rightly():
    found = {order: [] for order in (BY_GROUP, BY_TARGET, BY_SOURCE)}
    for seed in range(40):
        votes = simulated_cells(np.random.default_rng(seed), SIZE, SIZE)
        for order, results in found.items():
            results.append(repair.answers_order(answers(votes, *(order,) * 3), BY_GROUP))
    assert not any(result.elsewhere for result in found[BY_GROUP])
    for order in (BY_TARGET, BY_SOURCE):
        assert all(result.sure and result.order == order for result in found[order])
