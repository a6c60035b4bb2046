import numpy as np
import pytest

from perface_jax import annotations
from perface_jax.datasets import order as orders
from tests.test_sim_celeba import field


@pytest.mark.parametrize(
    ("kind", "block"),
    [("group_major", 2), ("group_major", 3), ("target_major", 1), ("source_major", 1), ("target_group_major", 2)],
)
def test_the_order_is_read_off_the_pictures(kind, block):
    generator = np.random.default_rng(1)
    looks = np.stack([orders.border(np.asarray(field(generator, 32))) for _ in range(4)])
    target_id = annotations.cells(kind, 6, 4, block=block)[1]
    borders = looks[target_id] + generator.normal(0, 3, (24, orders.BORDER_VALUES))
    borders[5] = np.nan  # an unreadable picture
    found = orders.find_order(borders, sources=6, targets=4)
    assert orders.same(found.order, annotations.GridOrder(kind, 6, 4, block))
    assert found.sure
    assert found.score > 0.95


def test_borders_that_know_no_target_leave_the_order_unsure():
    borders = np.random.default_rng(0).normal(128, 40, (144, orders.BORDER_VALUES))
    found = orders.find_order(borders, sources=12, targets=12)
    assert not found.sure
    assert abs(found.score - 11 / 143) < 0.03  # chance: (targets - 1) / (triplets - 1)


def test_the_share_explained_by_targets_is_one_minus_within_over_total():
    borders = np.array([[0.0], [2.0], [10.0], [12.0]])
    # Means 1 and 11: within 4 * 1 = 4, total 36 + 16 + 16 + 36 = 104.
    assert orders.explained_share(borders, np.array([0, 0, 1, 1])) == pytest.approx(1 - 4 / 104)


def test_the_border_of_a_picture_ignores_its_inside():
    picture = np.zeros((160, 160, 3), np.uint8)
    picture[10:150, 10:150] = 200
    assert not orders.border(picture).any()


def test_a_grid_is_square_or_has_to_be_said():
    assert orders.square_grid(6400) == (80, 80)
    with pytest.raises(ValueError, match="24 triplets are no square grid"):
        orders.square_grid(24)


def test_two_names_of_one_order_are_the_same():
    order = annotations.GridOrder
    assert orders.same(order("group_major", 6, 4, 6), order("target_major", 6, 4))
    assert not orders.same(order("group_major", 6, 4, 3), order("target_major", 6, 4))


def test_answers_filed_in_another_order_than_the_pictures_are_seen_by_what_sources_explain():
    pictures, answers = annotations.GridOrder("group_major", 12, 12, 4), annotations.GridOrder("target_major", 12, 12)
    votes = np.empty(144)
    votes[answers.positions()] = np.tile(np.arange(12) % 2, 12)  # cells run along the sources: the source decides all
    better, gain, p = orders.better_order(votes, pictures)
    # Target-major explains 1. Filed in groups of four, source s is given rows s % 4 + 4 k of every target, and the
    # parity of a row is the parity of its source: the wrong order explains it as well, and nothing is gained.
    assert gain == pytest.approx(0)
    votes[answers.positions()] = np.tile(np.arange(12) < 6, 12)
    better, gain, p = orders.better_order(votes, pictures)
    assert orders.same(better, answers)
    # A source of the pictures, s % 4 = w, now meets the answers of sources w, w + 4, w + 8 in turn. Of these two are
    # below 6 for w = 0, 1 and one for w = 2, 3: means 2/3 and 1/3, variance 1/36 of 1/4. The gain is 1 - 1/9.
    assert gain == pytest.approx(8 / 9)
    assert p <= 0.01


def test_answers_in_the_order_of_the_pictures_gain_nothing():
    pictures = annotations.GridOrder("group_major", 12, 12, 4)
    votes = np.empty(144)
    votes[pictures.positions()] = np.tile(np.random.default_rng(0).random(12), 12)
    assert orders.better_order(votes, pictures)[1] == pytest.approx(0)
