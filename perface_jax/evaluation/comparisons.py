"""Two models on the same triplets: paired tests of three measures, corrected for their number, and equivalence.

Accuracy uses the unanimous triplets only. Soft score and log-likelihood use all votes, and find smaller differences.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Float32, Int

from perface_jax import metrics
from perface_jax.annotations import Setting
from perface_jax.evaluation.inputs import LabeledTriplets
from perface_jax.evaluation.intervals import Inference, Judged, Method, basis, equivalent, paired
from perface_jax.evaluation.runs import counts, scores
from perface_jax.evaluation.votes import AS_ODDS, held_out_log_odds
from perface_jax.statistics.multiple import holm

MARGIN = 0.02  # of accuracy and soft score: one triplet in fifty
Similarities = Mapping[str, Sequence[Float32[np.ndarray, "t 2"]]]  # of each run, by the name of the model


class Measure(enum.StrEnum):
    """The measure to compare."""

    ACCURACY = "accuracy"
    SOFT_SCORE = "soft score"
    LOG_LIKELIHOOD = "log-likelihood"


class ComparisonRow(NamedTuple):
    """One measure of the first model minus that of the second, on the same triplets.

    Attributes:
      low, high: the 95% interval of the difference, over what `Method` says.
      p: p-value of no difference, by the same method.
      p_holm: the same, corrected for all settings and pairs of models of this measure (`holm`).
      p_equivalence: p-value of a difference of `margin` or more; below .05 the models are equivalent within it. Not
        corrected; NaN for the log-likelihood.
      p_sign_flip: exchanges whole sources; treats the targets as fixed.
      p_mcnemar: treats triplets as independent; only for the accuracy of one answer per triplet.
      note: why a number is missing, or what the interval leaves out.
      seen: how many sources and targets of the setting training has (`divisions.with_seen`).
    """

    setting: Setting
    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    p_sign_flip: float
    p_mcnemar: float
    triplets: int
    sources: int
    note: str
    seen: str = ""
    measure: Measure = Measure.ACCURACY
    p_holm: float = np.nan
    p_equivalence: float = np.nan
    margin: float = np.nan


def comparison_rows(
    first: Similarities,
    second: Similarities,
    data: Sequence[LabeledTriplets],
    *,
    intervals: Method = Method.TWO_WAY,
    margin: float = MARGIN,
    seed: int = 0,
) -> list[ComparisonRow]:
    """Paired tests of every first model against every second one, in every test setting and measure."""
    how = Inference(intervals, seed)
    rows = [
        _comparison(setting, measure, (one, first[one]), (other, second[other]), data, how, margin)
        for measure in Measure
        for setting in Setting
        if setting.is_test and any(len(places(of_run, setting, measure)) for of_run in data)
        for one in first
        for other in second
    ]
    return [row for measure in Measure for row in _corrected([row for row in rows if row.measure is measure])]


def places(data: LabeledTriplets, setting: Setting, measure: Measure) -> Int[np.ndarray, " n"]:
    """The triplets of a setting that a measure uses: those with an evaluation label, or those with a vote."""
    if measure is Measure.ACCURACY:
        return data.settings.get(setting, np.empty(0, int))
    at = data.split.rows.get(setting, np.empty(0, int))
    return at[(data.triplets.votes[at] >= 0).any(axis=1)]


def _corrected(rows):
    corrected = holm(np.array([row.p for row in rows]))
    return [row._replace(p_holm=float(p)) for row, p in zip(rows, corrected, strict=True)]


def _comparison(setting, measure, first, second, data, how, margin):
    (one, mine), (other, theirs) = first, second
    at = [places(of_run, setting, measure) for of_run in data]
    unique, place = np.unique(np.concatenate(at), return_inverse=True)
    alike = all(np.array_equal(one, given[0]) for given in (mine, theirs) for one in given)
    repeated = len(place) > len(unique) and not alike

    def mean(similarities):
        """The mean of each triplet over the runs that have it in this setting."""
        values = [SCORES[measure](*of_run) for of_run in zip(similarities, data, at, strict=True)]
        return (np.bincount(place, np.concatenate(values)) / np.bincount(place)).astype(np.float32)

    mine, theirs = mean(mine), mean(theirs)
    judged = Judged(data[0].triplets.source_id, data[0].triplets.target_id).at(unique)
    found, exact = paired(mine, theirs, judged, how), measure is Measure.ACCURACY
    bounded = measure is not Measure.LOG_LIKELIHOOD
    return ComparisonRow(
        setting=setting,
        first=one,
        second=other,
        measure=measure,
        difference=found.value,
        low=found.low,
        high=found.high,
        p=found.p,
        p_equivalence=equivalent(mine, theirs, judged, how, margin) if bounded else np.nan,
        margin=margin if bounded else np.nan,
        p_sign_flip=_sign_flips(mine, theirs, judged.source, how.seed),
        p_mcnemar=metrics.mcnemar(mine, theirs).p if exact and not repeated else np.nan,
        triplets=len(unique),
        sources=len(np.unique(judged.source[judged.source >= 0])),
        note=_note(basis(judged, how.method).note, measure, np.isnan(found.value), repeated),
    )


def _note(note, measure, missing, repeated):
    if missing and measure is Measure.LOG_LIKELIHOOD:
        return "one source to fit on"
    return note or ("several seeds" if repeated and measure is Measure.ACCURACY else "")


def _sign_flips(mine, theirs, source, seed):
    kept = np.isfinite(mine - theirs)
    if (source < 0).any() or len(np.unique(source[kept])) < 2:
        return np.nan
    ids = np.unique(source, return_inverse=True)[1]
    return float(metrics.sign_flip_test(jax.random.key(seed), mine, theirs, ids, where=kept))


def _accuracy(similarities, data, at) -> Float[np.ndarray, " n"]:
    return scores(similarities, data.labels)[at]


def _soft_score(similarities, data, at) -> Float[np.ndarray, " n"]:
    votes_for_a, given = counts(data.triplets.votes[at])
    return np.asarray(metrics.soft_scores(_difference(similarities[at]), votes_for_a / given))


def _log_likelihood(similarities, data, at) -> Float[np.ndarray, " n"]:
    """Per vote, so that the mean is that of the table of votes; triplets with more votes than average weigh more."""
    votes = data.triplets.votes[at]
    odds = held_out_log_odds(_difference(similarities[at]), votes, data.triplets.source_id[at])
    if odds is None:
        return np.full(len(at), np.nan)
    votes_for_a, given = counts(votes)
    return np.asarray(_likelihood(odds, votes_for_a, given, AS_ODDS)) / given.mean()


def _difference(similarities):
    return -np.diff(similarities)[:, 0]


_likelihood = jax.jit(metrics.vote_log_likelihood)
SCORES: Mapping[Measure, Callable] = {
    Measure.ACCURACY: _accuracy,
    Measure.SOFT_SCORE: _soft_score,
    Measure.LOG_LIKELIHOOD: _log_likelihood,
}
