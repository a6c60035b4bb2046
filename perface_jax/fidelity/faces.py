"""Shared by the measures: types of pictures, landmarks and masks; checked masks; any leading axes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float32, Num, Shaped

from perface_jax.arrays import AnyArray, Array, Pixels

Picture = Pixels[AnyArray, "*batch h w 3"]
Points = Num[AnyArray, "*batch p 2"]
Mask = Shaped[AnyArray, "*batch h w"]  # soft, from 0 to 1


def check_mask(mask: Shaped[AnyArray, "..."], image: Shaped[AnyArray, "..."]) -> Float32[Array, "..."]:
    """The mask in float32. ValueError unless it has one number for each pixel of the picture."""
    mask = jnp.asarray(mask)
    if mask.shape != image.shape[:-1]:
        raise ValueError(f"saw a mask of shape {list(mask.shape)}, wanted {list(image.shape[:-1])}, as the picture")
    return mask.astype(jnp.float32)


def each(function: Callable[..., Any], faces: Shaped[AnyArray, "*batch a b"], *others: Any) -> Any:
    """Apply `function` to every face, for any leading axes of `faces`, which the trees of `others` share.

    Matrix products have full precision: the default of GPUs and TPUs would rotate a head by a degree.
    """
    leading = faces.shape[:-2]
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[len(leading) :]), (faces, *others))
    with jax.default_matmul_precision("highest"):
        found = jax.vmap(function)(*flat)
    return jax.tree.map(lambda leaf: leaf.reshape(*leading, *leaf.shape[1:]), found)
