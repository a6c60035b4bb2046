"""Sections on anonymized faces: every method on both axes, and what it preserves."""

from collections.abc import Mapping

import numpy as np

from perface_jax import figures
from perface_jax.anonymization.benchmark import Benchmark
from perface_jax.anonymization.methods import Method
from perface_jax.anonymization.preservation import MEASURES, SKIN_COLORS
from perface_jax.anonymization.proposals import list_thresholds
from perface_jax.datasets.portraits import Portraits
from perface_jax.formatting import estimate, interval
from perface_jax.report import Picture, Section, Table

SHOWN = 6  # originals on the sheet
SHORT = {
    "SSIM": "SSIM",
    "feature loss": "loss",
    SKIN_COLORS: "skin",
    "light": "light",
}  # measures beside the axes: head


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
            *(_value(preserved[row.method, measure]) for measure in SHORT),
        )
        for row in found.overall()
    ]
    columns = (
        "method", "pictures", "perceived", "recognizer", "similarity", "protected", "Re-ID", *SHORT.values(),
    )  # fmt: skip
    thresholds = found.thresholds()
    caption = (
        "Each result against its original. Perceived: mean cosine under the perceptual model. Similarity: mean cosine"
        " under the recognizer. Protected: share at or below the threshold (PSR). Re-ID: share whose most similar"
        " original is their own. In brackets: 95% interval, persons resampled."
        f" Thresholds: {list_thresholds(thresholds)}. The last columns are from the table Preservation, which has units"
        " and intervals; skin is the difference between mean colors."
    )
    pictures = [Picture("Originals and the results of every method", _sheet(found, originals, methods))]
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
        recognizer: {
            method: (scores.matched[recognizer], scores.perceived)
            for method, scores in found.scores.items()
            if recognizer in scores.matched
        }
        for recognizer in thresholds
    }
    return figures.two_axes(points, thresholds=thresholds)


def _sheet(found, originals, methods):
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
    return figures.methods(rows)
