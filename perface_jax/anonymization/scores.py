"""Methods of anonymization on both axes, and what they keep: one row for every number of the benchmark."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from perface_jax import privacy
from perface_jax.annotations.agreement import Estimate, resample
from perface_jax.anonymization.embedders import FaceEmbedder
from perface_jax.anonymization.preservation import MEASURES, kept, no_contours
from perface_jax.evaluation.groups import NONE
from perface_jax.privacy.shares import mean_of
from perface_jax.similarity import similarity


class Method(NamedTuple):
    """What one anonymizer made.

    Attributes:
      portraits: `datasets.portraits.Portraits`, n of them.
      places: int `[n]`, of their originals.
    """

    portraits: Any
    places: np.ndarray


class Seen(NamedTuple):
    """What embedders see of one method's results and of their originals.

    Attributes:
      perceived: float `[n]`, similarity to the original as people see it; None without a model of people.
      matched: machine -> float `[n]`, similarity to the original as the machine sees it.
    """

    perceived: np.ndarray | None
    matched: Mapping[str, np.ndarray]


class MachineAxisRow(NamedTuple):
    """One method before one machine, all pictures or one group of them; see `privacy.MachineRow`."""

    method: str
    machine: privacy.MachineRow


class MachineGapRow(NamedTuple):
    """The largest difference between the groups of one attribute, before one machine; see `privacy.MachineGap`."""

    method: str
    gap: privacy.MachineGap


class PerceivedRow(NamedTuple):
    """The similarity of originals and results as people see it, all pictures or one group of them."""

    method: str
    attribute: str
    group: str
    pictures: int
    similarity: Estimate


class PerceivedGapRow(NamedTuple):
    """The largest difference of the perceived similarity between the groups of one attribute."""

    method: str
    attribute: str
    gap: privacy.Gap


class KeptRow(NamedTuple):
    """One measure of what a method kept.

    Attributes:
      method: its name.
      measure: a name of `kept.MEASURES`.
      value: mean over the pictures where it is finite; infinite where it is so on all.
      pictures: that the mean is over.
      infinite: pictures on which it is infinite, such as PSNR of two that are the same.
      total: all pictures of the method.
      note: why there is no number.
    """

    method: str
    measure: str
    value: Estimate
    pictures: int
    infinite: int
    total: int
    note: str


class Benchmark(NamedTuple):
    """All rows, method by method, and what they are made from.

    Attributes:
      false_accept_rate: of the thresholds.
      machine, gaps, perceived, perceived_gaps, kept: the rows.
      curves: method -> one `privacy.MachineCurve` a machine.
      seen: method -> `Seen`.
      measured: method -> measure -> float `[n]`.
    """

    false_accept_rate: float
    machine: list[MachineAxisRow]
    gaps: list[MachineGapRow]
    perceived: list[PerceivedRow]
    perceived_gaps: list[PerceivedGapRow]
    kept: list[KeptRow]
    curves: dict[str, tuple[privacy.MachineCurve, ...]]
    seen: dict[str, Seen]
    measured: dict[str, dict[str, np.ndarray]]


def benchmark(
    originals: Any,
    methods: Mapping[str, Method],
    *,
    perceive: FaceEmbedder | None,
    machines: Mapping[str, FaceEmbedder],
    attributes: Mapping[str, np.ndarray],
    persons: np.ndarray | None = None,
    false_accept_rate: float = 1e-3,
) -> Benchmark:
    """Every method on both axes, group by group.

    Args:
      originals: `datasets.portraits.Portraits`, N of them.
      methods: by name.
      perceive: what people see; None = that axis stays empty.
      machines: by name.
      attributes: attribute -> its value for each original, strings `[N]`.
      persons: who is on each original; None = all different.
      false_accept_rate: of the thresholds, which come from all originals.

    Raises:
      ValueError: too few originals for the rate, or vectors that are missing.
    """
    whole = {name: eye.look("originals", originals) for name, eye in machines.items()}
    felt = perceive.look("originals", originals) if perceive else None
    persons = np.arange(len(originals)) if persons is None else persons
    found = Benchmark(false_accept_rate, [], [], [], [], [], {}, {}, {})
    for name, method in methods.items():
        there = {machine: eye.look(name, method.portraits) for machine, eye in machines.items()}
        here = {machine: vectors[method.places] for machine, vectors in whole.items()}
        people = persons[method.places]
        groups = {attribute: values[method.places] for attribute, values in attributes.items()}
        table = privacy.machine_table(
            {machine: (here[machine], there[machine]) for machine in machines},
            persons=people,
            groups=groups,
            impostors=whole,
            impostor_persons=persons,
            gallery=whole,
            gallery_persons=persons,
            false_accept_rate=false_accept_rate,
        )
        found.machine.extend(MachineAxisRow(name, row) for row in table.rows)
        found.gaps.extend(MachineGapRow(name, gap) for gap in table.gaps)
        found.curves[name] = table.curves
        perceived = (
            np.asarray(similarity(felt[method.places], perceive.look(name, method.portraits))) if perceive else None
        )
        if perceive:
            found.perceived.extend(perceived_rows(name, perceived, groups, people))
            found.perceived_gaps.extend(perceived_gaps(name, perceived, groups, people))
        pairs = {machine: np.asarray(similarity(here[machine], there[machine])) for machine in machines}
        found.seen[name] = Seen(perceived, pairs)
        hidden = originals[method.places]
        found.measured[name] = kept(hidden, method.portraits)
        found.kept.extend(kept_rows(name, found.measured[name], people, no_contours(hidden, method.portraits)))
    return found


def perceived_rows(
    method: str, perceived: np.ndarray, groups: Mapping[str, np.ndarray], persons: np.ndarray
) -> list[PerceivedRow]:
    """The mean perceived similarity of all pictures, and of every group; arguments as for `benchmark`."""
    places = {("all", "all"): np.ones(len(perceived), bool)}
    places |= {
        (name, str(value)): values == value
        for name, values in groups.items()
        for value in np.unique(values[values != ""])
    }
    return [
        PerceivedRow(method, *title, int(where.sum()), mean(perceived[where], persons[where]))
        for title, where in places.items()
    ]


def perceived_gaps(
    method: str, perceived: np.ndarray, groups: Mapping[str, np.ndarray], persons: np.ndarray
) -> list[PerceivedGapRow]:
    """The largest gap between the groups of every attribute with two or more; arguments as for `benchmark`."""
    return [
        PerceivedGapRow(method, name, privacy.largest_gap(perceived, values, persons))
        for name, values in groups.items()
        if len(set(values) - {""}) > 1
    ]


def kept_rows(method: str, measured: Mapping[str, np.ndarray], persons: np.ndarray, no_contours: str) -> list[KeptRow]:
    """The mean of every measure over the pictures that have it; those not measured have `no_contours` for a reason."""
    rows = []
    for name, measure in MEASURES.items():
        values = measured.get(name, np.full(len(persons), np.nan))
        finite, infinite = np.isfinite(values), np.isposinf(values)
        count, note = int(finite.sum()), ""
        if count:
            value = mean(values[finite], persons[finite])
        elif infinite.any():
            value = Estimate(np.inf, np.nan, np.nan)
        else:
            value, note = NONE, measure.undefined if name in measured else no_contours
        rows.append(KeptRow(method, name, value, count, int(infinite.sum()), len(persons), note))
    return rows


def mean(values: np.ndarray, persons: np.ndarray, *, resamples: int = 1000) -> Estimate:
    """A mean with its 95% interval, a percentile bootstrap over persons; NaN ends for a single one."""
    person = np.unique(persons, return_inverse=True)[1]
    return mean_of(values, person, resample(int(person.max()) + 1, resamples))
