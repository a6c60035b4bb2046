"""What tables have in common: the cell of a missing number, the column of notes, and that of what training has seen."""

import re
from collections.abc import Sequence

from perface_jax.evaluation import ComparisonRow, GroupRow, TripletRow, VoteRow
from perface_jax.report import Table

NAMES = {  # of config fields that a sweep may vary, where the field does not say what it is
    "fraction": "share of the training triplets",
    "model.arch": "network",
    "init": "starting point",
    "rules": "trained layers",
    "flip": "mirrored pictures",
}


def why(row: TripletRow | VoteRow | ComparisonRow | GroupRow) -> str:
    """The cell of a number that does not exist."""
    return f"n/a: {row.note}"


def readable(model: str) -> str:
    """A name as a reader says it: `after labels=majority` -> `after training, labels: majority`."""
    stage, _, cell = model.partition(" ")
    said = re.sub(r"([\w.]+)=", lambda found: f"{_field(found[1])}: ", re.sub(r",(?=\w)", ", ", model))
    if stage not in ("before", "after"):
        return said
    return f"{stage} training" + (f", {said[len(stage) :].strip()}" if cell else "")


def _field(name: str) -> str:
    """The name of a config field in words."""
    return NAMES.get(name, name.rpartition(".")[2].replace("_", " "))


def with_notes(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    """A table whose last column, the notes, is left out where no line has one."""
    end = None if any(line[-1] for line in lines) else -1
    return Table(columns[:end], [line[:end] for line in lines])


def with_seen(table: Table, rows: Sequence[TripletRow | VoteRow | ComparisonRow]) -> Table:
    """The table of these rows, with a column on what training has seen if the split may share sources and targets."""
    if not any(row.seen for row in rows):
        return table
    lines = [(*line, row.seen) for line, row in zip(table.lines, rows, strict=True)]
    return Table((*table.columns, "seen in training"), lines)
