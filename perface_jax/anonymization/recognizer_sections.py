"""Sections on what recognizers find in anonymized faces: at every threshold and rank, and group by group."""

from typing import NamedTuple

import numpy as np

from perface_jax import figures
from perface_jax.anonymization.benchmark import Benchmark
from perface_jax.formatting import estimate
from perface_jax.report import Picture, Section, Table
from perface_jax.statistics.estimates import Estimate

RANKS = (1, 5, 20)  # of the table; the figure has all
GAPS = ("protected", "re_identified", "equal_error")  # measures of `GapRow`, in the order of their columns


class RankRow(NamedTuple):
    """One rank of a curve of cumulative matches."""

    method: str
    recognizer: str
    rank: int  # k
    found: Estimate  # share whose own original is among the k most similar


def recognizer_matches(found: Benchmark) -> Section:
    """Every method under every recognizer at every threshold and every rank."""
    rate = f"{found.false_accept_rate:g}"
    curves = {(method, curve.recognizer): curve for method, several in found.curves.items() for curve in several}
    ranks = [RankRow(*pair, rank, share) for pair, curve in curves.items() for rank, share in enumerate(curve.ranks, 1)]
    within = {row[:3]: row.found for row in ranks}
    shown = [rank for rank in RANKS if any(row.rank == rank for row in ranks)]
    lines = [
        (
            row.method,
            row.matched.recognizer,
            str(row.matched.pairs),
            estimate(row.matched.equal_error),
            estimate((1 - protected.value, 1 - protected.high, 1 - protected.low)),
            *(estimate(within[row.method, row.matched.recognizer, rank]) for rank in shown),
        )
        for row in found.overall()
        for protected in [row.matched.protected]
    ]
    columns = ("method", "recognizer", "pictures", "EER", f"TAR at FAR {rate}", *(f"rank {rank}" for rank in shown))
    caption = (
        "EER: equal error rate of the recognizer on originals with their results against the pairs of two people that"
        " set its threshold; .5 is guessing. TAR: true accept rate at the threshold with a false accept rate of"
        f" {rate}, 1 minus protected. Rank k: share whose own original is among the k most similar of all originals;"
        " rank 1 is Re-ID. In brackets: 95% interval, persons resampled."
    )
    rocs = {pair: (curve.roc.false_accept_rate, curve.roc.true_accept_rate) for pair, curve in curves.items()}
    shares = {pair: tuple(np.transpose(curve.ranks)) for pair, curve in curves.items()}
    roc = figures.roc_curves(_by_recognizer(rocs), asked=found.false_accept_rate)
    pictures = [
        Picture("ROC: share matched at every threshold", roc),
        Picture("Own original among the k most similar", figures.rank_curves(_by_recognizer(shares))),
    ]
    return Section("What recognizers find", caption, Table(columns, lines), ranks, pictures)


def group_gaps(found: Benchmark) -> Section | None:
    """Every method group by group, and the largest gap of every measure; None without groups."""
    rows = found.of_groups()
    if not rows:
        return None
    titles = dict.fromkeys((row.method, row.matched.recognizer, row.matched.attribute) for row in rows)
    gaps = {row[:-1]: row.gap for row in found.gaps}
    lines = []
    for title in titles:
        lines += [_group_line(row) for row in rows if (row.method, *row.matched[:2]) == title]
        lines += _gap_lines(title, gaps)
    columns = (
        "method", "recognizer", "attribute", "group", "pictures", "similarity", "protected", "Re-ID", "EER",
        "perceived",
    )  # fmt: skip
    caption = (
        "One threshold and one gallery for all groups, as in a deployed system; EER against the impostor pairs of all,"
        " for groups of ten persons or more. Below the groups, the largest gap of each measure: its highest group minus"
        " its lowest, in round brackets how often chance gives as large a gap (p); and the gap that chance gives with"
        " groups of this size. Chance always gives some gap: read the two together."
    )
    return Section("Groups", caption, Table(columns, lines), [*rows, *found.gaps])


def _group_line(row):
    matched = row.matched
    return (
        row.method,
        matched.recognizer,
        matched.attribute,
        matched.group,
        str(matched.pairs),
        estimate(matched.similarity),
        estimate(matched.protected),
        estimate(matched.re_identified),
        estimate(matched.equal_error) or f"n/a: {matched.persons} persons",
        estimate(row.perceived) if row.perceived else "",
    )


def _gap_lines(title, gaps):
    """The lines below the groups of an attribute; none for a single group."""
    method, _, attribute = title
    of_measures = [gaps.get((*title, measure)) for measure in GAPS]
    if not any(of_measures):
        return []
    of_measures.append(gaps.get((method, None, attribute, "perceived")))
    largest = [f"{gap.gap.value:.3f} ({gap.p_value:.3f})" if gap else "" for gap in of_measures]
    by_chance = [estimate(gap.by_chance) if gap else "" for gap in of_measures]
    return [(*title, "largest gap (p)", "", "", *largest), (*title, "gap by chance", "", "", *by_chance)]


def _by_recognizer(values):
    """(method, recognizer) -> value as recognizer -> method -> value."""
    recognizers = dict.fromkeys(recognizer for _, recognizer in values)
    return {one: {method: value for (method, name), value in values.items() if name == one} for one in recognizers}
