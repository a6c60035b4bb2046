"""The paper's pipeline: a group for every query, candidates inside it, swaps, their scores on two axes, and a choice.

    faces -> STEP 1: group -> STEP 2: candidates -> swap -> the original against the RESULT, on both axes -> choice

The paper compares the target with its swapped picture, and so does this: a source that differs from the query says
little, the picture that is shown says all. What sees and what swaps come from outside, as functions: `perceive` and
every machine are `(images [n, H, W, 3], landmarks [n, P, 2]) -> vectors [n, D]`, a swapper is
`(target, source) -> result`, see docs/swappers.md. `offer` and `choose` are pure and jittable; `anonymize` runs the
whole on the host.

Letters: Q queries, N faces that may be swapped in, G groups, K candidates of a query.
"""

import enum
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from perface_jax import groups, selection
from perface_jax.landmarks import outline
from perface_jax.similarity import similarity
from perface_jax.swap import Face, swap_face

Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]
Swapper = Callable[[Face, Face], jax.Array]


class Prefer(enum.Enum):
    """What is best among the results that are admitted."""

    FIDELITY = "fidelity"  # the least loss of features
    LEAST_PERCEIVED = "least perceived"  # people see the least likeness
    LEAST_MATCHED = "least matched"  # the machine that comes nearest sees the least likeness


class SelectionPolicy(NamedTuple):
    """The rule by which a result is chosen.

    Attributes:
      thresholds: machine -> the similarity up to which it does not match (`privacy.match_threshold`).
      band: lowest and highest perceived similarity to the original that are asked for.
      prefer: among the results that no machine matches and people see in the band.
    """

    thresholds: Mapping[str, float]
    band: tuple[float, float] = (-1.0, 1.0)
    prefer: Prefer = Prefer.FIDELITY


class Proposal(NamedTuple):
    """STEP 1 and STEP 2.

    Attributes:
      group: int `[Q]`, chosen for each query.
      index: int `[Q, K]`, the faces offered, least similar first; -1 where the group has no more.
      similarity: floating `[Q, K]`, of query and face, as people see them.
    """

    group: jax.Array
    index: jax.Array
    similarity: jax.Array


class Axes(NamedTuple):
    """Scores of results against their originals.

    Attributes:
      perceived: floating `[..., K]`, cosine as people see it.
      matched: machine -> cosine `[..., K]`.
      lost: floating `[..., K]`, features lost, on any scale, less is better.
    """

    perceived: jax.Array
    matched: Mapping[str, jax.Array]
    lost: jax.Array


class Choice(NamedTuple):
    """Which result is given.

    Attributes:
      order: int `[..., K]`, the places of the results, the best first: those admitted by preference, then the others,
        the smallest violation first, then those that do not exist.
      admitted: bool `[..., K]`, no machine matches it and people see it in the band; by place.
      chosen: int `[...]`, the best place, or -1 where no result is admitted: none is given then.
    """

    order: jax.Array
    admitted: jax.Array
    chosen: jax.Array


class Anonymized(NamedTuple):
    """Everything that led to the choice.

    Attributes:
      offered: groups and candidates.
      images: uint8 `[Q, K, H, W, 3]`, the results; black where there is no candidate.
      landmarks: float32 `[Q, K, 59, 2]`, the outlines of the results.
      axes: their scores.
      choice: what is given.
    """

    offered: Proposal
    images: np.ndarray
    landmarks: np.ndarray
    axes: Axes
    choice: Choice


def offer(
    queries: jax.Array,
    gallery: jax.Array,
    *,
    members: jax.Array,
    k: int,
    rule: groups.Rule = groups.Rule.CONFIDENCE_LIMIT,
    factor: float = 1.96,
) -> Proposal:
    """STEP 1 and STEP 2: the group of each query, and its k least similar members.

    Args:
      queries: floating `[Q, D]`.
      gallery: floating `[N, D]`.
      members: bool `[G, N]` or `[Q, G, N]`; leave a query's own picture out of its groups. With one group there is no
        STEP 1.
      k: faces to offer.
      rule, factor: the distance of a query to a group, see `groups.classify`.

    Raises:
      TypeError, ValueError: as `groups.classify` and `selection.least_similar`.

    Source: PerFace (ICIP 2025), sections 3.3 and 4.6.
    """
    group = jnp.zeros(len(queries), jnp.int32)
    if members.shape[-2] > 1:
        group = groups.classify(groups.distances(queries, gallery), where=members, rule=rule, factor=factor).group
    members = jnp.broadcast_to(members, (len(queries), *members.shape[-2:]))
    inside = jnp.take_along_axis(members, group[:, None, None], axis=1)[:, 0]
    return Proposal(group, *selection.least_similar(queries, gallery, k=k, where=inside))


def choose(axes: Axes, aim: SelectionPolicy, *, where: jax.Array | None = None) -> Choice:
    """The results in the order of a rule, and the one that is given.

    Admitted = at or below the threshold of EVERY machine, and inside the band. Those that are not are ordered by how
    large their violation is: the sum of what they exceed, in cosine. Ties keep their order.

    Args:
      axes: scores `[..., K]`.
      aim: the rule.
      where: bool `[..., K]`, which results exist; all when None.

    Raises:
      ValueError: thresholds and machines that do not have the same names.
    """
    if set(aim.thresholds) != set(axes.matched):
        raise ValueError(
            f"thresholds of {sorted(aim.thresholds)}, similarities of {sorted(axes.matched)}: name for name"
        )
    low, high = aim.band
    over = [jnp.asarray(axes.matched[name]) - limit for name, limit in aim.thresholds.items()]
    over += [jnp.asarray(axes.perceived) - high, low - jnp.asarray(axes.perceived)]
    violation = sum(jnp.maximum(one, 0) for one in over)
    where = jnp.ones(violation.shape, bool) if where is None else where
    admitted = where & (violation == 0)
    preferred = {
        Prefer.FIDELITY: lambda: jnp.asarray(axes.lost),
        Prefer.LEAST_PERCEIVED: lambda: jnp.asarray(axes.perceived),
        Prefer.LEAST_MATCHED: lambda: jnp.max(jnp.stack(over[: len(aim.thresholds)]), axis=0),
    }[aim.prefer]()
    order = jnp.lexsort((jnp.where(admitted, preferred, violation), ~admitted, ~where), axis=-1)
    chosen = jnp.where(admitted.any(-1), order[..., 0], -1)
    return Choice(order, admitted, chosen)


def anonymize(
    queries: Face,
    gallery: Face,
    *,
    members: np.ndarray,
    perceive: Embed,
    machines: Mapping[str, Embed],
    aim: SelectionPolicy,
    lost: Callable[[Face, Face], jax.Array],
    k: int = 5,
    swapper: Swapper = swap_face,
    rule: groups.Rule = groups.Rule.CONFIDENCE_LIMIT,
    factor: float = 1.96,
) -> Anonymized:
    """Group, candidates, swaps, scores and choice for every query.

    Args:
      queries: images uint8 `[Q, H, W, 3]`, landmarks `[Q, P, 2]`: the faces to hide.
      gallery: images `[N, H, W, 3]`, landmarks `[N, P, 2]`: the faces that may be swapped in.
      members: bool `[G, N]` or `[Q, G, N]`, see `offer`.
      perceive: what people see, as vectors.
      machines: name -> what a machine sees, as vectors.
      aim: the rule of the choice.
      lost: (originals, results) of n faces -> floating `[n]`, the loss of features.
      k: candidates of a query.
      swapper: see docs/swappers.md; the classical swap by default.
      rule, factor: of STEP 1.

    Raises:
      TypeError, ValueError: shapes that do not fit, or no machine.
    """
    if not machines:
        raise ValueError("no machine to hide from: give at least one embedder in machines")
    offered = jax.device_get(
        offer(perceive(*queries), perceive(*gallery), members=members, k=k, rule=rule, factor=factor)
    )
    results = swap_all(queries, gallery, offered.index, swapper)
    axes = score(queries, results, perceive=perceive, machines=machines, lost=lost)
    return Anonymized(offered, *results, axes, jax.device_get(choose(axes, aim, where=offered.index >= 0)))


def swap_all(queries: Face, gallery: Face, index: np.ndarray, swapper: Swapper) -> Face:
    """Every offered face swapped into its query.

    Args:
      queries: `[Q, ...]`.
      gallery: `[N, ...]`.
      index: int `[Q, K]`, places in the gallery; -1 gives a black picture.
      swapper: of one target and one source; it gives a picture, whose landmarks are then taken to be the target's, or a
        `Face`.

    Returns:
      images uint8 `[Q, K, H, W, 3]` and outlines float32 `[Q, K, 59, 2]`.

    Raises:
      ValueError: the swapper gives a picture of another size or type.
    """
    images = np.zeros((*index.shape, *queries.image.shape[1:]), np.uint8)
    outlines = np.asarray(outline(np.asarray(queries.landmarks, np.float32)))
    landmarks = np.repeat(outlines[:, None], index.shape[1], axis=1)
    for place in zip(*np.nonzero(index >= 0), strict=True):
        target, source = (
            Face(*(part[i] for part in faces)) for faces, i in ((queries, place[0]), (gallery, index[place]))
        )
        result = swapper(target, source)
        if isinstance(result, Face):
            landmarks[place] = outline(result.landmarks)
            result = result.image
        result = np.asarray(result)
        if result.dtype != np.uint8 or result.shape != images.shape[2:]:
            raise ValueError(
                f"the swapper gave {result.dtype} of shape {list(result.shape)}; wanted uint8 {list(images.shape[2:])},"
                " the target with another face"
            )
        images[place] = result
    return Face(images, landmarks)


def score(
    originals: Face,
    results: Face,
    *,
    perceive: Embed,
    machines: Mapping[str, Embed],
    lost: Callable[[Face, Face], jax.Array],
) -> Axes:
    """Results `[Q, K, ...]` against their originals `[Q, ...]` on both axes; the other arguments as for `anonymize`."""
    flat = Face(*(np.reshape(part, (-1, *part.shape[2:])) for part in results))
    count = results.image.shape[:2]

    def alike(embed):
        vectors = np.asarray(embed(*flat))
        return np.asarray(similarity(np.asarray(embed(*originals))[:, None], vectors.reshape(*count, -1)))

    repeated = Face(*(np.repeat(np.asarray(part), count[1], axis=0) for part in originals))
    losses = np.reshape(np.asarray(lost(repeated, flat)), count)
    return Axes(alike(perceive), {name: alike(embed) for name, embed in machines.items()}, losses)
