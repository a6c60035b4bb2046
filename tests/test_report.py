"""The table as text and as JSON."""

import json

from perface_jax import report
from perface_jax.evaluation import TripletRow, VerificationRow

NONE = float("nan")
ROWS = [
    TripletRow("before", "i", 0.5, 0.41, 0.6, NONE, NONE, NONE, NONE, 3, 120, 16, 1),
    TripletRow("after seed", "i", 0.75, NONE, NONE, 0.02, 0.25, NONE, NONE, 0, 9, 1, 3),
    TripletRow("after", "i", 0.75, 0.7, 0.8, NONE, 0.25, 0.2, 0.3, 0, 120, 16, 1),
]


def test_a_line_says_setting_model_accuracy_interval_gain_and_how_much_it_rests_on():
    lines = report.table(ROWS).splitlines()
    assert lines[1].split() == ["i", "before", "0.500", "[0.410,", "0.600]", "3", "120", "16", "1"]
    assert lines[2].split() == [
        "i",
        "after",
        "seed",
        "0.750",
        "0.020",
        "n/a:",
        "1",
        "source",
        "+0.250",
        "0",
        "9",
        "1",
        "3",
    ]
    assert "+0.250 [+0.200, +0.300]" in lines[3]
    assert len({len(line) for line in lines[:4]}) == 1


def test_verification_has_a_table_of_its_own():
    lines = report.table([VerificationRow("after", 0.987, 0.008, 2000, 50)]).splitlines()
    assert lines[1].split() == ["after", "0.987", "0.008", "2000", "50"]
    assert len(lines[0]) == len(lines[1])


def test_the_same_rows_are_written_for_programs_without_nan(tmp_path):
    report.write_json(tmp_path / "rows.json", ROWS)
    first, second, _ = json.loads((tmp_path / "rows.json").read_text())
    assert first["accuracy"] == 0.5
    assert second["low"] is None
