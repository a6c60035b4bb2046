"""Differences between pictures, pixel by pixel: L1, RMSE, PSNR, SSIM, and the perceptual loss of PerceptFace by region.

Both pictures are RGB from 0 to 255 and have the same shape. Every function returns one number for each picture; nothing
is averaged over pictures. Pure JAX: jit, vmap, and gradients with respect to floating pictures.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32

from perface_jax import images
from perface_jax.arrays import Array
from perface_jax.fidelity.faces import Picture, check_mask
from perface_jax.fidelity.regions import Regions
from perface_jax.similarity import length

PERCEPTFACE = Regions(eyebrows=0.192, eyes=0.223, nose=0.183, mouth=0.229, skin=0.174)
"""The weights of the regions in PerceptFace (arXiv 2509.11249), from the sensitivity of people to changes in them."""
_WINDOW = 11  # pixels of the Gaussian window of SSIM
_C1, _C2 = 0.01**2, 0.03**2  # of SSIM, for pictures from 0 to 1


def l1(original: Picture, result: Picture) -> Float32[Array, "*batch"]:
    """Mean absolute difference, gray levels: 0 to 255."""
    original, result = _pair(original, result)
    return jnp.abs(original - result).mean((-3, -2, -1))


def rmse(original: Picture, result: Picture) -> Float32[Array, "*batch"]:
    """Root of the mean squared difference, gray levels: 0 to 255. Equal pictures have a gradient of 0."""
    original, result = _pair(original, result)
    return _root_mean_square(original - result)


def psnr(original: Picture, result: Picture) -> Float32[Array, "*batch"]:
    """Peak signal-to-noise ratio, `20 log10(255 / rmse)` decibels; infinite for equal pictures, so no loss."""
    return 20.0 * jnp.log10(255.0 / rmse(original, result))


def ssim(original: Picture, result: Picture) -> Float32[Array, "*batch"]:
    """Structural similarity, at most 1: mean over colors and over pixels whose whole window lies in the picture.

    Gaussian window of 11 pixels with sigma 1.5, K1 = .01, K2 = .03, biased variances. Within 1e-4 of scikit-image with
    `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=-1`.

    Raises:
      ValueError: a picture smaller than the window.

    Source: Wang, Bovik, Sheikh and Simoncelli 2004.
    """
    original, result = _pair(original, result)
    if min(original.shape[-3:-1]) < _WINDOW:
        raise ValueError(f"saw {original.shape[-2]} x {original.shape[-3]} pixels, SSIM wants {_WINDOW} or more a side")
    a, b = original / 255.0, result / 255.0
    mean_a, mean_b = _windowed(a), _windowed(b)
    squares, product = mean_a**2 + mean_b**2, mean_a * mean_b
    variances, covariance = _windowed(a**2) + _windowed(b**2) - squares, _windowed(a * b) - product
    means = (2.0 * product + _C1) / (squares + _C1)
    return (means * (2.0 * covariance + _C2) / (variances + _C2)).mean((-3, -2, -1))


def perceptual_loss(
    original: Picture,
    result: Picture,
    regions: Regions,
    *,
    weights: Regions = PERCEPTFACE,
    lpips: Callable[[jax.Array, jax.Array], jax.Array] | None = None,
) -> Float32[Array, "*batch"]:
    """The visibility of a change, at least 0, by region: `lpips(x, x') + sum_i a_i |M_i x - M_i x'|`.

    x is the picture on the scale of 0 to 1. The paper writes a plain 2-norm and does not state the scale. Here |.| is
    the root mean square over all pixels and colors of the picture, which does not grow with its size (times `sqrt(3 H
    W)` it is the plain norm). Works as metric and as training loss: equal pictures have 0, with a gradient of 0.

    Args:
      regions: masks of the original, for both pictures, which are aligned.
      weights: a of each region.
      lpips: a function of two float32 pictures `[..., H, W, 3]` from 0 to 255 to `[...]`, such as
        `lambda x, y: network.apply(variables, x / 127.5 - 1, y / 127.5 - 1)`. None leaves the term out, because
        weights of LPIPS are not included. Losses with and without it are not comparable.

    Source: PerceptFace, arXiv 2509.11249.
    """
    original, result = _pair(original, result)
    change = (original - result) / 255.0
    total = 0.0 if lpips is None else lpips(original, result)
    for mask, weight in zip(regions, weights, strict=True):
        total = total + weight * _root_mean_square(check_mask(jnp.asarray(mask), change)[..., None] * change)
    return total  # pyright: ignore[reportReturnType]


def _pair(original, result):
    """Both pictures in float32."""
    images.check(original, floating=True)
    images.check(result, floating=True)
    if original.shape != result.shape:
        raise ValueError(f"saw pictures of shapes {list(original.shape)} and {list(result.shape)}, wanted equal shapes")
    return jnp.asarray(original).astype(jnp.float32), jnp.asarray(result).astype(jnp.float32)


def _root_mean_square(change):
    flat = change.reshape(*change.shape[:-3], -1)
    return length(flat) / flat.shape[-1] ** 0.5


def _windowed(planes):
    """Gaussian mean around every pixel whose window lies in the picture, [..., H, W, C] -> [..., H - 10, W - 10, C]."""
    # As matrices: six times as fast as convolutions.
    down, across = (jnp.asarray(_window_matrix(pixels), planes.dtype) for pixels in planes.shape[-3:-1])
    return jnp.einsum("ih,jw,...hwc->...ijc", down, across, planes, precision="highest")


def _window_matrix(pixels):
    window = np.exp(-0.5 * (np.arange(_WINDOW) - _WINDOW // 2) ** 2 / 1.5**2)
    rows = pixels - _WINDOW + 1
    return sum(np.eye(rows, pixels, i) * share for i, share in enumerate(window / window.sum()))
