"""Best achievable scores and human agreement of a setting, from ALL of its votes, unanimous or not."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Int

from perface_jax import metrics
from perface_jax.annotations import Setting
from perface_jax.evaluation.intervals import Inference, interval
from perface_jax.evaluation.runs import Run, judged, rows
from perface_jax.statistics.votes import count_votes

LOWER, UPPER, ANOTHER = (
    f"human agreement: {measure}" for measure in ("lower noise ceiling", "upper noise ceiling", "another vote")
)
# One program per shape; run eagerly, every operation would be compiled alone.
_noise_ceiling, _vote_agreement = jax.jit(metrics.noise_ceiling), jax.jit(metrics.vote_agreement)


class Agreement(NamedTuple):
    """One measure of human agreement: its mean, 95% interval, and numbers of triplets, sources and votes."""

    name: str
    value: float
    low: float
    high: float
    triplets: int
    sources: int
    votes: int


def best_achievable(setting: Setting, seed: int) -> Callable[[Sequence[Run]], metrics.AchievableAccuracy]:
    """A function of the runs of a line: `metrics.achievable_accuracy` of their triplets in this setting, each once.

    To count as unanimous, a triplet needs at least as many votes as the evaluated triplet with the fewest. Intervals
    resample sources, so these must be known. The same counts of votes are computed once.
    """
    return lambda runs: _best_achievable(runs[0].data, every_place(runs, setting), seed)


def _best_achievable(data, places, seed):
    votes, source = data.triplets.votes, data.triplets.source_id
    evaluated = np.sum(count_votes(votes[data.labels >= 0]), axis=0)
    known = source[places] if (source[places] >= 0).all() else None
    found = metrics.vote_histograms(votes[places], source=known) or {1: [0, 0]}
    fewest = int(evaluated.min()) if len(evaluated) else None
    return _of_counts(tuple((votes, _rows(table)) for votes, table in found.items()), fewest, seed)


def _rows(table):
    return tuple(map(tuple, np.atleast_2d(table).tolist()))


@functools.lru_cache(maxsize=256)  # every line of two tables asks, and most lines have the same triplets
def _of_counts(counts, fewest, seed):
    tables = {votes: np.array(table) for votes, table in counts}
    return metrics.achievable_accuracy(tables, min_votes=fewest, seed=seed)


def human_agreement(runs: Sequence[Run], setting: Setting, how: Inference) -> list[Agreement]:
    """The noise ceilings of a setting, and how often two votes agree.

    With up to three votes, the latter equals the lower noise ceiling and is left out.
    """
    triplets, places = runs[0].data.triplets, every_place(runs, setting)
    votes, of_votes = triplets.votes[places], judged(runs[:1], [places])
    values = dict(zip((LOWER, UPPER), _noise_ceiling(votes), strict=True))
    if votes.shape[1] > 3:
        values[ANOTHER] = _vote_agreement(votes)
    return [_agreement(name, np.asarray(of_name), votes, of_votes, how) for name, of_name in values.items()]


def every_place(runs: Sequence[Run], setting: Setting) -> Int[np.ndarray, " n"]:
    """The positions of all triplets that any of the runs has in a setting, each once."""
    return np.unique(np.concatenate([rows(run, setting) for run in runs]))


def _agreement(name, values, votes, of_votes, how):
    kept = np.isfinite(values)
    source = of_votes.source
    return Agreement(
        name,
        float(values[kept].mean()) if kept.any() else np.nan,
        *interval(values, of_votes, how),
        triplets=int(kept.sum()),
        sources=len(np.unique(source[kept & (source >= 0)])),
        votes=int((votes[kept] >= 0).sum()),
    )
