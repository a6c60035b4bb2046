"""Sections on a run itself: verification accuracy, and the curves of training."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from etils import epath

from perface_jax import figures
from perface_jax.evaluation import VerificationRow
from perface_jax.formatting import number
from perface_jax.report import Picture, Section, Table
from perface_jax.sections.captions import readable
from perface_jax.training import checkpoint_choice
from perface_jax.training.progress import read_log

NAMED = 4  # runs in a caption


class ChoiceRow(NamedTuple):
    """The kept checkpoint of one run; see `checkpoint_choice.Choice`."""

    run: str
    step: int
    best: float
    held_out: float
    validations: int
    sources: int
    triplets: int
    optimism: float


def verification(rows: Sequence[VerificationRow]) -> Section:
    """Face verification, before and after training."""
    lines = [
        (readable(row.model), f"{row.accuracy:.3f}", f"{row.deviation:.3f}", str(row.pairs), str(row.identities))
        for row in rows
    ]
    caption = (
        "Verification accuracy on pairs of pictures of identities that training never saw: one person or two? The"
        " threshold of each of ten folds is chosen on the other nine. +-: standard deviation over the folds."
    )
    return Section("Verification", caption, Table(("model", "accuracy", "+-", "pairs", "identities"), lines), rows)


def training(log: epath.Path) -> Section | None:
    """Loss and validation accuracy of every replica, from a run's log.jsonl, and what the best score is worth.

    None without a log.
    """
    if not log.exists():
        return None
    curves, lines = {}, read_log(log)
    for line in lines:
        replica = curves.setdefault(line.get("replica", "this run"), {})
        for name in ("loss", "validation_accuracy"):
            if name in line:
                replica.setdefault(name.replace("_", " "), []).append((line["step"], line[name]))
    curves = {
        readable(replica): {name: tuple(np.transpose(points)) for name, points in quantities.items()}
        for replica, quantities in curves.items()
        if quantities
    }
    if not curves:
        return None
    caption = (
        "Loss: mean over the training triplets since the previous log line. Few validation triplets give a noisy curve."
    )
    caption_of_curves = f"Loss and validation accuracy of every run. {_ends(curves)}"
    pictures = [Picture(caption_of_curves, figures.training_curves(curves))]
    choices = checkpoint_choice.from_log(lines)
    if not choices:
        return Section("Training", caption, figures=pictures)
    caption += (
        " Best: the validation score of the kept checkpoint, too high because it is the best of many. Held out: the"
        " checkpoint is chosen on all validation sources but one and scored on this one, a fair estimate; the"
        " difference is the optimism."
    )
    rows = [ChoiceRow(readable(replica) or "this run", *choice, choice.optimism) for replica, choice in choices.items()]
    cells = [
        (
            row.run,
            str(row.step),
            number(row.best),
            number(row.held_out, missing="n/a: one source"),
            number(row.optimism, "+.3f"),
            str(row.validations),
            str(row.triplets),
            str(row.sources),
        )
        for row in rows
    ]
    columns = ("run", "step", "best", "held out", "optimism", "validations", "triplets", "sources")
    return Section("Training", caption, Table(columns, cells), rows, pictures)


def _ends(curves) -> str:
    """The last loss and the best validation accuracy of the first runs."""
    said = []
    for replica, of_replica in list(curves.items())[:NAMED]:
        ends = [f"loss {of_replica['loss'][1][-1]:.3f} at the end"] if "loss" in of_replica else []
        if "validation accuracy" in of_replica:
            ends.append(f"best validation accuracy {np.max(of_replica['validation accuracy'][1]):.3f}")
        said.append(f"{replica}: {', '.join(ends)}")
    return "; ".join(said) + ("; and more runs" if len(curves) > NAMED else "")
