"""The classical face swap, and baseline anonymizers. docs/swappers.md shows how other swappers plug in.

    from perface_jax.swap import Face, swap

    result = swap(Face(picture, landmarks), Face(other, other_landmarks))

Points are (x, y) in pixels, pixel centers at integers; the kinds of landmarks are those of `perface_jax.landmarks`.
"""

from perface_jax.swap.baselines import black_box, blur, pixelate
from perface_jax.swap.geometry import swap_points, triangulate
from perface_jax.swap.swapping import Face, swap, swap_face
from perface_jax.swap.warping import warp

__all__ = ["Face", "black_box", "blur", "pixelate", "swap", "swap_face", "swap_points", "triangulate", "warp"]
