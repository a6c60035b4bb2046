"""Sections on triplets: accuracy, votes, comparison, examples, and what a reader must be warned of."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from perface_jax import figures, formatting
from perface_jax.evaluation import ComparisonRow, Run, TripletRow, VoteRow, counts, held_out_log_odds, label
from perface_jax.evaluation.votes import AS_ODDS, calibration
from perface_jax.report import Picture, Section, Table
from perface_jax.sections.captions import gain, number, p_value, with_notes

FEW_SOURCES = 30  # below, intervals over sources are too narrow: docs/statistics.md
SHOWN = 4  # examples of triplets

SETTINGS = (
    "i: source and target unseen in training; ii: target unseen; iii: source unseen; test: of a random split, sources"
    " and targets seen."
)


def accuracy(cells: Mapping[str, Sequence[Run]], rows: Sequence[TripletRow]) -> Section:
    """Triplet accuracy beside baselines and ceiling: the paper's Tables 1 and 3, Fig. 4 and 5."""
    lines = [
        (
            row.setting,
            row.model,
            number(row.accuracy, row.note),
            formatting.number(row.deviation),
            formatting.interval(row.low, row.high),
            gain(row),
            str(row.ties) if row.kind == "model" else "",
            str(row.triplets),
            str(row.sources),
            str(row.seeds) if row.kind == "model" else "",
            "" if math.isnan(row.accuracy) else row.note,
        )
        for row in rows
    ]
    columns = (
        "setting", "model", "accuracy", "+-", "95% interval", "gain", "ties", "triplets", "sources", "seeds", "note",
    )  # fmt: skip
    dots = [
        figures.Dot(row.setting, row.model, row.accuracy, row.low, row.high, row.kind) for row in rows if _tested(row)
    ]
    pictures = [
        Picture("Accuracy by setting with 95% intervals over sources; the line is chance", figures.accuracy_dots(dots))
    ]
    pictures += [
        Picture(
            f"Similar against dissimilar pairs in setting {setting} (Fig. 4 and 5, first seed): right is below",
            _scatter(cells, rows, setting),
        )
        for setting in dict.fromkeys(row.setting for row in rows if _tested(row) and row.triplets)
    ]
    words = (
        "Accuracy on unanimous triplets: share where the reference is closer to the picture people chose; ties count"
        " one half. 95% interval: sources resampled, because triplets of one source are answered nearly alike. +-:"
        " standard deviation over seeds. gain: minus the first model, on the same triplets. Baselines see the labels of"
        f" the training triplets and no picture: a model that does not beat them has shown nothing. {SETTINGS}"
    )
    return Section("Triplet accuracy", words, with_notes(columns, lines), rows, pictures)


def votes(cells: Mapping[str, Sequence[Run]], rows: Sequence[VoteRow]) -> Section:
    """All votes, split ones too: soft scores, likelihood, calibration, and how far people agree."""
    lines = [
        (
            row.setting,
            row.model,
            number(row.score, row.note),
            formatting.interval(row.low, row.high),
            "" if row.kind == "ceiling" else number(row.log_likelihood, row.note),
            "" if row.kind == "ceiling" else number(row.calibration_error, row.note),
            str(row.triplets),
            str(row.votes),
        )
        for row in rows
        if _tested(row)
    ]
    columns = (
        "setting",
        "model",
        "soft score",
        "95% interval",
        "log-likelihood",
        "calibration error",
        "triplets",
        "votes",
    )
    setting = _first_tested(row.setting for row in rows)
    bins = _calibrations(cells, setting)
    dots = [figures.Dot(row.setting, row.model, row.score, row.low, row.high, row.kind) for row in rows if _tested(row)]
    pictures = [
        Picture(
            "Soft score by setting, beside what people reach among themselves; 95% intervals over sources",
            figures.accuracy_dots(dots, measure="soft score"),
        )
    ]
    if bins:
        said = f"Reliability in setting {setting}: share of votes for a, predicted and observed; of the first run"
        pictures.append(Picture(said, figures.reliability(bins)))
    words = (
        "On all triplets of a setting, split votes too. Soft score: how often the model sides with one vote drawn at"
        " random; its ceiling is what another vote of people reaches. Log-likelihood: of a vote,"
        " by a logistic of the similarity difference that was fitted on other sources; -.693 is chance."
        " Calibration error: the distance between predicted and observed vote shares."
    )
    return Section("Agreement with all votes", words, Table(columns, lines), rows, pictures)


def comparison(rows: Sequence[ComparisonRow]) -> Section:
    """Paired tests."""
    lines = [
        (
            row.setting,
            row.first,
            row.second,
            formatting.number(row.difference, "+.3f"),
            formatting.interval(row.low, row.high, "+.3f"),
            p_value(row.p_bootstrap, row.note),
            p_value(row.p_sign_flip, row.note),
            p_value(row.p_mcnemar, row.note),
            str(row.triplets),
            str(row.sources),
        )
        for row in rows
    ]
    columns = (
        "setting", "first", "second", "difference", "95% interval", "p bootstrap", "p sign flips", "p McNemar",
        "triplets", "sources",
    )  # fmt: skip
    words = (
        "Accuracy of the first minus that of the second on the same triplets. Bootstrap and sign flips take whole"
        " sources; McNemar takes triplets as independent, which they are not: its p is too small. No p is corrected for"
        " the number of comparisons."
    )
    return Section("Paired comparison", words, Table(columns, lines), rows)


def examples(cells: Mapping[str, Sequence[Run]]) -> Section | None:
    """Triplets with the scores of every model, as in the paper's Table 2: ones on which the models disagree first."""
    run = next(iter(cells.values()))[0]
    setting = _first_tested(run.data.settings)
    rows = run.data.settings[setting]
    if not len(rows):
        return None
    models = {
        label(runs[0].similarities, model, cell): similarities
        for cell, runs in cells.items()
        for model, similarities in runs[0].similarities.items()
    }
    margins = [-np.diff(similarities[rows])[:, 0] for similarities in models.values()]
    turned = np.sign(margins[-1]) != np.sign(margins[0])
    order = rows[np.lexsort((-np.abs(margins[-1] - margins[0]), ~turned))]
    _, first = np.unique(run.data.triplets.source_id[order], return_index=True)  # one of each source
    shown = []
    for place in order[np.sort(first)][:SHOWN]:
        a, b, reference = run.data.triplets[int(place)]
        votes = run.data.triplets.votes[place]
        scores = {name: tuple(map(float, similarities[place])) for name, similarities in models.items()}
        count = int(np.sum(votes == 0)), int(np.sum(votes == 1))
        shown.append(figures.Example(run.data.triplets.ids[place], reference, a, b, count, scores))
    words = f"Triplets of setting {setting}, one of a source, with the similarities of every model (the first seed)."
    if len(models) > 1:
        words += " Those first in which the last model turns the answer of the first, and by how much."
    return Section(
        "Examples", words, figures=[Picture("Reference, a and b, votes and scores", figures.examples(shown))]
    )


def triplet_warnings(rows: Sequence[TripletRow], divisions: Sequence[str]) -> list[str]:
    """What a reader of the accuracy table must know first, in plain words."""
    found = []
    if any("by triplet" in division for division in divisions):
        found.append(
            "The split is by triplet: sources and targets of the test triplets were seen in training. The score"
            " measures how well answers to known sources are remembered, not how well new faces are judged."
        )
    tested = [row for row in rows if _tested(row)]
    for setting in dict.fromkeys(row.setting for row in tested):
        found += _not_beaten([row for row in tested if row.setting == setting])
    few = {row.setting: row.sources for row in tested if row.kind == "model" and 1 < row.sources < FEW_SOURCES}
    if few:
        named = ", ".join(f"{count} in {setting}" for setting, count in few.items())
        found.append(
            f"The intervals rest on few sources ({named}): they are likely too narrow, and more triplets of the same"
            " sources would not help."
        )
    if all(row.seeds < 2 for row in tested if row.kind == "model"):
        found.append("One seed: how much the numbers vary between trainings is not known.")
    return found


def _not_beaten(rows):
    """A warning where models do not beat the best predictor that sees no picture."""
    baselines = [row for row in rows if row.kind == "baseline" and row.accuracy == row.accuracy]
    best = max(baselines, key=lambda row: row.accuracy, default=None)
    models = [row for row in rows if row.kind == "model"]
    judged = [row for row in models if row.gain == row.gain] or models  # not what the others start from
    poor = [f"{row.model} {row.accuracy:.3f}" for row in judged if best and row.accuracy <= best.accuracy]
    if not poor:
        return []
    return [
        f"In setting {best.setting} a predictor that sees no picture is not beaten: {best.model} {best.accuracy:.3f};"
        f" {', '.join(poor)}."
    ]


def _tested(row):
    return row.setting not in ("train", "validation")


def _first_tested(settings):
    """The strictest setting there is."""
    settings = list(dict.fromkeys(settings))
    return next((name for name in ("i", "test") if name in settings), settings[-1])


def _scatter(cells, rows, setting):
    accuracies = {row.model: row.accuracy for row in rows if row.setting == setting and row.kind == "model"}
    pairs = {}
    for cell, runs in cells.items():
        for model in runs[0].similarities:
            name = label(runs[0].similarities, model, cell)
            name = name if name in accuracies else f"{name} ({cell})"  # cells that do not start alike
            if name in accuracies:
                pairs.setdefault(name, _ordered(runs, model, setting))
    return figures.similar_against_dissimilar(pairs, accuracies=accuracies)


def _ordered(runs, model, setting):
    """Similarity of the dissimilar and of the similar picture, of all folds of the first seed."""
    parts = []
    for run in [run for run in runs if run.seed == runs[0].seed]:
        places = run.data.settings[setting]
        labels = run.data.labels[places]
        both = run.similarities[model][places]
        parts.append(np.take_along_axis(both, np.stack([1 - labels, labels], axis=1), axis=1))
    return tuple(np.concatenate(parts).T)


def _calibrations(cells, setting):
    found = {}
    for cell, runs in cells.items():
        for model in runs[0].similarities:
            name = label(runs[0].similarities, model, cell)
            if name not in found and (bins := _calibration(runs[0], model, setting)):
                found[name] = bins
    return found


def _calibration(run, model, setting):
    """Of the first run; the table has all."""
    rows, triplets = run.data.rows[setting], run.data.triplets
    difference = -np.diff(run.similarities[model][rows])[:, 0]
    odds = held_out_log_odds(difference, triplets.votes[rows], triplets.source_id[rows])
    if odds is None:
        return None
    return tuple(map(np.asarray, calibration(odds, *counts(triplets.votes[rows]), AS_ODDS)[:3]))
