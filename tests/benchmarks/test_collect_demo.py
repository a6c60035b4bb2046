"""The circle of a study closes: what was collected is what was trained on, and the careless are found."""

import json

import jax
import pytest

from benchmarks import collect_demo


@pytest.mark.slow  # minutes: 3,200 votes over HTTP, and two trainings
def test_the_circle_closes_and_the_report_names_what_was_collected(tmp_path):
    with jax.numpy_dtype_promotion("standard"):  # optax's adamw mixes dtypes
        assert collect_demo.run(tmp_path, 40, 24, small=True)
    record = json.loads((tmp_path / "kept" / "release" / "collected.json").read_text())
    report = (tmp_path / "report" / "report.json").read_text()
    assert record["words"] in report
    assert "The faces are drawn and the annotators simulated" in report
    assert len(record["left_out"]) == 4
