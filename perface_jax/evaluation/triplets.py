"""The accuracy table: unanimous triplets of every setting, beside all that an accuracy must be read against.

A number that does not exist is NaN, and the row says why in `note`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from perface_jax import metrics
from perface_jax.evaluation.runs import Run, by_cell, clusters_of, in_order, interval, label, once, pooled, scores

BASELINES = {  # which ids of a triplet they look up among the training triplets
    "baseline: majority side": "",
    "baseline: source look-up": "source_id",
    "baseline: target look-up": "target_id",
}
# One program for a shape, where op by op each would be compiled alone.
_lookup_baseline = jax.jit(metrics.lookup_baseline, static_argnames="size")


class TripletRow(NamedTuple):
    """One line of the accuracy table; NaN where there is no such number.

    Attributes:
      setting: of the triplets, for example `i`.
      model: a model and which cell of a sweep; or a baseline or ceiling.
      kind: `model`, `baseline` (sees training labels and no picture) or `ceiling` (people).
      accuracy: share of right triplets, of all runs and folds together.
      low, high: its 95% interval, sources resampled.
      deviation: standard deviation over seeds, n - 1.
      gain, gain_low, gain_high: accuracy minus that of the first model on the same triplets, with its 95% interval.
      ties: scores of one half, of all runs.
      triplets, sources, seeds: how many different ones it rests on.
      note: why a number is missing.
    """

    setting: str
    model: str
    kind: str
    accuracy: float
    low: float
    high: float
    deviation: float
    gain: float
    gain_low: float
    gain_high: float
    ties: int
    triplets: int
    sources: int
    seeds: int
    note: str


def triplet_rows(cells: Mapping[str, Sequence[Run]], *, seed: int = 0) -> list[TripletRow]:
    """The accuracy table: every cell in every setting, beside the baselines and the ceiling.

    Folds of one seed are pooled: with folds that make each source a test source once, [i] is every triplet once.

    Args:
      cells: by the name to print, the runs that only seeds and folds tell apart.
      seed: of the bootstrap.

    Returns:
      rows in the order setting (tests first), cell; models that start alike share a row. A setting without triplets
      has none.
    """
    rows = []
    for setting in in_order(cells):
        present = {name: runs for name, runs in cells.items() if any(len(run.data.rows[setting]) for run in runs)}
        found = {name: _models(setting, name, runs, seed) for name, runs in present.items()}
        rows += by_cell({name: of_cell[0] for name, of_cell in found.items()}) if found else []
        rows += [row for of_cell in found.values() for row in of_cell[1:]]
        for baseline in BASELINES if present and setting != "train" else ():  # there they have seen the answers
            rows += by_cell({name: _baseline(setting, baseline, runs, seed) for name, runs in present.items()})
        rows += [_ceiling(setting, runs) for runs in present.values()]
    return once(rows)


def _models(setting, name, runs, seed):
    judged = {
        model: [scores(run.similarities[model], run.data.labels) for run in runs] for model in runs[0].similarities
    }
    first = next(iter(judged.values()))
    return [
        _row(setting, label(judged, model, name), "model", runs, now, None if now is first else first, seed)
        for model, now in judged.items()
    ]


def _row(setting, model, kind, runs, now, first, seed):
    values = pooled(now, runs, setting, "settings")
    kept = np.isfinite(values)
    sources, clusters = clusters_of(runs, setting, "settings")
    seeds = np.repeat([str(run.seed) for run in runs], [len(run.data.settings[setting]) for run in runs])
    alike = all(np.array_equal(one, now[0], equal_nan=True) for one in now)  # nothing was repeated
    of_seed = [values[kept & (seeds == one)].mean() for one in np.unique(seeds[kept])][: 1 if alike else None]
    gains = values - pooled(first, runs, setting, "settings") if first else np.full(len(values), np.nan)
    low, high = interval(values, clusters, seed)
    gain_low, gain_high = interval(gains, clusters, seed) if first else (np.nan, np.nan)
    places = np.concatenate([run.data.settings[setting] for run in runs])
    found = len(np.unique(clusters[kept]))
    return TripletRow(
        setting=setting,
        model=model,
        kind=kind,
        accuracy=float(values[kept].mean()) if kept.any() else np.nan,
        low=low,
        high=high,
        deviation=float(np.std(of_seed, ddof=1)) if len(of_seed) > 1 else np.nan,
        gain=float(gains[kept].mean()) if first and kept.any() else np.nan,
        gain_low=gain_low,
        gain_high=gain_high,
        ties=int((values == 0.5).sum()),
        triplets=len(np.unique(places[kept])),
        sources=found,
        seeds=len(of_seed),
        note=_missing(runs, len(values), int(kept.sum()), found),
    )


def _missing(runs, triplets, scored, sources):
    if not triplets:
        return "no unanimous triplet"
    if not scored:
        return "unseen ids"
    if scored < triplets:
        return f"{triplets - scored} triplets with unseen ids left out"
    if (runs[0].data.triplets.source_id < 0).any():
        return "sources unknown"
    return "one source" if sources < 2 else ""


def _baseline(setting, baseline, runs, seed):
    """A predictor that sees the training labels of each run and no picture."""
    values = []
    for run in runs:
        data, seen = run.data, run.data.training_labels[run.data.training]
        if field := BASELINES[baseline]:
            ids = getattr(data.triplets, field)
            values.append(_lookup_baseline(seen, ids[data.training], data.labels, ids, size=max(int(ids.max()) + 1, 1)))
        else:
            values.append(metrics.majority_side(seen, data.labels))
    return _row(setting, baseline, "baseline", runs, list(map(np.asarray, values)), None, seed)


def _ceiling(setting, runs):
    """Beside a unanimous-only accuracy the ceiling says nothing: where people disagree, the triplet is not there."""
    none = dict.fromkeys(("accuracy", "low", "high", "deviation", "gain", "gain_low", "gain_high"), np.nan)
    places = np.unique(np.concatenate([run.data.settings[setting] for run in runs]))
    sources = len(np.unique(runs[0].data.triplets.source_id[places]))
    return TripletRow(
        setting=setting, model="people", kind="ceiling", ties=0, triplets=len(places), sources=sources, seeds=1,
        note="1 by selection", **none,
    )  # fmt: skip
