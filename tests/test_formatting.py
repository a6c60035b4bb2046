"""Numbers as text."""

import math

from perface_jax import formatting

NAN = math.nan


def test_numbers_intervals_and_what_does_not_exist():
    assert formatting.number(0.12345) == "0.123"
    assert formatting.number(NAN, missing="n/a: one source") == "n/a: one source"
    assert formatting.interval(0.1, 0.25, "+.2f") == "[+0.10, +0.25]"
    assert formatting.interval(NAN, NAN) == ""
    assert formatting.estimate((0.5, 0.25, 0.75)) == "0.500 [0.250, 0.750]"
    assert formatting.estimate((0.5, NAN, NAN)) == "0.500"
    assert formatting.estimate((NAN, NAN, NAN), missing="not defined") == "not defined"


def test_p_values_are_never_zero():
    cells = [formatting.p_value(p, missing="n/a") for p in (0.0004, 0.001, 0.0316, NAN)]
    assert cells == ["< .001", "0.001", "0.032", "n/a"]
