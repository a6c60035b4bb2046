"""The section on where the scores of a model vary."""

from collections.abc import Sequence

from perface_jax.evaluation import VarianceRow
from perface_jax.evaluation.intervals import Method
from perface_jax.formatting import number
from perface_jax.report import Section, Table
from perface_jax.sections.captions import readable

METHODS = {
    Method.TWO_WAY: "The 95% intervals and tests of this report are two-way cluster-robust, over sources and targets."
    " Accuracies and soft scores have Wilson's interval for as many independent triplets as theirs are worth.",
    Method.SOURCE: "The 95% intervals and tests of this report draw sources (expanded percentiles) and take the targets"
    " as they are: where the target has a share, they are too narrow.",
    Method.PIGEONHOLE: "The 95% intervals and tests of this report draw sources and targets (pigeonhole bootstrap,"
    " expanded percentiles): where the rest has the largest share, they are too wide.",
}


def variances(rows: Sequence[VarianceRow], method: Method) -> Section | None:
    """The shares of the variance of every model's scores, and what the intervals are over; None without rows."""
    if not rows:
        return None
    lines = [
        (
            row.setting,
            readable(row.model),
            *(number(share, missing="n/a: ids unknown, or only one") for share in (row.source, row.target, row.rest)),
            str(row.sources),
            str(row.targets),
        )
        for row in rows
    ]
    columns = ("setting", "model", "source", "target", "rest", "sources", "targets")
    caption = (
        "Shares of the variance of a model's scores on unanimous triplets, estimated by Henderson's method 1 and set to"
        " 0 where they are below. The larger the shares of source and target, the fewer independent triplets the scores"
        f" are worth. {METHODS[method]}"
    )
    return Section("Where the scores vary", caption, Table(columns, lines, value="source"), rows)
