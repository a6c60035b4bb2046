"""The model folder of the diffusion anonymizer. The converter writes it, `load` opens it.

    model.json           sizes, origin and license of the weights, a hash of every array
    weights/NAME.npz     the parameters of each network; `perface_jax.diffusion.networks.NAMES`

It is written under another name and renamed at the end. Arrays are read one after the other, so reading needs little
memory beside the device's.
"""

import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from flax import traverse_util

from perface_jax import parallel
from perface_jax._version import __version__
from perface_jax.diffusion import networks, settings
from perface_jax.disk_space import explained
from perface_jax.files import to_json
from perface_jax.network import model_json
from perface_jax.network.array_hashes import array_hash, array_hashes
from perface_jax.network.model_json import AGAIN, NAME

FORMAT = "diffusion 1"
WEIGHTS = "weights"
DTYPES = ("float32", "bfloat16", "float64")


def save(
    path: epath.PathLike,
    made: networks.Networks,
    parts: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    source: Mapping[str, Any] | None = None,
    license: str = "not stated",
) -> None:
    """Write a model folder, completely or not at all.

    Args:
      path: must not exist yet.
      made: the networks.
      parts: name and parameters of every network, asked for one after the other.
      source: where the weights came from.
      license: the terms under which they may be used; free text.

    Raises:
      FileExistsError: the folder exists.
      ValueError: a network is missing.
    """
    path = epath.Path(path)
    if path.exists():
        raise FileExistsError(f"{path} exists; a model folder is never overwritten: remove it or name another")
    unfinished, hashes = path.parent / f".{path.name}.unfinished", {}
    unfinished.rmtree(missing_ok=True)  # of a process that was killed
    (unfinished / WEIGHTS).mkdir(parents=True)
    try:
        with explained(path):
            for name, params in parts:
                flat: dict[str, Any] = traverse_util.flatten_dict(params, sep="/")
                with (unfinished / WEIGHTS / f"{name}.npz").open("wb") as file:
                    arrays: dict[str, Any] = {key: np.asarray(leaf) for key, leaf in flat.items()}
                    np.savez(file, **arrays)
                hashes[name] = array_hashes(flat)
            if missing := set(networks.NAMES) - hashes.keys():
                raise ValueError(f"no parameters of {', '.join(sorted(missing))}; wanted all of {networks.NAMES}")
            record = {
                "format": FORMAT,
                "settings": settings.to_record(made.settings),
                "source": dict(source or {}),
                "license": license,
                "written_by": f"perface_jax {__version__}",
                "hashes": hashes,
            }
            (unfinished / NAME).write_text(to_json(record))
            unfinished.rename(path)
    finally:
        unfinished.rmtree(missing_ok=True)


def load(
    path: epath.PathLike, *, dtype: str = "float32", mesh: jax.sharding.Mesh | None = None
) -> tuple[networks.Networks, networks.Params]:
    """The networks of a model folder and their parameters.

    Args:
      path: the folder.
      dtype: of denoiser and ReferenceNets: float32, or bfloat16, which needs half the memory.
      mesh: devices that all hold the parameters; None: the first one.

    Raises:
      FileNotFoundError: there is no such folder.
      ValueError: another kind of folder, or a damaged one.
    """
    if dtype not in DTYPES:
        raise ValueError(f"saw the dtype {dtype}, wanted one of {', '.join(DTYPES)}")
    path = epath.Path(path)
    record = read_record(path)
    try:
        made = networks.Networks(settings.from_record(record["settings"]), jnp.dtype(dtype))
        hashes = {name: dict(record["hashes"][name]) for name in networks.NAMES}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path / NAME} lacks a field, or has a wrong one ({error}); {AGAIN}") from error
    place = jax.local_devices()[0] if mesh is None else jax.sharding.NamedSharding(mesh, parallel.SHARED)
    return made, {name: _read(path, made, name, hashes[name], place) for name in networks.NAMES}


def read_record(path: epath.PathLike) -> dict[str, Any]:
    """What model.json says. Errors as of `load`."""
    return model_json.read_record(
        path, FORMAT, kind="the diffusion anonymizer", command=f"`perface convert DIR --out {path}`"
    )


def _read(path, made, name, hashes, place):
    file = path / WEIGHTS / f"{name}.npz"
    wanted: dict[str, Any] = traverse_util.flatten_dict(networks.abstract_params(made, name), sep="/")
    flat = {}
    try:
        with np.load(file, allow_pickle=False) as arrays:
            if set(arrays.files) != wanted.keys():
                raise ValueError("not the arrays that model.json says")
            for key, like in wanted.items():
                array = arrays[key]
                if array.shape != like.shape or array_hash(array) != hashes[key]:
                    raise ValueError(f"{key} is not the array that was written")
                flat[key] = jax.device_put(array.astype(like.dtype), place)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file} is damaged or missing ({error}); {AGAIN}") from error
    return traverse_util.unflatten_dict(flat, sep="/")
