"""Sections on triplets: accuracy, votes, examples."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from perface_jax import figures
from perface_jax.annotations import Setting
from perface_jax.evaluation import (
    Example,
    Kind,
    Pairs,
    Reliability,
    TripletRow,
    Triplets,
    VoteRow,
    VoteTable,
)
from perface_jax.formatting import estimate, interval, number, p_value
from perface_jax.report import Picture, Section, Strip, Table, Tile
from perface_jax.sections.captions import readable, why, with_notes, with_seen

MEANINGS = {
    Setting.BOTH_UNSEEN: "source and target unseen in training",
    Setting.TARGET_UNSEEN: "target unseen",
    Setting.SOURCE_UNSEEN: "source unseen",
    Setting.TEST: "of a random split, sources and targets seen",
    Setting.VALIDATION: "where training chooses its checkpoint, so too high for the chosen one (see Training)",
}


BEST = (
    "Best achievable: by a predictor that knows which share of all people says a for each triplet, if these shares have"
    " a beta distribution; in brackets the bounds for any distribution."
)
BAND = "best achievable with its bounds as a band; the dotted line is chance"


def accuracy(rows: Sequence[TripletRow], pairs: Mapping[Setting, Mapping[str, Pairs]]) -> Section:
    """Triplet accuracy beside image-blind baselines and human agreement: the paper's Tables 1 and 3, Fig. 4 and 5."""
    lines = [
        (
            row.setting,
            readable(row.model),
            number(row.accuracy, missing=why(row)),
            number(row.deviation),
            interval(row.low, row.high),
            _best(row),
            estimate((row.gain, row.gain_low, row.gain_high), "+.3f"),
            str(row.ties) if row.kind is Kind.MODEL else "",
            str(row.triplets),
            str(row.sources),
            str(row.seeds) if row.kind is Kind.MODEL else "",
            "" if math.isnan(row.accuracy) else row.note,
        )
        for row in rows
    ]
    columns = (
        "setting", "model", "accuracy", "+-", "95% interval", "best achievable", "gain", "ties", "triplets", "sources",
        "seeds", "note",
    )  # fmt: skip
    tested = [row for row in rows if row.setting.is_test and not math.isnan(row.accuracy)]
    shown = [row for row in tested if row.kind is not Kind.AGREEMENT]  # which is of all triplets
    pictures = []
    if dots := [_dot(row, row.accuracy) for row in shown]:
        caption = f"Accuracy by setting with 95% intervals; {BAND}. {_values(dots)}"
        pictures.append(Picture(caption, figures.accuracy_dots(dots)))
    for setting, of_setting in pairs.items():
        accuracies = {readable(row.model): row.accuracy for row in rows if row.setting == setting}
        of_setting = {readable(model): both for model, both in of_setting.items()}
        shares = ", ".join(f"{model} {accuracies[model]:.3f}" for model in of_setting)
        caption = (
            f"Setting {setting}, first seed: similarity of the reference to the picture people chose (across) and to"
            f" the other (up); below the line the answer is right (Fig. 4 and 5 of the paper). Accuracy: {shares}"
        )
        pictures.append(Picture(caption, figures.similar_against_dissimilar(of_setting, accuracies=accuracies)))
    present = {row.setting for row in rows}
    meanings = "; ".join(f"{setting}: {text}" for setting, text in MEANINGS.items() if setting in present)
    if any(row.seen for row in rows):
        meanings = "Settings as the split names them; the last column counts which of their ids training has seen"
    caption = (
        "Accuracy on unanimous triplets: share where the reference is closer to the picture people chose; ties count"
        " one half. 95% interval: triplets with a source or a target in common are answered alike (see Where the scores"
        " vary). +-: standard deviation over seeds. Gain: minus the model before training, on the same triplets."
        " Image-blind baselines see the labels of the training triplets and no picture: a model that does not beat them"
        f" has not been shown to use the images. {BEST} It is of all votes of the setting, and so is human agreement:"
        " the noise ceilings of Nili et al. (2014), how often a vote agrees with the majority of the others (lower) and"
        " of all votes, its own included (upper). On unanimous triplets both are 1 by selection; compare them with soft"
        f" scores. {meanings}."
    )
    table = dataclasses.replace(with_seen(with_notes(columns, lines), rows), value="accuracy")
    return Section("Triplet accuracy", caption, table, rows, pictures)


def votes(table: VoteTable) -> Section:
    """All votes, unanimous or not: soft scores, likelihood, calibration, and human agreement."""
    rows = [row for row in table.rows if row.setting.is_test]
    lines = [
        (
            row.setting,
            readable(row.model),
            number(row.score, missing=why(row)),
            interval(row.low, row.high),
            _best(row),
            number(row.log_likelihood, missing=why(row)) if row.kind is Kind.MODEL else "",
            number(row.calibration_error, missing=why(row)) if row.kind is Kind.MODEL else "",
            _perfect(row),
            p_value(row.calibration_p),
            str(row.triplets),
            str(row.votes),
        )
        for row in rows
    ]
    columns = (
        "setting", "model", "soft score", "95% interval", "best achievable", "log-likelihood", "calibration error",
        "perfect model", "p", "triplets", "votes",
    )  # fmt: skip
    pictures = []
    if dots := [_dot(row, row.score) for row in rows]:
        caption = f"Soft score by setting with 95% intervals; {BAND}. {_values(dots)}"
        pictures.append(Picture(caption, figures.accuracy_dots(dots, measure="soft score")))
    if setting := next((setting for setting in Setting if table.bins.get(setting)), None):
        pictures.append(_reliability(setting, table.bins[setting]))
    caption = (
        "On all triplets of a setting, split votes too. Soft score: how often the model sides with one vote drawn at"
        " random. Human agreement: the noise ceilings of Nili et al. (2014), how often a vote agrees with the majority"
        f" of the others (lower) and of all votes, its own included (upper). {BEST} Log-likelihood: of a vote, by a"
        " logistic of the similarity difference that was fitted on other sources; -.693 is chance. Calibration error:"
        " the distance between predicted and observed vote shares. Perfect model: the error that the same predictions"
        " would show if they were the shares of people, as mean and 95th percentile of 1,000 draws; p: how often it is"
        " as large; a small one says that the predictions are not each triplet's share, for whatever reason."
    )
    shown = dataclasses.replace(with_seen(Table(columns, lines), rows), value="soft score")
    return Section("Agreement with all votes", caption, shown, table.rows, pictures)


def _reliability(setting: Setting, bins: Mapping[str, Reliability]):
    bins = {readable(model): one for model, one in bins.items()}
    parts = {model: one.calibration for model, one in bins.items()}
    shown = {model: [*map(np.asarray, (one.predicted, one.observed, one.votes))] for model, one in parts.items()}
    drawn = figures.reliability(shown, intervals={model: (one.low, one.high) for model, one in bins.items()})
    caption = (
        f"Reliability in setting {setting}: share of votes for a, predicted and observed, with 95% intervals over"
        " sources, in the first run. Calibration error:"
        f" {', '.join(f'{model} {float(one.error):.3f}' for model, one in parts.items())}"
    )
    return Picture(caption, drawn)


def _perfect(row: VoteRow):
    return "" if math.isnan(row.perfect_error) else f"{row.perfect_error:.3f} (< {row.perfect_limit:.3f})"


def _best(row: TripletRow | VoteRow):
    if math.isnan(row.best):
        return interval(row.best_low, row.best_high)
    return estimate((row.best, row.best_low, row.best_high))


def _dot(row: TripletRow | VoteRow, value):
    ends = (row.best_low, row.best_high) if row.kind is Kind.ACHIEVABLE else (row.low, row.high)
    return figures.Dot(row.setting, readable(row.model), value, *ends, row.kind)


def _values(dots: Sequence[figures.Dot]) -> str:
    """What a chart of dots shows, for its caption."""
    groups = itertools.groupby((dot for dot in dots if not math.isnan(dot.value)), lambda dot: dot.setting)
    return ". ".join(f"{name}: {', '.join(f'{dot.label} {dot.value:.3f}' for dot in group)}" for name, group in groups)


def examples(found: Sequence[Example], triplets: Triplets) -> Section | None:
    """Triplets with the similarities of every model, as in the paper's Table 2; None without any."""
    if not found:
        return None
    shown = []
    for one in found:
        a, b, reference = triplets[one.place]
        scores = {readable(model): pair for model, pair in one.similarities.items()}
        shown.append(figures.Example(triplets.ids[one.place], reference, a, b, one.votes, scores))
    caption = (
        f"Triplets of setting {found[0].setting}, each of another source: up to two of every outcome, with the"
        " similarities of the first seed. The picture that people chose is framed. The outcome is that of"
        f" {readable(list(found[0].similarities)[-1])}; the largest changes in training, or differences of similarity,"
        " come first."
    )
    strips = [_triplet_strip(one, drawn) for one, drawn in zip(found, shown, strict=True)]
    picture = Picture("Where people and the model agree, and where they differ", figures.examples(shown), strips)
    return Section("Examples", caption, figures=[picture])


def _triplet_strip(one: Example, drawn: figures.Example) -> Strip:
    votes, sides = one.votes, (("a", drawn.a, 0), ("reference", drawn.reference, None), ("b", drawn.b, 1))
    tiles = []
    for role, picture, side in sides:
        name = role if side is None else f"{role}: {votes[side]} of {sum(votes)} votes"
        tiles.append(Tile(picture, name, framed=side is not None and votes[side] > votes[1 - side]))
    lines = [
        (model, f"{a:.3f}", f"{b:.3f}", "agrees" if (a > b) == (votes[0] > votes[1]) and a != b else "differs")
        for model, (a, b) in drawn.scores.items()
    ]
    table = Table(("similarity to the reference", "a", "b", "with people"), lines)
    return Strip(f"{one.outcome.value.capitalize()} ({drawn.name})", tiles, table=table)
