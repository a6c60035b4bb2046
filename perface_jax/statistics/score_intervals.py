"""Intervals of means of scores from 0 to 1, such as an accuracy; valid near 0 and 1 too."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Float, Shaped

from perface_jax.arrays import AnyArray, Array
from perface_jax.statistics import student
from perface_jax.statistics.cluster_ids import ClusterIds, checked, groups, sums_by
from perface_jax.statistics.cluster_robust import centered, robust_mean
from perface_jax.statistics.effective_size import effective_size, spread_of


def score_interval(
    scores: Float[AnyArray, "*batch t"],
    *clusters: ClusterIds,
    where: Shaped[AnyArray, " t"] | None = None,
    level: float = 0.95,
) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"]]:
    """As `robust_interval`, for scores from 0 to 1: within [0, 1], and wider than a point even if all scores are equal.

    Wilson's interval for n triplets, n the `effective_size` of the scores:
    `(p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)`. If each score is a cluster
    of its own and 0 or 1, it is Wilson's interval. If none of S sources errs, it is Wilson's for S of S (with targets:
    the smaller of S and T).

    Arguments and errors are those of `robust_interval`. For scores outside of [0, 1] the interval is meaningless.

        >>> import numpy as np
        >>> from perface_jax import metrics
        >>> source = np.repeat(np.arange(10), 4)  # four triplets of each of ten sources
        >>> scores = np.float32([[1, 1, 1, 0]] * 8 + [[0, 0, 1, 1]] * 2).ravel()
        >>> low, high = metrics.score_interval(scores, source)
        >>> print(f"{scores.mean():.2f} [{low:.2f}, {high:.2f}]")
        0.70 [0.52, 0.84]

    Source: Wilson, Journal of the American Statistical Association 22 (1927); `effective_size` names the rest.
    """
    return _score_interval(*checked(scores, clusters, where), level=level)


@functools.partial(jax.jit, static_argnames="level")
def _score_interval(scores, ids, kept, *, level):
    size, share = _effective_size(scores, ids, kept, level)
    z = student.quantile(jnp.full((), jnp.inf, share.dtype), level)
    center = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * jnp.sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    low, high = jnp.where(share <= 0, 0, center - half), jnp.where(share >= 1, 1, center + half)  # not 1e-9
    return jnp.where(jnp.isnan(half), jnp.nan, low), jnp.where(jnp.isnan(half), jnp.nan, high)


def _effective_size(scores, ids, kept, level):
    """The effective size of the scores, and their mean."""
    mean, error, degrees = robust_mean(scores, *ids, where=kept)
    count, (_, residuals) = jnp.sum(kept, dtype=mean.dtype), centered(scores, kept)
    independent = jnp.sum(residuals**2, axis=-1) / count**2  # clustering never makes a mean more certain
    variance = jnp.maximum(error**2 * degrees / (degrees + 1), independent)
    share, spread = jnp.clip(mean, 0, 1), _spread(scores, ids, kept)
    usable = (variance > 0) & (spread > 0)
    estimated = jnp.where(usable, share * (1 - share) / jnp.where(usable, variance, 1), 1)
    few = student.quantile(jnp.maximum(estimated - 1, 1), level) / student.quantile(degrees, level)
    size = effective_size(estimated * jnp.minimum(few, 1) ** 2, degrees + 1, jnp.where(usable, spread, 0))
    return jnp.where(jnp.isnan(variance), jnp.nan, size), share


def _spread(scores, ids, kept):
    """Number of clusters that share the errors (or the successes, if fewer); for two clusterings, the larger number."""
    found, least = [], jnp.finfo(scores.dtype).tiny
    numbers = [groups((one,), kept)[0] for one in ids]
    for values in (scores, 1 - scores):
        sums = [sums_by(jnp.where(kept, values, 0), number) for number in numbers]
        found.append([spread_of(one.sum(axis=0), (one**2).sum(axis=0), least=least) for one in sums])
    return functools.reduce(jnp.minimum, [functools.reduce(jnp.maximum, of_side) for of_side in found])
