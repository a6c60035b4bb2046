"""The table of all votes, split ones too: soft scores, likelihood, calibration, and how far people agree."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from perface_jax import metrics
from perface_jax.evaluation.runs import Run, clusters_of, counts, in_order, interval, label, once

FOLDS = 5  # of sources, to fit how similarities turn into votes
AS_ODDS = metrics.Logistic(np.float32(1), np.float32(0))  # differences that are log-odds already
CEILINGS = {
    "people: another vote": metrics.vote_agreement,
    "people: majority of the others": metrics.vote_against_others,
}
# One program each for a shape, where op by op every one of them would be compiled alone.
_fit_logistic, _log_likelihood = jax.jit(metrics.fit_logistic), jax.jit(metrics.vote_log_likelihood)
calibration = jax.jit(metrics.calibration)


class VoteRow(NamedTuple):
    """One line of the table of all votes, split ones too.

    Attributes:
      setting, model, kind: as in `TripletRow`.
      score: how often the model sides with a vote drawn at random; for a ceiling, how often another vote does.
      low, high: its 95% interval, sources resampled.
      log_likelihood: natural logarithm, a vote, see `held_out_log_odds`; log .5 = -.693 is chance.
      calibration_error: distance of predicted and observed vote shares, weighted by votes.
      triplets, votes: how many different ones.
      note: why a number is missing.
    """

    setting: str
    model: str
    kind: str
    score: float
    low: float
    high: float
    log_likelihood: float
    calibration_error: float
    triplets: int
    votes: int
    note: str


def vote_rows(cells: Mapping[str, Sequence[Run]], *, seed: int = 0) -> list[VoteRow]:
    """The table of all votes: soft scores, likelihood, calibration, how far people agree; see `triplet_rows`."""
    rows = []
    for setting in in_order(cells):
        present = {name: runs for name, runs in cells.items() if any(len(run.data.rows[setting]) for run in runs)}
        for name, runs in present.items():
            models = runs[0].similarities
            rows += [_votes(setting, label(models, model, name), model, runs, seed) for model in models]
        for people in _ceilings(cells):
            rows += [_people(setting, people, runs, seed) for runs in present.values()]
    return once(rows)


def held_out_log_odds(difference: np.ndarray, votes: np.ndarray, source: np.ndarray) -> np.ndarray | None:
    """The log-odds of a vote for a, by a logistic that was fitted on other sources: float32 `[T]`.

    The sources are dealt into up to five folds, and each is predicted from the others: what is judged was not seen.

    Args:
      difference: float32 `[T]`, similarity of a minus that of b.
      votes: int `[T, V]`, 0 = a, 1 = b, -1 = none.
      source: int `[T]`.

    Returns:
      None for fewer than two sources with votes.
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


def _votes(setting, name, model, runs, seed):
    values, likelihoods, errors, given = [], [], [], []
    for run in runs:
        rows = run.data.rows[setting]
        difference = -np.diff(run.similarities[model][rows])[:, 0]
        votes, source = run.data.triplets.votes[rows], run.data.triplets.source_id[rows]
        votes_for_a, count = counts(votes)
        share = np.divide(votes_for_a, count, out=np.full_like(votes_for_a, np.nan), where=count > 0)
        values.append(np.asarray(metrics.soft_scores(difference, share)))
        given.append(count)
        if (odds := held_out_log_odds(difference, votes, source)) is not None:
            likelihoods.append(np.asarray(_log_likelihood(odds, votes_for_a, count, AS_ODDS)))
            errors.append(float(calibration(odds, votes_for_a, count, AS_ODDS).error) * count.sum())
    values, given = np.concatenate(values), np.concatenate(given)
    places = np.unique(np.concatenate([run.data.rows[setting] for run in runs]))
    asked = (runs[0].data.triplets.votes[places] >= 0).any(axis=1)
    _, clusters = clusters_of(runs, setting, "rows")
    low, high = interval(values, clusters, seed)
    complete = len(errors) == len(runs)
    return VoteRow(
        setting=setting,
        model=name,
        kind="model",
        score=float(np.nanmean(values)) if given.any() else np.nan,
        low=low,
        high=high,
        log_likelihood=float(np.concatenate(likelihoods).sum() / given.sum()) if complete else np.nan,
        calibration_error=sum(errors) / float(given.sum()) if complete else np.nan,
        triplets=int(asked.sum()),
        votes=int((runs[0].data.triplets.votes[places] >= 0).sum()),
        note="" if complete else "no votes" if not given.any() else "one source to fit on",
    )


def _ceilings(cells):
    """With up to three votes a triplet the two are the same number."""
    votes = next(iter(cells.values()))[0].data.triplets.votes.shape[1]
    return list(CEILINGS)[: 1 + (votes > 3)]


def _people(setting, people, runs, seed):
    places = np.unique(np.concatenate([run.data.rows[setting] for run in runs]))
    triplets = runs[0].data.triplets
    values = np.asarray(CEILINGS[people](triplets.votes[places]))
    kept = np.isfinite(values)
    low, high = interval(values, triplets.source_id[places], seed)
    return VoteRow(
        setting=setting,
        model=people,
        kind="ceiling",
        score=float(values[kept].mean()) if kept.any() else np.nan,
        low=low,
        high=high,
        log_likelihood=np.nan,
        calibration_error=np.nan,
        triplets=int(kept.sum()),
        votes=int((triplets.votes[places][kept] >= 0).sum()),
        note="" if kept.any() else "no triplet with two votes",
    )
