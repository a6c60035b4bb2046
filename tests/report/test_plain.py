"""A report as strict JSON."""

import json

import pytest

from perface_jax import report
from tests.small_report import TABLE, small_report


def test_json_is_strict_and_holds_rows_tables_facts_and_captions(tmp_path):
    report.write_json(tmp_path / "folder" / "report.json", small_report())
    text = (tmp_path / "folder" / "report.json").read_text()

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    found = json.loads(text, parse_constant=refuse)
    assert list(found) == ["title", "warnings", "facts", "sections", "summary", "made"]
    (section,) = found["sections"]
    assert section["rows"] == [
        {"model": "before", "interval": {"low": 0.5, "high": None}, "ties": [0, 1]},
        {"model": "after", "interval": {"low": None, "high": 1}, "ties": 1.0},
    ]
    lines = [list(line) for line in TABLE.lines]
    assert section["table"] == {"columns": list(TABLE.columns), "lines": lines, "value": ""}
    assert "thumbnails" not in section
    assert section["figures"] == ["A line"]
    assert found["facts"]["Data"]["findings"] == ["Two columns agree.", "A run of 40."]


def test_a_file_is_whole_or_not_there(tmp_path):
    report.write_json(tmp_path / "report.json", small_report())
    before = (tmp_path / "report.json").read_text()
    with pytest.raises(TypeError):
        report.write_json(tmp_path / "report.json", small_report(facts={"bad": object()}))
    assert (tmp_path / "report.json").read_text() == before
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]
