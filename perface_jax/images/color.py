"""Colors: sRGB to linear light to CIELAB and back, and how different two colors look (CIEDE2000).

Pictures are RGB from 0 to 255, interpreted as sRGB of IEC 61966-2-1; colors may have any leading shape. Linear
light runs from 0 to 1. CIELAB uses sRGB's own white (D65), so that gray has a* = b* = 0; L* runs from 0 to 100, a*
(green to red) and b* (blue to yellow) from about -100 to 100.

Pure JAX, computed in float32 (float64 for float64 arrays). All gradients are finite, even at black, at gray and at
equal colors. Nothing is averaged here.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array, Pixels
from perface_jax.images.pixels import working_dtype

# linear sRGB to XYZ, IEC 61966-2-1
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_TO_XYZ /= _TO_XYZ.sum(1, keepdims=True)  # in units of white
_FROM_XYZ = np.linalg.inv(_TO_XYZ)
_TO_OPPONENTS = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
_FROM_OPPONENTS = np.linalg.inv(_TO_OPPONENTS)
_KNEE = 6.0 / 29.0  # of the cube root in CIELAB


def to_linear(image: Pixels[AnyArray, "*shape 3"]) -> Float[Array, "*shape 3"]:
    """Linear light of sRGB colors: 0 (black) to 1."""
    value = _floating(image) / 255.0
    return jnp.where(value <= 0.04045, value / 12.92, ((jnp.maximum(value, 0.04045) + 0.055) / 1.055) ** 2.4)


def from_linear(linear: Float[AnyArray, "*shape 3"]) -> Float[Array, "*shape 3"]:
    """Back from linear light: sRGB 0..255, clipped, not rounded."""
    linear = jnp.clip(_floating(linear), 0.0, 1.0)
    # The power must never see small numbers: its slope at 0 is infinite.
    bright = 1.055 * jnp.maximum(linear, 0.0031308) ** (1.0 / 2.4) - 0.055
    return 255.0 * jnp.where(linear <= 0.0031308, 12.92 * linear, bright)


def to_lab(image: Pixels[AnyArray, "*shape 3"]) -> Float[Array, "*shape 3"]:
    """CIELAB of sRGB colors: L*, a*, b*. Source: CIE 15:2004."""
    xyz = _mix(_TO_XYZ, to_linear(image))
    root = jnp.cbrt(jnp.maximum(xyz, _KNEE**3))
    root = jnp.where(xyz > _KNEE**3, root, xyz / (3.0 * _KNEE**2) + 4.0 / 29.0)
    return _mix(_TO_OPPONENTS, root) - jnp.asarray([16.0, 0.0, 0.0], root.dtype).reshape((1,) * (root.ndim - 1) + (3,))


def from_lab(lab: Float[AnyArray, "*shape 3"]) -> Float[Array, "*shape 3"]:
    """Back from CIELAB: sRGB 0..255, not rounded; colors outside the sRGB gamut are clipped."""
    lab = _floating(lab)
    root = _mix(_FROM_OPPONENTS, lab) + 4.0 / 29.0
    xyz = jnp.where(root > _KNEE, root**3, 3.0 * _KNEE**2 * (root - 4.0 / 29.0))
    return from_linear(_mix(_FROM_XYZ, xyz))


def difference(lab: Float[AnyArray, "*#shape 3"], other: Float[AnyArray, "*#shape 3"]) -> Float[Array, "*shape"]:
    """CIEDE2000, how different two colors look, at least 0: about 1 is just noticeable, side by side.

    All three weights (of lightness, chroma and hue) are 1. Equal colors have a gradient of 0. Leading axes broadcast.

    Source: Sharma, Wu and Dalal 2005, "The CIEDE2000 color-difference formula", equations 2 to 22.
    """
    lab, other = jnp.broadcast_arrays(_floating(lab), _floating(other))
    (light, chroma, hue), (light_2, chroma_2, hue_2) = _hues(lab, other)
    turn, mean_hue = _turn(hue, hue_2)
    mean_light, mean_chroma = (light + light_2) / 2.0 - 50.0, (chroma + chroma_2) / 2.0
    scale_light = 1.0 + 0.015 * mean_light**2 / _root(20.0 + mean_light**2)
    scale_hue = 1.0 + 0.015 * mean_chroma * _uneven(mean_hue)
    by_light = (light_2 - light) / scale_light
    by_chroma = (chroma_2 - chroma) / (1.0 + 0.045 * mean_chroma)
    by_hue = 2.0 * _root(chroma * chroma_2) * jnp.sin(turn / 2.0) / scale_hue
    blue = jnp.exp(-(((mean_hue - np.deg2rad(275.0)) / np.deg2rad(25.0)) ** 2))
    rotation = -2.0 * _saturation(mean_chroma) * jnp.sin(np.deg2rad(60.0) * blue)
    return _root(by_light**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue)


def _floating(colors):
    colors = jnp.asarray(colors)
    if colors.ndim < 1 or colors.shape[-1] != 3:
        raise ValueError(f"saw colors of shape {list(colors.shape)}, wanted [..., 3]: three numbers on the last axis")
    return colors.astype(working_dtype(colors.dtype))


def _mix(matrix, colors):
    # Written out: the reduced precision of matrix products on GPUs and TPUs would be visible.
    planes = [sum(float(row[i]) * colors[..., i] for i in range(3)) for row in matrix]
    return jnp.stack(planes, -1)


def _root(squared):
    """Square root with gradient 0 at 0."""
    return jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1.0)), 0.0)


def _saturation(chroma):
    """The root of C^7 / (C^7 + 25^7)."""
    ratio = chroma / 25.0
    return ratio**3.5 / jnp.sqrt(1.0 + ratio**7)


def _hues(lab, other):
    """Lightness, chroma C' and hue h' (radians, 0 to 2 pi; irrelevant for gray) of both."""
    plain = [_root(color[..., 1] ** 2 + color[..., 2] ** 2) for color in (lab, other)]
    stretch = 1.0 + 0.5 * (1.0 - _saturation((plain[0] + plain[1]) / 2.0))
    return [_polar(color[..., 0], stretch * color[..., 1], color[..., 2]) for color in (lab, other)]


def _polar(light, a, b):
    is_gray = (a == 0) & (b == 0)
    hue = jnp.where(is_gray, 0.0, jnp.arctan2(b, jnp.where(is_gray, 1.0, a)))
    return light, _root(a**2 + b**2), jnp.where(hue < 0, hue + 2.0 * np.pi, hue)


def _turn(hue, hue_2):
    """The difference of two hues along the shorter arc, and the hue halfway."""
    turn = hue_2 - hue
    # Opposite hues count as near, so that float32 rounding does not decide.
    is_far = jnp.abs(turn) > np.pi + 4e-6
    turn = jnp.where(is_far, turn - jnp.sign(turn) * 2.0 * np.pi, turn)
    total = hue + hue_2
    beyond = jnp.where(total < 2.0 * np.pi, 2.0 * np.pi, -2.0 * np.pi)
    return turn, (total + jnp.where(is_far, beyond, 0.0)) / 2.0


def _uneven(hue):
    """T: how finely people distinguish hues around this one."""
    lead = -0.17 * jnp.cos(hue - np.deg2rad(30.0)) + 0.24 * jnp.cos(2.0 * hue)
    return 1.0 + lead + 0.32 * jnp.cos(3.0 * hue + np.deg2rad(6.0)) - 0.20 * jnp.cos(4.0 * hue - np.deg2rad(63.0))
