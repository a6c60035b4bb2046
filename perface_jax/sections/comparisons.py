"""The section on two models on the same triplets."""

import dataclasses
import math
from collections.abc import Sequence

from perface_jax.evaluation import ComparisonRow, Measure
from perface_jax.formatting import interval, number, p_value
from perface_jax.report import Section
from perface_jax.sections.captions import readable, why, with_notes, with_seen

COLUMNS = (
    "setting", "first", "second", "measure", "difference", "95% interval", "p", "p (Holm)", "equivalent",
    "p sign flips", "p McNemar", "triplets", "sources", "note",
)  # fmt: skip


def comparison(rows: Sequence[ComparisonRow]) -> Section:
    """Paired tests, and equivalence."""
    lines = [
        (
            row.setting,
            readable(row.first),
            readable(row.second),
            row.measure,
            number(row.difference, "+.3f", missing=why(row)),
            interval(row.low, row.high, "+.3f"),
            p_value(row.p, missing=why(row)),
            p_value(row.p_holm, missing=why(row)),
            _equivalent(row),
            p_value(row.p_sign_flip, missing=why(row)),
            p_value(row.p_mcnemar, missing=why(row)) if row.measure is Measure.ACCURACY else "",
            str(row.triplets),
            str(row.sources),
            "" if math.isnan(row.p) else row.note,
        )
        for row in rows
    ]
    caption = (
        "The first minus the second on the same triplets: accuracy on unanimous ones, soft score and log-likelihood (a"
        " vote, natural logarithm) on all that have votes. p: of no difference, by the method of the intervals; Holm:"
        " corrected for all settings and models of a measure. Choose the measure before you look. Equivalent within m:"
        " a difference of m or more has p < .05 (two one-sided tests, not corrected); otherwise the data cannot tell."
        " Sign flips exchange whole sources and take the targets as they are; McNemar takes triplets as independent,"
        " which they are not: where the model's scores vary by target, or by source, these p are too small."
    )
    table = dataclasses.replace(with_seen(with_notes(COLUMNS, lines), rows), value="difference")
    return Section("Paired comparison", caption, table, rows)


def _equivalent(row):
    if math.isnan(row.p_equivalence):
        return ""
    return f"within {row.margin:g}: {'yes' if row.p_equivalence < 0.05 else 'not shown'} ({p_value(row.p_equivalence)})"
