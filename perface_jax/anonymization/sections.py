"""Sections on anonymization: methods on both axes, what they kept, and what was offered."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from perface_jax import figures
from perface_jax.anonymization.preservation import MEASURES, SKIN_COLORS
from perface_jax.anonymization.scores import Benchmark, KeptRow, Method
from perface_jax.formatting import estimate, interval
from perface_jax.report import Picture, Section, Table

SHOWN = 6  # originals on the sheet
AXES = {
    "SSIM": "SSIM",
    "features lost": "lost",
    SKIN_COLORS: "skin",
    "light": "light",
}  # and their heads: no more than a page is wide


def both_axes(found: Benchmark, originals: Any, methods: Mapping[str, Method]) -> Section:
    """Every method before every machine, beside what people see and what was kept."""
    overall = {row.method: row for row in found.perceived if row.group == "all"}
    kept = {(row.method, row.measure): row for row in found.kept}
    lines = [
        (
            method,
            str(row.pairs),
            estimate(overall[method].similarity) if method in overall else "",
            row.embedder,
            estimate(row.similarity),
            estimate(row.protected),
            estimate(row.re_identified),
            *(_value(kept[method, measure]) for measure in AXES),
        )
        for method, row in found.machine
        if row.group == "all"
    ]
    columns = (
        "method", "pictures", "perceived", "machine", "similarity", "protected", "Re-ID", *AXES.values(),
    )  # fmt: skip
    limits = {row.embedder: row.threshold for _, row in found.machine}
    told = "; ".join(f"{name} {estimate(limit)}" for name, limit in limits.items())
    words = (
        "Each result against its original. Perceived: mean cosine as people see it. Similarity: mean cosine to the"
        " machine. Protected: share at or below the threshold (PSR). Re-ID: share whose most similar original is their"
        f" own. In brackets: 95% interval, persons resampled. Thresholds: {told}. The last columns are from the table"
        " of what was kept, which has units and intervals; skin is the difference between mean colors."
    )
    pictures = [Picture("What a machine sees against what people see, picture by picture", _scatter(found, limits))]
    pictures.append(Picture("Originals and what every method made of them", _sheet(found, originals, methods)))
    return Section("Both axes", words, Table(columns, lines), [*found.machine, *found.perceived], pictures)


def what_was_kept(found: Benchmark) -> Section:
    """Every measure of every method."""
    by_method: dict[str, list[KeptRow]] = {}
    for row in found.kept:
        by_method.setdefault(row.method, []).append(row)
    lines = [
        (
            measure + _unit(measure),
            "more" if MEASURES[measure].more else "less",
            *(_cell(rows[i]) for rows in by_method.values()),
        )
        for i, measure in enumerate(MEASURES)
    ]
    words = (
        "Means over the pictures with 95% intervals; in round brackets, on how many of the pictures a mean rests where"
        " it is not all: PSNR is infinite for two that are the same. Better: more or less of it. SSIM, PSNR, RMSE and"
        " L1 are of the whole square; features lost is PerceptFace's sum over brows, eyes, nose, mouth and skin. Skin,"
        " mean over pixels: every pixel of the skin mask against the one at its place, so that texture and shadows"
        " count; between mean colors: one color of lit skin a face, so that they do not."
        " docs/anonymization.md says how each is measured, and how exactly."
    )
    return Section("What was kept", words, Table(("measure", "better", *by_method), lines), found.kept)


def _value(row):
    return "" if row.note else f"{row.value.value:.{MEASURES[row.measure].digits}f}"


def _cell(row):
    if row.note:
        return f"n/a: {row.note}"
    form = f".{MEASURES[row.measure].digits}f"
    count = f"({row.pictures}/{row.total})" if 0 < row.pictures < row.total else ""
    return " ".join(filter(None, (f"{row.value.value:{form}}", interval(*row.value[1:], form), count)))


def _unit(measure):
    return f" ({MEASURES[measure].unit})" if MEASURES[measure].unit else ""


def _scatter(found, limits):
    nothing = {name: np.full(len(next(iter(one.matched.values()))), np.nan) for name, one in found.seen.items()}
    return figures.two_axes(
        {
            machine: {
                name: (seen.matched[machine], nothing[name] if seen.perceived is None else seen.perceived)
                for name, seen in found.seen.items()
            }
            for machine in limits
        },
        thresholds=limits,
    )


def _sheet(found, originals, methods):
    shown = np.unique(np.concatenate([method.places for method in methods.values()]))[:SHOWN]
    rows = []
    for place in shown:
        results = {}
        for name, method in methods.items():
            (where,) = np.nonzero(method.places == place)
            if len(where):
                seen, i = found.seen[name], int(where[0])
                nearest = np.nanmax([values[i] for values in seen.matched.values()])
                felt = float("nan") if seen.perceived is None else float(seen.perceived[i])
                results[name] = (method.portraits.images[i], felt, float(nearest))
        rows.append(figures.Original(originals.names[place], originals.images[place], results))
    return figures.methods(rows)


def offered(
    rows: Sequence[Any], curves: Mapping[str, Any], sheet: Sequence[Any], thresholds: Mapping[str, Any]
) -> Section:
    """What the pipeline offers to every query, in the order of the rule."""
    machines = list(thresholds)
    lines = [
        (
            row.query,
            row.group,
            str(row.rank),
            row.source,
            f"{row.perceived:+.3f}",
            *(f"{row.matched[name]:+.3f}" for name in machines),
            f"{row.lost:.4f}",
            "given" if row.given else "admitted" if row.admitted else "",
        )
        for row in rows
    ]
    told = "; ".join(f"{name} {estimate(limit)}" for name, limit in thresholds.items())
    words = (
        "Original against result. STEP 1 chose the group, STEP 2 the sources, the rule of config.anonymize the order: a"
        " result is admitted where no machine matches it and people see it in the band. Nothing is given where none is."
        f" Thresholds: {told}."
    )
    columns = ("query", "group", "rank", "source", "perceived", *machines, "features lost", "")
    pictures = [
        Picture("Originals and their results, the best first", figures.results(sheet)),
        Picture(
            "Similarity to the original by degree, mean of the queries", figures.degrees(curves, thresholds=thresholds)
        ),
    ]
    return Section("Anonymized faces", words, Table(columns, lines), rows, pictures)
