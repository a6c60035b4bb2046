"""Does it help to know who votes? Masks of annotators against models without, on unseen triplets, vote by vote.

Votes are those of annotators with training votes ("seen"), on triplets of the test settings. Accuracy is how often the
model chooses the side that the annotator chose (a tie is 1/2). The log-likelihood is that of log-odds fitted on other
sources, as in the table of votes. Both are paired: the two models answer the same votes. Intervals are over sources and
targets, for these annotators; nothing is said about others.

Before that, three tests ask whether the annotators differ at all (`statistics.heterogeneity`): in how often they say b,
in how closely they follow the model, and in which dimensions of its embedding they weigh.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Float32, Int

from perface_jax import metrics
from perface_jax.annotations import Setting
from perface_jax.annotator_masks import AnnotatorMasks, mask
from perface_jax.evaluation.comparisons import Measure
from perface_jax.evaluation.inputs import LabeledTriplets
from perface_jax.evaluation.intervals import Inference, Judged, Method, basis, paired
from perface_jax.evaluation.votes import AS_ODDS, held_out_log_odds
from perface_jax.statistics.heterogeneity import HeterogeneityTest, cochran_q

MEASURES = (Measure.ACCURACY, Measure.LOG_LIKELIHOOD)
DIMENSIONS = 8  # principal components of the parts; more would only add degrees of freedom
UNMASKED = "the same network without masks"
QUESTIONS = ("say b equally often", "follow the model equally closely", "weigh its dimensions alike")


class AnnotatorRun(NamedTuple):
    """One run on votes of known annotators.

    Attributes:
      parts: of the difference of the similarities of a and of b, by dimension: they sum to it.
      annotator: who gave each vote, an index into `masks.names`; -1 = nobody.
      masks: None for a loss without masks.
    """

    data: LabeledTriplets
    parts: Float32[np.ndarray, "t d"]
    annotator: Int[np.ndarray, "t v"]
    masks: AnnotatorMasks | None = None

    def differences(self) -> Float[np.ndarray, "t v"]:
        """Of every vote, the similarity of a minus that of b as its annotator sees them; 0 without a vote."""
        if self.masks is None:
            return np.broadcast_to(self.parts.sum(axis=1, dtype=np.float64)[:, None], self.annotator.shape)
        weights = np.square(np.asarray(mask(self.masks.logits), np.float64))
        of_all = self.parts.astype(np.float64) @ weights.T
        return np.where(self.annotator >= 0, np.take_along_axis(of_all, np.maximum(self.annotator, 0), axis=1), 0)


class AnnotatorRow(NamedTuple):
    """A model with masks against one without, on the same votes of one test setting.

    Attributes:
      score, other: their accuracies, or log-likelihoods of a vote (natural logarithm).
      difference, low, high, p: the first minus the second, its 95% interval, and p of no difference.
      votes, triplets, annotators: how many different ones.
      note: why a number is missing, or what the interval leaves out.
    """

    setting: Setting
    first: str
    second: str
    measure: Measure
    score: float
    other: float
    difference: float
    low: float
    high: float
    p: float
    votes: int
    triplets: int
    annotators: int
    note: str


class HeterogeneityRow(NamedTuple):
    """Whether the annotators differ in one respect, on the votes of all test settings of the first run of a model."""

    model: str
    question: str
    test: HeterogeneityTest
    votes: int
    annotators: int


def parts(embeddings: Float32[np.ndarray, "t 3 d"]) -> Float32[np.ndarray, "t d"]:
    """The difference of two cosines by dimension, `x_k (a_k - b_k)` of unit vectors; embeddings of a, b, reference."""
    lengths = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    a, b, reference = np.moveaxis(embeddings / np.maximum(lengths, np.finfo(np.float32).tiny), 1, 0)
    return reference * (a - b)


def annotator_rows(
    cells: Mapping[str, Sequence[AnnotatorRun]], *, intervals: Method = Method.TWO_WAY, seed: int = 0
) -> list[AnnotatorRow]:
    """Every model with masks against its own network without, and against the models that were trained without.

    Of two cells the runs are paired in their order; runs on other triplets than their partners' are not compared.
    """
    how, rows = Inference(intervals, seed), []
    for name, runs in cells.items():
        if runs[0].masks is None:
            continue
        plain = {UNMASKED: [run._replace(masks=None) for run in runs]}
        plain |= {other: of for other, of in cells.items() if of[0].masks is None and _alike(runs, of)}
        for setting in Setting:
            if setting.is_test and any(len(_rows(run, setting)) for run in runs):
                rows += [
                    _row(setting, measure, (name, runs), one, how) for measure in MEASURES for one in plain.items()
                ]
    return rows


def heterogeneity_rows(cells: Mapping[str, Sequence[AnnotatorRun]]) -> list[HeterogeneityRow]:
    """The three tests, each given the ones before, for the network of the first run of every cell."""
    return [row for name, (run, *_) in cells.items() for row in _heterogeneity(name, run)]


def _heterogeneity(name, run):
    at = np.concatenate([_rows(run, setting) for setting in Setting if setting.is_test])
    votes, who = np.asarray(run.data.triplets.votes)[at], run.annotator[at]
    known, one = run.parts[at].astype(np.float64), np.ones((len(at), 1))
    total = known.sum(axis=1, keepdims=True)
    asked = (votes >= 0) & (who >= 0)
    counts = int(asked.sum()), len(np.unique(who[asked]))
    tested = (one, total, _components(known))
    for i, question in enumerate(QUESTIONS):
        given = np.concatenate(tested[:i], axis=1) if i else None
        yield HeterogeneityRow(name, question, cochran_q(votes, who, tested[i], given=given), *counts)


def _components(values):
    """The first principal components of the parts, which mean nothing by themselves: a basis of what varies."""
    centered = values - values.mean(axis=0, keepdims=True)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    return centered @ axes[:DIMENSIONS].T


def _alike(runs, others):
    return len(runs) == len(others) and all(
        np.array_equal(_rows(one, setting), _rows(other, setting))
        for one, other in zip(runs, others, strict=True)
        for setting in Setting
        if setting.is_test
    )


def _rows(run, setting):
    return run.data.split.rows.get(setting, np.empty(0, int))


def _row(setting, measure, first, second, how) -> AnnotatorRow:
    (name, runs), (other, plain) = first, second
    asked = [_asked(run, setting) for run in runs]
    ids = np.concatenate([row * run.annotator.shape[1] + slot for (row, slot), run in zip(asked, runs, strict=True)])
    unique, place = np.unique(ids, return_inverse=True)
    triplets, slots = np.divmod(unique, runs[0].annotator.shape[1])

    def mean(of_runs):
        """The mean score of each vote over the runs that have it in this setting."""
        values = [_scores(run, measure, *of) for run, of in zip(of_runs, asked, strict=True)]
        return (np.bincount(place, np.concatenate(values)) / np.bincount(place)).astype(np.float32)

    mine, theirs = mean(runs), mean(plain)
    data = runs[0].data.triplets
    judged = Judged(np.asarray(data.source_id)[triplets], np.asarray(data.target_id)[triplets])
    found = paired(mine, theirs, judged, how)
    note = "no votes of annotators seen in training" if not len(unique) else basis(judged, how.method).note
    if len(unique) and np.isnan(mine).all():
        note = "one source to fit on"
    people = len(np.unique(runs[0].annotator[triplets, slots]))
    mine, theirs = (float(one.mean()) if len(one) else np.nan for one in (mine, theirs))
    counts = len(unique), len(np.unique(triplets)), people
    difference, low, high, p = found
    return AnnotatorRow(setting, name, other, measure, mine, theirs, difference, low, high, p, *counts, note)


def _asked(run, setting):
    """Row and slot of the votes of seen annotators on the triplets of a setting."""
    at = _rows(run, setting)
    who = run.annotator[at]
    row, slot = np.nonzero((np.asarray(run.data.triplets.votes)[at] >= 0) & (who >= 0) & (run.masks.votes > 0)[who])
    return at[row], slot


def _scores(run, measure, row, slot) -> Float[np.ndarray, " n"]:
    difference = run.differences()[row, slot].astype(np.float32)
    vote = np.asarray(run.data.triplets.votes)[row, slot]
    if measure is Measure.ACCURACY:
        return (1 + np.sign(difference) * np.where(vote == 0, 1, -1)) / 2
    odds = held_out_log_odds(difference, vote[:, None], np.asarray(run.data.triplets.source_id)[row])
    if odds is None:
        return np.full(len(row), np.nan)
    for_a, one = (vote == 0).astype(np.float32), np.ones(len(row), np.float32)
    return np.asarray(_likelihood(odds, for_a, one, AS_ODDS))


_likelihood = jax.jit(metrics.vote_log_likelihood)
