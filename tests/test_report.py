"""The table as text and as JSON."""

import json

from perface_jax import report
from perface_jax.evaluation import TripletRow

ROWS = [
    TripletRow("before", "i", 0.5, 0.41, 0.6, 3, 120, 16),
    TripletRow("after", "i", 0.75, float("nan"), float("nan"), 0, 9, 1),
]


def test_a_line_says_setting_model_accuracy_interval_and_how_much_it_rests_on():
    lines = report.triplet_table(ROWS).splitlines()
    assert lines[1].split() == ["i", "before", "0.500", "[0.410,", "0.600]", "3", "120", "16"]
    assert "n/a: 1 source" in lines[2]
    assert len({len(line) for line in lines[:3]}) == 1


def test_the_same_rows_are_written_for_programs_without_nan(tmp_path):
    report.write_json(tmp_path / "rows.json", ROWS)
    first, second = json.loads((tmp_path / "rows.json").read_text())
    assert first["accuracy"] == 0.5
    assert second["low"] is None
