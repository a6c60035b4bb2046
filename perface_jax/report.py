"""Rows -> screen and JSON. The only module that prints tables."""

import json
from collections.abc import Sequence

from etils import epath

from perface_jax.evaluation import TripletRow

EXPLANATION = """Accuracy on unanimous triplets: share where the reference is closer to the picture people chose; ties
count one half. In brackets: 95% interval, sources resampled, because triplets of one source are answered nearly alike.
i: source and target unseen in training; ii: target unseen; iii: source unseen."""

HEADER = f"{'setting':<12}{'model':<10}{'accuracy':>9}  {'95% interval':<16}{'ties':>6}{'triplets':>10}{'sources':>9}"


def triplet_table(rows: Sequence[TripletRow]) -> str:
    """The accuracy table as text: one line per setting and model."""
    return "\n".join([HEADER, *map(_line, rows), "", EXPLANATION])


def write_json(file: epath.PathLike, rows: Sequence[TripletRow]) -> None:
    """The same rows for programs."""
    # NaN is no JSON; an interval that does not exist is null.
    records = [{name: None if value != value else value for name, value in row._asdict().items()} for row in rows]
    epath.Path(file).write_text(json.dumps(records, indent=2) + "\n")


def _line(row):
    interval = f"[{row.low:.3f}, {row.high:.3f}]" if row.sources > 1 else "n/a: 1 source"
    return (
        f"{row.setting:<12}{row.model:<10}{row.accuracy:>9.3f}  {interval:<16}{row.ties:>6}{row.triplets:>10}"
        f"{row.sources:>9}"
    )
