"""Anonymizers on both axes, with what they preserve: the rows of the benchmark.

A method gets a row for every recognizer that can embed its pictures, and for every group of the originals; files of
vectors know nothing of pictures made here, so such a pair has no row.
"""

from collections.abc import Iterator, Mapping
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

ALL = ("all", "all")  # attribute and group of the row of all pictures


class BenchmarkRow(NamedTuple):
    """One method under one recognizer: all its pictures, or those of one group.

    Attributes:
      method: its name.
      perceived: mean perceived similarity to the originals; None without a perceptual model.
      matched: what the recognizer sees of the same pictures; see `privacy.RecognizerRow`.
    """

    method: str
    perceived: Estimate | None
    matched: privacy.RecognizerRow


class GapRow(NamedTuple):
    """The largest difference between the groups of one attribute.

    Attributes:
      method: its name.
      recognizer: its name; None for the perceived similarity, which has none.
      attribute: of the groups.
      measure: `protected`, `re_identified` or `equal_error`, see `privacy.RecognizerGap`, or `perceived`.
      gap: of that measure.
    """

    method: str
    recognizer: str | None
    attribute: str
    measure: str
    gap: privacy.Gap


class PreservationRow(NamedTuple):
    """One measure of what a method preserved.

    Attributes:
      method: its name.
      measure: a name of `preservation.MEASURES`.
      value: mean over the pictures where it is finite; infinite where it is infinite on all.
      pictures: that the mean is over.
      infinite: pictures on which it is infinite, such as the PSNR of two equal pictures.
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


class Scores(NamedTuple):
    """Similarity of each result of one method to its original.

    Attributes:
      perceived: float `[n]`; None without a perceptual model.
      matched: float `[n]` by recognizer, of those that can embed the pictures.
    """

    perceived: np.ndarray | None
    matched: dict[str, np.ndarray]


class Benchmark(NamedTuple):
    """All rows, method by method, and the scores of single pictures.

    Attributes:
      false_accept_rate: of the thresholds.
      rows, gaps, preservation: see their types.
      curves: method -> one `privacy.RecognizerCurve` for each recognizer.
      scores: method -> scores of its pictures.
    """

    false_accept_rate: float
    rows: list[BenchmarkRow]
    gaps: list[GapRow]
    preservation: list[PreservationRow]
    curves: dict[str, tuple[privacy.RecognizerCurve, ...]]
    scores: dict[str, Scores]

    def overall(self) -> list[BenchmarkRow]:
        """The rows of all pictures."""
        return [row for row in self.rows if (row.matched.attribute, row.matched.group) == ALL]

    def of_groups(self) -> list[BenchmarkRow]:
        """The rows of single groups."""
        return [row for row in self.rows if (row.matched.attribute, row.matched.group) != ALL]

    def thresholds(self) -> dict[str, Estimate]:
        """By recognizer, with their intervals."""
        return {row.matched.recognizer: row.matched.threshold for row in self.rows}


def benchmark(
    originals: Portraits,
    methods: Mapping[str, Method],
    embedders: Embedders,
    *,
    attributes: Mapping[str, np.ndarray],
    persons: np.ndarray | None = None,
    false_accept_rate: float = 1e-3,
) -> Benchmark:
    """Every method on both axes, group by group.

    Args:
      originals: N of them.
      methods: by name.
      embedders: the perceptual model and the recognizers.
      attributes: attribute -> its value for each original, strings `[N]`.
      persons: the person on each original; None = all different.
      false_accept_rate: of the thresholds, which come from all originals.

    Raises:
      ValueError: too few originals for the rate, or vectors that are missing.
    """
    persons = np.arange(len(originals)) if persons is None else persons
    vectors = embedders.embed(originals, "originals")
    found = Benchmark(false_accept_rate, [], [], [], {}, {})
    for name, method in methods.items():
        people = persons[method.places]
        groups = {attribute: values[method.places] for attribute, values in attributes.items()}
        results = embedders.embed(method.portraits, None if method.made_here else name)
        everyone = {one: vectors.recognized[one] for one in results.recognized}
        pairs = {one: (everyone[one][method.places], there) for one, there in results.recognized.items()}
        table = privacy.recognizer_table(
            pairs,
            persons=people,
            groups=groups,
            impostors=everyone,
            impostor_persons=persons,
            gallery=everyone,
            gallery_persons=persons,
            false_accept_rate=false_accept_rate,
        )
        matched = {one: np.asarray(similarity(*pair)) for one, pair in pairs.items()}
        scores = Scores(_perceived(vectors, results, method.places), matched)
        perceived = dict(perceived_means(scores.perceived, groups, people))
        found.rows.extend(BenchmarkRow(name, perceived.get((row.attribute, row.group)), row) for row in table.rows)
        found.gaps.extend(GapRow(name, gap.recognizer, gap.attribute, gap.measure, gap.gap) for gap in table.gaps)
        found.gaps.extend(perceived_gaps(name, scores.perceived, groups, people))
        own = originals[method.places]
        measured = measure(own, method.portraits)
        found.preservation.extend(preservation_rows(name, measured, people, no_contours(own, method.portraits)))
        found.curves[name], found.scores[name] = table.curves, scores
    return found


def _perceived(originals: FaceVectors, results: FaceVectors, places: np.ndarray) -> np.ndarray | None:
    if originals.perceived is None or results.perceived is None:
        return None
    return np.asarray(similarity(originals.perceived[places], results.perceived))


def perceived_means(
    perceived: np.ndarray | None, groups: Mapping[str, np.ndarray], persons: np.ndarray
) -> Iterator[tuple[tuple[str, str], Estimate]]:
    """((attribute, group), mean perceived similarity) of all pictures and of every group; none without a model.

    Args:
      perceived: float `[n]`.
      groups: attribute -> strings `[n]`; a picture with an empty name is in no group.
      persons: the person on each picture `[n]`.
    """
    if perceived is None:
        return
    yield ALL, mean(perceived, persons)
    for attribute, values in groups.items():
        for group in np.unique(values[values != ""]):
            where = values == group
            yield (attribute, str(group)), mean(perceived[where], persons[where])


def perceived_gaps(
    method: str, perceived: np.ndarray | None, groups: Mapping[str, np.ndarray], persons: np.ndarray
) -> Iterator[GapRow]:
    """The largest gap of each attribute with two groups or more; arguments as for `perceived_means`."""
    for attribute, values in groups.items():
        if perceived is not None and len(set(values) - {""}) > 1:
            yield GapRow(method, None, attribute, "perceived", privacy.largest_gap(perceived, values, persons))


def preservation_rows(
    method: str, measured: Mapping[str, np.ndarray], persons: np.ndarray, no_contours: str
) -> list[PreservationRow]:
    """The mean of every measure over the pictures that have it; for those not measured, `no_contours` is the reason."""
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
    """A mean with its 95% interval, a percentile bootstrap over persons; NaN ends for a single one."""
    person = np.unique(persons, return_inverse=True)[1]
    return mean_of(values, person, resample(int(person.max()) + 1, resamples))
