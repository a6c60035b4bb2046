"""The color of a face's skin: estimated, compared, and transferred from one picture to another.

Pictures are RGB from 0 to 255; masks are soft, from 0 to 1, such as the skin of `landmark_regions` or `label_regions`.
Colors are CIELAB. Pure JAX: jit, vmap and any leading axes.

A picture shows skin times light and does not separate them: the skin color here is that of the lit skin. The comparison
is unambiguous for two pictures under the same light. An empty mask gives NaN.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float, Float32

from perface_jax import images
from perface_jax.arrays import AnyArray, Array, Pixels, Scalar
from perface_jax.fidelity.faces import Mask, Picture, check_mask
from perface_jax.images import color
from perface_jax.images.pixels import in_dtype
from perface_jax.precision import option, widen

# Hair, beard, shadows and features inside a mask by mistake are darker than skin, gloss is lighter.
_LIT = (0.5, 0.9)


class SkinDifference(NamedTuple):
    """How the skin of two pictures differs."""

    pixels: Float[Array, "*batch"]  # mean CIEDE2000 of pixels at the same place: for aligned pictures only
    color: Float[Array, "*batch"]  # CIEDE2000 of the two skin colors
    angle: Float[Array, "*batch"]  # absolute difference of the individual typology angles, degrees


def skin_color(image: Picture, mask: Mask) -> Float32[Array, "*batch 3"]:
    """The color of the lit skin in CIELAB: the mean of the lighter half of the mask without its lightest tenth."""
    return _lit_mean(*_flat(image, mask))


def individual_typology_angle(lab: Float[AnyArray, "*batch 3"]) -> Float[Array, "*batch"]:
    """ITA of skin colors, `atan2(L* - 50, b*)` in degrees: above 55 very light, below -30 dark.

    The source uses the arctangent of the quotient, which is the same for b* > 0, as for skin, but jumps at b* = 0.

    Source: Chardon, Cretois and Hourseau 1991.
    """
    (lab,) = widen("colors", lab)
    return jnp.degrees(jnp.arctan2(lab[..., 0] - 50.0, lab[..., 2]))


def skin_difference(
    original: Picture, result: Picture, mask: Mask, *, result_mask: Mask | None = None
) -> SkinDifference:
    """How the skin of a result differs from that of its original.

    `mask` is the skin in the original, `result_mask` the skin in the result (None = `mask`). Pixels are compared where
    both masks overlap.
    """
    result_mask = mask if result_mask is None else result_mask
    before, weight = _flat(original, mask)
    after, result_weight = _flat(result, result_mask)
    colors = _lit_mean(before, weight), _lit_mean(after, result_weight)
    both = weight if result_mask is mask else weight * result_weight
    angles = [individual_typology_angle(lab) for lab in colors]
    return SkinDifference(
        pixels=(both * color.difference(before, after)).sum(-1) / both.sum(-1),
        color=color.difference(*colors),
        angle=jnp.abs((angles[0] - angles[1] + 180.0) % 360.0 - 180.0),  # modulo a full turn
    )


def match_skin_color(
    result: Picture,
    original: Picture,
    mask: Mask,
    *,
    result_mask: Mask | None = None,
    where: Mask | None = None,
    strength: Scalar = 1.0,
) -> Pixels[Array, "*batch h w 3"]:
    """The result with the skin color of the original, to be used after any anonymizer.

    In linear light, every pixel is multiplied by `c / c'`, with the skin colors of original and result: the effect of
    another lamp, or of another skin under the same lamp. One color for the whole face: no detail of the original
    returns.

    Args:
      mask: the skin in the original.
      result_mask: the skin in the result; None = `mask`. After a face swap, pass only the swapped part: the rest
        already has the right color.
      where: soft mask of the part to change; None = `result_mask`. `face_region` includes nose and lips.
      strength: 0 (nothing) to 1.

    Returns:
      A picture in the dtype of `result`, with its own pixels where `where` is 0.
    """
    result_mask = mask if result_mask is None else result_mask
    wanted, seen = (
        color.to_linear(color.from_lab(skin_color(*pair))) for pair in ((original, mask), (result, result_mask))
    )
    ratio = wanted / jnp.maximum(seen, 1e-3)
    pixels = jnp.asarray(result).astype(jnp.float32)
    matched = color.from_linear(color.to_linear(pixels) * ratio[..., None, None, :])
    share = option(strength, pixels) * check_mask(result_mask if where is None else where, result)
    mixed = pixels + share[..., None] * (matched - pixels)
    return in_dtype(mixed, result.dtype)


def _flat(image, mask):
    """CIELAB [..., pixels, 3] and weights [..., pixels]."""
    images.check(image, floating=True)
    weight = check_mask(mask, image)
    lab = color.to_lab(image).astype(jnp.float32)
    return lab.reshape(*lab.shape[:-3], -1, 3), weight.reshape(*weight.shape[:-2], -1)


def _lit_mean(lab, weight):
    """Mean color of the pixels whose rank in lightness, as a share of the weights, lies within _LIT."""
    order = jnp.argsort(lab[..., 0], axis=-1)
    share = jnp.take_along_axis(weight / weight.sum(-1, keepdims=True), order, axis=-1)
    last = jnp.cumsum(share, axis=-1)
    inside = jnp.maximum(jnp.minimum(last, _LIT[1]) - jnp.maximum(last - share, _LIT[0]), 0.0)
    lit = jnp.take_along_axis(lab, order[..., None], axis=-2)
    return (lit * inside[..., None]).sum(-2) / inside.sum(-1, keepdims=True)
