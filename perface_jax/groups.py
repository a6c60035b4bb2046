"""STEP 1: the group of faces that a query resembles, by its distances to the members of each group.

Distances are `1 - cosine`. Groups are a mask `where` over the members, `[groups, n]`. They may overlap, as in the
paper, whose broad groups are unions of narrow ones. With `[..., q, groups, n]` every query has its own mask, which can
leave out the query itself if it is a member. All functions but the checks are traceable; they check dtypes (TypeError)
and shapes (ValueError), not values.

A group of fewer than two members has no spread: its statistic is NaN under every rule, and it is never chosen. A
distance to a member that is NaN makes the statistic of its groups NaN. Then no group is chosen for the query, because
the one with the NaN might be the nearest. To find both problems first, call `check_groups` and `check_distances`.

**Most rules depend on the size of a group.** If the faces of two groups have one distribution, a fair rule chooses the
larger group for half of the queries. With 100 members against 10, `CONFIDENCE_LIMIT` chooses it for .87 of them,
`NEAREST` for .91, `PERCENTILE` for .21, `SPREAD_LIMIT` for .46 and `MEAN` for .51 (docs/statistics.md has the command).
`check_groups` warns if one group is more than twice as large as another. Two remedies: `equalize=True` takes the
confidence limit of every group at the size of the smallest one, and uses all members (.48 instead of .87); `subsample`
draws as many members of every group as the smallest has, which is fair under every rule, at the cost of members.

Source: PerFace (ICIP 2025), sections 3.3 (STEP 1) and 4.5.
"""

import enum
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from perface_jax.arrays import AnyArray, Array, PRNGKey, Scalar
from perface_jax.group_statistics import Distances, Groups, Rule, smallest, statistics
from perface_jax.member_parts import side_by_side
from perface_jax.precision import widen
from perface_jax.similarity import unit


class Equalize(enum.StrEnum):
    """What to do if groups differ in size."""

    NO = "no"
    LIMIT = "limit"  # the confidence limit at the size of the smallest group
    SUBSAMPLE = "subsample"  # as many members of every group as the smallest has


class UnequalGroups(UserWarning):
    """Group sizes differ so much that the rule depends on them."""


MOST = 2  # times the smallest group, above which `check_groups` warns
LARGER = {  # how often the larger of two groups with the same distribution is chosen, 100 members against 10
    Rule.CONFIDENCE_LIMIT: 0.87,
    Rule.SPREAD_LIMIT: 0.46,
    Rule.PERCENTILE: 0.21,
    Rule.MEAN: 0.51,
    Rule.NEAREST: 0.91,
}


class Classification(NamedTuple):
    """The group of each query and the statistics behind the choice."""

    group: Int[AnyArray, "*batch q"]  # -1 = abstained, a distance is NaN, or no group has two members
    distances: Float[AnyArray, "*batch q groups"]  # the statistic of each group
    low: Float[AnyArray, "*batch q groups"]  # the interval of the rule, see `classify`
    high: Float[AnyArray, "*batch q groups"]


def distances(
    queries: Float[AnyArray, "*#batch q d"], members: Float[AnyArray, "*#batch n d"]
) -> Float[Array, "*batch q n"]:
    """Cosine distance of every query to every member, `1 - cos(query, member)`; embeddings need not be normalized.

    In [0, 2] up to rounding; 1 where either vector is zero. Half precision is widened (`perface_jax.precision`).

    Source: PerFace (ICIP 2025), section 4.5.
    """
    queries, members = widen("embeddings", queries, members)
    if min(queries.ndim, members.ndim) < 2 or queries.shape[-1] != members.shape[-1]:
        raise ValueError(
            f"queries have shape {queries.shape}, members {members.shape}; wanted [..., Q, D] and [..., N, D]"
        )
    # By default, TPUs and GPUs multiply float32 with 8 to 11 bits.
    highest = jax.lax.Precision.HIGHEST

    def compare(queries, members):
        return 1 - jnp.matmul(queries, jnp.swapaxes(unit(members), -1, -2), precision=highest)

    return side_by_side(compare, unit(queries), members)


def group_distances(
    distances: Distances,
    *,
    where: Groups,
    rule: Rule = Rule.CONFIDENCE_LIMIT,
    factor: Scalar = 1.96,
    equalize: bool = False,
) -> Float[Array, "*batch groups"]:
    """One distance for each query and group; NaN if a group has fewer than two members or a NaN distance.

    Args:
      distances: between queries and members, from `distances`.
      where: the members of each group.
      rule: the statistic of the distances to one group. The percentile interpolates linearly, as NumPy does.
      factor: f of the two limits; the other rules have none.
      equalize: for groups of different sizes, use `sqrt(m)` in place of `sqrt(n)`, with m the size of the smallest
        group of two or more members (per query, if each has its own mask). Only CONFIDENCE_LIMIT has an n in its
        formula; for other rules ValueError: see `subsample`.

    Source: PerFace (ICIP 2025), section 4.5 and Table 4, which says "upper limit of the 95% confidence interval".
    """
    return statistics(distances, where, rule, factor, equalize=equalize).distance


def classify(
    distances: Distances,
    *,
    where: Groups,
    rule: Rule = Rule.CONFIDENCE_LIMIT,
    factor: Scalar = 1.96,
    abstain: bool = False,
    equalize: bool = False,
) -> Classification:
    """The nearest group of each query; among equally near groups, the first.

    The interval of a rule says how far its statistic would move for another draw of as many members. For
    CONFIDENCE_LIMIT it is the interval whose upper end the rule compares, `mean -+ f s / sqrt(n)`. For the others it is
    the statistic -+ f standard errors, where the standard errors are those of n normal distances with deviation s:

    | rule | standard error |
    |---|---|
    | MEAN | `s sqrt(1 / n)` |
    | SPREAD_LIMIT | `s sqrt(1 / n + f^2 / (2 (n - 1)))` |
    | PERCENTILE, NEAREST | `s sqrt(p (1 - p) / (n + 2)) / phi(z_p)`, `p = (r - 3/8) / (n + 1/4)` at rank r |

    At f = 1.96 the intervals contain the mean of the statistic in .91 to .96 of draws of 10 to 100 normal distances,
    and in .87 of draws of five. For skewed distances, intervals of limits and percentiles are too narrow
    (docs/statistics.md).

        >>> import numpy as np
        >>> from perface_jax import groups
        >>> queries = np.float32([[1, 0.2], [0.2, 1]])
        >>> faces = np.float32([[1, 0], [1, 0.1], [0, 1], [0.1, 1]])
        >>> members = np.array([[True, True, False, False], [False, False, True, True]])
        >>> groups.classify(groups.distances(queries, faces), where=members).group.tolist()
        [0, 1]

    Args:
      distances, where, rule, equalize: as for `group_distances`; two groups or more.
      factor: f of the limits, and of the intervals.
      abstain: choose no group if the intervals of the nearest two overlap or touch.

    Source: PerFace (ICIP 2025), section 4.5, G* = argmin_G D(query, G); the tie rule and abstention are ours. Standard
    errors: of s, Kendall & Stuart, The Advanced Theory of Statistics; of order statistics, David & Johnson (1954) at
    the plotting positions of Blom (1958).
    """
    found = statistics(distances, where, rule, factor, equalize=equalize)
    if found.distance.shape[-1] < 2:
        raise ValueError(f"classification needs two or more groups, got `where` of shape {jnp.shape(where)}")
    nearness, best = jax.lax.top_k(jnp.where(jnp.isnan(found.distance), -jnp.inf, -found.distance), 2)
    group = jnp.where(jnp.isneginf(nearness[..., 0]) | jnp.any(found.broken, axis=-1), -1, best[..., 0])
    low, high = found.middle - found.half, found.middle + found.half
    if abstain:
        lower, upper = (jnp.take_along_axis(limit, best, axis=-1) for limit in (low, high))
        group = jnp.where(jnp.max(lower, axis=-1) <= jnp.min(upper, axis=-1), -1, group)
    return Classification(group, found.distance, low, high)


def subsample(key: PRNGKey, where: Groups) -> Bool[Array, "*batch groups n"]:
    """Draw as many members of every group as the smallest has: a mask for `where` of the other functions.

    Groups of fewer than two members are ignored. The draw is the same for all queries; if queries have masks of their
    own, each keeps as many as its smallest group has. The result depends on the draw: with another key some queries get
    another group.
    """
    where = jnp.asarray(where)
    order = jnp.where(where, jax.random.uniform(key, where.shape[-2:]), jnp.inf)
    return where & (jnp.argsort(jnp.argsort(order, axis=-1), axis=-1) < smallest(where)[..., None])


def equalized(
    key: PRNGKey, where: Bool[AnyArray, "*batch groups n"], equalize: Equalize
) -> tuple[Bool[AnyArray, "*batch groups n"], bool]:
    """The masks to classify with, and the option `equalize` of `classify`."""
    return (subsample(key, where) if equalize is Equalize.SUBSAMPLE else where), equalize is Equalize.LIMIT


def check_groups(
    names: Sequence[str],
    where: Bool[AnyArray, "*batch groups n"],
    *,
    rule: Rule = Rule.CONFIDENCE_LIMIT,
    equalize: bool = False,
) -> None:
    """Raise a ValueError that names groups with fewer than two members for any query; issue `size_warning`."""
    sizes = _sizes(names, where)
    if small := [f"{name} ({size})" for name, size in zip(names, sizes, strict=True) if size < 2]:
        raise ValueError(
            f"groups of fewer than two members, without the query itself: {', '.join(small)}."
            " The spread of the distances to a group needs two; add faces or leave the group out"
        )
    if warning := size_warning(names, where, rule=rule, equalize=equalize):
        warnings.warn(warning, UnequalGroups, stacklevel=2)


def size_warning(
    names: Sequence[str],
    where: Bool[AnyArray, "*batch groups n"],
    *,
    rule: Rule = Rule.CONFIDENCE_LIMIT,
    equalize: bool = False,
) -> str:
    """A warning if sizes differ by more than a factor of two, the rule depends on them, and nothing equalizes them."""
    sizes = _sizes(names, where)
    if rule is Rule.MEAN or equalize or max(sizes) <= MOST * min(sizes):
        return ""
    listed = ", ".join(f"{name} {size}" for name, size in zip(names, sizes, strict=True))
    return (
        f"Group sizes differ by more than {MOST} times ({listed}), and the rule {rule.name.lower()} depends on them: of"
        f" two groups with one distribution, 100 faces against 10, it chooses the larger for {LARGER[rule]:.2f} of the"
        " queries instead of half. Draw groups of one size, or equalize them."
    )


def check_distances(distances: Float[AnyArray, "q n"], *, queries: Sequence[str], members: Sequence[str]) -> None:
    """Raise a ValueError that names the faces whose distances are NaN, because their vectors contain NaN."""
    bad: np.ndarray = np.isnan(np.asarray(distances, np.float64))
    if bad.shape != (len(queries), len(members)):
        raise ValueError(f"distances {bad.shape} for {len(queries)} queries and {len(members)} members")
    if not bad.any():
        return
    rows, columns = np.asarray(bad.all(axis=1)), np.asarray(bad.all(axis=0))
    wrong = [f"query {queries[int(i)]}" for i in np.flatnonzero(rows)]
    wrong += [f"member {members[int(i)]}" for i in np.flatnonzero(columns)] if not rows.all() else []
    wrong += [f"{queries[i]} to {members[j]}" for i, j in np.argwhere(bad & ~rows[:, None] & ~columns)]
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    raise ValueError(
        f"distances that are NaN: {', '.join(wrong[:5])}{more}. The vectors of these faces hold NaN or infinity; embed"
        " them again, or leave the faces out"
    )


def _sizes(names, where) -> list[int]:
    """The size of each group, for the query that has the fewest members."""
    sizes = np.sum(where, axis=-1)
    sizes = sizes.reshape(-1, sizes.shape[-1]).min(axis=0)
    if len(names) != len(sizes):
        raise ValueError(f"{len(names)} names ({', '.join(names)}) for {len(sizes)} groups")
    return sizes.tolist()
