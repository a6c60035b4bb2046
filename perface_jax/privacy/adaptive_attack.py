"""An attacker that learns: how many people are found after training on anonymized pictures of OTHER people.

A fixed recognizer compares an anonymized picture with originals as if nothing had been done to it. An attacker who
knows the method anonymizes pictures of other people with it, and learns what the method leaves: here, a head on the
vectors of the recognizer (`attack_heads`). People are split into folds. For each fold, heads are fitted on the people
of the other folds, the best one is chosen on a third of those, and the people of the fold are attacked. So nobody is
attacked by a head that has seen them. Each anonymized picture is searched in the originals of its fold. The fixed
recognizer searches the same originals, so that the two are comparable.

The attack is a lower bound. Attackers with more pictures, who train the whole network, or who know the replacement,
find more. A small share does not show that a method protects.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from perface_jax.arrays import AnyArray
from perface_jax.privacy.arguments import Persons, directions
from perface_jax.privacy.attack_heads import Head, fit_heads, fixed_head
from perface_jax.privacy.identification import found_within, people_of, ranks_of
from perface_jax.privacy.pairs import DECIMALS
from perface_jax.statistics.estimates import UNKNOWN, Estimate
from perface_jax.statistics.resampling import resample
from perface_jax.statistics.shares import mean_of, share_of
from perface_jax.verification import lowest_threshold

FEWEST_ATTACKED = 12
"""Persons: with fewer, hardly anything can be learned, and a gallery has two or three people."""
LEFT_OUT = 3  # every third of the people who train chooses the head


class Matches(NamedTuple):
    """What one attacker finds in the galleries of the folds.

    Attributes:
      re_identified: share of anonymized pictures whose most similar original shows their person; exact ties share.
      true_accept_rate: share of pairs of one person above the threshold at the false accept rate, which comes from the
        pairs of an anonymized picture and an original of another person in the gallery. The interval treats it as
        known. Similarities are standardized in each gallery, by the mean and the spread of these pairs.
    """

    re_identified: Estimate
    true_accept_rate: Estimate


class AdaptiveAttack(NamedTuple):
    """The attacker that learned, beside the fixed recognizer in the same galleries.

    Attributes:
      persons: with anonymized pictures.
      gallery: originals in the gallery of a fold, on average over the anonymized pictures.
      chance: share that guessing re-identifies.
      fixed: the recognizer as it is; UNKNOWN twice if anonymized pictures and originals have vectors of two spaces.
      learned: the attacker.
      gain: re-identified by the attacker minus by the fixed recognizer, of the same pictures.
      heads: (kind, shrinkage) of the head in each fold.
    """

    pictures: int
    persons: int
    gallery: float
    chance: float
    false_accept_rate: float
    fixed: Matches
    learned: Matches
    gain: Estimate
    heads: tuple[tuple[str, float], ...]


class _Searched(NamedTuple):
    """The pictures of one fold, searched in its gallery by one head."""

    probes: np.ndarray  # rows of the anonymized pictures
    found: np.ndarray  # of each of them, the probability that the most similar original is an own one
    genuine: np.ndarray  # standardized similarities to the own originals
    places: np.ndarray  # the anonymized picture of each of these pairs
    impostors: np.ndarray  # standardized similarities to the originals of others
    chance: np.ndarray  # share of the gallery that is their own
    gallery: int


def adaptive_attack(
    anonymized: Float[AnyArray, "n d"],
    originals: Float[AnyArray, "m e"],
    persons: Persons | None = None,
    *,
    original_persons: Persons | None = None,
    false_accept_rate: float = 1e-3,
    folds: int = 3,
    seed: int = 0,
    resamples: int = 1000,
) -> AdaptiveAttack:
    """Attack the anonymized pictures of each fold of people with a head that learned on the people of the others.

    With `originals` row by row, the gallery holds the very pictures that were anonymized: the attacker also learns from
    hair, background and pose. To see whether it finds the PERSON, give other pictures of the same people as originals.
    The vectors may be of two spaces (n d and m e): of a PerFace model and of a recognizer, for instance, to see whether
    who holds the first finds people with the second.

    A fold of M originals and N anonymized pictures takes 8 N M bytes a few times; a head of D numbers, D^3 operations.

    Args:
      persons: the person in each anonymized picture; None = all different.
      original_persons: the person in each original; None = `persons`, row by row, so m = n.
      false_accept_rate: of the true accept rate, above 0 and below 1.
      folds: of the people, 2 or more.
      seed: of the folds and of the bootstrap.

    Raises:
      TypeError, ValueError: embeddings or persons that do not fit, fewer than 12 persons, or folds of fewer than 4.

    Source: McPherson, Shokri & Shmatikov, "Defeating image obfuscation with deep learning" (arXiv 1609.00408), for
    training on pictures that were anonymized in the same way; the heads and the folds are ours.
    """
    probes, gallery = directions(anonymized, "anonymized"), directions(originals, "originals")
    person, owner = people_of(persons, original_persons, len(probes), len(gallery))
    _refuse(person, folds, false_accept_rate)
    learned, fixed, heads = [], [], []
    for inside, outside in _folds(person, owner, folds, seed):
        head = _learn(*(part[rows] for part, rows in zip((probes, gallery, person, owner), outside * 2, strict=True)))
        heads.append((head.kind.value, head.shrinkage))
        learned.append(_search(head, (probes, gallery), (person, owner), inside))
        if probes.shape[1] == gallery.shape[1]:
            fixed.append(_search(fixed_head(probes.shape[1]), (probes, gallery), (person, owner), inside))
    options = {"false_accept_rate": false_accept_rate, "person": person}
    difference = _hits(learned, len(person)) - _hits(fixed, len(person)) if fixed else None
    draws = (person, resample(int(person.max()) + 1, resamples, seed=seed))
    return AdaptiveAttack(
        pictures=len(person),
        persons=int(person.max()) + 1,
        gallery=float(np.concatenate([np.full(len(one.probes), one.gallery) for one in learned]).mean()),
        chance=float(np.concatenate([one.chance for one in learned]).mean()),
        false_accept_rate=false_accept_rate,
        fixed=_matches(fixed, **options) if fixed else Matches(UNKNOWN, UNKNOWN),
        learned=_matches(learned, **options),
        gain=UNKNOWN if difference is None else mean_of(difference, *draws),
        heads=tuple(heads),
    )


def _refuse(person, folds, false_accept_rate):
    count = len(set(person))
    if count < FEWEST_ATTACKED:
        raise ValueError(
            f"{count} persons with anonymized pictures; an attacker that learns needs {FEWEST_ATTACKED} or more"
        )
    if not 2 <= folds <= count // 4:
        raise ValueError(
            f"folds is {folds} for {count} persons; wanted 2 to {count // 4}: four persons or more in each"
        )
    if not 0 < false_accept_rate < 1:
        raise ValueError(f"false_accept_rate is {false_accept_rate}; wanted more than 0 and less than 1, such as 0.001")


def _folds(person, owner, folds, seed) -> Iterator[tuple[tuple, tuple]]:
    """For each fold: rows of (anonymized, originals) inside, and of those outside."""
    people = np.union1d(person, owner)
    attacked = np.isin(people, person)  # these are dealt first, so that folds have equally many
    order = np.random.default_rng(seed).permutation(len(people))
    order = order[np.argsort(~attacked[order], kind="stable")]
    for fold in range(folds):
        chosen = people[order[fold::folds]]
        inside = tuple(np.isin(one, chosen) for one in (person, owner))
        yield tuple(np.flatnonzero(one) for one in inside), tuple(np.flatnonzero(~one) for one in inside)


def _learn(probes, gallery, person, owner) -> Head:
    """The head that finds most of a third of these people, after training on the others; then trained on all."""
    chooses = np.isin(person, np.unique(person)[::LEFT_OUT])
    people = np.unique(person[chooses])
    theirs = np.isin(owner, people)
    rows = np.flatnonzero(chooses), np.flatnonzero(theirs)
    kept = _pairs(probes[~chooses], gallery[~theirs], person[~chooses], owner[~theirs])
    best = max(fit_heads(*kept), key=lambda head: _reciprocal_rank(head, (probes, gallery), (person, owner), rows))
    same = (head for head in fit_heads(*_pairs(probes, gallery, person, owner)))
    return next(head for head in same if (head.kind, head.shrinkage) == (best.kind, best.shrinkage))


def _pairs(probes, gallery, person, owner):
    """All pairs of an anonymized picture and an original of one person, row by row."""
    rows, columns = np.nonzero(person[:, None] == owner)
    return probes[rows], gallery[columns]


def _similarity(head, vectors, people, rows):
    """Cosines of the mapped vectors of these rows, and which are of one person."""
    (probes, gallery), (person, owner) = vectors, people
    similarity = head.of_anonymized(probes[rows[0]]) @ head.of_originals(gallery[rows[1]]).T
    return similarity.round(DECIMALS), person[rows[0], None] == owner[rows[1]]


def _reciprocal_rank(head, vectors, people, rows) -> float:
    """The mean of 1 / rank of the own original; ties count half."""
    found = ranks_of(*_similarity(head, vectors, people, rows))
    return float(np.mean(1 / (1 + found.better + found.tied / 2)))


def _search(head, vectors, people, rows) -> _Searched:
    similarity, own = _similarity(head, vectors, people, rows)
    impostors = similarity[~own]
    spread = impostors.std()
    standard = (similarity - impostors.mean()) / (spread if spread > 0 else 1)
    places = rows[0][np.nonzero(own)[0]]
    found = found_within(ranks_of(similarity, own), k=1)
    return _Searched(rows[0], found, standard[own], places, standard[~own], own.mean(1), len(rows[1]))


def _hits(searched, count):
    """Of each anonymized picture, the probability that it is re-identified."""
    hits = np.empty(count)
    for one in searched:
        hits[one.probes] = one.found
    return hits


def _matches(searched, *, false_accept_rate, person) -> Matches:
    impostors = np.sort(np.concatenate([one.impostors for one in searched]))[::-1]
    accepted = np.arange(1, len(impostors) + 1)
    threshold = lowest_threshold(impostors, accepted, false_accept_rate=false_accept_rate)
    genuine, places = (np.concatenate([getattr(one, name) for one in searched]) for name in ("genuine", "places"))
    matched = np.bincount(places, genuine > threshold, len(person)) / np.bincount(places, minlength=len(person))
    return Matches(share_of(_hits(searched, len(person)), person), share_of(matched, person))
