"""Which order the pictures of a release follow, read from their borders.

A face swap changes the inner face only: hair and background, and so the border of the picture, stay those of the
target. Under the right order the border colours of a triplet are therefore explained by its target. The score of an
order is the share of the variance of the border colours that lies between targets (eta squared): 1 when all pictures
of a target have the same border, about targets / triplets for an order that has nothing to do with the pictures.

Every order of the family is tried: target-major, source-major, and both grouped forms with every block size that
divides the grid. Of the sources a border says nothing: their ids follow from the order that the targets showed.
"""

import dataclasses
import math

import numpy as np
from PIL import Image

from perface_jax.annotations import GridOrder, Kind, cells

SIDE = 16
BORDER_VALUES = 3 * (SIDE**2 - (SIDE - 2) ** 2)
LEAST_SCORE, LEAST_LEAD = 0.5, 0.1


@dataclasses.dataclass(frozen=True)
class PictureOrder:
    """The order found in the pictures, the next best, and the share of variance that each explains."""

    order: GridOrder
    score: float
    runner_up: GridOrder
    runner_up_score: float

    @property
    def sure(self) -> bool:
        """Whether targets explain at least half of the variance, and a tenth of it more than under the runner-up."""
        return self.score >= LEAST_SCORE and self.score - self.runner_up_score >= LEAST_LEAD

    def __str__(self) -> str:
        return (
            f"{self.order.words()} explains {self.score:.3f} of the variance of the border colours, the runner-up "
            f"{self.runner_up.words()} {self.runner_up_score:.3f}"
        )


def square_grid(triplets: int) -> tuple[int, int]:
    """(sources, targets) of a square grid with this many triplets; ValueError where there is none."""
    side = math.isqrt(triplets)
    if side * side != triplets:
        raise ValueError(f"{triplets} triplets are no square grid: say grid=(sources, targets), or order='unknown'")
    return side, side


def require_grid(triplets: int, sources: int, targets: int) -> None:
    """Raise ValueError for a grid that does not have this many triplets."""
    if triplets != sources * targets:
        raise ValueError(
            f"a grid of {sources} sources x {targets} targets has {sources * targets} triplets, saw {triplets}"
        )


def border(picture: np.ndarray) -> np.ndarray:
    """Colours along the border of a picture reduced to 16 x 16: uint8 [H, W, 3] -> float32 [180]."""
    small = np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    inner = np.zeros((SIDE, SIDE), bool)
    inner[1:-1, 1:-1] = True
    return small[~inner].ravel()


def find_order(borders: np.ndarray, *, sources: int, targets: int) -> PictureOrder:
    """The order under which targets explain the most of the border colours.

    Args:
      borders: float [T, 180], `border` of one picture of every triplet; a row of NaN where none could be read.
      sources: number of source triplets.
      targets: number of targets.

    Returns:
      the best order and the runner-up.

    Raises:
      ValueError: the grid does not fit the number of triplets.
    """
    require_grid(len(borders), sources, targets)
    scored = [(explained_share(borders, _targets(order)), order) for order in _family(sources, targets)]
    (score, best), (second_score, second) = sorted(scored, key=lambda pair: -pair[0])[:2]
    return PictureOrder(best, score, second, second_score)


def same(one: GridOrder, other: GridOrder) -> bool:
    """Whether two orders, whatever they are called, put every cell of the grid into the same row."""
    return np.array_equal(one.positions(), other.positions())


def explained_share(borders: np.ndarray, target_id: np.ndarray) -> float:
    """Share of the variance of the border colours that lies between targets: 1 - within / total."""
    readable = ~np.isnan(borders).any(axis=1)
    values, groups = borders[readable].astype(np.float64), target_id[readable]
    counts = np.bincount(groups)
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, groups, values)
    means = sums / np.maximum(counts, 1)[:, None]
    within = np.square(values - means[groups]).sum()
    total = np.square(values - values.mean(axis=0)).sum()
    return float(1 - within / total) if total else 0.0


def better_order(
    mean_vote: np.ndarray, pictures: GridOrder, *, permutations: int = 199
) -> tuple[GridOrder, float, float]:
    """The order in which sources explain more of the mean votes than in that of the pictures.

    Votes depend on the sources above all, so answers that belong to other pictures than those they are filed with show
    here even where all columns agree with each other.

    Args:
      mean_vote: float [T], in the order of the triplet numbers.
      pictures: the order of the pictures.
      permutations: of the votes, to see how much is gained by chance.

    Returns:
      (best order, gain in the share of variance that sources explain, share of permutations that gain as much).
    """
    generator, family = np.random.default_rng(0), _family(pictures.sources, pictures.targets)
    votes = np.vstack([mean_vote, *(generator.permutation(mean_vote) for _ in range(permutations))])
    spread = max(mean_vote.var(), 1e-12)

    def shares(order: GridOrder) -> np.ndarray:
        by_target = votes[:, order.positions()].reshape(len(votes), order.targets, order.sources)
        return by_target.mean(axis=1).var(axis=1) / spread

    explained = np.stack([shares(order) for order in family])
    gains = explained.max(axis=0) - shares(pictures)
    return family[explained[:, 0].argmax()], float(gains[0]), float((gains >= gains[0]).mean())


def _family(sources: int, targets: int) -> list[GridOrder]:
    grouped = [(Kind.GROUP_MAJOR, sources), (Kind.TARGET_GROUP_MAJOR, targets)]
    return [GridOrder(kind, sources, targets) for kind in (Kind.TARGET_MAJOR, Kind.SOURCE_MAJOR)] + [
        GridOrder(kind, sources, targets, block)
        for kind, length in grouped
        for block in range(2, length)  # blocks of 1 and of all are the two orders above
        if length % block == 0
    ]


def _targets(order: GridOrder) -> np.ndarray:
    return cells(order.kind, order.sources, order.targets, block=order.block)[1]
