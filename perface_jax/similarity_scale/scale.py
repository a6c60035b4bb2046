"""What the cosines of one model mean: `SimilarityScale`, and the two questions that it answers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from perface_jax.similarity_scale import background as backgrounds
from perface_jax.similarity_scale.background import Background, Pairs
from perface_jax.similarity_scale.curves import Curve, curve
from perface_jax.similarity_scale.slope import Slope
from perface_jax.statistics.estimates import Estimate


class SimilarityScale(NamedTuple):
    """The scale of a model.

    Attributes:
      model: the fingerprint of the model folder that it belongs to (`network.fingerprints`).
      crop: of the pictures it was made from.
      background, slope, curve: None without data for it; `missing` has a sentence for each.
      made: by name, in words: when, by which version, with which command.
    """

    model: str
    crop: str
    background: Background | None
    slope: Slope | None
    curve: Curve | None
    missing: tuple[str, ...] = ()
    made: tuple[tuple[str, str], ...] = ()


def fit(
    pairs: Pairs | str,
    slope: Slope | str,
    *,
    model: str,
    crop: str,
    people: int | None = None,
    origin: str = "",
    made: tuple[tuple[str, str], ...] = (),
) -> SimilarityScale:
    """The scale of a background and a slope; either may be replaced by the reason why it is missing.

    `people` and `origin` are those of `background.quantiles`; the others are attributes of the scale.
    """
    missing = tuple(reason for reason in (pairs, slope) if isinstance(reason, str))
    found = None if isinstance(pairs, str) else backgrounds.quantiles(pairs, people=people, origin=origin)
    of_both = None if isinstance(pairs, str) or isinstance(slope, str) else curve(pairs, slope)
    return SimilarityScale(model, crop, found, None if isinstance(slope, str) else slope, of_both, missing, made)


def probability(scale: SimilarityScale, cosine: float) -> Estimate | None:
    """p that people call a pair with this cosine more alike than a random pair of different people; None without.

    It rises with the cosine if the slope is above 0. Cosines beyond -1 and 1 are clipped.
    """
    if scale.curve is None:
        return None
    table = scale.curve
    ends = (np.interp(cosine, table.cosine, part) for part in (table.log_odds, table.low, table.high))
    return Estimate(*(float(expit(end)) for end in ends))


def share_below(scale: SimilarityScale, cosine: float) -> Estimate | None:
    """The share of pairs of different people with a lower cosine, from 0 to 1; None without a background."""
    return None if scale.background is None else backgrounds.share_below(scale.background, cosine)


def cosines_at(scale: SimilarityScale, shares: Sequence[float]) -> list[float]:
    """The cosines below which these shares of the pairs of different people lie. ValueError without a background."""
    if scale.background is None:
        raise ValueError(f"the scale has no background: {'; '.join(scale.missing)}")
    return [float(np.interp(share, backgrounds.SHARES, scale.background.quantiles)) for share in shares]


def extrapolates(scale: SimilarityScale, cosine: float) -> bool:
    """Whether p at this cosine is an extrapolation beyond the votes.

    It is if the cosine is outside of those voted on, or further from the middle of the background than any two of those
    are from each other. False without p.
    """
    if scale.background is None or scale.slope is None:
        return False
    slope, middle = scale.slope, np.median(scale.background.quantiles)
    return bool(not slope.lowest <= cosine <= slope.highest or abs(cosine - middle) > slope.widest)
