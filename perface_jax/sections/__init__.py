"""Rows -> sections of a report: tables with their captions and figures, and what a reader must be warned of.

Nothing is computed here: figures are drawn from the rows and arrays of the tables beside them.
"""

from perface_jax.sections.annotators import heterogeneity, masks
from perface_jax.sections.comparisons import comparison
from perface_jax.sections.faces import group_table, selection_table
from perface_jax.sections.runs import training, verification
from perface_jax.sections.summaries import (
    comparison_summary,
    group_summary,
    join_summaries,
    selection_summary,
    triplet_summary,
    verification_summary,
)
from perface_jax.sections.triplets import accuracy, examples, votes
from perface_jax.sections.variances import variances
from perface_jax.sections.warnings import triplet_warnings

__all__ = [
    "accuracy",
    "comparison",
    "comparison_summary",
    "examples",
    "group_summary",
    "group_table",
    "heterogeneity",
    "join_summaries",
    "masks",
    "selection_summary",
    "selection_table",
    "training",
    "triplet_summary",
    "triplet_warnings",
    "variances",
    "verification",
    "verification_summary",
    "votes",
]
