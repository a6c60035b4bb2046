"""The summary of a report: the verdict in words, the few numbers that carry it, and what was run."""

import math
from collections.abc import Sequence

from perface_jax.annotations import Setting
from perface_jax.evaluation import (
    ComparisonRow,
    GroupRow,
    Kind,
    Role,
    SelectionRow,
    TripletRow,
    VerificationRow,
    VoteRow,
)
from perface_jax.evaluation import Measure as Compared
from perface_jax.evaluation.achievable import LOWER
from perface_jax.evaluation.groups import ALL, Task
from perface_jax.formatting import estimate, percent
from perface_jax.report import Measure, Score, Summary
from perface_jax.sections.captions import readable

ACCURACY, GAIN, SOFT, TOP1, VERIFIED = "accuracy", "gain", "soft score", "right group", "right pairs"
MEASURES = {
    GAIN: Measure("Gain in accuracy over the model before training", 0),
    ACCURACY: Measure("Accuracy on unanimous triplets (chance .5)", 0.5),
    SOFT: Measure("Soft score: agreement with one vote, split votes too (chance .5)", 0.5),
    TOP1: Measure("STEP 1: share of faces given the right one of four groups (chance .25)", 0.25),
    VERIFIED: Measure("Verification: share of pairs told right, one person or two (chance .5)", 0.5),
}
PAIRS = 2  # of models compared, at most
NOTE = (
    "Bars and brackets: 95% intervals, of the best achievable its bounds for any distribution of votes. Dashed: chance,"
    " or no gain."
)
UNSEEN = {
    Setting.BOTH_UNSEEN: "source and target faces unseen in training",
    Setting.TARGET_UNSEEN: "target faces unseen in training",
    Setting.SOURCE_UNSEEN: "source faces unseen in training",
    Setting.TEST: "a random split, sources and targets seen in training",
}


def triplet_summary(rows: Sequence[TripletRow], votes: Sequence[VoteRow]) -> Summary | None:
    """Of the strictest test setting that has a number; None without one."""
    tested = [row for row in rows if row.setting.is_test and not math.isnan(row.accuracy)]
    setting = next((row.setting for row in tested if row.kind is Kind.MODEL), None)
    if setting is None:
        return None
    shown = [row for row in tested if row.setting == setting]
    models = [row for row in shown if row.kind is Kind.MODEL]
    trained = [row for row in models if row.role is Role.TRAINED]
    baseline = max((row for row in shown if row.kind is Kind.BASELINE), key=lambda row: row.accuracy, default=None)
    scores = [Score(GAIN, readable(row.model), row.gain, row.gain_low, row.gain_high, signed=True) for row in trained]
    scores += [Score(ACCURACY, readable(row.model), row.accuracy, row.low, row.high) for row in models]
    if baseline:
        scores.append(Score(ACCURACY, Kind.BASELINE, baseline.accuracy, baseline.low, baseline.high, own=False))
    scores += [_achievable(ACCURACY, row) for row in shown if row.kind is Kind.ACHIEVABLE]
    scores += _soft_scores([row for row in votes if row.setting == setting and not math.isnan(row.score)])
    beside = " ".join(_beside([row for row in models if row.role is not Role.START], baseline))
    gains = " ".join(_gains(trained))
    return _summary(gains or beside, scores, _run(setting, models[-1]), beside if gains else "")


def comparison_summary(rows: Sequence[ComparisonRow]) -> Summary | None:
    """Two models, in accuracy: of the strictest test setting, untrained ones only where there are no others."""
    tested = [row for row in rows if row.measure is Compared.ACCURACY and row.setting.is_test and row.triplets]
    shown = [row for row in tested if row.setting == tested[0].setting]
    shown = [row for row in shown if not any(name.startswith("before") for name in (row.first, row.second))] or shown
    others = f"{len(shown) - PAIRS} more pairs are in the table of the paired comparison."
    text = " ".join([*map(_compared, shown[:PAIRS]), *([others] if len(shown) > PAIRS else [])])
    return _summary("", [], "", text) if text else None


def group_summary(rows: Sequence[GroupRow]) -> Summary:
    """STEP 1 with the four groups."""
    whole = [row for row in rows if row.group == ALL and row.task == Task.FOUR]
    found = ", ".join(f"{percent(row.top1.value)} ({readable(row.model)})" for row in whole)
    scores = [Score(TOP1, readable(row.model), *row.top1) for row in whole]
    return _summary(
        f"STEP 1 finds the right one of four groups for {found} of the faces.",
        scores,
        f"STEP 1: {whole[0].queries} faces.",
    )


def selection_summary(rows: Sequence[SelectionRow]) -> Summary:
    """STEP 2 has no number to judge it by."""
    return _summary("", [], f"STEP 2: candidates for {len({row.query for row in rows})} faces.")


def verification_summary(rows: Sequence[VerificationRow]) -> Summary:
    """One person or two, before and after training."""
    found = ", ".join(f"{percent(row.accuracy, '.1%')} ({readable(row.model)})" for row in rows)
    run = f"Tested on {rows[0].pairs} pairs of pictures of {rows[0].identities} people unseen in training."
    scores = [Score(VERIFIED, readable(row.model), row.accuracy) for row in rows]
    return _summary(f"One person or two, pairs told right: {found}.", scores, run)


def join_summaries(summaries: Sequence[Summary]) -> Summary | None:
    """One summary of several parts, in order; None for none."""
    if not summaries:
        return None
    first, *others = summaries
    texts = [first.details, *(text for one in others for text in (one.verdict, one.details))]
    scores = [score for one in summaries for score in one.scores]
    runs = " ".join(one.run for one in summaries if one.run)
    return _summary(first.verdict, scores, runs, " ".join(filter(None, texts)))


def _summary(verdict, scores, run, details=""):
    measures = {score.measure: MEASURES[score.measure] for score in scores}
    return Summary(verdict, scores, run, measures, details, NOTE)


def _achievable(measure: str, row: TripletRow | VoteRow) -> Score:
    return Score(measure, row.model, row.best, row.best_low, row.best_high, own=False)


def _soft_scores(rows):
    found = [Score(SOFT, readable(row.model), row.score, row.low, row.high) for row in rows if row.kind is Kind.MODEL]
    people = [row for row in rows if row.kind is Kind.AGREEMENT and row.model.startswith(LOWER)]
    found += [
        Score(SOFT, row.model.replace(LOWER, Kind.AGREEMENT), row.score, row.low, row.high, own=False) for row in people
    ]
    return found + [_achievable(SOFT, row) for row in rows if row.kind is Kind.ACHIEVABLE]


def _gains(trained: Sequence[TripletRow]) -> list[str]:
    """A sentence for each outcome: whether training helped, as far as the intervals of the gains tell."""
    outcomes = {}
    for row in trained:
        cell = readable(row.model).partition(", ")[2]
        gain = estimate((row.gain, row.gain_low, row.gain_high), "+.3f", missing="n/a")
        outcomes.setdefault(_outcome(row), []).append(f"{gain} ({cell})" if cell else gain)
    return [f"{outcome}: gain {', '.join(gains)}." for outcome, gains in outcomes.items()]


def _compared(row):
    second = readable(row.second).replace(", of ", " of ")
    difference = estimate((row.difference, row.low, row.high), "+.3f", missing="n/a")
    sure = row.low > 0 or row.high < 0
    told = f"{'the first' if row.low > 0 else 'the second'} is higher" if sure else "which is higher cannot be told"
    return f"Accuracy, {readable(row.first)} minus {second}: {difference}; {told}."


def _outcome(row):
    if math.isnan(row.gain_low):
        return "Whether training helped cannot be told without an interval"
    if row.gain_low > 0:
        return "Training raised the accuracy"
    return "Training lowered the accuracy" if row.gain_high < 0 else "Whether training helped cannot be told"


def _beside(models: Sequence[TripletRow], baseline: TripletRow | None) -> list[str]:
    """How many of the models have a higher accuracy than the best image-blind baseline."""
    if not (models and baseline):
        return []
    above = sum(row.accuracy > baseline.accuracy for row in models)
    if len(models) == 1:
        given = f"Its accuracy, {models[0].accuracy:.3f}, is {'' if above else 'not '}above"
    else:
        given = f"{above} of {len(models)} models are above"
    return [f"{given} the best image-blind baseline, {baseline.accuracy:.3f}."]


def _run(setting: Setting, row: TripletRow) -> str:
    where = f"as the split names it; training has seen {row.seen}" if row.seen else UNSEEN[setting]
    seeds = f", {row.seeds} seeds" if row.seeds > 1 else ""
    sources = f" of {row.sources} sources" if row.sources else ""
    return f"Tested on {row.triplets} unanimous triplets{sources}{seeds}; setting {setting}, {where}."
