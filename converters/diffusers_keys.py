"""The names and layouts of the diffusion anonymizer's tensors: PyTorch's state dicts and the Flax modules.

A module is called as its checkpoint calls it, with `_0` for `.0`. Kernels differ in layout: out, in, height, width
against height, width, in, out for convolutions, and out, in against in, out for linear layers.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from flax import traverse_util

from perface_jax.diffusion import networks
from perface_jax.network.model_folder import describe_difference, refuse_not_finite

from .tensors import to_numpy

NUMBERED = re.compile(r"(?<!linear)_(\d+)$")  # `linear_1` of the time embedding is a name
OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}  # of the autoencoder
OLD = re.compile(rf"(attentions\.0)\.({'|'.join(OLD_ATTENTION)})\.")
BESIDE_ENCODER = re.compile(
    r"text_model\..*|(visual|text)_projection\.weight|logit_scale|vision_model\.embeddings\.position_ids"
)


class Tensor(NamedTuple):
    """A tensor in both libraries."""

    path: tuple[str, ...]
    torch_shape: tuple[int, ...]


class Filled(NamedTuple):
    """The parameters of a network, and the keys that were not needed."""

    params: dict[str, Any]
    dropped: tuple[str, ...]


def tensors_of(made: networks.Networks, name: str) -> dict[str, Tensor]:
    """Key of the state dict -> the tensor, for every parameter of a network."""
    found = {}
    wanted: dict[tuple[str, ...], Any] = traverse_util.flatten_dict(networks.abstract_params(made, name))
    for path, leaf in wanted.items():
        modules = [NUMBERED.sub(r".\1", module) for module in path[:-1]]
        kind = "weight" if path[-1] in ("kernel", "scale", "embedding") else path[-1]
        shape = leaf.shape
        if path[-1] == "kernel":
            shape = shape[::-1] if len(shape) == 2 else tuple(shape[i] for i in (3, 2, 0, 1))
        found[".".join([*modules, kind])] = Tensor(path, shape)
    return found


def fill(made: networks.Networks, name: str, state_dict: Mapping[str, Any]) -> Filled:
    """The parameters of a network from its state dict, every key used or among `dropped`.

    Args:
      made: the networks.
      name: one of `networks.NAMES`.
      state_dict: keys to arrays of NumPy or torch; read one after the other.

    Raises:
      ValueError: missing (`-`), unexpected (`+`) or misshapen (both) tensors, each named; NaN or Inf.
    """
    wanted, idle = tensors_of(made, name), _without_effect(made, name)
    here = {_renamed(name, key): key for key in state_dict}
    dropped = sorted(here[key] for key in here.keys() - wanted.keys() if idle(key))
    shapes = {key: _shape(state_dict[there]) for key, there in here.items() if there not in set(dropped)}
    # The linear layers of old autoencoders are 1 x 1 convolutions.
    shapes = {
        key: shape[:2] if shape[2:] == (1, 1) and key in wanted and len(wanted[key].torch_shape) == 2 else shape
        for key, shape in shapes.items()
    }
    if difference := describe_difference({key: one.torch_shape for key, one in wanted.items()}, shapes, most_lines=20):
        raise ValueError(f"these tensors are not those of the {name} (- missing, + unexpected):\n{difference}")
    flat = {one.path: _to_flax(key, one, state_dict[here[key]]) for key, one in wanted.items()}
    refuse_not_finite({"/".join(path): leaf for path, leaf in flat.items()})
    return Filled(traverse_util.unflatten_dict(flat), tuple(dropped))


def _to_flax(key, tensor, value):
    array = to_numpy(key, value).reshape(tensor.torch_shape)
    if tensor.path[-1] != "kernel":
        return array
    return np.ascontiguousarray(array.T if array.ndim == 2 else array.transpose(2, 3, 1, 0))


def _renamed(name, key):
    if name != networks.PICTURES:
        return key
    return OLD.sub(lambda match: f"{match[1]}.{OLD_ATTENTION[match[2]]}.", key)


def _shape(value):
    return tuple(value.shape)


def _without_effect(made, name) -> Callable[[str], bool]:
    """Whether a key belongs to the checkpoint but to nothing that is computed here."""
    if name in networks.REFERENCES:
        return tensors_of(made, networks.UNET).__contains__
    return lambda key: name == networks.ENCODER and BESIDE_ENCODER.fullmatch(key) is not None
