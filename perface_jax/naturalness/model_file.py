"""The file of a naturalness model: an .npz of its weights by their names, of `untouched`, and of `held_out` as JSON."""

import json
from typing import Any

import jax
import numpy as np
from etils import epath
from flax import traverse_util

from perface_jax import files
from perface_jax.naturalness.network import SIZE, HeldOut, NaturalnessModel, Network
from perface_jax.statistics.estimates import Estimate

UNTOUCHED, HELD_OUT = "untouched", "held_out"


def save(file: epath.PathLike, model: NaturalnessModel) -> None:
    """Write the model, whole or not at all."""
    weights = {name: np.asarray(one) for name, one in _flat(model.variables).items()}
    held_out = np.array(files.to_json(model.held_out))
    files.write_arrays(file, {UNTOUCHED: model.untouched, HELD_OUT: held_out} | weights)


def load(file: epath.PathLike) -> NaturalnessModel:
    """Read a model. FileNotFoundError without the file; ValueError if it is no such model, or of another network."""
    shapes = {name: one.shape for name, one in _flat(_variables()).items()}
    try:
        untouched, held_out, *weights = files.read_arrays(file, (UNTOUCHED, HELD_OUT, *shapes))
    except ValueError as error:
        raise ValueError(f"{file} is no file of `perface naturalness`, or of another version of it") from error
    found = dict(zip(shapes, weights, strict=True))
    if wrong := [name for name, one in found.items() if one.shape != shapes[name] or one.dtype.kind != "f"]:
        raise ValueError(f"{file}: {wrong[0]} is {found[wrong[0]].shape}; wanted {shapes[wrong[0]]}, of numbers")
    return NaturalnessModel(
        traverse_util.unflatten_dict(found, sep="/"), untouched, _held_out(json.loads(str(held_out)))
    )


def _held_out(stored):
    found = {name: ([one["auc"][end] for end in Estimate._fields], one["below"]) for name, one in stored.items()}
    known = {name: [np.nan if end is None else end for end in ends] for name, (ends, _) in found.items()}
    return {name: HeldOut(Estimate(*known[name]), below) for name, (_, below) in found.items()}


def _variables():
    """The weights of the network by name, as shapes."""
    return jax.eval_shape(Network().init, jax.random.key(0), np.zeros((1, SIZE, SIZE, 3), np.uint8))


def _flat(variables) -> dict[str, Any]:
    return traverse_util.flatten_dict(variables, sep="/")
