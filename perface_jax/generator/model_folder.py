"""The folder of a trained anonymizer: `model.json` and the generator's parameters, with a hash of every array.

    model.json           sizes, landmarks, where the weights come from, their license
    generator.npz        the parameters

The discriminator and the frozen models stay with the run that trained them. It is written under another name and
renamed at the end.
"""

import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from flax import traverse_util

from perface_jax._version import __version__
from perface_jax.files import to_json
from perface_jax.generator.heat_maps import Points
from perface_jax.generator.networks import GENERATOR, Networks
from perface_jax.network.array_hashes import array_hash, array_hashes
from perface_jax.network.model_json import AGAIN, NAME, read_record

FORMAT = "anonymizer 1"
COMMAND = "`perface train --config=anonymizer_synthetic`"
WEIGHTS = "generator.npz"


def replace(
    path: epath.PathLike, made: Networks, params: Mapping, *, source: Mapping[str, Any], license: str = "not stated"
) -> None:
    """Write the folder completely; an earlier one is replaced once the new one is complete.

    Args:
      path: the folder.
      made: the networks.
      params: of `Networks.init`; only the generator's are written.
      source: where the weights come from.
      license: the terms under which they may be used; free text.
    """
    path = epath.Path(path)
    new, old = path.parent / f".{path.name}.new", path.parent / f".{path.name}.old"
    for left in (new, old):  # of a process that was killed
        left.rmtree(missing_ok=True)
    new.mkdir(parents=True)
    flat: dict[str, Any] = traverse_util.flatten_dict(params[GENERATOR], sep="/")
    with (new / WEIGHTS).open("wb") as file:
        arrays: dict[str, Any] = {name: np.asarray(leaf) for name, leaf in flat.items()}
        np.savez(file, **arrays)
    record = {
        "format": FORMAT,
        "size": made.size,
        "width": made.width,
        "landmarks": made.points.value,
        "source": dict(source),
        "license": license,
        "written_by": f"perface_jax {__version__}",
        "hashes": array_hashes(flat),
    }
    (new / NAME).write_text(to_json(record))
    if path.exists():
        path.rename(old)
    new.rename(path)
    old.rmtree(missing_ok=True)


def load(path: epath.PathLike) -> tuple[Networks, dict[str, Any]]:
    """The networks of a folder, without frozen models, and the generator's parameters by name.

    Raises:
      FileNotFoundError: there is no such folder.
      ValueError: another kind of folder, or a damaged one.
    """
    path = epath.Path(path)
    record = read_record(path, FORMAT, kind="a learned anonymizer", command=COMMAND)
    try:
        made = Networks(record["size"], record["width"], Points(record["landmarks"]))
        return made, {GENERATOR: _weights(path / WEIGHTS, made, record["hashes"])}
    except (KeyError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged or incomplete ({error}); {AGAIN}") from error


def _weights(file, made, hashes):
    like = jax.eval_shape(made.init, jax.random.key(0))[GENERATOR]
    wanted: dict[str, Any] = traverse_util.flatten_dict(like, sep="/")
    with np.load(file, allow_pickle=False) as arrays:
        if set(arrays.files) != wanted.keys():
            raise ValueError(f"not the arrays of a generator of {made.size} pixels and width {made.width}")
        flat = {name: arrays[name] for name in wanted}
    if wrong := [name for name, array in flat.items() if array_hash(array) != hashes[name]]:
        raise ValueError(f"{wrong[0]} is not the array that was written")
    return traverse_util.unflatten_dict({name: jnp.asarray(array) for name, array in flat.items()}, sep="/")
