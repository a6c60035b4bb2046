"""The model folder: the form in which models are exchanged. Converters and trainer write it, `load_model` opens it.

    model.json          architecture, crop, norms, input contract, origin of the weights, license, hashes of all arrays
    weights/            the variables, written by Orbax
    known_answer.npz    a few generated images and their embeddings, for `python -m perface_jax.selftest`
    scale.json          what its cosines mean (`similarity_scale`); absent in folders that `convert` wrote

Nothing in it is executed. It is written under another name and renamed at the end, so a folder that `load_model` opens
is complete. What `load_model` returns has the hashes that were written; folders from before hashes are only searched
for NaN and Inf.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
from etils import epath

from perface_jax import memory, plain_paths
from perface_jax.files import absolute, to_json
from perface_jax.images import TEMPLATES
from perface_jax.network import hub as hubs
from perface_jax.network import input_contract, late_callbacks, model_json
from perface_jax.network import known_answer as answers
from perface_jax.network.array_hashes import array_hashes
from perface_jax.network.known_answer import known_answer
from perface_jax.network.model import IResNet
from perface_jax.network.model_json import AGAIN
from perface_jax.network.variable_shapes import abstract_variables

MAKE_ONE = "Make one with `perface convert CHECKPOINT --out DIR`."


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
    """Raise a ValueError that names the arrays with a NaN or an Inf, at most twelve of them."""
    if bad := sorted(name for name, x in arrays.items() if not np.isfinite(np.asarray(x)).all()):
        raise ValueError("NaN or Inf in the weights: " + _listed(bad))


def save_model(
    path: epath.PathLike,
    model: IResNet,
    variables: Mapping,
    *,
    source: Mapping[str, str] | None = None,
    license: str = "not stated",
    hub: str | None = None,
) -> None:
    """Write a model folder, completely or not at all; upload it, if asked.

    Args:
      path: the folder; must not exist yet.
      model: the module; its crop and norms are also recorded.
      variables: its three collections.
      source: where the weights came from, for example `{"file": ..., "sha256": ...}`.
      license: the terms under which the weights may be used; free text.
      hub: `org/name`, a repository on the Hugging Face Hub to upload the folder to as well, see `hub.upload`: with a
        model card, and private if it is new.

    Raises:
      FileExistsError: the folder exists.
      ValueError: the variables are not those of the model, or hold NaN or Inf.
      OSError: the upload failed; the folder is there, and `hub.upload` tries again.
    """
    path = epath.Path(path)
    if hub is not None:
        hubs.check_upload(hub)
    if path.exists():
        raise FileExistsError(f"{path} exists; a model folder is never overwritten: remove it or name another")
    if model.crop not in (None, *TEMPLATES):
        raise ValueError(f"the model's crop is {model.crop!r}; wanted one of {', '.join(TEMPLATES)}, or None")
    input_contract.check(**model_json.contract(model))
    variables = dict(variables)
    check_variables(model, variables)
    unfinished = path.parent / f".{path.name}.unfinished"
    unfinished.rmtree(missing_ok=True)  # of a process that was killed
    unfinished.mkdir(parents=True)
    try:
        with plain_paths.plain(absolute(unfinished)) as folder, _checkpointer() as checkpointer:
            checkpointer.save(folder / "weights", variables)
        answer = known_answer(model, variables)
        answers.write_known_answer(unfinished, answer)
        hashes = array_hashes({**_answer_leaves(answer), **_leaves(variables)})
        record = model_json.describe(model, source=source or {}, license=license, hashes=hashes)
        (unfinished / model_json.NAME).write_text(to_json(record))
        unfinished.rename(path)
    finally:
        unfinished.rmtree(missing_ok=True)
    if hub is not None:
        hubs.upload(path, hub)


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

    Args:
      path: a folder, or `hf://org/name` or `hf://org/name@revision` on the Hugging Face Hub (extra `hub`).

    Raises:
      FileNotFoundError: there is no model folder at this path.
      ValueError: the folder is damaged or incomplete, holds NaN or Inf, or its weights do not match the architecture
        in model.json. The message names the folder and what to do.
    """
    path = hubs.local_folder(path)
    file = path / model_json.NAME
    if not file.exists():
        raise FileNotFoundError(_not_a_folder(path))
    record = model_json.read(file)
    model, hashes = model_json.rebuild(file, record), record.get("hashes")
    if hashes is not None:
        _check_record(path, model, hashes)
    variables = _read_weights(path, model)
    _check_arrays(path, hashes, variables)
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    wanted = abstract_variables(model)
    return model, jax.device_put(jax.tree.map(lambda x, like: x.astype(like.dtype), variables, wanted), here)


def recorded_hashes(path: epath.PathLike) -> dict[str, str]:
    """The hashes in a folder's model.json; empty for a folder that was written before there were hashes."""
    return dict(model_json.read(epath.Path(path) / model_json.NAME).get("hashes", {}))


def _not_a_folder(path):
    file = path / model_json.NAME
    seen = ", ".join(sorted(p.name for p in path.iterdir())[:8]) if path.is_dir() else "nothing"
    if (path / "weights").is_dir():
        return f"{file} is missing: the model folder is incomplete; {AGAIN}"
    inside = path / "model"  # of a workdir, given in place of its model
    wanted = f"Give {inside}." if (inside / model_json.NAME).exists() else MAKE_ONE
    return f"{path} is not a model folder: it should hold model.json, found {seen or 'an empty folder'}. {wanted}"


def _check_record(path, model, hashes):
    """Refuse fields that are not those that were written, and a known answer that is not or is missing."""
    if not isinstance(hashes, dict) or hashes.get("model") != model_json.module_hash(model):
        raise ValueError(f"{path / model_json.NAME} is damaged or edited: its fields do not have their hash; {AGAIN}")
    try:
        answer = answers.read_known_answer(path)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(f"{error}; {AGAIN}") from error
    _compare(path, hashes, _answer_leaves(answer))


def _read_weights(path, model):
    """The variables as NumPy arrays, in the dtypes in which they are stored."""
    weights = absolute(path) / "weights"
    if not weights.is_dir():
        raise ValueError(f"{weights} is missing: the model folder is incomplete; {AGAIN}")
    with plain_paths.plain(weights) as plain, _checkpointer() as checkpointer:
        with _damage(path):
            if (metadata := checkpointer.metadata(plain).item_metadata) is None:
                raise ValueError("weights has no description of its arrays")
            stored = metadata.tree
            wanted, seen = _shapes(_leaves(abstract_variables(model))), _shapes(_leaves(stored))
        if difference := describe_difference(wanted, seen):
            raise ValueError(f"{weights} does not hold what model.json says (- missing, + unexpected):\n{difference}")
        with _damage(path):
            target = jax.tree.map(lambda x: np.broadcast_to(np.zeros((), x.dtype), x.shape), stored)
            return checkpointer.restore(plain, target)


def _check_arrays(path, hashes, variables):
    arrays = _leaves(variables)
    if hashes is not None:
        _compare(path, hashes, arrays)
    try:
        refuse_not_finite(arrays)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; {AGAIN}") from error


def _compare(path, hashes, arrays):
    """Refuse arrays of the weights or of the known answer that do not have the recorded hash."""
    seen = array_hashes(arrays)
    if bad := sorted(name for name, value in seen.items() if hashes.get(name) != value):
        raise ValueError(
            f"{path} is damaged: {len(bad)} of {len(seen)} arrays do not have the hash in model.json"
            f" ({_listed(bad, 3)}); {AGAIN}"
        )


@contextlib.contextmanager
def _damage(path) -> Iterator[None]:
    """Whatever a file cannot be read for becomes one line on the folder.

    Orbax and TensorStore raise errors of many kinds, groups of them, and messages of a hundred lines.
    """
    try:
        yield
    except (MemoryError, PermissionError):
        raise
    except Exception as error:
        if memory.is_exhausted(error):
            raise
        why: BaseException = error
        while isinstance(why, BaseExceptionGroup):
            why = why.exceptions[0]
        said = getattr(why, "strerror", None) or str(why)
        first = next(iter(said.strip().splitlines()), "").partition(" in OCDBT")[0] or type(why).__name__
        raise ValueError(f"{path} is damaged or incomplete ({first[:160]}); {AGAIN}") from error


def _answer_leaves(answer):
    return {f"{answers.NAME}/{name}": array for name, array in answer.items()}


def _listed(names, most=12):
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _leaves(tree):
    return {"/".join(key.key for key in path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def _shapes(leaves):
    return {name: tuple(leaf.shape) for name, leaf in leaves.items()}


def _checkpointer():
    """For this process alone: one process writes a model folder, and every process reads it independently."""
    import orbax.checkpoint as ocp  # takes a third of a second to import

    late_callbacks.drop()
    me = jax.process_index()
    options = ocp.options.MultiprocessingOptions(me, {me}, barrier_sync_key_prefix=f"process_{me}")
    return ocp.StandardCheckpointer(multiprocessing_options=options)
