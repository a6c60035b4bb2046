"""Seamless blending of one picture into another: matched colors, preserved gradients, the edge of the other.

Floating-point pictures from 0 to 255. One face; batches by vmap.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.images import color

GAINS = (0.7, 1.2)  # higher gains turn rosy cheeks into bruises


def match_colors(
    image: Float[AnyArray, "h w 3"], wanted: Float[AnyArray, "h w 3"], weight: Float[AnyArray, "h w"]
) -> Float[Array, "h w 3"]:
    """A picture with the colors of another one.

    In CIELAB, per channel: (x - mean x) clip(sd w / sd x, .7, 1.2) + mean w, with weighted mean and sd.

    `wanted` has the face in the same place. `weight`, at least 0, marks where both show skin: means and gains come from
    these pixels, and are applied to all. The result is clipped to 0..255.

    Source: Reinhard et al. 2001, "Color Transfer between Images"; CIELAB, weights and limits of the gain are ours.
    """
    lab = color.to_lab(image)
    (mean, spread), (wanted_mean, wanted_spread) = (_statistics(x, weight) for x in (lab, color.to_lab(wanted)))
    return color.from_lab((lab - mean) * jnp.clip(wanted_spread / spread, *GAINS) + wanted_mean)


def _statistics(lab, weight):
    """Weighted mean and sd of the channels, [1, 1, 3]."""
    share = (weight / jnp.maximum(weight.sum(), 1e-6))[..., None]
    mean = (share * lab).sum((0, 1), keepdims=True)
    return mean, jnp.sqrt((share * (lab - mean) ** 2).sum((0, 1), keepdims=True) + 1e-6)


def clone(
    image: Float[AnyArray, "h w 3"], target: Float[AnyArray, "h w 3"], where: Bool[AnyArray, "h w"]
) -> Float[Array, "h w 3"]:
    """A picture with the gradients of `image` inside a mask and with the values of `target` outside of it.

    The result x has, in every pixel of the mask, the discrete Laplacian of `image`, with `target` around the mask as
    the boundary. Matrix-free conjugate gradients solve for the correction x - image, which is harmonic, until the
    residual is 1e-4 of the right side: far less than a gray level from the exact solution.

    Both faces must be in the same place. The outermost pixels of the picture always count as outside of the mask
    `where`. The result is not clipped.

    Source: Perez, Gangnet and Blake 2003, "Poisson Image Editing", equations 7 and 11.
    """
    where = jnp.pad(where[1:-1, 1:-1], 1)[None]
    image, target = jnp.moveaxis(image, -1, 0), jnp.moveaxis(target, -1, 0)  # rows innermost: twice as fast
    right = jnp.where(where, _neighbors(jnp.where(where, 0, target - image)), 0)

    def laplacian(x):
        return jnp.where(where, 4 * x - _neighbors(jnp.where(where, x, 0)), x)

    # Conjugate gradients take about as many steps as the mask is wide, so these are enough.
    correction, _ = jax.scipy.sparse.linalg.cg(laplacian, right, tol=1e-4, maxiter=2 * sum(where.shape))
    return jnp.moveaxis(jnp.where(where, image + correction, target), 0, -1)


def _neighbors(x):
    """The sum of the four neighbors in planes [3, H, W]; 0 beyond the picture."""
    x = jnp.pad(x, [(0, 0), (1, 1), (1, 1)])
    return x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
