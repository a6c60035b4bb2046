"""Sections on what machines find behind anonymized faces: at every threshold and rank, and group by group."""

from typing import NamedTuple

import numpy as np

from perface_jax import figures
from perface_jax.annotations.agreement import Estimate
from perface_jax.anonymization.scores import Benchmark
from perface_jax.formatting import estimate
from perface_jax.report import Picture, Section, Table

RANKS = (1, 5, 20)  # of the table; the figure has all
GROUPED = ("protected", "re_identified", "equal_error")  # measures of `MachineRow`, in the order of their columns


class RankRow(NamedTuple):
    """One rank of the curve of cumulative matches.

    Attributes:
      method: what anonymized.
      machine: what searched.
      rank: k.
      found: share whose own original is among the k most similar.
    """

    method: str
    machine: str
    rank: int
    found: Estimate


def what_machines_find(found: Benchmark) -> Section:
    """Every method before every machine at every threshold and every rank."""
    rate = f"{found.false_accept_rate:g}"
    curves = {(method, curve.embedder): curve for method, several in found.curves.items() for curve in several}
    ranks = [
        RankRow(*title, rank, share) for title, curve in curves.items() for rank, share in enumerate(curve.ranks, 1)
    ]
    within = {row[:3]: row.found for row in ranks}
    shown = [rank for rank in RANKS if any(row.rank == rank for row in ranks)]
    lines = [
        (
            method,
            row.embedder,
            str(row.pairs),
            estimate(row.equal_error),
            estimate(_rest(row.protected)),
            *(estimate(within[method, row.embedder, rank]) for rank in shown),
        )
        for method, row in found.machine
        if row.group == "all"
    ]
    columns = ("method", "machine", "pictures", "EER", f"TAR at FAR {rate}", *(f"rank {rank}" for rank in shown))
    words = (
        "EER: equal error rate of the machine on originals with their results against the pairs of two people from"
        f" which its threshold is; .5 is guessing. TAR: true accept rate at the threshold with a false accept rate of"
        f" {rate}, 1 minus protected. Rank k: share whose own original is among the k most similar of all originals;"
        " rank 1 is Re-ID. In brackets: 95% interval, persons resampled."
    )
    pictures = [
        Picture(
            "ROC: who is matched at every threshold", figures.roc_curves(_rocs(curves), asked=found.false_accept_rate)
        ),
        Picture("Whose own original is among the k most similar", figures.rank_curves(_ranked(curves))),
    ]
    return Section("What machines find", words, Table(columns, lines), ranks, pictures)


def group_gaps(found: Benchmark) -> Section | None:
    """Every method group by group, and the largest gap of every measure; None without groups."""
    rows = [row for row in found.machine if row.machine.group != "all"]
    if not rows:
        return None
    felt = {(row.method, row.attribute, row.group): row.similarity for row in found.perceived}
    attributes = list(dict.fromkeys((method, row.embedder, row.attribute) for method, row in rows))
    lines = []
    for title in attributes:
        of_groups = [row for method, row in rows if (method, row.embedder, row.attribute) == title]
        lines += [_group(title, row, felt.get((title[0], title[2], row.group))) for row in of_groups]
        lines += _gaps(title, found)
    columns = (
        "method", "machine", "attribute", "group", "pictures", "similarity", "protected", "Re-ID", "EER", "perceived",
    )  # fmt: skip
    words = (
        "One threshold and one gallery for all, as a system in use has; EER against the impostor pairs of all, for"
        " groups of ten persons or more. Below the groups, the largest gap of each measure: how far its highest group"
        " is from its lowest, in round brackets how often chance gives as large a gap (p); and the gap that chance"
        " gives with groups of this size. Chance always gives some: read the two together."
    )
    shown = [*rows, *(row for row in found.perceived if row.group != "all"), *found.gaps, *found.perceived_gaps]
    return Section("Groups", words, Table(columns, lines), shown)


def _group(title, row, perceived):
    """The line of a group."""
    few = f"n/a: {row.persons} persons"
    return (
        *title,
        row.group,
        str(row.pairs),
        estimate(row.similarity),
        estimate(row.protected),
        estimate(row.re_identified),
        estimate(row.equal_error) or few,
        estimate(perceived) if perceived else "",
    )


def _gaps(title, found):
    """The lines below the groups of an attribute; none for a single group."""
    method, machine, attribute = title
    here = [row.gap for row in found.gaps if (row.method, row.gap.embedder, row.gap.attribute) == title]
    gaps = {gap.measure: gap.gap for gap in here}
    seen = {row.attribute: row.gap for row in found.perceived_gaps if row.method == method}
    if not gaps:
        return []
    all_of_them = [*(gaps.get(measure) for measure in GROUPED), seen.get(attribute)]
    largest = [f"{gap.gap.value:.3f} ({gap.p_value:.3f})" if gap else "" for gap in all_of_them]
    chance = [estimate(gap.by_chance) if gap else "" for gap in all_of_them]
    return [(*title, "largest gap (p)", "", "", *largest), (*title, "gap by chance", "", "", *chance)]


def _rest(share):
    """1 minus a share."""
    return Estimate(*(1 - end for end in (share.value, share.high, share.low)))


def _rocs(curves):
    """machine -> method -> (false accept rate, true accept rate)."""
    return _by_machine(
        {title: (curve.roc.false_accept_rate, curve.roc.true_accept_rate) for title, curve in curves.items()}
    )


def _ranked(curves):
    """machine -> method -> (share found, low, high) by rank."""
    return _by_machine({title: tuple(np.transpose(curve.ranks)) for title, curve in curves.items()})


def _by_machine(values):
    machines = dict.fromkeys(machine for _, machine in values)
    return {one: {method: value for (method, machine), value in values.items() if machine == one} for one in machines}
