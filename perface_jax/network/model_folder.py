"""The model folder: the form in which models are exchanged. Converters and trainer write it, `load_model` opens it.

    model.json          architecture, crop, norms, input contract, origin of the weights, license
    weights/            the variables, written by Orbax
    known_answer.npz    a few generated images and their embeddings, for `python -m perface_jax.selftest`
    scale.json          what its cosines mean (`similarity_scale`); absent in folders that `convert` wrote

Nothing in it is executed. It is written under another name and renamed at the end, so a folder that `load_model` opens
is complete.
"""

import functools
import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from jaxtyping import Shaped

from perface_jax._version import __version__
from perface_jax.files import absolute, to_json
from perface_jax.images import TEMPLATES, normalize
from perface_jax.network import input_contract
from perface_jax.network.batch_norm import EPSILON
from perface_jax.network.model import IResNet

MAKE_ONE = "Make one with `perface convert CHECKPOINT --out DIR`."
FORMATS = (1, 2)  # 2: another input contract than the first, which versions before 0.2 would have overlooked
CONTRACT = {"color_order": "rgb", "input_range": input_contract.INPUT_RANGE, "epsilon": EPSILON}  # of format 1
FIELDS = ("width", "image_size", "embedding_size", "remat", "crop")  # recorded as they are
NORMS = {False: "running", True: "folded"}


def abstract_variables(model: IResNet) -> dict:
    """Shapes and dtypes of the model's variables, without computing them."""
    images = jax.ShapeDtypeStruct((1, model.image_size, model.image_size, 3), model.dtype)
    return _initialize.eval_shape(model, jax.random.key(0), images)


@functools.partial(jax.jit, static_argnums=0)  # JAX keeps what it has traced: equal models are traced once
def _initialize(model, key, images):
    return model.init(key, images)


def check_variables(model: IResNet, variables: Mapping) -> None:
    """Refuse variables that are not those of the model.

    Raises:
      ValueError: names the missing (`-`) and unexpected (`+`) leaves with their shapes, or those with another dtype,
        NaN or Inf.
    """
    wanted, seen = _leaves(abstract_variables(model)), _leaves(variables)
    if difference := describe_difference(_shapes(wanted), _shapes(seen)):
        raise ValueError(f"these variables are not those of the model (- missing, + unexpected):\n{difference}")
    if other := sorted(f"{name} {np.asarray(x).dtype}" for name, x in seen.items() if x.dtype != wanted[name].dtype):
        raise ValueError(f"variables of another dtype than the model's param_dtype: {', '.join(other)}")
    refuse_not_finite(seen)


def describe_difference(
    wanted: Mapping[str, tuple], seen: Mapping[str, tuple], *, most_lines: int | None = None
) -> str:
    """Sorted lines `- name shape` for missing leaves and `+ name shape` for unexpected ones; "" when there are none.

    A leaf of the wrong shape gives both lines, one below the other. Lines beyond `most_lines` are counted.
    """
    rows = [(name, 0, f"- {name} {list(shape)}") for name, shape in wanted.items() if seen.get(name) != shape]
    rows += [(name, 1, f"+ {name} {list(shape)}") for name, shape in seen.items() if wanted.get(name) != shape]
    lines = [line for *_, line in sorted(rows)]
    more = 0 if most_lines is None else len(lines) - most_lines
    return "\n".join(lines[:most_lines] + ([f"and {more} more"] if more > 0 else []))


def refuse_not_finite(arrays: Mapping[str, Any]) -> None:
    """Raise a ValueError that names every array with a NaN or an Inf."""
    if bad := sorted(name for name, x in arrays.items() if not np.isfinite(np.asarray(x)).all()):
        raise ValueError("NaN or Inf in the weights: " + ", ".join(bad))


def save_model(
    path: epath.PathLike,
    model: IResNet,
    variables: Mapping,
    *,
    source: Mapping[str, str] | None = None,
    license: str = "not stated",
) -> None:
    """Write a model folder, completely or not at all.

    Args:
      path: the folder; must not exist yet.
      model: the module; its crop and norms are also recorded.
      variables: its three collections.
      source: where the weights came from, for example `{"file": ..., "sha256": ...}`.
      license: the terms under which the weights may be used; free text.

    Raises:
      FileExistsError: the folder exists.
      ValueError: the variables are not those of the model, or hold NaN or Inf.
    """
    path = epath.Path(path)
    if path.exists():
        raise FileExistsError(f"{path} exists; a model folder is never overwritten: remove it or name another")
    if model.crop not in (None, *TEMPLATES):
        raise ValueError(f"the model's crop is {model.crop!r}; wanted one of {', '.join(TEMPLATES)}, or None")
    input_contract.check(**_contract(model))
    variables = dict(variables)
    check_variables(model, variables)
    unfinished = path.parent / f".{path.name}.unfinished"
    unfinished.rmtree(missing_ok=True)  # of a process that was killed
    unfinished.mkdir(parents=True)
    try:
        with _checkpointer() as checkpointer:
            checkpointer.save(absolute(unfinished) / "weights", variables)
        with (unfinished / "known_answer.npz").open("wb") as file:
            np.savez_compressed(file, **known_answer(model, variables))  # pyright: ignore[reportArgumentType]
        (unfinished / "model.json").write_text(to_json(_describe(model, source, license)))
        unfinished.rename(path)
    finally:
        unfinished.rmtree(missing_ok=True)


def replace_model(path: epath.PathLike, model: IResNet, variables: Mapping, **options: Any) -> None:
    """As `save_model`, but replaces an existing folder once the new one is complete."""
    path = epath.Path(path)
    if not path.exists():
        return save_model(path, model, variables, **options)
    new, old = path.parent / f".{path.name}.new", path.parent / f".{path.name}.old"
    for left in (new, old):  # of a process that was killed
        left.rmtree(missing_ok=True)
    save_model(new, model, variables, **options)
    path.rename(old)
    new.rename(path)
    old.rmtree()


def load_model(path: epath.PathLike) -> tuple[IResNet, dict]:
    """The module of a model folder, and its variables on the first local device.

    Raises:
      FileNotFoundError: there is no model folder at this path.
      ValueError: the weights do not match the architecture in model.json, or a file is damaged.
    """
    path = epath.Path(path)
    if not (path / "model.json").exists():
        seen = ", ".join(sorted(p.name for p in path.iterdir())[:8]) if path.is_dir() else "nothing"
        inside = path / "model"  # of a workdir, given in place of its model
        wanted = f"Give {inside}." if (inside / "model.json").exists() else MAKE_ONE
        raise FileNotFoundError(
            f"{path} is not a model folder: it should hold model.json, found {seen or 'an empty folder'}. {wanted}"
        )
    model = _rebuild(path / "model.json")
    with _checkpointer() as checkpointer:
        weights = absolute(path) / "weights"
        if (metadata := checkpointer.metadata(weights).item_metadata) is None:
            raise ValueError(f"{weights} is missing or damaged; convert or export the model again")
        target = abstract_variables(model)
        if difference := describe_difference(_shapes(_leaves(target)), _shapes(_leaves(metadata.tree))):
            raise ValueError(f"{weights} does not hold what model.json says (- missing, + unexpected):\n{difference}")
        here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
        target = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here), target)
        return model, checkpointer.restore(weights, target)


def known_answer(model: IResNet, variables: Mapping) -> dict[str, Shaped[np.ndarray, "images ..."]]:
    """Four generated images, uint8, and their embeddings, computed in full precision and stored as float32."""
    size = model.image_size
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (4, size // 16, size // 16, 3)).repeat(16, axis=1).repeat(16, axis=2)
    images = np.clip(coarse + random.integers(-20, 21, (4, size, size, 3)), 0, 255).astype(np.uint8)
    exact = model.clone(dtype=model.param_dtype)
    with jax.default_matmul_precision("highest"):
        embeddings = jax.jit(exact.apply)(variables, normalize(images).astype(exact.dtype))
    return {"images": images, "embeddings": np.asarray(embeddings, np.float32)}


def _contract(model):
    return {name: getattr(model, name) for name in CONTRACT}


def fingerprint(path: epath.PathLike) -> str:
    """Digits that tell the weights of a model folder from others: of its known answer, so no weights are read.

    They stay when the folder is copied or moved. "" where the folder has no known answer, or a damaged one.
    """
    try:
        with (epath.Path(path) / "known_answer.npz").open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return hashlib.sha256(stored["embeddings"].tobytes()).hexdigest()[:16]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return ""


def _describe(model, source, license):
    contract = _contract(model)
    return {
        "format": 1 if contract == CONTRACT else 2,
        "arch": model.arch,
        "layers": list(model.layers),
        **{name: getattr(model, name) for name in FIELDS},
        "dtype": jnp.dtype(model.dtype).name,
        "param_dtype": jnp.dtype(model.param_dtype).name,
        "norms": NORMS[model.folded_norms],
        **contract,
        "source": dict(source or {}),
        "license": license,
        "written_by": f"perface_jax {__version__}",
    }


def _rebuild(file):
    try:
        record = json.loads(file.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{file} is not JSON: {error}") from error
    seen = record.get("format") if isinstance(record, dict) else record
    if seen not in FORMATS:
        raise ValueError(f"{file} has format {seen!r}; this version reads format {' or '.join(map(str, FORMATS))}")
    contract = {name: record.get(name, value) for name, value in CONTRACT.items()}  # older folders have none
    try:
        contract["input_range"] = tuple(contract["input_range"])
        input_contract.check(**contract)
        return IResNet(
            layers=tuple(record["layers"]),
            dtype=jnp.dtype(record["dtype"]),
            param_dtype=jnp.dtype(record["param_dtype"]),
            folded_norms={name: folded for folded, name in NORMS.items()}[record["norms"]],
            **{name: record[name] for name in FIELDS},
            **contract,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file} lacks a field, or a field has a value that is not allowed: {error}") from error


def _leaves(tree):
    return {"/".join(key.key for key in path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def _shapes(leaves):
    return {name: tuple(leaf.shape) for name, leaf in leaves.items()}


def _checkpointer():
    """For this process alone: one process writes a model folder, and every process reads it independently."""
    import orbax.checkpoint as ocp  # takes a third of a second to import

    me = jax.process_index()
    options = ocp.options.MultiprocessingOptions(me, {me}, barrier_sync_key_prefix=f"process_{me}")
    return ocp.StandardCheckpointer(multiprocessing_options=options)
