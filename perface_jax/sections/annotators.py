"""The sections on annotators: whether they differ, and whether it helps to know who votes."""

import math
from collections.abc import Sequence

from perface_jax.evaluation import Measure
from perface_jax.evaluation.annotators import AnnotatorRow, HeterogeneityRow
from perface_jax.formatting import interval, number, p_value
from perface_jax.report import Section, Table
from perface_jax.sections.captions import readable, with_notes


def masks(rows: Sequence[AnnotatorRow]) -> Section | None:
    """Models with masks of annotators against models without; None without rows."""
    if not rows:
        return None
    lines = [
        (
            row.setting,
            readable(row.first),
            readable(row.second),
            row.measure,
            number(row.score, missing=f"n/a: {row.note}"),
            number(row.other, missing=f"n/a: {row.note}"),
            number(row.difference, _form(row), missing=f"n/a: {row.note}"),
            interval(row.low, row.high, _form(row)),
            p_value(row.p, missing=f"n/a: {row.note}"),
            f"{row.votes:,}",
            str(row.annotators),
            "" if math.isnan(row.p) else row.note,
        )
        for row in rows
    ]
    columns = (
        "setting", "with masks", "without masks", "measure", "score with", "score without", "difference",
        "95% interval", "p", "votes", "annotators", "note",
    )  # fmt: skip
    caption = (
        "Every annotator weighs the dimensions of the embedding with a mask of their own. Votes on test triplets by"
        " annotators who voted in training: how often the model chooses their side, and the log-likelihood of a vote"
        " (natural logarithm; log-odds fitted on other sources). Both models answer the same votes. Interval and p are"
        " over sources and targets, for these annotators and no others; p is not corrected for the number of lines."
    )
    table = with_notes(columns, lines)
    return Section("Masks of annotators", caption, Table(table.columns, table.lines, value="difference"), rows)


def _form(row):
    return "+.4f" if row.measure is Measure.LOG_LIKELIHOOD else "+.3f"


def heterogeneity(rows: Sequence[HeterogeneityRow]) -> Section | None:
    """Whether annotators differ, and what follows; None without rows."""
    if not rows:
        return None
    lines = [
        (
            row.question,
            readable(row.model),
            number(row.test.q, ".1f", missing="n/a: nothing to test"),
            str(row.test.degrees),
            p_value(row.test.p, missing="n/a: nothing to test"),
            number(row.test.excess, ".2f", missing="n/a: nothing to test"),
            f"{row.votes:,}",
            str(row.annotators),
        )
        for row in rows
    ]
    caption = (
        "Cochran's Q on the test triplets, each a block; every line is given the ones above it. A small p says that"
        " annotators do not all do so. Masks can help where the last line has a small p; a small p of the first lines"
        " alone is a habit or a lack of care, for which the reliability of each is enough. Excess: the"
        " share of Q beyond chance."
    )
    columns = ("do annotators", "model", "Q", "degrees of freedom", "p", "excess", "votes", "annotators")
    return Section("Do annotators differ?", caption, Table(columns, lines, value="p"), rows)
