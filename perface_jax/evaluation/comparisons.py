"""Two models on the same triplets: paired tests."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float32

from perface_jax import metrics
from perface_jax.annotations import Setting
from perface_jax.evaluation.inputs import LabeledTriplets
from perface_jax.evaluation.runs import scores


class ComparisonRow(NamedTuple):
    """Accuracy of the first model minus that of the second, its 95% interval over sources, and p of no difference.

    McNemar takes triplets as independent, and one answer to each. `note` says why a number is missing, `seen` how many
    sources and targets of the setting training has ("" for a split by ids).
    """

    setting: Setting
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
    seen: str = ""


def comparison_rows(
    first: Mapping[str, Sequence[Float32[np.ndarray, "t 2"]]],
    second: Mapping[str, Sequence[Float32[np.ndarray, "t 2"]]],
    data: Sequence[LabeledTriplets],
    *,
    seed: int = 0,
) -> list[ComparisonRow]:
    """Paired tests of every first model against every second one, in every test setting; similarities are by run."""
    return [
        _comparison(setting, (one, first[one]), (other, second[other]), data, seed)
        for setting in Setting
        if setting.is_test and any(len(of_run.settings.get(setting, ())) for of_run in data)
        for one in first
        for other in second
    ]


def _comparison(setting, first, second, data, seed):
    (one, mine), (other, theirs) = first, second
    places = np.concatenate([of_run.settings[setting] for of_run in data])
    unique, place = np.unique(places, return_inverse=True)

    def mean(similarities):
        """Of each triplet its mean over the runs that have it in this setting."""
        values = np.concatenate(
            [scores(s, d.labels)[d.settings[setting]] for s, d in zip(similarities, data, strict=True)]
        )
        return (np.bincount(place, values) / np.bincount(place)).astype(np.float32)

    sources, clusters = np.unique(data[0].triplets.source_id[unique], return_inverse=True)
    alike = all(np.array_equal(one, given[0]) for given in (mine, theirs) for one in given)
    repeated = len(places) > len(unique) and not alike
    mine, theirs = mean(mine), mean(theirs)
    low = high = p_bootstrap = p_sign_flip = np.nan
    if len(sources) > 1:
        key = jax.random.key(seed)
        tested = metrics.paired_bootstrap(key, mine, theirs, clusters)
        low, high, p_bootstrap = float(tested.low), float(tested.high), float(tested.p)
        p_sign_flip = float(metrics.sign_flip_test(key, mine, theirs, clusters))
    return ComparisonRow(
        setting=setting,
        first=one,
        second=other,
        difference=float(np.mean(mine - theirs)),
        low=low,
        high=high,
        p_bootstrap=p_bootstrap,
        p_sign_flip=p_sign_flip,
        p_mcnemar=np.nan if repeated else metrics.mcnemar(mine, theirs).p,
        triplets=len(unique),
        sources=int(np.sum(sources >= 0)),
        note="sources unknown"
        if sources[0] < 0
        else "one source"
        if len(sources) < 2
        else "several seeds"
        if repeated
        else "",
    )
