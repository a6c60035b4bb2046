"""What a scale says of a cosine: sentences for people, columns for a ranking, values for scripts, marks for a page."""

import math
import os
from typing import Any

from perface_jax import similarity_scale
from perface_jax.commands.picture_page import Spread
from perface_jax.similarity_scale import SimilarityScale
from perface_jax.statistics.estimates import Estimate

KNOWN = "A cosine lies between -1 and 1; higher means more alike to this model."
NO_VERDICT = "It does not say whether two pictures show the same person: no threshold for that is given here."
FINEST = 0.005  # between quantiles


def sentences(scale: SimilarityScale | None, cosine: float, model: str | os.PathLike) -> list[str]:
    """What the cosine of two faces means, and what it does not."""
    if scale is None:
        return [without(model), KNOWN]
    found = []
    if (share := similarity_scale.share_below(scale, cosine)) is not None:
        found.append(f"{_place(scale, cosine, share)} {background(scale)}.")
    if (p := similarity_scale.probability(scale, cosine)) is not None:
        found.append(
            "People would call this pair more alike than a random pair of different people with probability"
            f" {_estimate(p)}; fitted on {votes(scale)}."
        )
        found += [_beyond(scale)] * similarity_scale.extrapolates(scale, cosine) + _doubts(scale)
    return [*found, *missing(scale, model), NO_VERDICT]


def without(model: str | os.PathLike) -> str:
    """What is said where there is no scale."""
    return (
        "What this means to people is not known: the model folder has no scale that can be used."
        f" `perface scale --model {model} --pictures DIR --people CSV` makes one."
    )


def missing(scale: SimilarityScale, model: str | os.PathLike) -> list[str]:
    """What the scale lacks, why, and which command adds it."""
    if not scale.missing:
        return []
    lines = [f"The scale has {reason}." for reason in scale.missing]
    answers = " --answers CSV" if scale.slope is None else ""
    return [*lines, f"`perface scale --model {model} --pictures DIR --people CSV{answers}` adds it."]


def background(scale: SimilarityScale) -> str:
    """Which pairs a cosine is compared with."""
    held = scale.background
    if held is None:
        return ""
    pictures = f"{held.people:,} people on {held.pictures:,} pictures in {held.origin}"
    return f"{held.pairs:,} pairs of different people ({pictures})"


def votes(scale: SimilarityScale) -> str:
    """What the probability was fitted on."""
    held = scale.slope
    if held is None:
        return ""
    same = scale.background is not None and scale.background.origin == held.origin
    origin, (sources, targets) = "the same" if same else held.origin, held.clusters.split(", ")
    return (
        f"{held.votes:,} votes on {held.triplets:,} triplets in {origin} ({held.sources:,} {sources},"
        f" {held.targets:,} {targets})"
    )


def columns(scale: SimilarityScale | None, cosine: float) -> str:
    """Share of pairs of different people below, and probability, for a line of a ranking; empty without a scale."""
    if scale is None:
        return ""
    share, p = similarity_scale.share_below(scale, cosine), similarity_scale.probability(scale, cosine)
    parts = ["" if share is None else f"{_percent(share.value):>8}", "" if p is None else f"{_probability(p.value):>7}"]
    mark = "*" if similarity_scale.extrapolates(scale, cosine) else " "
    return "".join(parts) + mark * (p is not None)


def heading(scale: SimilarityScale | None) -> str:
    """Above the `columns`."""
    if scale is None:
        return ""
    return "   above" * (scale.background is not None) + "      p " * (scale.curve is not None)


def caption(scale: SimilarityScale | None, cosine: float) -> list[str]:
    """Below a face of a ranking: the lines after its cosine."""
    if scale is None:
        return []
    share, p = similarity_scale.share_below(scale, cosine), similarity_scale.probability(scale, cosine)
    mark = "*" if similarity_scale.extrapolates(scale, cosine) else ""
    found = [] if share is None else [f"above {_percent(share.value)}"]
    return [*found, *([] if p is None else [f"p {_estimate(p)}{mark}"])]


def legend(scale: SimilarityScale | None, model: str | os.PathLike) -> list[str]:
    """What the `columns` are."""
    if scale is None:
        return [without(model), KNOWN]
    found = []
    if scale.background is not None:
        found.append(f"above: the share with a lower cosine of {background(scale)}.")
    if scale.curve is not None:
        found.append(
            "p: probability that people call the pair more alike than a random pair of different people; fitted on"
            f" {votes(scale)}. * is extrapolated: no vote was on such a cosine."
        )
        found += _doubts(scale)
    return [*found, *missing(scale, model), NO_VERDICT]


def values(scale: SimilarityScale | None, cosine: float) -> dict[str, Any]:
    """For scripts: what is not known is None."""
    share = p = None
    if scale is not None:
        share, p = similarity_scale.share_below(scale, cosine), similarity_scale.probability(scale, cosine)
    found: dict[str, Any] = {"cosine": round(cosine, 6)}
    for name, estimate in (("share_below", share), ("probability", p)):
        names = (name, f"{name}_low", f"{name}_high")
        found |= (
            dict.fromkeys(names) if estimate is None else dict(zip(names, (round(x, 4) for x in estimate), strict=True))
        )
    return found | {
        "extrapolated": None if p is None or scale is None else similarity_scale.extrapolates(scale, cosine)
    }


def spread(scale: SimilarityScale | None) -> Spread | None:
    """The background as marks on an axis."""
    if scale is None or scale.background is None:
        return None
    low, quarter, middle, third, high = similarity_scale.cosines_at(scale, (0.025, 0.25, 0.5, 0.75, 0.975))
    return Spread((low, quarter, middle, third, high), f"Pairs of different people in {scale.background.origin}")


def _place(scale, cosine, share):
    ends = scale.background.quantiles
    if cosine > ends[-1]:
        return "Higher than all"
    if cosine < ends[0]:
        return "Lower than all"
    ends = "" if math.isnan(share.low) else f" [{_percent(share.low)}, {_percent(share.high)}]"
    about = _percent(share.value).replace("> ", "over ").replace("< ", "under ")
    return f"Higher than {about}{ends} of"


def _percent(share: float) -> str:
    if math.isnan(share):
        return "no data"
    if share > 1 - FINEST:
        return f"> {100 * (1 - FINEST):.1f}%"
    return f"< {100 * FINEST:.1f}%" if share < FINEST else f"{100 * share:.1f}%"


def _probability(p: float) -> str:
    if math.isnan(p):
        return "unknown"
    return "> 0.99" if p > 0.995 else "< 0.01" if p < 0.005 else f"{p:.2f}"


def _estimate(p: Estimate) -> str:
    if math.isnan(p.low):
        return f"{_probability(p.value)} (no interval: too few people)"
    return f"{_probability(p.value)} [{_probability(p.low)}, {_probability(p.high)}]"


def _beyond(scale) -> str:
    slope = scale.slope
    return (
        f"This probability is extrapolated: votes were on cosines from {slope.lowest:.2f} to {slope.highest:.2f}, that"
        f" differ by up to {slope.widest:.2f}."
    )


def _doubts(scale) -> list[str]:
    """Of the slope itself."""
    k = scale.slope.value
    if k.high < 0:
        return ["Beware: the votes contradict this model; a higher cosine means less alike to people."]
    if not k.low > 0:
        return ["Beware: the votes do not show that a higher cosine of this model means more alike to people."]
    return []
