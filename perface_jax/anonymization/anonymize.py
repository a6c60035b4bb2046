"""The paper's pipeline: a group for every original, candidates in it, swaps, scores on two axes, a choice.

    faces -> STEP 1: group -> STEP 2: candidates -> swap -> original against RESULT, on both axes -> choice

Like the paper, this library compares the target with its swapped picture: the anonymized picture gets published, so it
gets scored. Embedders and swappers are functions that you pass: `perceive`, every recognizer and every swapper
(docs/swappers.md). `propose` and `choose` are pure and jittable; `anonymize` runs the
whole pipeline on the host.

Lengths: n originals, m candidates, g groups, k proposed candidates per original.
"""

import enum
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Float32, Integer, Num, UInt8

from perface_jax import groups, selection
from perface_jax.arrays import AnyArray
from perface_jax.landmarks import outline
from perface_jax.similarity import similarity
from perface_jax.swap import Face, swap_face

Embed = Callable[[UInt8[AnyArray, "n h w 3"], Num[AnyArray, "n p 2"]], Float[AnyArray, "n d"]]  # images, landmarks
Swapper = Callable[[Face, Face], UInt8[AnyArray, "h w 3"] | Face]  # target, source -> result
Natural = Callable[[Face], Float[AnyArray, " n"]]  # results -> how untouched they look; higher is better
FeatureLoss = Callable[[Face, Face], Float[AnyArray, " n"]]  # originals, results


class Prefer(enum.Enum):
    """The criterion for the best admitted result."""

    FIDELITY = "fidelity"  # the smallest feature loss
    LEAST_PERCEIVED = "least perceived"  # the lowest perceived similarity
    LEAST_MATCHED = "least matched"  # the lowest similarity under the recognizer that is nearest to its threshold
    NATURAL = "natural"  # the highest naturalness


class SelectionPolicy(NamedTuple):
    """The rule that chooses a result."""

    thresholds: Mapping[str, float]  # recognizer -> its match threshold, from `privacy.match_threshold`
    band: tuple[float, float] = (-1.0, 1.0)  # lowest and highest perceived similarity that are admitted
    prefer: Prefer = Prefer.FIDELITY  # among the admitted results
    floor: float = -np.inf  # lowest naturalness that is admitted


class Proposal(NamedTuple):
    """STEP 1 and STEP 2. `index` has the candidates, least similar first; -1 if the group has no more."""

    group: Integer[AnyArray, " n"]
    index: Integer[AnyArray, "n k"]  # pyright: ignore[reportIncompatibleMethodOverride]
    similarity: Float[AnyArray, "n k"]  # perceived, of original and candidate


class Axes(NamedTuple):
    """Scores of results against their originals."""

    perceived: Float[AnyArray, "*batch k"]  # cosine under the perceptual model
    matched: Mapping[str, Float[AnyArray, "*batch k"]]  # cosine under each recognizer
    feature_loss: Float[AnyArray, "*batch k"]  # on any scale; less is better
    naturalness: Float[AnyArray, "*batch k"] | None = None  # on any scale; more is better; None = not measured


class Choice(NamedTuple):
    """Which result replaces the original.

    `order` has the positions of the results, best first: the admitted ones by preference, then the others by increasing
    violation, then missing ones.
    """

    order: Integer[AnyArray, "*batch k"]
    admitted: Bool[AnyArray, "*batch k"]  # by position: matched by no recognizer, in the band, natural
    chosen: Integer[AnyArray, "*batch"]  # the best position, or -1 if no result is admitted


class Anonymized(NamedTuple):
    """All results of the pipeline, up to the choice."""

    proposal: Proposal
    images: UInt8[AnyArray, "n k h w 3"]  # the results; black where there is no candidate
    landmarks: Float32[AnyArray, "n k 59 2"]  # their outlines
    axes: Axes
    choice: Choice

    def selected(self) -> tuple[Face, Integer[np.ndarray, " selected"]]:
        """The selected results and the positions of their originals; not every original has one."""
        (places,) = np.nonzero(np.asarray(self.choice.chosen) >= 0)
        results = np.asarray(self.choice.chosen)[places]
        return Face(self.images[places, results], self.landmarks[places, results]), places


def propose(
    originals: Float[AnyArray, "n d"],
    candidates: Float[AnyArray, "m d"],
    *,
    members: Bool[AnyArray, "g m"] | Bool[AnyArray, "n g m"],
    k: int,
    rule: groups.Rule = groups.Rule.CONFIDENCE_LIMIT,
    factor: float = 1.96,
    equalize: groups.Equalize = groups.Equalize.NO,
    compatible: Bool[AnyArray, "n m"] | None = None,
) -> Proposal:
    """STEP 1 and STEP 2: the group of each original, and its k least similar members.

    Args:
      originals, candidates: vectors of the perceptual model.
      members: of the groups, optionally per original; leave its own picture out. With one group there is no STEP 1.
      rule, factor: the distance of an original to a group, see `groups.classify`.
      equalize: what to do if groups differ in size; SUBSAMPLE draws with seed 0, for STEP 1 only.
      compatible: which candidates may replace an original (`attribute_guard`), for STEP 2 only; None = all.

    Returns:
      The proposals; group -1 and no candidate for an original whose distances are NaN.

    Source: PerFace (ICIP 2025), sections 3.3 and 4.6.
    """
    group = jnp.zeros(len(originals), jnp.int32)
    if members.shape[-2] > 1:
        kept, limit = groups.equalized(jax.random.key(0), members, equalize)
        distances = groups.distances(originals, candidates)
        group = groups.classify(distances, where=kept, rule=rule, factor=factor, equalize=limit).group
    members = jnp.broadcast_to(members, (len(originals), *members.shape[-2:]))
    inside = jnp.take_along_axis(members, group[:, None, None], axis=1)[:, 0] & (group >= 0)[:, None]
    if compatible is not None:
        inside &= compatible
    return Proposal(group, *selection.least_similar(originals, candidates, k=k, where=inside))


def choose(axes: Axes, policy: SelectionPolicy, *, where: Bool[AnyArray, "*batch k"] | None = None) -> Choice:
    """The results in the order of a policy, and the best one that it admits.

    A result is admitted if it is at or below the threshold of EVERY recognizer, inside the band, and not below the
    floor of naturalness. The others are ordered by their violation: the sum of the excesses over thresholds and outside
    of the band, in cosine; 0 for those that are only unnatural. Ties keep their order. `where` says which results
    exist; None = all.

    Raises:
      ValueError: thresholds and recognizers with different names; a policy on naturalness, which was not measured.
    """
    if set(policy.thresholds) != set(axes.matched):
        raise ValueError(
            f"thresholds of {sorted(policy.thresholds)}, similarities of {sorted(axes.matched)}; wanted the same"
            " recognizers in both"
        )
    if axes.naturalness is None and (policy.floor > -np.inf or policy.prefer is Prefer.NATURAL):
        raise ValueError("a policy with a floor of naturalness, or that prefers it, wants axes.naturalness; it is None")
    low, high = policy.band
    perceived = jnp.asarray(axes.perceived)
    over = [jnp.asarray(axes.matched[name]) - limit for name, limit in policy.thresholds.items()]
    excesses = [*over, perceived - high, low - perceived]
    violation = sum((jnp.maximum(excess, 0) for excess in excesses), jnp.zeros_like(perceived))
    exists = jnp.ones(violation.shape, bool) if where is None else jnp.asarray(where)
    admitted = exists & (violation == 0)
    if axes.naturalness is not None:
        admitted &= jnp.asarray(axes.naturalness) >= policy.floor
    preferred = {
        Prefer.FIDELITY: lambda: jnp.asarray(axes.feature_loss),
        Prefer.LEAST_PERCEIVED: lambda: perceived,
        Prefer.LEAST_MATCHED: lambda: jnp.max(jnp.stack(over), axis=0),
        Prefer.NATURAL: lambda: -jnp.asarray(axes.naturalness),
    }[policy.prefer]()
    order = jnp.lexsort((jnp.where(admitted, preferred, violation), ~admitted, ~exists), axis=-1)
    chosen = jnp.where(admitted.any(-1), order[..., 0], -1)
    return Choice(order, admitted, chosen)


def anonymize(
    originals: Face,
    candidates: Face,
    *,
    members: Bool[np.ndarray, "g m"] | Bool[np.ndarray, "n g m"],
    perceive: Embed,
    recognizers: Mapping[str, Embed],
    policy: SelectionPolicy,
    feature_loss: FeatureLoss,
    k: int = 5,
    swapper: Swapper = swap_face,
    rule: groups.Rule = groups.Rule.CONFIDENCE_LIMIT,
    factor: float = 1.96,
    equalize: groups.Equalize = groups.Equalize.NO,
    compatible: Bool[AnyArray, "n m"] | None = None,
    natural: Natural | None = None,
) -> Anonymized:
    """Group, candidates, swaps, scores and choice for every original.

    Originals and candidates are uint8, all of the same size; `perceive` is the perceptual model; `members`, `k`,
    `rule`, `factor`, `equalize` and `compatible` are those of `propose`; docs/swappers.md says what a swapper is;
    `natural` measures how untouched a result looks (`naturalness`), None = nothing does.

    Raises:
      TypeError, ValueError: shapes that do not fit, or no recognizer.
    """
    if not recognizers:
        raise ValueError("no recognizer to protect from; wanted at least one in recognizers")
    vectors = perceive(*originals), perceive(*candidates)
    options = {"rule": rule, "factor": factor, "compatible": compatible}
    proposal = jax.device_get(propose(*vectors, members=members, k=k, equalize=equalize, **options))
    results = swap_all(originals, candidates, proposal.index, swapper)
    measures = {"recognizers": recognizers, "feature_loss": feature_loss, "natural": natural}
    axes = score(originals, results, perceive=perceive, **measures)
    return Anonymized(proposal, *results, axes, jax.device_get(choose(axes, policy, where=proposal.index >= 0)))


def swap_all(originals: Face, candidates: Face, index: Integer[np.ndarray, "n k"], swapper: Swapper) -> Face:
    """Swap every proposed candidate into its original.

    `index` has the positions of candidates; -1 gives a black picture. A swapper returns a `Face`, or a picture, which
    is assumed to have the target's landmarks. The results are uint8 `[n, k, h, w, 3]`, with outlines float32 `[n, k,
    59, 2]`.

    Raises:
      ValueError: the swapper returns a picture of another size or dtype.
    """
    images = np.zeros((*index.shape, *originals.image.shape[1:]), np.uint8)
    outlines = np.asarray(outline(np.asarray(originals.landmarks, np.float32)))
    landmarks = np.repeat(outlines[:, None], index.shape[1], axis=1)
    for place in zip(*np.nonzero(index >= 0), strict=True):
        target, source = (
            Face(*(part[i] for part in faces)) for faces, i in ((originals, place[0]), (candidates, index[place]))
        )
        result = swapper(target, source)
        if isinstance(result, Face):
            landmarks[place] = outline(result.landmarks)
            result = result.image
        result = np.asarray(result)
        if result.dtype != np.uint8 or result.shape != images.shape[2:]:
            raise ValueError(
                f"the swapper returned {result.dtype} of shape {list(result.shape)}; wanted uint8"
                f" {list(images.shape[2:])}, the target with another face"
            )
        images[place] = result
    return Face(images, landmarks)


def score(
    originals: Face,
    results: Face,
    *,
    perceive: Embed,
    recognizers: Mapping[str, Embed],
    feature_loss: FeatureLoss,
    natural: Natural | None = None,
) -> Axes:
    """Scores of results `[n, k, ...]` against their originals `[n, ...]`; the other arguments as for `anonymize`."""
    flat = Face(*(np.reshape(part, (-1, *part.shape[2:])) for part in results))
    count = results.image.shape[:2]

    def similarities(embed):
        vectors = np.asarray(embed(*flat))
        return np.asarray(similarity(np.asarray(embed(*originals))[:, None], vectors.reshape(*count, -1)))

    repeated = Face(*(np.repeat(np.asarray(part), count[1], axis=0) for part in originals))
    losses = np.reshape(np.asarray(feature_loss(repeated, flat)), count)
    matched = {name: similarities(embed) for name, embed in recognizers.items()}
    naturalness = None if natural is None else np.reshape(np.asarray(natural(flat)), count)
    return Axes(similarities(perceive), matched, losses, naturalness)
