"""Sections on anonymized faces: both axes, matches of recognizers, preservation, and groups."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from perface_jax import figures
from perface_jax.anonymization.benchmark import Benchmark
from perface_jax.anonymization.methods import Method
from perface_jax.anonymization.preservation import MEASURES, SKIN_COLORS
from perface_jax.anonymization.proposals import list_thresholds
from perface_jax.datasets.portraits import Portraits
from perface_jax.formatting import estimate, interval
from perface_jax.report import Picture, Section, Strip, Table, Tile
from perface_jax.statistics.estimates import Estimate

SHOWN = 6  # originals on the sheet
# The measures beside the axes, as many as fit on a page -> the heads of their columns.
SHORT = {"SSIM": "SSIM", "feature loss": "loss", SKIN_COLORS: "skin", "light": "light"}
RANKS = (1, 5, 20)  # of the table; the figure has all
GAPS = ("protected", "re_identified", "equal_error")  # measures of `GapRow`, in the order of their columns


class RankRow(NamedTuple):
    """One rank of a curve of cumulative matches."""

    method: str
    recognizer: str
    rank: int  # k
    found: Estimate  # share whose own original is among the k most similar


def both_axes(found: Benchmark, originals: Portraits, methods: Mapping[str, Method]) -> Section:
    """Every method under every recognizer, with its perceived similarity and what it preserves."""
    preserved = {(row.method, row.measure): row for row in found.preservation}
    lines = [
        (
            row.method,
            str(row.matched.pairs),
            estimate(row.perceived) if row.perceived else "",
            row.matched.recognizer,
            estimate(row.matched.similarity),
            estimate(row.matched.protected),
            estimate(row.matched.re_identified),
            _learned(found.attack_of(row.method, row.matched.recognizer)),
            *(_value(preserved[row.method, measure]) for measure in SHORT),
        )
        for row in found.overall()
    ]
    columns = (
        "method", "pictures", "perceived", "recognizer", "similarity", "protected", "Re-ID", "learned Re-ID",
        *SHORT.values(),
    )  # fmt: skip
    thresholds = found.thresholds()
    caption = (
        "Each result against its original. Perceived: mean cosine under the perceptual model. Similarity: mean cosine"
        " under the recognizer. Protected: share at or below the threshold (PSR). Re-ID: share whose most similar"
        " original is their own. Learned Re-ID: the same by an attacker who trained on results of the method on other"
        " people, in a smaller gallery; the table An attacker that learns has the fixed recognizer in that gallery. In"
        " brackets: 95% interval, over persons."
        f" Thresholds: {list_thresholds(thresholds)}. The last columns are from the table Preservation, which has units"
        " and intervals; skin is the difference between mean colors."
    )
    shown = _sheet_rows(found, originals, methods)
    caption_of_sheet = "Originals and the results of every method, with perceived and highest recognizer similarity"
    pictures = [Picture(caption_of_sheet, figures.methods(shown), [*map(_strip, shown)])]
    if any(scores.perceived is not None for scores in found.scores.values()):
        scatter = _scatter(found, thresholds)
        pictures.insert(0, Picture("Recognizer similarity against perceived similarity, picture by picture", scatter))
    return Section("Both axes", caption, Table(columns, lines), found.rows, pictures)


def preservation(found: Benchmark) -> Section:
    """Every measure of every method."""
    by_method = {row.method: {} for row in found.preservation}
    for row in found.preservation:
        by_method[row.method][row.measure] = _cell(row)
    lines = [
        (name + (f" ({one.unit})" if one.unit else ""), "more" if one.more else "less",
         *(cells[name] for cells in by_method.values()))
        for name, one in MEASURES.items()
    ]  # fmt: skip
    caption = (
        "Means over the pictures with 95% intervals; in round brackets, the number of pictures behind a mean where it"
        " is not all of them: PSNR is infinite for two equal pictures. Better: more or less of it. SSIM, PSNR, RMSE and"
        " L1 are of the whole square; feature loss is PerceptFace's sum over brows, eyes, nose, mouth and skin. Skin,"
        " mean over pixels: every pixel of the skin mask against the one at the same place, so that texture and shadows"
        " count; between mean colors: one color of lit skin for each face, so that they do not."
        " docs/anonymization.md says how each is measured, and how accurately."
    )
    return Section("Preservation", caption, Table(("measure", "better", *by_method), lines), found.preservation)


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
        " rank 1 is Re-ID. In brackets: 95% interval, over persons."
    )
    rocs = {pair: (curve.roc.false_accept_rate, curve.roc.true_accept_rate) for pair, curve in curves.items()}
    shares = {pair: tuple(np.array([tuple(rank) for rank in curve.ranks]).T) for pair, curve in curves.items()}
    roc = figures.roc_curves(_by_recognizer(rocs), asked=found.false_accept_rate)
    pictures = [
        Picture("ROC: share matched at every threshold", roc),
        Picture("Own original among the k most similar", figures.rank_curves(_by_recognizer(shares))),
    ]
    return Section("What recognizers find", caption, Table(columns, lines), ranks, pictures)


def learned_attacks(found: Benchmark) -> Section | None:
    """Every method under an attacker that learned, beside the fixed recognizer; None with too few persons."""
    rows = [(row, row.attack) for row in found.attacks if row.attack]
    if not rows:
        return None
    lines = [
        (
            row.method,
            row.recognizer,
            str(attack.pictures),
            f"{attack.gallery:.0f}",
            estimate(attack.fixed.re_identified),
            estimate(attack.learned.re_identified),
            estimate(attack.gain, "+.3f"),
            estimate(attack.fixed.true_accept_rate),
            estimate(attack.learned.true_accept_rate),
        )
        for row, attack in rows
    ]
    rate = f"{found.false_accept_rate:g}"
    columns = (
        "method", "network", "pictures", "gallery", "Re-ID, fixed", "Re-ID, learned", "difference",
        f"TAR at FAR {rate}, fixed", f"TAR at FAR {rate}, learned",
    )  # fmt: skip
    caption = (
        "Learned: a head on the vectors of the network, trained on originals and results of OTHER people and tested on"
        " people it has not seen, in folds of people. Fixed: the same network without a head, in the same galleries:"
        f" the originals of a fold, of which guessing finds {rows[0][1].chance:.3f}. The galleries hold the very"
        " pictures that were anonymized: hair and background count, too. TAR: share above the threshold that this"
        f" share of results with originals of others exceeds: {rate}. A stronger attacker finds more: this is the least"
        " to expect. In brackets: 95% interval, over persons."
    )
    return Section("An attacker that learns", caption, Table(columns, lines), [row for row, _ in rows])


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
        " groups of this size. Chance always gives some gap: read the two together. No p is corrected for the number of"
        f" gaps, here {len(found.gaps)}: of twenty without a difference, one has p < .05 on average."
    )
    return Section("Groups", caption, Table(columns, lines), [*rows, *found.gaps])


def _learned(row):
    return estimate(row.attack.learned.re_identified) if row.attack else f"n/a: {row.persons} persons"


def _value(row):
    return "" if row.note else f"{row.value.value:.{MEASURES[row.measure].digits}f}"


def _cell(row):
    if row.note:
        return f"n/a: {row.note}"
    form = f".{MEASURES[row.measure].digits}f"
    count = f"({row.pictures}/{row.total})" if 0 < row.pictures < row.total else ""
    return " ".join(filter(None, (f"{row.value.value:{form}}", interval(row.value.low, row.value.high, form), count)))


def _scatter(found, thresholds):
    points = {
        (method, recognizer): (similarity, scores.perceived)
        for method, scores in found.scores.items()
        for recognizer, similarity in scores.matched.items()
    }
    return figures.two_axes(_by_recognizer(points), thresholds=thresholds)


def _sheet_rows(found, originals, methods):
    shown = np.unique(np.concatenate([method.places for method in methods.values()]))[:SHOWN]
    rows = []
    for place in shown:
        results = {}
        for name, method in methods.items():
            (where,) = np.nonzero(method.places == place)
            if len(where):
                scores, i = found.scores[name], int(where[0])
                perceived = np.nan if scores.perceived is None else scores.perceived[i]
                nearest = max(values[i] for values in scores.matched.values())
                results[name] = (method.portraits.images[i], float(perceived), float(nearest))
        rows.append(figures.MethodsRow(originals.names[place], originals.images[place], results))
    return rows


def _strip(row):
    """The same row for a page."""
    tiles = [Tile(row.original, row.name, "original")]
    for name, (picture, perceived, nearest) in row.results.items():
        seen = "" if np.isnan(perceived) else f", perceived {perceived:+.3f}"
        tiles.append(Tile(picture, f"recognizer {nearest:+.3f}{seen}", name))
    return Strip(row.name, tiles)


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
