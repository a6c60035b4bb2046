"""Numbers as text."""

import ast
import math

from perface_jax import formatting
from tests.conftest import ROOT

NAN = math.nan


def test_numbers_intervals_and_what_does_not_exist():
    assert formatting.number(0.12345) == "0.123"
    assert formatting.number(NAN, missing="n/a: one source") == "n/a: one source"
    assert formatting.interval(0.1, 0.25, "+.2f") == "[+0.10, +0.25]"
    assert formatting.interval(NAN, NAN) == ""
    assert formatting.estimate((0.5, 0.25, 0.75)) == "0.500 [0.250, 0.750]"
    assert formatting.estimate((0.5, NAN, NAN)) == "0.500"
    assert formatting.estimate((NAN, NAN, NAN), missing="not defined") == "not defined"


def test_what_a_message_quotes_is_short_and_on_one_line():
    assert formatting.shown("t0001,a,b") == "t0001,a,b"
    assert formatting.shown("x" * 10**6, 20) == "xxxxxxxxx...xxxxxxxx"
    assert formatting.shown("a\nb\0\u202e") == r"a\nb\x00\u202e"
    assert formatting.printable("é 顔\x1b") == r"é 顔\x1b"


def test_p_values_are_never_zero():
    cells = [formatting.p_value(p, missing="n/a") for p in (0.0004, 0.001, 0.0316, NAN)]
    assert cells == ["< .001", "0.001", "0.032", "n/a"]


def test_a_share_of_nothing_is_no_percentage():
    assert [formatting.percent(share) for share in (0, 0.125, 1, NAN)] == ["0%", "12%", "100%", "no data"]
    assert formatting.percent(0.9876, ".1%") == "98.8%"


def test_percentages_are_written_here_alone_so_that_none_is_nan():
    for file in (ROOT / "perface_jax").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())) if file.name != "formatting.py" else ():
            if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
                assert not ast.unparse(node.format_spec).strip("'\"f").endswith("%"), (file, ast.unparse(node))
