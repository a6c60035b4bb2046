"""The order of the pictures of a release, inferred from their borders.

A face swap changes the inner face only. Hair and background, and so the border of the picture, stay those of the
target. Under the right order, targets therefore explain the border colors of the triplets. The score of an order is the
share of the variance of the border colors that lies between targets (eta squared): 1 if all pictures of a target have
the same border, about targets / triplets for an order unrelated to the pictures.

Every order of `annotations.grid_orders` is tried. A border carries no information about sources: their ids follow
from the order that the targets revealed.
"""

import dataclasses

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8
from PIL import Image

from perface_jax.annotations import GridOrder, grid_orders

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
            f"{self.order.words()} explains {self.score:.3f} of the variance of the border colors, the runner-up "
            f"{self.runner_up.words()} {self.runner_up_score:.3f}"
        )


def border(picture: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "180"]:
    """Colors along the border of a picture reduced to 16 x 16."""
    small = np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    inner = np.zeros((SIDE, SIDE), bool)
    inner[1:-1, 1:-1] = True
    return small[~inner].ravel()


def find_order(borders: Float[np.ndarray, "triplets 180"], *, sources: int, targets: int) -> PictureOrder:
    """The order under which targets explain most of the border colors, and the runner-up.

    `borders` holds the `border` of one picture of each of the sources * targets triplets, NaN if it is unreadable; both
    numbers are at least 2.
    """

    def share(order: GridOrder) -> float:
        return explained_share(borders, np.argsort(order.positions()) // sources)

    best, second, *_ = sorted(grid_orders(sources, targets), key=share, reverse=True)
    return PictureOrder(best, share(best), second, share(second))


def explained_share(borders: Float[np.ndarray, "triplets values"], target_id: Int[np.ndarray, " triplets"]) -> float:
    """Share of the variance of the border colors that lies between targets: 1 - within / total."""
    readable = ~np.isnan(borders).any(axis=1)
    values, groups = borders[readable].astype(np.float64), target_id[readable]
    counts = np.bincount(groups)
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, groups, values)
    means = sums / np.maximum(counts, 1)[:, None]
    within = np.square(values - means[groups]).sum()
    total = np.square(values - values.mean(axis=0)).sum()
    return float(1 - within / total) if total else 0.0
