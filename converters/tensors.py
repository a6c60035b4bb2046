"""Converts a tensor of a checkpoint to a NumPy array of the same numbers, or says why it cannot."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from . import keys


def to_numpy(name: str, value: Any) -> np.ndarray:
    """The same values in float32; counters of norms stay whole numbers.

    Args:
      name: in the checkpoint, for messages.
      value: a NumPy array, or a tensor of torch on any device.

    Raises:
      ValueError: not a tensor, or values that float32 cannot hold exactly; names the tensor.
    """
    if hasattr(value, "detach"):
        _refuse_odd(name, value)
        value = value.detach().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()
    try:
        array = np.asarray(value)
    except ValueError as error:  # a list of tensors of several shapes
        raise ValueError(f"{name} is no tensor of floating numbers but a {type(value).__name__}") from error
    if name.endswith(keys.COUNTER) and array.dtype.kind in "iu":
        return array
    if not jnp.issubdtype(array.dtype, jnp.floating):  # knows bfloat16, which NumPy does not
        kind = "None" if value is None else f"{array.dtype} ({type(value).__name__})"
        raise ValueError(f"{name} is no tensor of floating numbers but {kind}")
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    if (single.astype(array.dtype) != array).any() and np.isfinite(array).all():
        raise ValueError(f"{name} is {array.dtype} with digits that float32 cannot hold; round it yourself first")
    return single


def _refuse_odd(name, tensor):
    kind = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_quantized:
        raise ValueError(
            f"{name} is a quantized tensor ({kind}), rounded for inference; convert the checkpoint it was made from"
        )
    if tensor.device.type == "meta":
        raise ValueError(f"{name} is a meta tensor, a shape without numbers; load the weights before you save them")
    if not str(tensor.layout).endswith("strided"):
        layout = str(tensor.layout).removeprefix("torch.")
        raise ValueError(f"{name} is a sparse tensor ({layout}); save {name}.to_dense() instead")
