"""What tables have in common: the cell of a missing number, the column of notes, and that of what training has seen."""

from collections.abc import Sequence

from perface_jax.evaluation import ComparisonRow, GroupRow, TripletRow, VoteRow
from perface_jax.report import Table


def why(row: TripletRow | VoteRow | ComparisonRow | GroupRow) -> str:
    """The cell of a number that does not exist."""
    return f"n/a: {row.note}"


def readable(model: str) -> str:
    """The name of a model as a reader says it: `after labels=majority` -> `after training, labels: majority`."""
    stage, _, cell = model.partition(" ")
    if stage not in ("before", "after"):
        return model
    values = ", ".join(part.replace("=", ": ").replace("_", " ") for part in cell.split(", ") if part)
    return f"{stage} training" + (f", {values}" if values else "")


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
