"""Rows -> screen and JSON. The only module that prints tables."""

import json
import math
from collections.abc import Sequence

from etils import epath

from perface_jax.evaluation import TripletRow, VerificationRow

EXPLANATION = """Accuracy on unanimous triplets: share where the reference is closer to the picture people chose; ties
count one half. In brackets: 95% interval, sources resampled, because triplets of one source are answered nearly alike.
+-: standard deviation over seeds. gain: after minus before on the same triplets.
i: source and target unseen in training; ii: target unseen; iii: source unseen."""

VERIFICATION = """Verification accuracy on pairs of pictures of identities that training never saw: one person or two?
The threshold of each of ten folds is chosen on the other nine. +-: standard deviation over the folds."""


def table(rows: Sequence[TripletRow] | Sequence[VerificationRow]) -> str:
    """The table of these rows as text."""
    return triplet_table(rows) if isinstance(rows[0], TripletRow) else verification_table(rows)


def verification_table(rows: Sequence[VerificationRow]) -> str:
    """One line per model."""
    width = max(len(row.model) for row in rows) + 2
    lines = [
        f"{row.model:<{width}}{row.accuracy:>8.3f}  {row.deviation:<8.3f}{row.pairs:>6}{row.identities:>12}"
        for row in rows
    ]
    header = f"{'model':<{width}}{'accuracy':>8}  {'+-':<8}{'pairs':>6}{'identities':>12}"
    return "\n".join([header, *lines, "", VERIFICATION])


def triplet_table(rows: Sequence[TripletRow]) -> str:
    """The accuracy table as text: one line per setting and model."""
    width = max(len("model"), *(len(row.model) for row in rows)) + 2
    header = (
        f"{'setting':<12}{'model':<{width}}{'accuracy':>8}  {'+-':<6}{'95% interval':<16}{'gain':<24}{'ties':>5}"
        f"{'triplets':>10}{'sources':>9}{'seeds':>7}"
    )
    return "\n".join([header, *(_line(row, width) for row in rows), "", EXPLANATION])


def write_json(file: epath.PathLike, rows: Sequence[TripletRow] | Sequence[VerificationRow]) -> None:
    """The same rows for programs."""
    # NaN is no JSON; a number that does not exist is null.
    records = [{name: None if value != value else value for name, value in row._asdict().items()} for row in rows]
    epath.Path(file).write_text(json.dumps(records, indent=2) + "\n")


def _line(row, width):
    deviation = "" if math.isnan(row.deviation) else f"{row.deviation:.3f}"
    interval = f"[{row.low:.3f}, {row.high:.3f}]" if row.sources > 1 else "n/a: 1 source"
    gain = "" if math.isnan(row.gain) else f"{row.gain:+.3f}"
    if gain and row.sources > 1:
        gain += f" [{row.gain_low:+.3f}, {row.gain_high:+.3f}]"
    return (
        f"{row.setting:<12}{row.model:<{width}}{row.accuracy:>8.3f}  {deviation:<6}{interval:<16}{gain:<24}"
        f"{row.ties:>5}{row.triplets:>10}{row.sources:>9}{row.seeds:>7}"
    )
