"""How well recognizers match anonymized pictures: rows for every recognizer and every group."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from perface_jax.arrays import AnyArray
from perface_jax.privacy.arguments import Persons, numbered
from perface_jax.privacy.equal_errors import equal_error_of, equal_error_rates, false_accepts, roc_of
from perface_jax.privacy.gaps import Gap, gap_of, group_names, groups_of, largest_gap
from perface_jax.privacy.identification import Ranks, cumulative_match, found_within, ranks
from perface_jax.privacy.pairs import paired_similarity
from perface_jax.privacy.shares import is_protected
from perface_jax.privacy.thresholds import match_threshold
from perface_jax.statistics.estimates import UNKNOWN, Estimate
from perface_jax.statistics.resampling import resample
from perface_jax.statistics.shares import mean_of, share_of
from perface_jax.verification import Roc

ALL = "all"
MOST = 20  # ranks of a cumulative match curve
FEWEST = 10  # persons: with fewer, the equal error rate of a group and its interval are meaningless


class RecognizerRow(NamedTuple):
    """One recognizer and one group of pictures; `attribute` and `group` are `all` for all of them.

    Attributes:
      similarity: mean cosine of original and anonymized picture.
      threshold: of the recognizer at the false accept rate, one for all groups, as in a deployed system. People within
        a group are more alike, so more of them are confused with each other.
      protected: protection success rate; 1 minus it is the true accept rate.
      protected_at_ends: the same at the low and the high end of the threshold's interval.
      equal_error: equal error rate against all impostor pairs; NaN for a group of fewer than 10 persons.
      re_identified: share whose most similar original, among those of all groups, is their own.
      rank_5: share whose own original is among the five most similar.
    """

    recognizer: str
    attribute: str
    group: str
    pairs: int
    persons: int
    similarity: Estimate
    threshold: Estimate
    protected: Estimate
    protected_at_ends: tuple[float, float]
    equal_error: Estimate
    re_identified: Estimate
    rank_5: Estimate


class RecognizerGap(NamedTuple):
    """The `largest_gap` of an attribute; the measure is `protected`, `re_identified` or `equal_error` of the rows."""

    recognizer: str
    attribute: str
    measure: str
    gap: Gap


class RecognizerCurve(NamedTuple):
    """All pictures under one recognizer, at every threshold and every rank.

    `roc` is of (original, anonymized) pairs against the impostor pairs that determine the threshold. `ranks` are the
    shares whose own original is among the k most similar, for k = 1 to 20 or to the size of the gallery.
    """

    recognizer: str
    roc: Roc
    ranks: tuple[Estimate, ...]


class RecognizerTable(NamedTuple):
    """Rows by recognizer and group; gaps for attributes with two groups or more; one curve for each recognizer."""

    rows: tuple[RecognizerRow, ...]
    gaps: tuple[RecognizerGap, ...]
    curves: tuple[RecognizerCurve, ...]


class _Measured(NamedTuple):
    """The measures of one recognizer on every picture; `accepted` is `false_accepts`, `gallery` the gallery's size."""

    similarity: np.ndarray
    threshold: Estimate
    accepted: np.ndarray
    ranks: Ranks
    gallery: int


def recognizer_table(
    recognizers: Mapping[str, tuple[Float[AnyArray, "n _"], Float[AnyArray, "n _"]]],
    *,
    persons: Persons | None = None,
    groups: Mapping[str, Shaped[AnyArray, " n"] | Sequence[str]] | None = None,
    impostors: Mapping[str, Float[AnyArray, "m _"]] | None = None,
    impostor_persons: Persons | None = None,
    gallery: Mapping[str, Float[AnyArray, "l _"]] | None = None,
    gallery_persons: Persons | None = None,
    false_accept_rate: float = 1e-3,
    seed: int = 0,
    resamples: int = 1000,
) -> RecognizerTable:
    """Similarity, protection, equal error, Re-ID, rank 5 and curves for every recognizer and every group.

    Args:
      recognizers: name of a recognizer -> embeddings of (originals, anonymized), row i of the second made from row i of
        the first. All recognizers have the same pictures in the same order.
      groups: attribute -> names of its groups; a picture with an empty name is in none.
      impostors: name of a recognizer -> originals of other people, which determine the threshold; None = the originals
        themselves.
      gallery: name of a recognizer -> the originals to search, each once, including those of persons who are not in
        `recognizers`; None = the originals themselves.
      gallery_persons: the person in each of them; required with a gallery, as is `persons`.

    Raises:
      TypeError, ValueError: embeddings, persons or groups that do not fit, or too few impostors for the rate. The
        message names the recognizer or the attribute.
    """
    for title, others in (("impostors", impostors), ("gallery", gallery)):
        if others is not None and (missing := recognizers.keys() - others.keys()):
            raise ValueError(f"no {title} for {sorted(missing)}; wanted {title} for every recognizer, or None")
    if (gallery is None) != (gallery_persons is None):
        raise ValueError("only one of gallery and gallery_persons; wanted both, or neither")
    bootstrap = {"seed": seed, "resamples": resamples}
    measured = {}
    for name, pair in recognizers.items():
        people = (pair[0], persons) if impostors is None else (impostors[name], impostor_persons)
        searched = (pair[0], persons, None) if gallery is None else (gallery[name], persons, gallery_persons)
        with _about(name):
            measured[name] = _measure(pair, people, searched, false_accept_rate=false_accept_rate, **bootstrap)
    counts = {name: len(one.similarity) for name, one in measured.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"wanted one or more recognizers with the same number of pictures, got {counts or 'none'}")
    (count,) = set(counts.values())
    person, names = numbered(persons, count), {}
    for attribute, labels in (groups or {}).items():
        with _about(attribute):
            names[attribute] = group_names(labels, count)
    rows, gaps, curves = [], [], []
    for name, one in measured.items():
        for attribute, group, members in _selections(names, count):
            rows.append(_row((name, attribute, group), one, members, person, **bootstrap))
        gaps += _gaps(name, one, names, person, **bootstrap)
        within = cumulative_match(one.ranks, person, most=min(MOST, one.gallery), **bootstrap)
        curves.append(RecognizerCurve(name, roc_of(one.similarity, one.accepted), tuple(within)))
    return RecognizerTable(tuple(rows), tuple(gaps), tuple(curves))


@contextlib.contextmanager
def _about(name: str) -> Iterator[None]:
    """Prefixes an error with the name of the recognizer or attribute."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error


def _measure(pair, people, searched, *, false_accept_rate: float, seed: int, resamples: int) -> _Measured:
    """From (originals, anonymized), (impostors, their persons) and (gallery, persons, persons of the gallery)."""
    similarity = paired_similarity(*pair)
    threshold = match_threshold(*people, false_accept_rate=false_accept_rate, seed=seed, resamples=resamples)
    accepted = false_accepts(similarity, *people)
    originals, persons, original_persons = searched
    found = ranks(pair[1], originals, persons, original_persons=original_persons)
    return _Measured(similarity, threshold, accepted, found, len(originals))


def _selections(names: Mapping[str, np.ndarray], count: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """Attribute, group and its members, bool `[N]`; all pictures first."""
    yield ALL, ALL, np.ones(count, bool)
    for attribute, labels in names.items():
        for group in np.unique(labels[labels != ""]):
            yield attribute, str(group), labels == group


def _row(title, one: _Measured, members: np.ndarray, person: np.ndarray, *, seed: int, resamples: int) -> RecognizerRow:
    similarity, found = one.similarity[members], Ranks(*(place[members] for place in one.ranks))
    person = numbered(person[members], int(members.sum()))
    protected, at_low, at_high = (is_protected(similarity, threshold) for threshold in one.threshold)
    persons = int(person.max()) + 1
    draws = (person, resample(persons, resamples, seed=seed))
    enough = title[1] == ALL or persons >= FEWEST
    return RecognizerRow(
        *title,
        pairs=len(similarity),
        persons=persons,
        similarity=mean_of(similarity, *draws),
        threshold=one.threshold,
        protected=share_of(protected, person),
        protected_at_ends=(float(at_low.mean()), float(at_high.mean())),
        equal_error=equal_error_of(similarity, one.accepted[members], *draws) if enough else UNKNOWN,
        re_identified=share_of(found_within(found, k=1), person),
        rank_5=share_of(found_within(found, k=5), person),
    )


def _gaps(name, one: _Measured, names: dict[str, np.ndarray], person: np.ndarray, **bootstrap) -> list[RecognizerGap]:
    protected = is_protected(one.similarity, one.threshold.value)
    shares = {"protected": protected, "re_identified": found_within(one.ranks, k=1)}
    found = []
    for attribute, labels in names.items():
        if len(set(labels) - {""}) < 2:
            continue
        with _about(attribute):
            gaps = {key: largest_gap(values, labels, person, **bootstrap) for key, values in shares.items()}
        if gap := _equal_error_gap(one, labels, person, **bootstrap):
            gaps["equal_error"] = gap
        found += [RecognizerGap(name, attribute, measure, gap) for measure, gap in gaps.items()]
    return found


def _equal_error_gap(one: _Measured, labels: np.ndarray, person: np.ndarray, **bootstrap) -> Gap | None:
    """The gap between groups with enough persons; None with fewer than two such groups."""
    counts = {group: len(set(person[labels == group])) for group in set(labels) - {""}}
    known = np.isin(labels, [group for group, count in counts.items() if count >= FEWEST])
    if len(set(labels[known])) < 2:
        return None
    of_known = numbered(person[known], int(known.sum()))
    rates = equal_error_rates(one.similarity[known], one.accepted[known], of_known)
    return gap_of(rates, *groups_of(labels[known], of_known), **bootstrap)
