"""The chips, and times at their peaks."""

import pytest

from perface_jax.aot import chips

V5E, H200 = chips.CHIPS["v5e"], chips.CHIPS["h200"]


def test_rates_depend_on_type_and_precision():
    assert V5E.rate("bf16", "default") == V5E.rate("f32", "default") == 197e12  # one bfloat16 pass
    assert V5E.rate("f32", "highest") == pytest.approx(197e12 / 6)
    assert V5E.rate("f32", "high") == pytest.approx(197e12 / 3)
    assert H200.rate("bf16", "default") == 989e12
    assert H200.rate("f32", "default") == 494e12  # TF32
    assert H200.rate("f32", "highest") == 67e12


def test_the_clock_gives_the_published_peak():
    units = {"v4": 8, "v5e": 4, "v5p": 8}  # of 128 x 128 multiply-adds
    for name, count in units.items():
        chip = chips.CHIPS[name]
        assert 2 * count * 128 * 128 * chip.clock == pytest.approx(chip.peak, rel=0.01)


def test_seconds_at_peak():
    work = [(197, "bf16", "default"), (197, "f32", "highest")]
    assert chips.seconds(V5E, work, 819) == pytest.approx((7e-12, 1e-9))
