"""Rows -> sections of a report: the words and figures around every table, and what a reader must be warned of.

Figures are drawn from the rows and arrays of the tables beside them.
"""

from perface_jax.sections.anonymization import both_axes, offered, what_was_kept
from perface_jax.sections.faces import group_table, selection_table
from perface_jax.sections.machines import group_gaps, what_machines_find
from perface_jax.sections.runs import training, verification
from perface_jax.sections.triplets import accuracy, comparison, examples, triplet_warnings, votes

__all__ = [
    "accuracy",
    "both_axes",
    "comparison",
    "examples",
    "group_gaps",
    "group_table",
    "offered",
    "selection_table",
    "training",
    "triplet_warnings",
    "verification",
    "votes",
    "what_machines_find",
    "what_was_kept",
]
