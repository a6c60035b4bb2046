"""The table of all votes, unanimous or not: soft scores, likelihood, calibration, and human agreement.

Calibration errors are compared with those of a perfect model with the same predictions: `metrics.perfect_errors`.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float32, Float64, Int

from perface_jax import metrics
from perface_jax.annotations import Setting
from perface_jax.evaluation.achievable import best_achievable, every_place, human_agreement
from perface_jax.evaluation.intervals import Inference, Method, interval
from perface_jax.evaluation.runs import Kind, Line, Run, by_setting, counts, distinguish, judged, lines, pooled, rows

FOLDS = 5  # of sources, to fit votes from similarities
UNKNOWN = metrics.CalibrationReference(np.nan, np.nan, np.nan, np.nan)
AS_ODDS = metrics.Logistic(np.ones((), np.float32), np.zeros((), np.float32))  # differences that are log-odds already
# One program per shape; run eagerly, every operation would be compiled alone.
_fit_logistic, _log_likelihood = jax.jit(metrics.fit_logistic), jax.jit(metrics.vote_log_likelihood)
_calibration = jax.jit(metrics.calibration)


class VoteRow(NamedTuple):
    """One line of the table of all votes.

    Attributes:
      score: how often the model agrees with a randomly drawn vote; for human agreement, how often other votes do.
      low, high: its 95% interval, over sources and targets (`intervals.Method`).
      best: the best achievable score for a beta distribution of vote shares; best_low, best_high: its bounds for any
        distribution (`metrics.achievable_accuracy`).
      log_likelihood: natural logarithm, per vote, see `held_out_log_odds`; log .5 = -.693 is chance.
      calibration_error: distance of predicted and observed vote shares, weighted by votes.
      perfect_error, perfect_limit: mean and 95th percentile of the calibration error of a perfect model with the same
        predictions; calibration_p: how often that error is at least as large.
      triplets, votes: how many different ones.
      note: why a number is missing.
      seen: how many sources and targets of the setting training has; "" for a split by ids.
    """

    setting: Setting
    model: str
    kind: Kind
    score: float = np.nan
    low: float = np.nan
    high: float = np.nan
    best: float = np.nan
    best_low: float = np.nan
    best_high: float = np.nan
    log_likelihood: float = np.nan
    calibration_error: float = np.nan
    perfect_error: float = np.nan
    perfect_limit: float = np.nan
    calibration_p: float = np.nan
    triplets: int = 0
    votes: int = 0
    note: str = ""
    seen: str = ""


class Reliability(NamedTuple):
    """The bins of a reliability diagram, with the 95% interval (over sources) of the observed share in each."""

    calibration: metrics.Calibration
    low: Float64[np.ndarray, " bins"]
    high: Float64[np.ndarray, " bins"]


class VoteTable(NamedTuple):
    """The rows, and by setting and model the bins of the first run for a reliability diagram."""

    rows: list[VoteRow]
    bins: dict[Setting, dict[str, Reliability]]


class _HeldOut(NamedTuple):
    """Results from log-odds of a run that were fitted on other sources; likelihoods per triplet."""

    log_odds: np.ndarray
    likelihood: np.ndarray
    calibration: metrics.Calibration
    perfect_errors: np.ndarray


def vote_table(cells: Mapping[str, Sequence[Run]], *, intervals: Method = Method.TWO_WAY, seed: int = 0) -> VoteTable:
    """The table of all votes of every model in every setting, beside human agreement; see `triplet_rows`."""
    found, how = VoteTable([], {}), Inference(intervals, seed)
    for setting, present in by_setting(cells).items():
        places, best = functools.partial(rows, setting=setting), best_achievable(setting, seed)
        found.bins[setting] = {}
        for line in lines(present, places):
            pairs = zip(line.runs, line.similarities, strict=True)
            held_out = [
                _held_out(run, similarities, places(run), seed + number)
                for number, (run, similarities) in enumerate(pairs)
            ]
            found.rows.append(_with_best(_model(setting, line, held_out, how), best(line.runs)))
            if held_out[0]:
                found.bins[setting][line.name] = _reliability(line.runs[0], places(line.runs[0]), held_out[0])
        for suffix, runs in distinguish(present, lambda run, places=places: places(run).tobytes()):
            found.rows.append(_achievable(setting, f"best achievable{suffix}", runs, best(runs)))
            found.rows.extend(_agreement(setting, one, suffix) for one in human_agreement(runs, setting, how))
    return found


def held_out_log_odds(
    difference: Float32[np.ndarray, " t"], votes: Int[np.ndarray, "t v"], source: Int[np.ndarray, " t"]
) -> Float32[np.ndarray, " t"] | None:
    """The log-odds of a vote for a, by a logistic fitted on other sources.

    Sources are dealt into up to five folds; each fold is predicted from the others. None with fewer than two sources
    with votes.

    Args:
      difference: similarity of a minus that of b.
      votes: 0 = a, 1 = b, -1 = none.
    """
    votes_for_a, given = counts(votes)
    _, fold = np.unique(source, return_inverse=True)
    fold = fold % FOLDS
    if len(np.unique(fold[given > 0])) < 2:
        return None
    odds = np.empty_like(difference)
    for one in np.unique(fold):
        slope, intercept = _fit_logistic(difference, votes_for_a, given, where=fold != one)
        odds[fold == one] = (slope * difference + intercept)[fold == one]
    return odds


def _held_out(run, similarities, places, seed):
    """None for fewer than two sources with votes; see `held_out_log_odds`."""
    triplets = run.data.triplets
    votes = triplets.votes[places]
    odds = held_out_log_odds(_difference(similarities[places]), votes, triplets.source_id[places])
    if odds is None:
        return None
    likelihood, found = jax.device_get([of(odds, *counts(votes), AS_ODDS) for of in (_log_likelihood, _calibration)])
    return _HeldOut(odds, likelihood, found, metrics.perfect_errors(odds, counts(votes)[1], AS_ODDS, seed=seed))


def _reliability(run, places, held_out):
    votes, source = run.data.triplets.votes[places], run.data.triplets.source_id[places]
    intervals = metrics.reliability_intervals(held_out.log_odds, *counts(votes), AS_ODDS, source)
    return Reliability(held_out.calibration, *intervals)


def _reference(runs, held_out, votes):
    """The calibration error of all runs together, weighted by votes, and those of a perfect model.

    Folds are drawn independently. Seeds share their votes, so their errors rise and fall together: the draws of each
    seed are sorted, then averaged in that order.
    """
    error = np.average([one.calibration.error for one in held_out], weights=votes)
    by_seed = []
    for seed in dict.fromkeys(run.seed for run in runs):
        own = [number for number, run in enumerate(runs) if run.seed == seed]
        draws = [held_out[number].perfect_errors for number in own]
        by_seed.append(np.sort(np.average(draws, axis=0, weights=votes[own])))
    return metrics.calibration_reference(error, np.mean(by_seed, axis=0))


def _difference(similarities):
    return -np.diff(similarities)[:, 0]


def _model(setting, line: Line, held_out, how):
    of_setting = [rows(run, setting) for run in line.runs]
    votes = [run.data.triplets.votes for run in line.runs]
    values = _soft_scores(_difference(pooled(line.similarities, of_setting)), pooled(votes, of_setting))
    of_scores = judged(line.runs, of_setting)
    low, high = interval(values, of_scores, how)
    given = np.array([counts(of_run[at])[1].sum() for of_run, at in zip(votes, of_setting, strict=True)])
    total, likelihood, reference = given.sum(), np.nan, UNKNOWN
    if complete := all(held_out):
        likelihood = float(np.concatenate([one.likelihood for one in held_out]).sum() / total)
        reference = _reference(line.runs, held_out, given)
    asked = votes[0][np.unique(np.concatenate(of_setting))] >= 0
    return VoteRow(
        setting=setting,
        model=line.name,
        kind=Kind.MODEL,
        score=float(np.nanmean(values)) if total else np.nan,
        low=low,
        high=high,
        log_likelihood=likelihood,
        calibration_error=reference.error,
        perfect_error=reference.expected,
        perfect_limit=reference.limit,
        calibration_p=reference.p,
        triplets=int(asked.any(axis=1).sum()),
        votes=int(asked.sum()),
        note="" if complete else _incomplete(of_scores.source) if total else "no votes",
    )


def _incomplete(sources):
    return "sources unknown" if (sources < 0).any() else "one source to fit on"


def _soft_scores(difference, votes):
    votes_for_a, given = counts(votes)
    share = np.divide(votes_for_a, given, out=np.full_like(votes_for_a, np.nan), where=given > 0)
    return np.asarray(metrics.soft_scores(difference, share))


def _with_best(row, best):
    value, lowest, highest = best.soft.beta_binomial.value, best.soft.lowest, best.soft.highest
    return row._replace(best=value, best_low=lowest, best_high=highest)


def _achievable(setting, name, runs, best):
    asked = runs[0].data.triplets.votes[every_place(runs, setting)] >= 0
    note = "" if np.isfinite(best.soft.beta_binomial.value) else "no triplet with two votes"
    row = VoteRow(setting, name, Kind.ACHIEVABLE, *best.soft.beta_binomial, note=note)
    return _with_best(row._replace(triplets=int(asked.any(axis=1).sum()), votes=int(asked.sum())), best)


def _agreement(setting, found, suffix):
    row = VoteRow(setting, found.name + suffix, Kind.AGREEMENT, found.value, found.low, found.high)
    note = "" if found.triplets else "no triplet with two votes"
    return row._replace(triplets=found.triplets, votes=found.votes, note=note)
