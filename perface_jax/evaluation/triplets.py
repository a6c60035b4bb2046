"""Triplets: from similarities to the rows of the accuracy tables, with everything an accuracy must be read against.

A model's answer to a triplet are two numbers, its similarities of the reference to a and to b, `[T, 2]`. Accuracies are
over the unanimous triplets of a setting; votes and ceilings over all of them. A number that does not exist is NaN, and
the row says why in `note`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from perface_jax import metrics
from perface_jax.similarity import similarity

FOLDS = 5  # of sources, to fit how similarities turn into votes
BASELINES = {  # which ids of a triplet they look up among the training triplets
    "baseline: majority side": "",
    "baseline: source look-up": "source_id",
    "baseline: target look-up": "target_id",
}
AS_ODDS = metrics.Logistic(np.float32(1), np.float32(0))  # differences that are log-odds already
# One program each for a shape, where op by op every one of them would be compiled alone.
_fit_logistic, _log_likelihood = jax.jit(metrics.fit_logistic), jax.jit(metrics.vote_log_likelihood)
_look_up = jax.jit(metrics.look_up, static_argnames="size")
calibration = jax.jit(metrics.calibration)
CEILINGS = {
    "people: another vote": metrics.vote_agreement,
    "people: majority of the others": metrics.vote_against_others,
}


class Embedder(Protocol):
    """What gives vectors: `embedding.Network`, or `vectors.Vectors` by name."""

    def items(self, names: Sequence[Sequence[str]], load: Callable[[int], np.ndarray]) -> np.ndarray:
        """`[n, k, D]`, see `embedding.Network.items`."""


class Run(NamedTuple):
    """One run of a sweep, or the one set of vectors that is judged.

    Attributes:
      seed: what only repeats the run: runs that differ in nothing else are the spread of one cell of the table.
      data: labels, settings and training labels, `experiment.Data`.
      similarities: by name of the model, for instance `before` and `after`, float32 `[T, 2]` to a and to b.
    """

    seed: Any
    data: Any
    similarities: Mapping[str, np.ndarray]


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


class VoteRow(NamedTuple):
    """One line of the table of all votes, split ones too.

    Attributes:
      setting, model, kind: as in `TripletRow`.
      score: how often the model sides with a vote drawn at random; for a ceiling, how often another vote does.
      low, high: its 95% interval, sources resampled.
      log_likelihood: natural logarithm, a vote, see `foretold`; log .5 = -.693 is chance.
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


class ComparisonRow(NamedTuple):
    """Two models on the same triplets.

    Attributes:
      setting: of the triplets.
      first, second: names of the models.
      difference, low, high: accuracy of the first minus that of the second, 95% interval over sources.
      p_bootstrap, p_sign_flip, p_mcnemar: of no difference; the last one takes triplets as independent.
      triplets, sources: what it rests on.
      note: why a number is missing.
    """

    setting: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    p_bootstrap: float
    p_sign_flip: float
    p_mcnemar: float
    triplets: int
    sources: int
    note: str


def triplet_similarities(embedder: Embedder, triplets: Any) -> np.ndarray:
    """The similarities of every reference to its a and its b, each picture embedded once.

    Args:
      embedder: gives vectors, of pictures or by the names `t0000_a`.
      triplets: `datasets.sim_celeba.Triplets`, pictures a, b and c = reference.

    Returns:
      float32 `[T, 2]`.
    """
    names = [[f"{name}_{role}" for role in "abc"] for name in triplets.ids]
    a, b, reference = np.moveaxis(embedder.items(names, triplets.__getitem__), 1, 0)
    return np.stack([similarity(reference, a), similarity(reference, b)], axis=1)


def scores(similarities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """1 where the picture people chose is the more similar one, 1/2 at a tie, else 0; NaN without a label: `[T]`."""
    right = np.asarray(metrics.pair_scores(similarities[:, 0], similarities[:, 1]))
    return np.where(labels < 0, np.nan, np.where(labels == 0, right, 1 - right)).astype(np.float32)


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
    for setting in _in_order(cells):
        present = {name: runs for name, runs in cells.items() if any(len(run.data.rows[setting]) for run in runs)}
        found = {name: _models(setting, name, runs, seed) for name, runs in present.items()}
        rows += _by_cell({name: of_cell[0] for name, of_cell in found.items()}) if found else []
        rows += [row for of_cell in found.values() for row in of_cell[1:]]
        for baseline in BASELINES if present and setting != "train" else ():  # there they have seen the answers
            rows += _by_cell({name: _baseline(setting, baseline, runs, seed) for name, runs in present.items()})
        rows += [_ceiling(setting, runs) for runs in present.values()]
    return _once(rows)


def vote_rows(cells: Mapping[str, Sequence[Run]], *, seed: int = 0) -> list[VoteRow]:
    """The table of all votes: soft scores, likelihood, calibration, how far people agree; see `triplet_rows`."""
    rows = []
    for setting in _in_order(cells):
        present = {name: runs for name, runs in cells.items() if any(len(run.data.rows[setting]) for run in runs)}
        for name, runs in present.items():
            models = runs[0].similarities
            rows += [_votes(setting, label(models, model, name), model, runs, seed) for model in models]
        for people in _ceilings(cells):
            rows += [_people(setting, people, runs, seed) for runs in present.values()]
    return _once(rows)


def comparison_rows(
    first: Mapping[str, Sequence[np.ndarray]],
    second: Mapping[str, Sequence[np.ndarray]],
    data: Sequence[Any],
    *,
    seed: int = 0,
) -> list[ComparisonRow]:
    """Paired tests of every model against every other one, in every setting that is a test.

    Args:
      first: by name, the similarities `[T, 2]` of each run.
      second: the same of the others.
      data: of each run, `experiment.Data`.
      seed: of the bootstrap and of the sign flips.
    """
    return [
        _comparison(setting, (one, first[one]), (other, second[other]), data, seed)
        for setting in data[0].settings
        if setting not in ("train", "validation")
        for one in first
        for other in second
        if any(len(of_run.settings[setting]) for of_run in data)
    ]


def label(models: Mapping[str, Any], model: str, cell: str) -> str:
    """The name to print: all cells of a sweep start from the first model; what came of it is named by the cell."""
    return model if model == next(iter(models)) else f"{model} {cell}".strip()


def counts(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Votes for a and votes given, float32 `[T]` each."""
    return np.sum(votes == 0, axis=1).astype(np.float32), np.sum(votes >= 0, axis=1).astype(np.float32)


def foretold(difference: np.ndarray, votes: np.ndarray, source: np.ndarray) -> np.ndarray | None:
    """The log-odds of a vote for a, by a logistic that was fitted on other sources: float32 `[T]`.

    The sources are dealt into up to five folds, and each is foretold from the others: what is judged was not seen.

    Args:
      difference: float32 `[T]`, similarity of a minus that of b.
      votes: int `[T, V]`, 0 = a, 1 = b, -1 = none.
      source: int `[T]`.

    Returns:
      None for fewer than two sources with votes.
    """
    ayes, given = counts(votes)
    _, fold = np.unique(source, return_inverse=True)
    fold = fold % FOLDS
    if len(np.unique(fold[given > 0])) < 2:
        return None
    odds = np.empty_like(difference)
    for one in np.unique(fold):
        slope, intercept = _fit_logistic(difference, ayes, given, where=fold != one)
        odds[fold == one] = (slope * difference + intercept)[fold == one]
    return odds


def _in_order(cells):
    """The settings that are tests first."""
    return sorted(next(iter(cells.values()))[0].data.rows, key=lambda name: name in ("train", "validation"))


def _pooled(values, runs, setting, of):
    return np.concatenate([one[getattr(run.data, of)[setting]] for one, run in zip(values, runs, strict=True)])


def _clusters(runs, setting, of):
    return np.unique(_pooled([run.data.triplets.source_id for run in runs], runs, setting, of), return_inverse=True)


def _interval(values, clusters, seed):
    kept = np.isfinite(values)
    if len(np.unique(clusters[kept])) < 2:
        return np.nan, np.nan
    return tuple(map(float, metrics.cluster_interval(jax.random.key(seed), values, clusters, where=kept)))


def _models(setting, name, runs, seed):
    judged = {
        model: [scores(run.similarities[model], run.data.labels) for run in runs] for model in runs[0].similarities
    }
    first = next(iter(judged.values()))
    return [
        _row(setting, label(judged, model, name), "model", runs, now, None if now is first else first, seed)
        for model, now in judged.items()
    ]


def _by_cell(rows):
    """One row where all cells agree, else one each, with the name of its cell."""
    if len({repr(row) for row in rows.values()}) == 1:
        return list(rows.values())[:1]
    return [row._replace(model=f"{row.model} ({name})") for name, row in rows.items()]


def _row(setting, model, kind, runs, now, first, seed):
    values = _pooled(now, runs, setting, "settings")
    kept = np.isfinite(values)
    sources, clusters = _clusters(runs, setting, "settings")
    seeds = np.repeat([str(run.seed) for run in runs], [len(run.data.settings[setting]) for run in runs])
    alike = all(np.array_equal(one, now[0], equal_nan=True) for one in now)  # nothing was repeated
    of_seed = [values[kept & (seeds == one)].mean() for one in np.unique(seeds[kept])][: 1 if alike else None]
    gains = values - _pooled(first, runs, setting, "settings") if first else np.full(len(values), np.nan)
    low, high = _interval(values, clusters, seed)
    gain_low, gain_high = _interval(gains, clusters, seed) if first else (np.nan, np.nan)
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
            values.append(_look_up(seen, ids[data.training], data.labels, ids, size=max(int(ids.max()) + 1, 1)))
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


def _votes(setting, name, model, runs, seed):
    values, likelihoods, errors, given = [], [], [], []
    for run in runs:
        rows = run.data.rows[setting]
        difference = -np.diff(run.similarities[model][rows])[:, 0]
        votes, source = run.data.triplets.votes[rows], run.data.triplets.source_id[rows]
        ayes, count = counts(votes)
        share = np.divide(ayes, count, out=np.full_like(ayes, np.nan), where=count > 0)
        values.append(np.asarray(metrics.soft_scores(difference, share)))
        given.append(count)
        if (odds := foretold(difference, votes, source)) is not None:
            likelihoods.append(np.asarray(_log_likelihood(odds, ayes, count, AS_ODDS)))
            errors.append(float(calibration(odds, ayes, count, AS_ODDS).error) * count.sum())
    values, given = np.concatenate(values), np.concatenate(given)
    places = np.unique(np.concatenate([run.data.rows[setting] for run in runs]))
    asked = (runs[0].data.triplets.votes[places] >= 0).any(axis=1)
    _, clusters = _clusters(runs, setting, "rows")
    low, high = _interval(values, clusters, seed)
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
    low, high = _interval(values, triplets.source_id[places], seed)
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


def _comparison(setting, first, second, data, seed):
    (one, mine), (other, theirs) = first, second
    places = np.concatenate([of_run.settings[setting] for of_run in data])
    unique, place = np.unique(places, return_inverse=True)

    def mean(similarities):
        """Of each triplet its mean over the runs in which it stands in this setting."""
        values = np.concatenate(
            [scores(s, d.labels)[d.settings[setting]] for s, d in zip(similarities, data, strict=True)]
        )
        return (np.bincount(place, values) / np.bincount(place)).astype(np.float32)

    sources, clusters = np.unique(data[0].triplets.source_id[unique], return_inverse=True)
    alone = len(sources) < 2
    alike = all(np.array_equal(one, given[0]) for given in (mine, theirs) for one in given)
    repeated = len(places) > len(unique) and not alike
    mine, theirs = mean(mine), mean(theirs)
    key = jax.random.key(seed)
    tested = None if alone else metrics.paired_bootstrap(key, mine, theirs, clusters)
    return ComparisonRow(
        setting=setting,
        first=one,
        second=other,
        difference=float(np.mean(mine - theirs)),
        low=np.nan if alone else float(tested.low),
        high=np.nan if alone else float(tested.high),
        p_bootstrap=np.nan if alone else float(tested.p),
        p_sign_flip=np.nan if alone else float(metrics.sign_flip_test(key, mine, theirs, clusters)),
        p_mcnemar=np.nan if repeated else metrics.mcnemar(mine, theirs).p,
        triplets=len(unique),
        sources=len(sources),
        note="one source" if alone else "several seeds have no one answer for McNemar" if repeated else "",
    )


def _once(rows):
    """Without repetitions: the row of a start that all cells share; NaN is not itself, its text is."""
    return list({repr(row): row for row in rows}.values())
