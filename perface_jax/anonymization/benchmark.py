"""Anonymizers on both axes, with what they preserve: the rows of the benchmark.

A method has a row for every recognizer that can embed its pictures, and for every group of the originals. Files of
vectors have none for pictures made here, so such a pair has no row.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from perface_jax import privacy
from perface_jax.anonymization.embedders import Embedders, FaceVectors
from perface_jax.anonymization.methods import Method
from perface_jax.anonymization.preservation import MEASURES, measure, no_contours
from perface_jax.datasets.portraits import Portraits
from perface_jax.similarity import similarity
from perface_jax.statistics.estimates import UNKNOWN, Estimate
from perface_jax.statistics.resampling import resample
from perface_jax.statistics.shares import mean_of

PERCEPTUAL = "perceptual model"  # as the network of an attacker
ALL = ("all", "all")  # attribute and group of the row of all pictures
Groups = Mapping[str, np.ndarray]  # attribute -> its value for each picture, strings; "" = in no group


class BenchmarkRow(NamedTuple):
    """One method under one recognizer: all its pictures, or those of one group."""

    method: str
    perceived: Estimate | None  # mean perceived similarity to the originals; None without a perceptual model
    matched: privacy.RecognizerRow  # the recognizer's matches in the same pictures


class GapRow(NamedTuple):
    """The largest difference between the groups of one attribute.

    The measure is `protected`, `re_identified` or `equal_error`, see `privacy.RecognizerGap`, or `perceived`, which has
    no recognizer.
    """

    method: str
    recognizer: str | None
    attribute: str
    measure: str
    gap: privacy.Gap


class AttackRow(NamedTuple):
    """An attacker that learned on other people's results of a method, with one recognizer or the perceptual model."""

    method: str
    recognizer: str  # or `PERCEPTUAL`
    attack: privacy.AdaptiveAttack | None  # None with too few persons
    persons: int


class PreservationRow(NamedTuple):
    """One measure of what a method preserves."""

    method: str
    measure: str  # a name of `preservation.MEASURES`
    value: Estimate  # mean over the pictures where it is finite; infinite where it is infinite on all
    pictures: int  # pictures in the mean
    infinite: int  # pictures on which it is infinite, such as the PSNR of two equal pictures
    total: int  # all pictures of the method
    note: str  # why there is no number


class Scores(NamedTuple):
    """Similarity of each result of one method to its original, float `[n]`."""

    perceived: np.ndarray | None  # None without a perceptual model
    matched: dict[str, np.ndarray]  # by recognizer, of those that can embed the pictures


class Benchmark(NamedTuple):
    """All rows, method by method, and the scores of single pictures."""

    false_accept_rate: float  # of the thresholds
    rows: list[BenchmarkRow]
    gaps: list[GapRow]
    preservation: list[PreservationRow]
    attacks: list[AttackRow]
    curves: dict[str, tuple[privacy.RecognizerCurve, ...]]  # by method, one for each recognizer
    scores: dict[str, Scores]  # by method

    def overall(self) -> list[BenchmarkRow]:
        """The rows of all pictures."""
        return [row for row in self.rows if (row.matched.attribute, row.matched.group) == ALL]

    def of_groups(self) -> list[BenchmarkRow]:
        """The rows of single groups."""
        return [row for row in self.rows if (row.matched.attribute, row.matched.group) != ALL]

    def attack_of(self, method: str, recognizer: str) -> AttackRow:
        """The attack with one recognizer."""
        return next(row for row in self.attacks if (row.method, row.recognizer) == (method, recognizer))

    def thresholds(self) -> dict[str, Estimate]:
        """By recognizer, with their intervals."""
        return {row.matched.recognizer: row.matched.threshold for row in self.rows}


def benchmark(
    originals: Portraits,
    methods: Mapping[str, Method],
    embedders: Embedders,
    *,
    attributes: Groups,
    persons: np.ndarray | None = None,
    false_accept_rate: float = 1e-3,
) -> Benchmark:
    """Every method on both axes, group by group.

    Args:
      originals: N of them, whose pairs of two persons set the thresholds.
      persons: the person in each original; None = all different.

    Raises:
      ValueError: too few originals for the rate, or vectors that are missing.
    """
    persons = np.arange(len(originals)) if persons is None else persons
    vectors = embedders.embed(originals, "originals")
    found = Benchmark(false_accept_rate, [], [], [], [], {}, {})
    for name, method in methods.items():
        own, people = originals[method.places], persons[method.places]
        groups = {attribute: values[method.places] for attribute, values in attributes.items()}
        results = embedders.embed(method.portraits, None if method.made_here else name)
        scores = score(vectors, results, method.places)
        table = match(vectors, results, method.places, persons, groups=groups, false_accept_rate=false_accept_rate)
        found.rows.extend(benchmark_rows(name, table, scores.perceived, groups, people))
        found.gaps.extend(gap_rows(name, table, scores.perceived, groups, people))
        found.attacks.extend(attack_rows(name, vectors, results, method.places, persons, false_accept_rate))
        preserved = measure(own, method.portraits)
        found.preservation.extend(preservation_rows(name, preserved, people, no_contours(own, method.portraits)))
        found.curves[name], found.scores[name] = table.curves, scores
    return found


def score(originals: FaceVectors, results: FaceVectors, places: np.ndarray) -> Scores:
    """The similarities of results to the originals at `places`."""

    def to_original(own, other):
        return np.asarray(similarity(own[places], other))

    seen = originals.perceived is not None and results.perceived is not None
    perceived = to_original(originals.perceived, results.perceived) if seen else None
    return Scores(
        perceived, {one: to_original(originals.recognized[one], there) for one, there in results.recognized.items()}
    )


def match(
    originals: FaceVectors,
    results: FaceVectors,
    places: np.ndarray,
    persons: np.ndarray,
    *,
    groups: Groups,
    false_accept_rate: float,
) -> privacy.RecognizerTable:
    """Matches of the recognizers in the results of one method; all originals serve as impostors and gallery."""
    everyone = {one: originals.recognized[one] for one in results.recognized}
    return privacy.recognizer_table(
        {one: (everyone[one][places], there) for one, there in results.recognized.items()},
        persons=persons[places],
        groups=groups,
        impostors=everyone,
        impostor_persons=persons,
        gallery=everyone,
        gallery_persons=persons,
        false_accept_rate=false_accept_rate,
    )


def benchmark_rows(
    method: str, table: privacy.RecognizerTable, perceived: np.ndarray | None, groups: Groups, persons: np.ndarray
) -> list[BenchmarkRow]:
    """The rows of a table, each with the mean perceived similarity of the same pictures."""
    means = {}
    if perceived is not None:
        means[ALL] = mean(perceived, persons)
        for attribute, values in groups.items():
            for group in np.unique(values[values != ""]):
                means[attribute, group] = mean(perceived[values == group], persons[values == group])
    return [BenchmarkRow(method, means.get((row.attribute, row.group)), row) for row in table.rows]


def gap_rows(
    method: str, table: privacy.RecognizerTable, perceived: np.ndarray | None, groups: Groups, persons: np.ndarray
) -> list[GapRow]:
    """The gaps of a table, and those of the perceived similarity of attributes with two groups or more."""
    rows = [GapRow(method, gap.recognizer, gap.attribute, gap.measure, gap.gap) for gap in table.gaps]
    for attribute, values in groups.items():
        if perceived is not None and len(set(values) - {""}) > 1:
            rows.append(GapRow(method, None, attribute, "perceived", privacy.largest_gap(perceived, values, persons)))
    return rows


def attack_rows(
    method: str,
    originals: FaceVectors,
    results: FaceVectors,
    places: np.ndarray,
    persons: np.ndarray,
    false_accept_rate: float,
) -> list[AttackRow]:
    """A row for each recognizer, and one for the perceptual model, whose vectors carry identity, too."""
    networks = {name: (originals.recognized[name], there) for name, there in results.recognized.items()}
    if originals.perceived is not None and results.perceived is not None:
        networks[PERCEPTUAL] = originals.perceived, results.perceived
    count, rows = len(set(persons[places])), []
    for name, (gallery, there) in networks.items():
        attack = None
        if count >= privacy.FEWEST_ATTACKED:
            options = {"original_persons": persons, "false_accept_rate": false_accept_rate}
            attack = privacy.adaptive_attack(there, gallery, persons[places], **options)
        rows.append(AttackRow(method, name, attack, count))
    return rows


def preservation_rows(
    method: str, measured: Mapping[str, np.ndarray], persons: np.ndarray, no_contours: str
) -> list[PreservationRow]:
    """The mean of every measure over the pictures that have it; `no_contours` is the reason for those without."""
    rows = []
    for name, one in MEASURES.items():
        values = measured.get(name, np.full(len(persons), np.nan))
        finite, infinite = np.isfinite(values), np.isposinf(values)
        count, note = int(finite.sum()), ""
        if count:
            value = mean(values[finite], persons[finite])
        elif infinite.any():
            value = Estimate(np.inf, np.nan, np.nan)
        else:
            value, note = UNKNOWN, one.undefined if name in measured else no_contours
        rows.append(PreservationRow(method, name, value, count, int(infinite.sum()), len(persons), note))
    return rows


def mean(values: np.ndarray, persons: np.ndarray, *, resamples: int = 1000) -> Estimate:
    """A mean with its 95% interval, an expanded percentile bootstrap over persons; NaN ends for a single one."""
    person = np.unique(persons, return_inverse=True)[1]
    return mean_of(values, person, resample(int(person.max()) + 1, resamples))
