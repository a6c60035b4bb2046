import numpy as np
import pytest

from perface_jax import annotations
from perface_jax.datasets import order as orders
from tests.releases import field


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
    assert found.order.positions().tolist() == annotations.grid_order(kind, 6, 4, block=block).tolist()
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
