"""Splits by source and target, which say what was new to the model.

Sources and targets are each divided into train, validation and test ids. Together they determine a triplet's setting:

    train       train sources       x train targets
    validation  validation sources  x train and validation targets (or, by name, validation targets alone)
    i           test sources        x test targets       both unseen        (the paper's [i])
    ii          train sources       x test targets       source seen        (the paper's [ii])
    iii         test sources        x train targets      target seen        (the paper's [iii])

All other cells are counted as unused. The label of a triplet is almost a function of its source, so a split by triplet
(`random_split`) measures how well a model remembers sources. It must be requested by name, and it warns. A split may
also come from a file (`split_files`), which may put a source on both sides; `Split.seen` counts these.
"""

import dataclasses
import enum
import itertools
import operator
import warnings
from collections.abc import Iterable, Mapping
from typing import NamedTuple, SupportsIndex

import numpy as np
from jaxtyping import Int, Int64
from numpy.typing import ArrayLike

PARTS = ("train", "validation", "test")


class SplitBy(enum.StrEnum):
    """What a split divides."""

    IDS = "ids"  # sources and targets
    TRIPLETS = "triplets"
    FILE = "file"  # as a file says


class Validation(enum.StrEnum):
    """The targets on which validation shows its sources. The sources are new to the model either way."""

    NON_TEST_TARGETS = "non_test_targets"  # those of train too: more triplets, and no test setting is touched
    BOTH_UNSEEN = "both_unseen"  # validation targets alone

    @classmethod
    def _missing_(cls, value):
        raise ValueError(f"validation is {value!r}; wanted one of {', '.join(cls)}")


class Setting(enum.StrEnum):
    """What a triplet is used for; tests first, ordered by how much was new to the model."""

    BOTH_UNSEEN = "i"
    TARGET_UNSEEN = "ii"
    SOURCE_UNSEEN = "iii"
    TEST = "test"  # of a split by triplet: sources and targets seen
    TRAIN = "train"
    VALIDATION = "validation"

    @property
    def is_test(self) -> bool:
        """Whether training does not use it."""
        return self not in (Setting.TRAIN, Setting.VALIDATION)


SETTINGS = {  # parts of the sources and of the targets
    Setting.TRAIN: ("train", "train"),
    Setting.VALIDATION: ("validation", "validation"),
    Setting.BOTH_UNSEEN: ("test", "test"),
    Setting.TARGET_UNSEEN: ("train", "test"),
    Setting.SOURCE_UNSEEN: ("test", "train"),
}
SHARED = {("train", "ii"): "source", ("train", "iii"): "target", ("i", "ii"): "target", ("i", "iii"): "source"}
SHARED_BY_VALIDATION = {("train", "validation"): "target", ("validation", "iii"): "target"}  # on non-test targets


class Seen(NamedTuple):
    """How many of the different sources and targets of a setting occur in training, and how many there are."""

    seen_sources: int
    sources: int
    seen_targets: int
    targets: int

    def __str__(self) -> str:
        return f"{self.seen_sources} of {self.sources} sources, {self.seen_targets} of {self.targets} targets"


class SplitWarning(UserWarning):
    """A split whose scores are easily misinterpreted."""


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Rows of triplets for each setting, ascending; only splits that pass `check` can be made.

    `unused` counts the triplets that no setting uses. The ids are None in a split by triplet, and in a split from a
    file without known sources and targets. `validation` says on which targets a split by ids validates.
    """

    by: SplitBy
    rows: Mapping[Setting, Int64[np.ndarray, " _"]]
    source_id: Int[np.ndarray, " t"] | None
    target_id: Int[np.ndarray, " t"] | None
    unused: int
    description: str
    validation: Validation = Validation.NON_TEST_TARGETS

    def __post_init__(self):
        self.check()

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {len(rows):,}" for name, rows in self.rows.items())
        return f"{self.description}: {counts}, unused {self.unused:,}"

    def check(self) -> None:
        """Verify from the ids of the rows that the settings are disjoint; called whenever a split is made or loaded.

        Two settings share no row. In a split by ids they share no source and no target either, except by definition:
        [ii] has the sources of train, [iii] the targets of train, [i] the test targets of [ii] and the test sources of
        [iii]; validation on non-test targets has the targets of train and of [iii]. ValueError for any other overlap.
        For a split from a file, `seen` counts what is shared.
        """
        unseen = self.validation is Validation.BOTH_UNSEEN
        shared = SHARED if unseen else SHARED | SHARED_BY_VALIDATION
        for one, other in itertools.combinations(self.rows, 2):
            self._check_pair(one, other, "row", None)
            if self.by is SplitBy.IDS and self.source_id is not None and self.target_id is not None:
                for kind, ids in (("source", self.source_id), ("target", self.target_id)):
                    if shared.get((one, other), shared.get((other, one))) != kind:
                        self._check_pair(one, other, kind, ids)

    def seen(self, setting: Setting, source_id: Int[np.ndarray, " t"], target_id: Int[np.ndarray, " t"]) -> Seen | None:
        """How many sources and targets of a setting occur in training; None if ids are unknown.

        `source_id` and `target_id` are of all triplets, below 0 where unknown.
        """
        train, rows = (self.rows.get(Setting(name), np.empty(0, int)) for name in (Setting.TRAIN, setting))
        counts = []
        for ids in (source_id, target_id):
            if (ids[train] < 0).any() or (ids[rows] < 0).any():
                return None
            here = np.unique(ids[rows])
            counts += [int(np.isin(here, ids[train]).sum()), len(here)]
        return Seen(*counts)

    def _check_pair(self, one: str, other: str, kind: str, ids: np.ndarray | None) -> None:
        a, b = (self.rows[name] if ids is None else ids[self.rows[name]] for name in (Setting(one), Setting(other)))
        both = np.intersect1d(a, b)
        if len(both):
            shown = ", ".join(map(str, both[:10])) + (", ..." if len(both) > 10 else "")
            raise ValueError(f"settings {one} and {other} share {len(both)} {kind}s: {shown}; this split is not clean")


def split(
    source_id: Int[np.ndarray, " _"],
    target_id: Int[np.ndarray, " _"],
    *,
    sources: Iterable[SupportsIndex] = (56, 8, 16),
    targets: Iterable[SupportsIndex] = (56, 8, 16),
    seed: SupportsIndex = 0,
    fold: SupportsIndex = 0,
    validation: Validation | str = Validation.NON_TEST_TARGETS,
    source_gender: ArrayLike | None = None,
    target_gender: ArrayLike | None = None,
) -> Split:
    """Divide triplets by their sources and targets (module docstring).

    `seed` shuffles the ids once; each `fold` rotates the shuffled sources and targets by one test part.
    With 80 ids, 16 of them for test, every id is a test id in exactly one of the folds 0 to 4. If the number of test
    ids does not divide the number of ids, the last fold overlaps the first: with 15, ten of 80 ids are test ids twice.
    Setting [i] holds test sources on test targets only: with 16 of 80, the five folds together have 5 x 256 = 1,280 of
    6,400 triplets in it.

        >>> from perface_jax import annotations
        >>> source, target = annotations.cells("target_major", 80, 80)  # the release: 80 sources on 80 targets
        >>> {str(setting): len(rows) for setting, rows in annotations.split(source, target).rows.items()}
        {'train': 3136, 'validation': 512, 'i': 256, 'ii': 896, 'iii': 896}

    Args:
      sources, targets: how many ids go to train, validation and test; each sums to the number of ids.
      fold: 0 to ceil(ids / test ids) - 1, or only 0 if there are no test ids.
      validation: the targets of the validation setting; train and the test settings are the same either way.
      source_gender, target_gender: of every triplet; if given, every part has the same proportions of genders.

    Raises:
      TypeError: sizes, a seed or a fold that are not whole numbers.
      ValueError: sizes that do not sum to the number of ids, no such fold, an id with two genders, an unknown
        `validation`.
    """
    source_id, target_id = _ids(source_id, "source_id"), _ids(target_id, "target_id")
    if len(source_id) != len(target_id):
        raise ValueError(f"wanted one source and one target per triplet, got {len(source_id)} and {len(target_id)}")
    seed, fold = _whole(seed, "seed"), _whole(fold, "fold")
    source_part = _parts(source_id, sources, "source", seed=(seed, 0), fold=fold, gender=source_gender)
    target_part = _parts(target_id, targets, "target", seed=(seed, 1), fold=fold, gender=target_gender)
    rows = {name: np.flatnonzero(source_part[s] & target_part[t]) for name, (s, t) in SETTINGS.items()}
    if (validation := Validation(validation)) is Validation.NON_TEST_TARGETS:
        rows[Setting.VALIDATION] = np.flatnonzero(source_part["validation"] & ~target_part["test"])
    unused = len(source_id) - sum(map(len, rows.values()))
    description = f"by source {_shown(sources)} and target {_shown(targets)}, seed {seed}, fold {fold}"
    if validation is Validation.BOTH_UNSEEN:
        description += ", validation on its own targets alone"
    return Split(SplitBy.IDS, rows, source_id, target_id, unused, description, validation)


def random_split(n: SupportsIndex, *, fractions: tuple[float, float, float] = (0.8, 0.1, 0.1), seed: int = 0) -> Split:
    """Divide triplets at random into train, validation and test, regardless of source and target. Warns.

    The fractions of train, validation and test sum to 1 (ValueError otherwise); counts are rounded, and test gets the
    remainder. `n`, the number of triplets, is a whole number (TypeError otherwise).
    """
    n = _whole(n, "n")
    if len(fractions) != 3 or min(fractions) < 0 or not abs(sum(fractions) - 1) <= 1e-9:
        raise ValueError(f"fractions must be three shares that sum to 1, got {fractions} (sum {sum(fractions)})")
    warnings.warn(
        "a random split by triplet puts the sources and targets of the test triplets into training: its score measures "
        "how well answers to known sources are remembered, not how well the model judges new faces; use split(...)",
        SplitWarning,
        stacklevel=2,
    )
    order = np.random.default_rng(seed).permutation(n)
    train, validation = round(fractions[0] * n), round((fractions[0] + fractions[1]) * n)
    rows = dict(zip(map(Setting, PARTS), map(np.sort, np.split(order, (train, validation))), strict=True))
    description = f"by triplet {fractions}, seed {seed}, sources and targets seen"
    return Split(SplitBy.TRIPLETS, rows, None, None, 0, description)


def _ids(ids, name: str) -> np.ndarray:
    ids = np.asarray(ids)
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"{name} must be whole numbers, one per triplet, got {ids.dtype} {ids.shape}")
    if (ids < 0).any():
        raise ValueError(
            f"{name} has the id {ids.min()}, which means unknown: build the dataset with an order or a file of ids"
        )
    return ids


def _parts(ids: np.ndarray, sizes, kind: str, *, seed, fold: int, gender) -> dict[str, np.ndarray]:
    """For train, validation and test: bool [T], whether the id of each triplet belongs to it."""
    unique, first = np.unique(ids, return_index=True)
    sizes = _sizes(sizes, len(unique), kind)
    folds = -(-len(unique) // sizes[2]) if sizes[2] else 1
    if not 0 <= fold < folds:
        raise ValueError(f"fold must be 0 to {folds - 1} for {sizes[2]} test ids of {len(unique)} {kind}s, got {fold}")
    gender = None if gender is None else _gender_of(ids, unique, first, gender, kind)
    circle = np.roll(_shuffle(unique, gender, np.random.default_rng(seed)), -fold * sizes[2])
    test, validation, train = np.split(circle, (sizes[2], sizes[2] + sizes[1]))
    return {name: np.isin(ids, part) for name, part in zip(PARTS, (train, validation, test), strict=True)}


def _sizes(sizes, ids: int, kind: str) -> tuple[int, ...]:
    try:
        sizes = tuple(operator.index(size) for size in sizes)
    except TypeError:
        raise TypeError(f"{kind}s must be whole numbers of train, validation and test ids, got {sizes!r}") from None
    if min(sizes, default=0) < 0:
        raise ValueError(f"{kind}s {_shown(sizes)}: sizes of train, validation and test must not be negative")
    if len(sizes) != 3 or sum(sizes) != ids:
        seen = f"{kind}s {_shown(sizes)} sum to {sum(sizes)}, but there are {ids} {kind} ids"
        raise ValueError(f"{seen}; give sizes of train, validation and test that sum to it")
    return sizes


def _whole(value, name: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None


def _gender_of(ids, unique, first, gender, kind: str) -> np.ndarray:
    gender = np.asarray(gender)
    if gender.shape != ids.shape:
        raise ValueError(f"{kind}_gender must have one entry per triplet, {ids.shape}, got {gender.shape}")
    mixed = ids[gender[first][np.searchsorted(unique, ids)] != gender]
    if len(mixed):
        raise ValueError(f"{kind} {mixed.min()} has more than one gender")
    return gender[first]


def _shuffle(ids: np.ndarray, gender: np.ndarray | None, generator: np.random.Generator) -> np.ndarray:
    """The ids shuffled; with genders, every consecutive part has the same proportions."""
    if gender is None:
        return generator.permutation(ids)
    place = np.empty(len(ids))
    for value in np.unique(gender):
        members = generator.permutation(np.flatnonzero(gender == value))
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return ids[np.argsort(place, kind="stable")]


def _shown(sizes) -> str:
    return "/".join(map(str, sizes))
