"""Sections of the report: every number as in its row, every missing one with its reason, and the warnings."""

import json

import numpy as np
import pytest

from perface_jax import evaluation, sections
from perface_jax.annotations import Setting
from perface_jax.datasets.celeba_files import GROUPS
from perface_jax.evaluation import Kind
from tests.evaluation.test_groups import ROWS, Faces, embedded, select
from tests.fake_faces import RIGHT, TIE, WRONG, data, run, similarities


@pytest.fixture(scope="module")
def cells():
    before, after = similarities(*[WRONG] * 5), similarities(RIGHT, WRONG, TIE, RIGHT, WRONG)
    of = data(training=[0, 2, 3], ii=[0, 1, 2], i=[4])
    return {"": [run(of, before=before, after=after)]}


@pytest.fixture(scope="module")
def rows(cells):
    return evaluation.triplet_rows(cells)


def cells_of(section):
    return [dict(zip(section.table.columns, line, strict=True)) for line in section.table.lines]


def test_every_cell_is_the_number_of_its_row_or_a_reason(cells, rows):
    section = sections.accuracy(rows, evaluation.similarity_pairs(cells))
    assert section.rows is rows
    for cell, row in zip(cells_of(section), rows, strict=True):
        assert cell["accuracy"] == (f"n/a: {row.note}" if np.isnan(row.accuracy) else f"{row.accuracy:.3f}")
    text = json.dumps(section.table.lines)
    assert "nan" not in text
    assert "n/a: unseen ids" in {cell["accuracy"] for cell in cells_of(section)}


def test_the_best_achievable_stands_beside_every_accuracy_with_its_bounds(rows):
    section = sections.accuracy(rows, {})
    for cell, row in zip(cells_of(section), rows, strict=True):
        wanted = f"{row.best:.3f} [{row.best_low:.3f}, {row.best_high:.3f}]"
        assert cell["best achievable"] == ("" if row.kind is Kind.AGREEMENT else wanted)
    labels = [text.get_text() for panel in section.figures[0].figure.axes for text in panel.get_yticklabels()]
    assert "best achievable" in labels
    assert not [label for label in labels if "human" in label]  # which is of all triplets, not of the unanimous ones


def test_the_scatter_holds_the_similarities_of_the_pictures_in_the_order_of_the_label(cells, rows):
    (scatter,) = [
        picture.figure
        for picture in sections.accuracy(rows, evaluation.similarity_pairs(cells)).figures
        if "Setting ii," in picture.caption
    ]
    assert "accuracy 0.833" in scatter.axes[1].get_title()  # of ii: right, right and a tie
    drawn = np.concatenate([points.get_offsets() for points in scatter.axes[1].collections])
    assert sorted(map(tuple, np.round(drawn.astype(float), 3))) == [(0.5, 0.5), (0.9, 0.1), (0.9, 0.1)]


def test_votes_are_shown_beside_human_agreement(cells):
    section = sections.votes(evaluation.vote_table(cells))
    models = {cell["model"] for cell in cells_of(section)}
    assert {"best achievable", "human agreement: lower noise ceiling", "human agreement: upper noise ceiling"} <= models
    assert "nan" not in json.dumps(section.table.lines)


def test_a_calibration_error_is_printed_beside_that_of_a_perfect_model(cells):
    table = evaluation.vote_table(cells)
    section = sections.votes(table)
    tested = [row for row in table.rows if row.setting.is_test]
    for cell, row in zip(cells_of(section), tested, strict=True):
        wanted = "" if np.isnan(row.perfect_error) else f"{row.perfect_error:.3f} (< {row.perfect_limit:.3f})"
        assert cell["perfect model"] == wanted
    assert any("95% intervals over sources, in the first run" in picture.caption for picture in section.figures)


def test_a_comparison_prints_small_p_values_as_such():
    row = evaluation.ComparisonRow(
        Setting.BOTH_UNSEEN, "a", "b", 0.1, 0.05, 0.15, 0.0004, 0.01, np.nan, 50, 10, "several seeds",
        p_holm=0.002, p_equivalence=0.03, margin=0.02,
    )  # fmt: skip
    (cell,) = cells_of(sections.comparison([row]))
    assert (cell["p"], cell["p sign flips"], cell["p McNemar"]) == ("< .001", "0.010", "n/a: several seeds")
    assert (cell["difference"], cell["95% interval"]) == ("+0.100", "[+0.050, +0.150]")
    assert (cell["measure"], cell["p (Holm)"], cell["equivalent"]) == ("accuracy", "0.002", "within 0.02: yes (0.030)")


def test_where_scores_vary_is_printed_with_the_method_of_the_intervals(cells):
    rows = evaluation.variance_rows(cells)
    section = sections.variances(rows, evaluation.Method.TWO_WAY)
    assert "two-way cluster-robust, over sources and targets" in section.help
    for cell, row in zip(cells_of(section), rows, strict=True):
        assert cell["source"] == ("n/a: ids unknown, or only one" if np.isnan(row.source) else f"{row.source:.3f}")
    assert sections.variances([], evaluation.Method.SOURCE) is None


def test_groups_and_selection_print_what_their_rows_say():
    gallery, queries = Faces(4, prefix="g"), Faces(2, prefix="q")
    circle = embedded(gallery, queries)
    table = sections.group_table(evaluation.group_rows({"circle": circle}, gallery, queries, GROUPS, **ROWS))
    assert cells_of(table)[-1]["accuracy"].startswith("1.000 [")
    ranked = {"circle": select(gallery, queries, k=3)}
    rows = evaluation.selection_rows(ranked, gallery, queries)
    section = sections.selection_table(rows, ranked, {"circle": circle}, gallery, queries)
    first = cells_of(section)[0]
    assert (first["query"], first["group"], first["candidate 1"]) == ("q0", "young male", f"g3 ({np.cos(0.3):+.3f})")
    assert len(section.figures) == 2


def test_curves_are_read_from_the_log(tmp_path):
    assert sections.training(tmp_path / "log.jsonl") is None
    lines = [{"step": 0, "validation_accuracy": 0.5}, {"step": 5, "loss": 0.3}, {"step": 10, "loss": 0.1}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    figure = sections.training(tmp_path / "log.jsonl").figures[0].figure
    drawn = {panel.get_ylabel(): panel.lines[0].get_xydata().tolist() for panel in figure.axes}
    assert drawn == {"validation accuracy": [[0, 0.5]], "loss": [[5, 0.3], [10, 0.1]]}
