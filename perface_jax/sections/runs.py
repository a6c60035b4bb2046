"""Sections on a run itself: verification accuracy, and the curves of training."""

from collections.abc import Sequence

import numpy as np
from etils import epath

from perface_jax import figures
from perface_jax.evaluation import VerificationRow
from perface_jax.report import Picture, Section, Table
from perface_jax.training.progress import read_log


def verification(rows: Sequence[VerificationRow]) -> Section:
    """Face verification, before and after training."""
    lines = [
        (row.model, f"{row.accuracy:.3f}", f"{row.deviation:.3f}", str(row.pairs), str(row.identities)) for row in rows
    ]
    caption = (
        "Verification accuracy on pairs of pictures of identities that training never saw: one person or two? The"
        " threshold of each of ten folds is chosen on the other nine. +-: standard deviation over the folds."
    )
    return Section("Verification", caption, Table(("model", "accuracy", "+-", "pairs", "identities"), lines), rows)


def training(log: epath.Path) -> Section | None:
    """Loss and validation accuracy of every replica, from a run's log.jsonl; None without one."""
    if not log.exists():
        return None
    curves = {}
    for line in read_log(log):
        replica = curves.setdefault(line.get("replica", "this run"), {})
        for name in ("loss", "validation_accuracy"):
            if name in line:
                replica.setdefault(name.replace("_", " "), []).append((line["step"], line[name]))
    curves = {
        replica: {name: tuple(np.transpose(points)) for name, points in quantities.items()}
        for replica, quantities in curves.items()
        if quantities
    }
    if not curves:
        return None
    caption = (
        "Loss: mean over training triplets since the previous log line. A few validation triplets give a noisy curve."
    )
    pictures = [Picture("Loss and validation accuracy of every run", figures.training_curves(curves))]
    return Section("Training", caption, figures=pictures)
