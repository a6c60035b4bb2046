"""The pixels that a network expects, and the epsilon of its norms. Tensor names show neither.

Callers pass RGB in [-1, 1] (`images.normalize`); the network converts it to the pixels that its weights were trained
on. Folding this into the weights is impossible because of zero padding: the zeros around the image are gray if 0 is the
middle of the range, and black if the range begins at 0.
"""

import math
from typing import Any

from jaxtyping import Float

from perface_jax.arrays import AnyArray

COLOR_ORDERS = ("rgb", "bgr")
INPUT_RANGE = (-1.0, 1.0)


def prepare(
    images: Float[AnyArray, "*batch h w 3"],
    *,
    color_order: str = "rgb",
    input_range: tuple[float, float] = INPUT_RANGE,
) -> Float[AnyArray, "*batch h w 3"]:
    """RGB images in [-1, 1] as the network expects them; unchanged for RGB in [-1, 1].

    Args:
      images: from `images.normalize`.
      color_order: `rgb`, or `bgr`: blue first.
      input_range: the values of black and white, for example (0, 1).
    """
    low, high = input_range
    if color_order == "bgr":
        images = images[..., ::-1]
    return images if (low, high) == INPUT_RANGE else images * ((high - low) / 2) + (high + low) / 2


def check(*, color_order: Any, input_range: Any, epsilon: Any) -> None:
    """Raise a ValueError for a contract that no network can have."""
    if color_order not in COLOR_ORDERS:
        raise ValueError(f"saw color_order {color_order!r}, wanted one of {', '.join(COLOR_ORDERS)}")
    numbers = isinstance(input_range, tuple) and len(input_range) == 2 and all(map(_is_finite, input_range))
    if not numbers or input_range[0] >= input_range[1]:
        raise ValueError(f"saw input_range {input_range!r}, wanted (black, white), the lower first, as (-1.0, 1.0)")
    if not _is_finite(epsilon) or epsilon <= 0:
        raise ValueError(f"saw epsilon {epsilon!r}, wanted a positive number, as 1e-05")


def _is_finite(number):
    return isinstance(number, int | float) and math.isfinite(number)
