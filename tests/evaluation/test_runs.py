"""Which models share a line of a table."""

import numpy as np

from perface_jax.annotations import Setting
from perface_jax.evaluation import Role
from perface_jax.evaluation.runs import by_setting, labeled, lines
from tests.fake_faces import RIGHT, data, run, similarities

PAIRS = similarities(*[RIGHT] * 5)


def _cells(one, other):
    return {name: [run(of, cell=name, before=PAIRS, after=PAIRS)] for name, of in (("a", one), ("b", other))}


def test_a_start_that_cells_share_has_one_line_and_trained_models_have_their_own():
    found = lines(_cells(data(i=[0, 1]), data(i=[0, 1])), lambda one: labeled(one, Setting.BOTH_UNSEEN))
    assert [(line.name, line.role) for line in found] == [
        ("before", Role.START), ("after a", Role.TRAINED), ("after b", Role.TRAINED),
    ]  # fmt: skip


def test_a_start_on_other_triplets_is_another_line_even_where_the_numbers_agree():
    found = lines(_cells(data(i=[0, 1]), data(i=[2, 3])), lambda one: labeled(one, Setting.BOTH_UNSEEN))
    assert [line.name for line in found] == ["before (a)", "before (b)", "after a", "after b"]


def test_settings_are_in_order_and_have_the_cells_with_triplets_in_them():
    found = by_setting(_cells(data(train=[0], validation=[1], ii=[2], i=[3]), data(train=[0], ii=[2])))
    assert list(found) == ["i", "ii", "train", "validation"]
    assert [list(cells) for cells in found.values()] == [["a"], ["a", "b"], ["a", "b"], ["a"]]
    np.testing.assert_array_equal(labeled(found["i"]["a"][0], Setting.BOTH_UNSEEN), [3])
