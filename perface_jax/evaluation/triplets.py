"""The accuracy table: unanimous triplets of every setting, with everything to compare an accuracy with.

The best achievable accuracy and human agreement are over ALL triplets of the setting, unanimous or not. An undefined
number is NaN, and the row says why in `note`.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float32

from perface_jax import metrics
from perface_jax.annotations import Setting
from perface_jax.evaluation.achievable import best_achievable, human_agreement
from perface_jax.evaluation.intervals import Inference, Method, basis, interval, paired
from perface_jax.evaluation.runs import (
    Kind,
    Line,
    Role,
    Run,
    by_setting,
    distinguish,
    judged,
    labeled,
    lines,
    pooled,
    rows,
    scores,
)
from perface_jax.formatting import percent

BASELINES = {  # the ids whose training labels they look up
    "image-blind majority side": None,
    "image-blind source look-up": "source_id",
    "image-blind target look-up": "target_id",
}
MISFIT = 0.005  # of the votes; more is said in the row
# One program per shape; run eagerly, every operation would be compiled alone.
_lookup_baseline = jax.jit(metrics.lookup_baseline, static_argnames="size")


class TripletRow(NamedTuple):
    """One line of the accuracy table: a model in its cell of a sweep, a baseline, human agreement, or best achievable.

    Attributes:
      role: of a model; None for other lines.
      accuracy: share of right triplets, of all runs and folds together.
      low, high: its 95% interval, over sources and targets (`intervals.Method`).
      deviation: standard deviation over seeds, n - 1.
      best: the best achievable accuracy on the unanimous triplets of the setting, for a beta distribution of vote
        shares; best_low, best_high: its bounds for any distribution (`metrics.achievable_accuracy`).
      gain: accuracy minus that of the start on the same triplets, with its 95% interval.
      ties: scores of one half, of all runs.
      triplets, sources, seeds: how many different ones there are; 0 sources if they are unknown.
      seen: how many sources and targets of the setting training has; "" for a split by ids.
    """

    setting: Setting
    model: str
    kind: Kind
    role: Role | None = None
    accuracy: float = np.nan
    low: float = np.nan
    high: float = np.nan
    deviation: float = np.nan
    best: float = np.nan
    best_low: float = np.nan
    best_high: float = np.nan
    gain: float = np.nan
    gain_low: float = np.nan
    gain_high: float = np.nan
    ties: int = 0
    triplets: int = 0
    sources: int = 0
    seeds: int = 1
    note: str = ""
    seen: str = ""


class Pairs(NamedTuple):
    """Similarities of the reference to the picture that people did not choose, and to the one they chose."""

    negative: Float32[np.ndarray, " n"]
    positive: Float32[np.ndarray, " n"]


def triplet_rows(
    cells: Mapping[str, Sequence[Run]], *, intervals: Method = Method.TWO_WAY, seed: int = 0
) -> list[TripletRow]:
    """The accuracy table: every cell in every setting, beside the image-blind baselines and human agreement.

    Folds of one seed are pooled. If the folds make each source and each target a test id once, [i] contains all sources
    and all targets, but not all their triplets: each fold has its test sources on its test targets, in five folds of an
    80 x 80 grid 5 x 16 x 16 = 1,280 of 6,400. A line that is the same in all cells appears once; a setting without
    triplets has no lines.
    """
    how = Inference(intervals, seed)
    return [row for setting, present in by_setting(cells).items() for row in _rows(setting, present, how)]


def _rows(setting, present, how):
    places, best = functools.partial(labeled, setting=setting), best_achievable(setting, how.seed)
    found = [_with_best(_model(setting, line, how), best(line.runs)) for line in lines(present, places)]
    # A baseline has seen the answers of the training triplets.
    for name in BASELINES if setting is not Setting.TRAIN else ():
        for suffix, runs in distinguish(present, lambda run: (places(run).tobytes(), _seen(run))):
            found.append(_with_best(_baseline(setting, name, name + suffix, runs, how), best(runs)))
    for suffix, runs in distinguish(present, lambda run: (rows(run, setting).tobytes(), places(run).tobytes())):
        found.append(_achievable(setting, f"best achievable{suffix}", runs, best(runs)))
        found += [_agreement(setting, one, suffix) for one in human_agreement(runs, setting, how)]
    return found


def similarity_pairs(cells: Mapping[str, Sequence[Run]]) -> dict[Setting, dict[str, Pairs]]:
    """By test setting and by model as in `triplet_rows`: the triplets of all folds of the first seed."""
    found = {}
    for setting, present in by_setting(cells).items():
        places = functools.partial(labeled, setting=setting)
        if setting.is_test and any(len(places(run)) for runs in present.values() for run in runs):
            found[setting] = {line.name: _pairs(line, places) for line in lines(present, places)}
    return found


def _pairs(line, places):
    parts = []
    for run, similarities in zip(line.runs, line.similarities, strict=True):
        if run.seed == line.runs[0].seed:
            chosen = run.data.labels[places(run)][:, None]
            parts.append(np.take_along_axis(similarities[places(run)], np.hstack([1 - chosen, chosen]), axis=1))
    return Pairs(*np.concatenate(parts).T)


def _model(setting, line: Line, how):
    now, start = (
        [scores(one, run.data.labels) for one, run in zip(of_runs, line.runs, strict=True)] if of_runs else None
        for of_runs in (line.similarities, line.start)
    )
    return _row(setting, line.name, Kind.MODEL, line.role, line.runs, now, start, how)


def _seen(run):
    """What distinguishes one baseline from another."""
    return run.data.training.tobytes(), run.data.training_labels[run.data.training].tobytes()


def _baseline(setting, baseline, name, runs, how):
    """The baseline sees the training labels of each run and no picture."""
    values = []
    for run in runs:
        data, seen = run.data, run.data.training_labels[run.data.training]
        if field := BASELINES[baseline]:
            ids = getattr(data.triplets, field)
            ids = np.where(ids < 0, -1, np.unique(ids, return_inverse=True)[1])  # those of a file may be any numbers
            values.append(_lookup_baseline(seen, ids[data.training], data.labels, ids, size=max(int(ids.max()) + 1, 1)))
        else:
            values.append(metrics.majority_side(seen, data.labels))
    return _row(setting, name, Kind.BASELINE, None, runs, list(map(np.asarray, values)), None, how)


def _row(setting, name, kind, role, runs, of_runs, start, how):
    """A row from the scores `[T]` of each run, and from those of the start."""
    of_setting = [labeled(run, setting) for run in runs]
    values = pooled(of_runs, of_setting)
    kept = np.isfinite(values)
    of_scores = judged(runs, of_setting)
    low, high = interval(values, of_scores, how)
    before = pooled(start, of_setting) if start else np.full(len(values), np.nan)
    gain = paired(values, before, of_scores, how)
    of_seeds = _of_seeds(runs, of_runs, of_setting, values)
    places = np.concatenate(of_setting)
    scored, source_id = len(np.unique(places[kept])), of_scores.source[kept]
    return TripletRow(
        setting=setting,
        model=name,
        kind=kind,
        role=role,
        accuracy=float(values[kept].mean()) if kept.any() else np.nan,
        low=low,
        high=high,
        deviation=float(np.std(of_seeds, ddof=1)) if len(of_seeds) > 1 else np.nan,
        gain=gain.value,
        gain_low=gain.low,
        gain_high=gain.high,
        ties=int((values == 0.5).sum()),
        triplets=scored,
        sources=len(np.unique(source_id[source_id >= 0])),
        seeds=len(of_seeds),
        note=_missing(len(np.unique(places)), scored, basis(of_scores.at(kept), how.method).note),
    )


def _of_seeds(runs, of_runs, of_setting, values):
    """The accuracy of each seed; only one if the scores of all runs are equal, because then nothing was repeated."""
    seeds = np.repeat([str(run.seed) for run in runs], list(map(len, of_setting)))
    kept = np.isfinite(values)
    found = [values[kept & (seeds == one)].mean() for one in np.unique(seeds[kept])]
    alike = all(np.array_equal(one, of_runs[0], equal_nan=True) for one in of_runs)
    return found[:1] if alike else found


def _missing(triplets, scored, note):
    if not triplets:
        return "no unanimous triplet"
    if not scored:
        return "unseen ids"
    return f"{triplets - scored} triplets with unseen ids left out" if scored < triplets else note


def _with_best(row, best):
    value, lowest, highest = best.unanimous.beta_binomial.value, best.unanimous.lowest, best.unanimous.highest
    return row._replace(best=value, best_low=lowest, best_high=highest)


def _achievable(setting, name, runs, best):
    places = np.unique(np.concatenate([labeled(run, setting) for run in runs]))
    source_id = runs[0].data.triplets.source_id[places]
    row = TripletRow(
        setting,
        name,
        Kind.ACHIEVABLE,
        None,
        *best.unanimous.beta_binomial,
        triplets=len(places),
        sources=len(np.unique(source_id[source_id >= 0])),
        note=_doubt(best),
    )
    return _with_best(row, best)


def _doubt(best):
    if np.isnan(best.unanimous.beta_binomial.value):
        return "no triplet with two votes"
    return (
        f"bounds of the nearest possible counts: {percent(best.misfit, '.1%')} differ" if best.misfit > MISFIT else ""
    )


def _agreement(setting, found, suffix):
    """Over all triplets, because on the unanimous ones it is 1 by selection."""
    row = TripletRow(setting, found.name + suffix, Kind.AGREEMENT, None, found.value, found.low, found.high)
    note = "all triplets, also with split votes" if found.triplets else "no triplet with two votes"
    return row._replace(triplets=found.triplets, sources=found.sources, note=note)
