"""Grid orders against the formulas of the released file, and moving columns."""

import dataclasses

import numpy as np
import pytest

from perface_jax.annotations import (
    GridOrder,
    Kind,
    OrderChange,
    Votes,
    cells,
    grid_order,
    grid_orders,
    order_change,
    reorder,
    square_grid,
)


def votes_of(columns: np.ndarray) -> Votes:
    names = tuple(f"ans{k + 1}" for k in range(columns.shape[1]))
    return Votes(tuple(f"t{i:04d}" for i in range(len(columns))), columns, columns=names)


def test_every_kind_is_its_formula():
    sources, targets = 6, 4
    target, source = np.divmod(np.arange(24), sources)
    formulas = {
        ("target_major", 10): 6 * target + source,
        ("source_major", 10): 4 * source + target,
        ("group_major", 3): 3 * 4 * (source // 3) + 3 * target + source % 3,
        ("target_group_major", 2): 2 * 6 * (target // 2) + 2 * source + target % 2,
    }
    for (kind, block), formula in formulas.items():
        np.testing.assert_array_equal(grid_order(kind, sources, targets, block=block), formula)
        np.testing.assert_array_equal(grid_order(kind, sources, targets, block=block, shift=5), (formula + 5) % 24)


def test_groups_of_one_and_of_all_are_the_plain_orders():
    np.testing.assert_array_equal(grid_order("group_major", 6, 4, block=6), grid_order("target_major", 6, 4))
    np.testing.assert_array_equal(grid_order("group_major", 6, 4, block=1), grid_order("source_major", 6, 4))
    np.testing.assert_array_equal(grid_order("target_group_major", 6, 4, block=4), grid_order("source_major", 6, 4))


def test_all_named_orders_of_a_grid_are_there_once():
    words = [order.words() for order in grid_orders(6, 4)]
    assert words == [
        "target-major",
        "source-major",
        "group-major in groups of 2 sources",
        "group-major in groups of 3 sources",
        "target-group-major in groups of 2 targets",
    ]
    assert len(grid_orders(5, 1)) == 1  # with one target all orders are the same


def test_a_square_grid_has_as_many_sources_as_targets():
    assert square_grid(6400) == (80, 80)
    with pytest.raises(ValueError, match="24 triplets are not a square grid; give the numbers of sources and targets"):
        square_grid(24)


def test_the_repair_of_the_released_file_is_one_composition():
    """fixed[800*(S//10) + 10*T + S%10] = ans3[80*T + S], written out as loops."""
    ans3 = np.random.default_rng(0).integers(0, 2, 6400)
    fixed = np.empty(6400, int)
    for t in range(80):
        for s in range(80):
            fixed[800 * (s // 10) + 10 * t + s % 10] = ans3[80 * t + s]
    votes = votes_of(np.stack((np.zeros(6400, int), ans3), axis=1))
    change = order_change(grid_order("target_major", 80, 80), grid_order("group_major", 80, 80))
    np.testing.assert_array_equal(reorder(votes, "ans2", change).votes[:, 1], fixed)
    np.testing.assert_array_equal(change, grid_order("group_major", 80, 80))


def test_cells_names_the_source_and_target_of_every_row():
    source, target = cells("group_major", 6, 4, block=3)
    # rows 0-2: sources 0-2 on target 0; rows 3-5: on target 1; rows 12-14: sources 3-5 on target 0
    np.testing.assert_array_equal(source[[0, 1, 2, 3, 5, 12, 23]], [0, 1, 2, 0, 2, 3, 5])
    np.testing.assert_array_equal(target[[0, 1, 2, 3, 5, 12, 23]], [0, 0, 0, 1, 1, 0, 3])
    order = grid_order("group_major", 6, 4, block=3)
    np.testing.assert_array_equal(order[6 * target + source], np.arange(24))


def test_reorder_puts_vote_i_into_row_order_i_and_leaves_the_rest():
    votes = votes_of(np.array([[0, 1], [1, 1], [0, 0]]))
    moved = reorder(votes, "ans1", np.array([2, 0, 1]))
    np.testing.assert_array_equal(moved.votes, [[1, 1], [0, 1], [0, 0]])
    np.testing.assert_array_equal(votes.votes, [[0, 1], [1, 1], [0, 0]])


def test_reorder_goes_by_the_number_of_the_triplet_not_by_the_line():
    columns, order = np.random.default_rng(1).integers(0, 2, (24, 2)), grid_order("source_major", 6, 4)
    plain = reorder(votes_of(columns), "ans2", order)
    line = np.random.default_rng(2).permutation(24)
    shuffled = dataclasses.replace(votes_of(columns), ids=tuple(f"t{i:04d}" for i in line), votes=columns[line])
    np.testing.assert_array_equal(reorder(shuffled, "ans2", order).votes, plain.votes[line])


def test_changing_an_order_and_back_is_the_identity():
    one, other = GridOrder(Kind.GROUP_MAJOR, 6, 4, 2), GridOrder(Kind.TARGET_GROUP_MAJOR, 6, 4, 2, shift=1)
    there, back = np.asarray(OrderChange(one, other)), np.asarray(OrderChange(other, one))
    np.testing.assert_array_equal(there[back], np.arange(24))
    assert not np.array_equal(there, np.arange(24))


def test_a_change_describes_itself_in_words_and_as_a_call():
    change = OrderChange(GridOrder("target_major", 6, 4, shift=-2), GridOrder("group_major", 6, 4, 3))
    assert str(change) == "target-major, 2 rows up, wanted group-major in groups of 3 sources"
    assert change.call() == (
        'order_change(grid_order("target_major", 6, 4, shift=-2), grid_order("group_major", 6, 4, block=3))'
    )
    np.testing.assert_array_equal(eval(change.call()), np.asarray(change))


def test_bad_orders_are_refused_with_both_values():
    with pytest.raises(ValueError, match="'diagonal'.*target_major, source_major"):
        grid_order("diagonal", 6, 4)
    with pytest.raises(ValueError, match="groups of 10 do not divide 24"):
        grid_order("group_major", 24, 24)
    with pytest.raises(ValueError, match="0 x 4"):
        grid_order("target_major", 0, 4)
    with pytest.raises(ValueError, match="24 and 20 cells"):
        order_change(grid_order("target_major", 6, 4), grid_order("target_major", 5, 4))


def test_reorder_refuses_other_columns_and_other_rows():
    votes = votes_of(np.zeros((3, 2), int))
    with pytest.raises(ValueError, match="no column 'ans7'.*ans1, ans2"):
        reorder(votes, "ans7", np.arange(3))
    with pytest.raises(ValueError, match="4 entries, the file 3 rows"):
        reorder(votes, "ans1", np.arange(4))
    with pytest.raises(ValueError, match="every row from 0 to 2 once"):
        reorder(votes, "ans1", np.array([0, 0, 1]))
