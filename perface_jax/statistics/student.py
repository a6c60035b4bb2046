"""Student's t distribution, traceable: SciPy's quantiles, for degrees of freedom known only at run time."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import betainc, ndtr, ndtri
from jaxtyping import Float, Num

from perface_jax.arrays import AnyArray, Array
from perface_jax.precision import is_floating, widen

MANY = 100  # degrees of freedom, from which t is normal after a transformation
EXACT = 1000  # degrees of freedom; above, the quantile is interpolated towards the normal one, in 1 / degrees


def quantile(degrees: Num[AnyArray, "*batch"], level: float) -> Float[Array, "*batch"]:
    """The half-width of the central interval: P(|t| <= quantile) = `level`. NaN below one degree of freedom.

    Within 1e-6 of `scipy.stats.t.ppf((1 + level) / 2, degrees)` for whole degrees. ValueError unless 0 < `level` < 1.
    """
    from scipy import special  # on the host: a table that the program looks up

    if not 0 < level < 1:
        raise ValueError(f"level is {level}; wanted a share between 0 and 1, for instance 0.95")
    known, upper = np.arange(EXACT, 0, -1), (1 + level) / 2
    degrees = _floating(degrees)
    places, table = (
        jnp.asarray(np.append(first, rest), degrees.dtype)
        for first, rest in ((0.0, 1 / known), (special.ndtri(upper), special.stdtrit(known, upper)))
    )
    return jnp.where(degrees >= 1, jnp.interp(1 / jnp.maximum(degrees, 1), places, table), jnp.nan)


def two_sided_p(t: Float[AnyArray, "*#batch"], degrees: Num[AnyArray, "*#batch"]) -> Float[Array, "*batch"]:
    """P(|T| >= |t|). NaN below one degree of freedom.

    Source: Wallace, Annals of Mathematical Statistics 30 (1959), the normal approximation for many degrees, where
    float32 cannot evaluate the beta function.
    """
    t, degrees = widen("t and degrees", t, _floating(degrees))
    few, many = jnp.clip(degrees, 1, MANY), jnp.maximum(degrees, MANY)
    exact = betainc(few / 2, jnp.asarray(0.5, t.dtype), few / (few + t * t))
    normal = 2 * ndtr(-(8 * many + 1) / (8 * many + 3) * jnp.sqrt(many * jnp.log1p(t * t / many)))
    return jnp.where(jnp.isnan(t) | (degrees < 1), jnp.nan, jnp.where(degrees < MANY, exact, normal))


def one_sided_p(t: Float[AnyArray, "*#batch"], degrees: Num[AnyArray, "*#batch"]) -> Float[Array, "*batch"]:
    """P(T >= t). NaN below one degree of freedom."""
    t, degrees = widen("t and degrees", t, _floating(degrees))
    half = two_sided_p(t, degrees) / 2
    return jnp.where(t >= 0, half, 1 - half)


def expanded_tail(clusters: Num[AnyArray, "*batch"], level: float) -> Float[Array, "*batch"]:
    """Where a bootstrap interval over few clusters ends: the lower tail, (1 - level) / 2 for many clusters.

    `Phi(-sqrt(n / (n - 1)) t)`, t the quantile with n - 1 degrees: resamples of n clusters vary too little by
    sqrt((n - 1) / n), and plain percentiles ignore the uncertainty of their width. NaN for one cluster.

    Source: Hesterberg, The American Statistician 69 (2015), the expanded percentile interval.
    """
    clusters = _floating(clusters)
    return ndtr(-jnp.sqrt(clusters / jnp.maximum(clusters - 1, 1)) * quantile(clusters - 1, level))


def expanded_p(share: Float[AnyArray, "*#batch"], clusters: Num[AnyArray, "*#batch"]) -> Float[Array, "*batch"]:
    """The two-sided level of the expanded percentile interval that ends where `share` of the resamples lie below."""
    share, clusters = widen("shares and counts", share, _floating(clusters))
    return two_sided_p(ndtri(share) * jnp.sqrt((clusters - 1) / clusters), clusters - 1)


def _floating(counts):
    counts = jnp.asarray(counts)
    return widen("counts", counts)[0] if is_floating(counts.dtype) else counts.astype(jnp.float32)
