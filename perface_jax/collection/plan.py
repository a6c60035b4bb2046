"""The trials of an annotator: a pure function of the study and the annotator's number.

Annotators are numbered from 0 in the order in which they begin. Each run of `Plan.annotators` of them is a wave, and
every wave gives each triplet `Plan.votes` votes. The draws of a wave depend on the seed and on its number; those of an
annotator on the annotator's number, too. Only uniform numbers are drawn, whose sequence NumPy keeps.
"""

import collections
import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from perface_jax.annotations import tables
from perface_jax.collection.assignment import assign, even_votes
from perface_jax.collection.schedule import arrange
from perface_jax.collection.sides import balanced_sides
from perface_jax.collection.study import Study, Triplet
from perface_jax.collection.trials import Choice, Kind, Share, Trial

OF_WAVE, OF_ANNOTATOR = 0, 1  # so that no two draws share their random numbers


class _Item(NamedTuple):
    """A trial without its place; `original` is the item that it repeats."""

    triplet: Triplet
    left: Choice
    kind: Kind
    share: Share = Share.RANDOM
    original: int | None = None


class _Wave(NamedTuple):
    """The votes of a wave, one entry each: annotator from 0, triplet, whether a is on the left, whether adaptive."""

    annotator: np.ndarray
    triplet: np.ndarray
    a_left: np.ndarray
    adaptive: np.ndarray


def plan_trials(study: Study, annotator: int) -> list[Trial]:
    """The trials of an annotator in their order: practice, then votes, repeats and dummies mixed.

    Within a wave every triplet gets the same number of random votes (one more or less with an adaptive share), each by
    another annotator; annotators differ by at most one vote on a source. a is on the left in half of the votes of an
    annotator, and of a triplet (one more or less). Repeats exchange the sides of the trial that they repeat; the right
    picture of a dummy is on the left in half of them. A source does not come again within `Plan.spacing` trials.

    Raises:
      ValueError: a number below 0, or sources that are too few for the spacing.
    """
    if annotator < 0:
        raise ValueError(f"annotator is {annotator}; wanted a number from 0")
    random = np.random.default_rng((study.plan.seed, OF_ANNOTATOR, annotator))
    practice = _practice(random, study)
    votes = _votes(study, annotator)
    shown = collections.Counter(item.triplet.source for item in votes)
    items = [*votes, *_repeats(random, votes, study.plan.repeats, shown), *_dummies(random, study, shown)]
    before = [item.triplet.source for item in practice]
    order = arrange(random, [item.triplet.source for item in items], spacing=study.plan.spacing, before=before)
    order = _originals_first(items, order)
    place = {item: len(practice) + at for at, item in enumerate(order)}
    session = [*practice, *(items[k] for k in order)]
    return [_trial(index, item, place) for index, item in enumerate(session)]


def plan_hash(trials: Sequence[Trial]) -> str:
    """Identifies the plan of an annotator: 16 hexadecimal digits of all its trials."""
    return hashlib.sha256(repr(list(trials)).encode()).hexdigest()[:16]


def adaptive_votes(study: Study, wave: int) -> dict[str, int] | None:
    """How many adaptive votes each triplet gets in a wave; None if all votes of it are random.

    Raises:
      ValueError: the file names an unknown triplet, or is otherwise damaged.
    """
    path = study.adaptive_path(wave)
    if not path.is_file():
        return None
    known = {triplet.name for triplet in study.of_kind(Kind.VOTE)}
    rows = tables.read_table(path, ("triplet", "votes"), known=known)
    return {name: int(cells["votes"]) for name, cells in rows.items()}


@functools.lru_cache(maxsize=8)
def _wave(study: Study, wave: int) -> _Wave:
    random = np.random.default_rng((study.plan.seed, OF_WAVE, wave))
    triplets = study.of_kind(Kind.VOTE)
    source, target = (_numbered([getattr(one, name) for one in triplets]) for name in ("source", "target"))
    wanted = adaptive_votes(study, wave) or {}
    more = np.array([wanted.get(one.name, 0) for one in triplets])
    votes = even_votes(random, study.plan.votes * len(triplets) - int(more.sum()), source)
    deal = functools.partial(assign, random, source=source, target=target, annotators=study.plan.annotators)
    dealt = deal(votes)
    adaptive = deal(more, taken=dealt)
    triplet, annotator = np.nonzero(dealt | adaptive)
    a_left = balanced_sides(random, annotator, triplet)
    return _Wave(annotator, triplet, a_left, adaptive[triplet, annotator])


def _votes(study: Study, annotator: int) -> list[_Item]:
    wave, triplets = _wave(study, study.wave(annotator)), study.of_kind(Kind.VOTE)
    mine = np.flatnonzero(wave.annotator == annotator % study.plan.annotators)
    return [
        _Item(
            triplets[wave.triplet[k]],
            Choice.A if wave.a_left[k] else Choice.B,
            Kind.VOTE,
            Share.ADAPTIVE if wave.adaptive[k] else Share.RANDOM,
        )
        for k in mine
    ]


def _repeats(
    random: np.random.Generator, votes: list[_Item], share: float, shown: collections.Counter[str]
) -> list[_Item]:
    """Repeats of some votes, as many of each side as possible, and so that both together are balanced."""
    total, chosen = round(share * len(votes)), []
    sides = sorted(Choice, key=lambda side: -sum(item.left is side for item in votes))
    for side, count in zip(sides, (-(-total // 2), total // 2), strict=True):
        pool = [int(k) for k in _shuffled(random, len(votes)) if votes[k].left is side]
        chosen += [pool[k] for k in _from_rare_sources([votes[k].triplet for k in pool], count, shown)]
    return [votes[k]._replace(kind=Kind.REPEAT, left=_other(votes[k].left), original=k) for k in sorted(chosen)]


def _dummies(random: np.random.Generator, study: Study, shown: collections.Counter[str]) -> list[_Item]:
    pool = study.of_kind(Kind.DUMMY)
    pool = [pool[k] for k in _shuffled(random, len(pool))]
    chosen = [pool[k] for k in _from_rare_sources(pool, study.plan.dummies, shown)]
    return _sided(random, [chosen[k] for k in _shuffled(random, len(chosen))], Kind.DUMMY)


def _from_rare_sources(pool: Sequence[Triplet], count: int, shown: collections.Counter[str]) -> list[int]:
    """Which triplets of a pool to add, each of a source with the fewest trials so far; they are counted in `shown`."""
    left, chosen = list(range(len(pool))), []
    for _ in range(min(count, len(pool))):
        chosen.append(min(left, key=lambda k: shown[pool[k].source]))
        left.remove(chosen[-1])
        shown[pool[chosen[-1]].source] += 1
    return chosen


def _practice(random: np.random.Generator, study: Study) -> list[_Item]:
    pool = study.of_kind(Kind.PRACTICE)
    order = arrange(random, [one.source for one in pool], spacing=study.plan.spacing)
    return _sided(random, [pool[k] for k in order], Kind.PRACTICE)


def _sided(random: np.random.Generator, triplets: list[Triplet], kind: Kind) -> list[_Item]:
    """Trials with a right answer, which is on the left in half of them."""
    right_is_left = _shuffled(random, len(triplets)) % 2 == int(random.random() < 0.5)
    sides = ((one.expected or Choice.A, left) for one, left in zip(triplets, right_is_left, strict=True))
    lefts = [right if left else _other(right) for right, left in sides]
    return [_Item(one, left, kind) for one, left in zip(triplets, lefts, strict=True)]


def _originals_first(items: list[_Item], order: list[int]) -> list[int]:
    """Exchanges the places of repeats that come before what they repeat; both have one source."""
    order, place = list(order), {item: at for at, item in enumerate(order)}
    for repeat, item in enumerate(items):
        if item.original is not None and place[repeat] < place[item.original]:
            early, late = place[repeat], place[item.original]
            order[early], order[late] = item.original, repeat
    return order


def _trial(index: int, item: _Item, place: Mapping[int, int]) -> Trial:
    one, repeat_of = item.triplet, None if item.original is None else place[item.original]
    return Trial(
        index, one.name, one.reference, one.a, one.b, item.left, item.kind, item.share, one.expected, repeat_of
    )


def _other(choice: Choice) -> Choice:
    return Choice.B if choice is Choice.A else Choice.A


def _shuffled(random: np.random.Generator, n: int) -> np.ndarray:
    return np.argsort(random.random(n))


def _numbered(names: list[str]) -> np.ndarray:
    return np.unique(names, return_inverse=True)[1]
