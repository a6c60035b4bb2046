"""Rows -> sections of a report: the words and figures around every table, and what a reader must be warned of.

Figures are drawn from the rows and arrays of the tables beside them.
"""

from perface_jax.sections.faces import group_table, selection_table
from perface_jax.sections.runs import training, verification
from perface_jax.sections.triplets import accuracy, comparison, examples, triplet_warnings, votes

__all__ = [
    "accuracy",
    "comparison",
    "examples",
    "group_table",
    "selection_table",
    "training",
    "triplet_warnings",
    "verification",
    "votes",
]
