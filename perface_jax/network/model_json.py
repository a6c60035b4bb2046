"""`model.json` of a model folder: the module, the origin and license of its weights, and the hashes of its arrays.

`hashes` has one for every array of the weights (`params/fc/kernel`), for those of the known answer
(`known_answer.npz/images`), and for the fields that make the module (`model`). Origin and license may be edited.
Folders written before 0.2 have no hashes.
"""

import json
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from etils import epath

from perface_jax._version import __version__
from perface_jax.files import read_json
from perface_jax.images import TEMPLATES
from perface_jax.network import input_contract
from perface_jax.network.array_hashes import text_hash
from perface_jax.network.batch_norm import EPSILON
from perface_jax.network.model import IResNet

NAME = "model.json"
AGAIN = "copy the model folder again from where it is whole, or make it again"
FORMATS = (1, 2)  # 2: another input contract than the first, which versions before 0.2 would have overlooked
CONTRACT = {"color_order": "rgb", "input_range": input_contract.INPUT_RANGE, "epsilon": EPSILON}  # of format 1
FIELDS = ("width", "image_size", "embedding_size", "remat", "crop")  # recorded as they are
MOST = {"width": 4096, "image_size": 4096, "embedding_size": 65536}
NORMS = {False: "running", True: "folded"}


def read_record(path: epath.PathLike, form: str, *, kind: str, command: str) -> dict[str, Any]:
    """What model.json says in a folder of another kind of model, whose `format` is `form`.

    Raises:
      FileNotFoundError, ValueError: no such file, a damaged one, or another format; `kind` names the model, and
        `command` what makes such a folder.
    """
    file = epath.Path(path) / NAME
    if not file.exists():
        raise FileNotFoundError(f"no {file}; wanted the model folder of {command}")
    try:
        record = read_json(file)
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}; {AGAIN}") from error
    if not isinstance(record, dict) or record.get("format") != form:
        raise ValueError(f"{path} is no model folder of {kind}; {command} makes one")
    return record


def contract(model: IResNet) -> dict[str, Any]:
    """The input contract of a model, by the names of its fields."""
    return {name: getattr(model, name) for name in CONTRACT}


def describe(model: IResNet, *, source: Mapping[str, str], license: str, hashes: Mapping[str, str]) -> dict[str, Any]:
    """What the file says; `hashes` are those of the arrays."""
    return {
        "format": 1 if contract(model) == CONTRACT else 2,
        "arch": model.arch,
        **_module(model),
        "source": dict(source),
        "license": license,
        "written_by": f"perface_jax {__version__}",
        "hashes": {"model": module_hash(model), **hashes},
    }


def module_hash(model: IResNet) -> str:
    """The hash of the fields that make the module, `layers` to `epsilon`, as JSON with sorted names."""
    return text_hash(json.dumps(_module(model), sort_keys=True))


def read(file: epath.PathLike) -> dict[str, Any]:
    """The record in a file. ValueError where it is no JSON, or of a format that this version does not read."""
    file = epath.Path(file)
    if file.is_dir():
        raise ValueError(f"{file} is a folder, wanted a file; {AGAIN}")
    try:
        record = json.loads(file.read_bytes().decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not JSON: its bytes are no text; {AGAIN}") from error
    except (json.JSONDecodeError, RecursionError) as error:
        why = str(error) if file.stat().length else "it is empty"
        raise ValueError(f"{file} is not JSON: {why}; {AGAIN}") from error
    seen = record.get("format") if isinstance(record, dict) else record
    if not isinstance(seen, int) or seen not in FORMATS:
        raise ValueError(
            f"{file} has format {_shown(seen)}; this version reads format {' or '.join(map(str, FORMATS))}"
        )
    return record


def rebuild(file: epath.PathLike, record: Mapping[str, Any]) -> IResNet:
    """The module that a record describes. ValueError: a field is missing or impossible; it names the `file`."""
    given = {name: record.get(name, value) for name, value in CONTRACT.items()}  # older folders have none
    try:
        _check(record, given["input_range"])
        given["input_range"] = tuple(given["input_range"])
        input_contract.check(**given)
        return IResNet(
            layers=tuple(record["layers"]),
            dtype=jnp.dtype(record["dtype"]),
            param_dtype=jnp.dtype(record["param_dtype"]),
            folded_norms={name: folded for folded, name in NORMS.items()}[record["norms"]],
            **{name: record[name] for name in FIELDS},
            **given,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{file} lacks a field, or a field has a value that is not allowed: {error}; {AGAIN}"
        ) from error


def _check(record, input_range):
    """Refuse values of which a module could be built that cannot be traced, or not on any machine."""
    for name, most in MOST.items():
        if not _whole(record[name], 1, most):
            raise ValueError(f"{name} is {_shown(record[name])}, wanted a whole number from 1 to {most:,}")
    if record["image_size"] % 16:
        raise ValueError(f"image_size is {record['image_size']}, wanted a multiple of 16")
    layers, crop = record["layers"], record["crop"]
    if not isinstance(layers, list) or len(layers) != 4 or not all(_whole(one, 0, 10_000) for one in layers):
        raise ValueError(f"layers is {_shown(layers)}, wanted four whole numbers")
    if not isinstance(record["remat"], bool):
        raise ValueError(f"remat is {_shown(record['remat'])}, wanted true or false")
    if crop is not None and not (isinstance(crop, str) and crop in TEMPLATES):
        raise ValueError(f"crop is {_shown(crop)}, wanted {', '.join(TEMPLATES)} or null")
    if not isinstance(input_range, (list, tuple)) or len(input_range) != 2:
        raise ValueError(f"input_range is {_shown(input_range)}, wanted two numbers")
    for name in ("dtype", "param_dtype", "norms"):
        if not isinstance(record[name], str):
            raise ValueError(f"{name} is {_shown(record[name])}, wanted its name")


def _whole(value, least, most):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _shown(value):
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]} ..."


def _module(model):
    return {
        "layers": list(model.layers),
        **{name: getattr(model, name) for name in FIELDS},
        "dtype": jnp.dtype(model.dtype).name,
        "param_dtype": jnp.dtype(model.param_dtype).name,
        "norms": NORMS[model.folded_norms],
        **contract(model),
    }
