"""Is one model better than another on the same triplets? Tests on the differences of their scores.

`first` and `second` are the scores of two models on the same triplets in the same order; a positive difference means
that the first is better. Triplets of one source get nearly the same answers, and may depend on the target too.
`robust_test` and `equivalence_test` take the sources, the targets, or both as clusters; `paired_bootstrap` draws them;
`sign_flip_test` takes one clustering. Arguments and errors are those of `robust_interval` and `cluster_interval`;
scores of different shapes raise ValueError.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from perface_jax.arrays import AnyArray, Array, PRNGKey
from perface_jax.precision import widen
from perface_jax.statistics import student
from perface_jax.statistics.arguments import same_shape
from perface_jax.statistics.cluster_bootstrap import cluster_sums, fewest, percentiles, resampled_means
from perface_jax.statistics.cluster_ids import ClusterIds
from perface_jax.statistics.cluster_robust import robust_mean


class PairedTest(NamedTuple):
    """The mean difference of two models, its interval, and the two-sided p-value of no difference."""

    difference: Float[Array, "*batch"]
    low: Float[Array, "*batch"]
    high: Float[Array, "*batch"]
    p: Float[Array, "*batch"]


class McNemar(NamedTuple):
    """How many triplets only the first model gets right, how many only the second, and the exact two-sided p-value."""

    first_only: int
    second_only: int
    p: float


def robust_test(
    first: Float[AnyArray, "*batch t"],
    second: Float[AnyArray, "*batch t"],
    *clusters: ClusterIds,
    where: Shaped[AnyArray, " t"] | None = None,
    level: float = 0.95,
) -> PairedTest:
    """Mean of `first - second` with its cluster-robust t interval and p-value (`cluster_robust`). Traceable.

    If all differences are the same, the interval has no width and p is that of a sign test of G agreeing clusters,
    `2 / 2^G`; if all are 0, p is 1.

        >>> import numpy as np
        >>> from perface_jax import metrics
        >>> source = np.repeat(np.arange(10), 4)  # four triplets of each of ten sources
        >>> after = np.float32([[1, 1, 1, 0]] * 8 + [[0, 0, 1, 1]] * 2).ravel()
        >>> before = np.float32([[1, 0, 1, 0]] * 10).ravel()
        >>> test = metrics.robust_test(after, before, source)
        >>> print(f"{test.difference:+.2f} [{test.low:+.2f}, {test.high:+.2f}], p = {test.p:.4f}")
        +0.20 [+0.12, +0.28], p = 0.0002
    """
    found = robust_mean(_differences(first, second), *clusters, where=where)
    return _robust_test(*found, level=level)


@functools.partial(jax.jit, static_argnames="level")
def _robust_test(mean, error, degrees, *, level):
    half = student.quantile(degrees, level) * error
    exact = _is_exact(mean, error)
    p = student.two_sided_p(mean / jnp.where(exact, 1, error), degrees)
    p = jnp.where(exact, jnp.where(mean == 0, 1, 2.0 ** -jnp.where(exact, degrees, 0)), p)
    return PairedTest(mean, mean - half, mean + half, p)


def equivalence_test(
    first: Float[AnyArray, "*batch t"],
    second: Float[AnyArray, "*batch t"],
    *clusters: ClusterIds,
    margin: float,
    where: Shaped[AnyArray, " t"] | None = None,
) -> Float[Array, "*batch"]:
    """p of "the models differ by `margin` or more"; a small p means that they are equivalent. Traceable.

    Two one-sided cluster-robust t tests, of `d <= -margin` and of `d >= margin`; p is the larger one. It is below .05
    if the 90% interval of `robust_test` is within the margin. A large p of `robust_test` is no such evidence. If all
    differences are the same, p is that of a sign test of G agreeing clusters, `1 / 2^G`, or 1 beyond the margin.

    ValueError unless `margin`, a Python number in the unit of the scores, is above 0.

    Source: Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15 (1987).
    """
    if not margin > 0:
        raise ValueError(f"margin is {margin}; wanted a difference that does not matter, above 0, for instance 0.02")
    return _equivalence_test(*robust_mean(_differences(first, second), *clusters, where=where), margin)


@jax.jit
def _equivalence_test(mean, error, degrees, margin):
    distance, exact = margin - jnp.abs(mean), _is_exact(mean, error)
    p = student.one_sided_p(distance / jnp.where(exact, 1, error), degrees)
    return jnp.where(exact, jnp.where(distance > 0, 2.0 ** -(degrees + 1), 1), p)


def _is_exact(mean, error):
    """Whether all differences are the same, up to rounding."""
    return error <= 8 * jnp.finfo(mean.dtype).eps * jnp.abs(mean)


def paired_bootstrap(
    key: PRNGKey,
    first: Float[AnyArray, "*batch t"],
    second: Float[AnyArray, "*batch t"],
    *clusters: ClusterIds,
    sizes: Sequence[int] | None = None,
    where: Shaped[AnyArray, " t"] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
) -> PairedTest:
    """Mean of `first - second` with its cluster bootstrap interval and p-value. Traceable.

    p is the level at which the expanded percentile interval begins to contain 0. With the share
    `a = (1 + min(#(d* <= 0), #(d* >= 0))) / (1 + resamples)` of the resampled differences d* and G clusters it is
    `P(|t| >= -Phi^-1(a) sqrt((G - 1) / G))`, t of G - 1 degrees of freedom; for many clusters that is 2 a. It is never
    0; with 2,000 resamples it is at least .001.

    Low, high and p are NaN with fewer than two ids in a clustering.

    Source: Efron & Tibshirani (1993), chapters 13 and 16; the 1 + of Davison & Hinkley (1997), section 4.2; the
    expansion of Hesterberg (2015); the p for it is ours.
    """
    totals, counts = cluster_sums(_differences(first, second), *clusters, sizes=sizes, where=where)
    means = resampled_means(key, totals, counts, resamples=resamples)
    low, high = percentiles(means, level, fewest(counts))
    at_most, at_least, exist = (jnp.sum(kept, axis=-1) for kept in (means <= 0, means >= 0, ~jnp.isnan(means)))
    share = jnp.minimum((1 + jnp.minimum(at_most, at_least)) / (1 + exist), 0.5).astype(means.dtype)
    p = jnp.where(exist > 0, student.expanded_p(share, fewest(counts)), jnp.nan)
    difference = jnp.sum(totals, axis=tuple(range(-len(clusters), 0))) / jnp.sum(counts)
    return PairedTest(difference, low, high, p.astype(means.dtype))


def sign_flip_test(
    key: PRNGKey,
    first: Float[AnyArray, "*batch t"],
    second: Float[AnyArray, "*batch t"],
    clusters: ClusterIds,
    *,
    size: int | None = None,
    where: Shaped[AnyArray, " t"] | None = None,
    resamples: int = 2000,
) -> Float[Array, "*batch"]:
    """Two-sided p-value of "the two models are exchangeable within every cluster": a permutation test. Traceable.

    The summed difference `d_s` of every cluster gets a random sign `e_s`:
    `p = (1 + #(|sum_s e_s d_s| >= |sum_s d_s|)) / (1 + resamples)`. With S clusters that differ at all, p cannot fall
    below `2 / 2^S`, however many triplets there are: five sources never reach .05. Equally good models that are better
    on different targets are not exchangeable within sources: p is then too small, see docs/statistics.md.

    p is 1 if the models do not differ, NaN without a triplet. `size` is the number of possible ids, static; required
    under jit, otherwise taken from the clusters.

    Source: Fisher (1935), The Design of Experiments, section 21; whole clusters as in Winkler et al. (2015).
    """
    sizes = None if size is None else (size,)
    totals, counts = cluster_sums(_differences(first, second), clusters, sizes=sizes, where=where)
    drawn = _flipped_sums(key, totals, resamples=resamples)
    # Sums that differ only by rounding must count as equal.
    rounding = 8 * jnp.finfo(totals.dtype).eps * jnp.sum(jnp.abs(totals), axis=-1)
    observed = jnp.abs(jnp.sum(totals, axis=-1)) - rounding
    p = (1 + jnp.sum(jnp.abs(drawn) >= observed[..., None], axis=-1)) / (1 + resamples)
    return jnp.where(jnp.isnan(observed) | (jnp.sum(counts) == 0), jnp.nan, p).astype(totals.dtype)


def mcnemar(first: Shaped[AnyArray, " t"], second: Shaped[AnyArray, " t"]) -> McNemar:
    """McNemar's exact test: among the triplets that one model gets right and the other wrong, is the split even?

    `p` is the two-sided binomial probability of `first_only` out of `first_only + second_only` at 1/2. A tie (1/2) is
    neither right nor wrong: its triplet does not enter the test, although it counts in the accuracies.

    The test assumes independent triplets. Those of one source are not independent, so p is far too small if the models
    differ by source. It is here because papers report it; decide by `robust_test`.

    Scores are 0, 1/2 or 1 (ValueError otherwise, also for NaN). p = 1 if no triplet is right in one model and wrong in
    the other.

    Source: McNemar, Psychometrika 12 (1947), in its exact form.
    """
    from scipy.stats import binomtest  # takes a second to import

    first, second = np.asarray(first), np.asarray(second)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"one score a triplet and model, [T] twice, got {first.shape} and {second.shape}")
    other = np.setdiff1d(np.concatenate((first, second)), (0, 0.5, 1))
    if len(other):
        raise ValueError(f"scores must be 0, 1/2 or 1, got {other[:5].tolist()}; leave out triplets without a score")
    first_only, second_only = (int(np.sum((x == 1) & (y == 0))) for x, y in ((first, second), (second, first)))
    discordant = first_only + second_only
    return McNemar(first_only, second_only, float(binomtest(first_only, discordant).pvalue) if discordant else 1.0)


def _differences(first, second):
    first, second = widen("scores", first, second)
    same_shape(first=first, second=second)
    return first - second


@functools.partial(jax.jit, static_argnames="resamples")
def _flipped_sums(key, totals, *, resamples):
    """The sum of the totals `[..., S]` under random signs, the same for all leading dimensions: `[..., resamples]`."""
    signs = jax.random.rademacher(key, (resamples, totals.shape[-1]), totals.dtype)
    return jnp.einsum("...s,rs->...r", totals, signs, precision=jax.lax.Precision.HIGHEST)
