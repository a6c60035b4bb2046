"""Tables are text, and columns of numbers are recognized by their cells."""

import pytest

from perface_jax.report import Table
from perface_jax.report.contents import numeric


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("0.862 \u00b1 0.031", True),
        ("+0.172 [+0.120, +0.220]", True),
        ("23 (-0.499)", True),
        ("1,024", True),
        ("12.5%", True),
        ("< 1e-6", True),
        ("3:0", True),
        ("t0007", False),
        ("0007_a.jpg", False),
        ("[i]", False),
        ("3 of 120", False),
    ],
)
def test_columns_of_numbers_are_told_by_their_cells(cell, number):
    assert numeric(Table(("head",), ((cell,), ("",), ("n/a: 1 source",)))) == [number]


def test_a_column_of_reasons_alone_is_text():
    assert numeric(Table(("model", "accuracy"), (("a", "n/a: no label"), ("b", "n/a: 1 source")))) == [False, False]


def test_tables_of_other_than_text_are_refused_where_they_are_made():
    with pytest.raises(ValueError, match=r"line 2 has 1 cells, \('b',\); wanted one for each of \('x', 'y'\)"):
        Table(("x", "y"), (("a", "1"), ("b",)))
    with pytest.raises(TypeError, match="got the cell nan of type float"):
        Table(("x",), ((float("nan"),),))
