"""A PyTorch checkpoint of insightface's arcface_torch -> a model folder of perface_jax.

    python -m perface_jax.converters.arcface_torch ms1mv3_arcface_r50_fp16.pth --out models/arcface_r50

Reads .pth, .pt and .safetensors; the state dict may be nested in a checkpoint and its keys may carry `module.` or
`backbone.` in front. Torch files are read with `weights_only=True`: a pickle that would execute something is refused.
Every key is used or dropped by name; the only ones dropped are the `num_batches_tracked` counters of the norms.
float16 and bfloat16 tensors become float32 of the same values. Only .pth and .pt files need torch (the extra `torch`);
.safetensors needs the extra `convert`, and `convert` itself neither.
"""

import pathlib
import re
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from perface_jax import extras
from perface_jax.network.model import LAYERS, IResNet, iresnet, parameter_count
from perface_jax.network.model_folder import describe_difference, refuse_not_finite, save_model

from . import files, keys

PREFIX = re.compile(r"^(module\.|backbone\.)+")
BLOCK = re.compile(r"layer([1-4])\.(\d+)\.")


def convert(state_dict: Mapping[str, Any], *, arch: str | None = None) -> dict:
    """Variables of the Flax model from an arcface_torch state dict.

    Args:
      state_dict: names to arrays (NumPy, or torch tensors on any device); nested or prefixed as checkpoints are.
      arch: confirms what is recognized from the keys; never chooses.

    Returns:
      `{"params", "batch_stats", "constants"}`, float32.

    Raises:
      ValueError: no IR-ResNet; another architecture than `arch`; missing (`-`), unexpected (`+`) or misshapen (both)
        tensors, each named; NaN, Inf or negative variances; a `features.weight` that is not all ones.
    """
    tensors = unwrap(state_dict)
    return _fill(_recognize(tensors, arch), tensors)


def recognize(state_dict: Mapping[str, Any], *, arch: str | None = None) -> IResNet:
    """The model whose weights these are, from the names and shapes alone.

    Raises:
      ValueError: no IR-ResNet, or another architecture than `arch`.
    """
    return _recognize(unwrap(state_dict), arch)


def read(path: str | pathlib.Path) -> Mapping[str, Any]:
    """The state dict or checkpoint in a .pth, .pt or .safetensors file; nothing in it is executed.

    Raises:
      FileNotFoundError, ValueError: not a file of plain weights; the message says what it is.
    """
    path = files.check_file(path)
    if path.suffix == ".onnx":
        raise ValueError(
            f"{path} is an ONNX file: use `python -m perface_jax.converters.arcface_onnx {path} --out DIR`"
        )
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    with extras.explained():
        import torch
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise nearly anything: OSError, IndexError, struct.error ...
        raise ValueError(
            f"{path} is damaged, cut off, or holds more than plain weights ({type(error).__name__}); nothing in it was"
            " executed. Wanted a state dict saved with torch.save(model.state_dict(), ...); download it again"
        ) from error
    if not isinstance(loaded, Mapping):
        raise ValueError(f"{path} holds a {type(loaded).__name__}; wanted a state dict: names to tensors")
    return loaded


def _read_safetensors(path):
    with extras.explained():
        from safetensors import SafetensorError, safe_open
    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no dict)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a whole safetensors file: {error}") from error
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{path} holds tensors of a kind that NumPy does not have: {error}") from error


def unwrap(checkpoint: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The bare state dict inside a checkpoint: innermost mapping with a backbone, prefixes removed, NumPy arrays.

    Raises:
      TypeError: no mapping.
      ValueError: no backbone in it, two names that are the same without their prefixes, or a value that is no tensor
        of a kind that float32 holds exactly.
    """
    if not isinstance(checkpoint, Mapping):
        raise TypeError(f"wanted a state dict, names to arrays, got {type(checkpoint).__name__}")
    found = _find(checkpoint)
    if found is None:
        seen = ", ".join(map(str, list(checkpoint)[:6])) or "nothing"
        raise ValueError(f"no IR-ResNet of arcface_torch in here: no keys conv1.weight and layer1.0.*. Found: {seen}")
    tensors = {}
    for name, value in found.items():
        name = str(name)
        bare = PREFIX.sub("", name)
        if bare in tensors:
            raise ValueError(f"the name {bare} stands twice in this checkpoint, the second time as {name}")
        tensors[bare] = _array(name, value)
    return tensors


def _find(checkpoint):
    names = {PREFIX.sub("", name) for name in checkpoint if isinstance(name, str)}
    if "conv1.weight" in names or any(BLOCK.match(name) for name in names):
        return checkpoint
    inner = (_find(value) for value in checkpoint.values() if isinstance(value, Mapping))
    return next((found for found in inner if found is not None), None)


def _array(name, value):
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()
    array = np.asarray(value)
    if name.endswith(keys.COUNTER) and array.dtype.kind in "iu":
        return array
    if not jnp.issubdtype(array.dtype, jnp.floating):  # knows bfloat16, which NumPy does not
        raise ValueError(f"{name} is no tensor of floating numbers but {array.dtype} ({type(value).__name__})")
    if ((single := array.astype(np.float32)).astype(array.dtype) != array).any() and np.isfinite(array).all():
        raise ValueError(f"{name} is {array.dtype} with digits that float32 cannot hold; round it yourself first")
    return single


def _recognize(tensors, arch):
    blocks = {(int(match[1]), int(match[2])) for match in map(BLOCK.match, tensors) if match}
    depths = tuple(sum(stage == wanted for stage, _ in blocks) for wanted in (1, 2, 3, 4))
    # The nearest one: a file with a block missing should be told which keys it lacks, not that it is no IR-ResNet.
    nearest = min(LAYERS, key=lambda name: sum(abs(a - b) for a, b in zip(LAYERS[name], depths, strict=True)))
    if arch is not None and arch not in LAYERS:
        raise ValueError(f"unknown architecture {arch!r}; wanted one of {', '.join(LAYERS)}")
    if arch not in (None, nearest):
        raise ValueError(f"these are the weights of {nearest} (blocks {depths}), not of {arch} (blocks {LAYERS[arch]})")
    width = _most_common_length(tensors, ("bn1.weight", "bn1.bias", "prelu.weight", "layer1.0.bn1.weight"), 64)
    embedding_size = _most_common_length(tensors, ("fc.bias", "features.weight", "features.bias"), 512)
    inputs = np.shape(tensors.get("fc.weight"))[1:]
    side = round((inputs[0] / (8 * width)) ** 0.5) if len(inputs) == 1 else 7
    return iresnet(nearest, width=width, embedding_size=embedding_size, image_size=16 * max(side, 1))


def _most_common_length(tensors, names, default):
    """What most of these vectors agree on, so that one wrong tensor does not make all the others look wrong."""
    lengths = [len(tensors[name]) for name in names if np.ndim(tensors.get(name)) == 1 and len(tensors[name])]
    return max(lengths, key=lengths.count, default=default)


def _fill(model, tensors):
    twins, dropped = keys.twins(model), set(keys.counters(model))
    wanted = {twin.key: twin.torch_shape for twin in twins}
    seen = {name: array.shape for name, array in tensors.items() if name not in dropped}
    if difference := describe_difference(wanted, seen):
        raise ValueError(f"the state dict is not that of the architecture (- missing, + unexpected):\n{difference}")
    refuse_not_finite(tensors)
    if negative := sorted(name for name in seen if name.endswith("running_var") and tensors[name].min() < 0):
        raise ValueError("negative running variance in " + ", ".join(negative))
    if (tensors["features.weight"] != 1).any():
        raise ValueError("features.weight must be all ones, as arcface_torch fixes it: this is another network")
    flat = {(twin.collection, *twin.path): jnp.asarray(twin.to_flax(tensors[twin.key])) for twin in twins}
    return traverse_util.unflatten_dict(flat)


def main(arguments: list[str] | None = None) -> None:
    """The program; exits with 2 and one line where it cannot be done."""
    parser = files.folder_parser(str(__doc__).splitlines()[0], ".pth, .pt or .safetensors")
    parser.add_argument("--arch", choices=list(LAYERS), help="confirm the architecture that is recognized")
    args = parser.parse_args(arguments)
    with files.user_errors(parser):
        tensors = unwrap(read(args.file))
        model = _recognize(tensors, args.arch).clone(crop=args.crop)
        variables = _fill(model, tensors)
        save_model(args.out, model, variables, source=files.provenance(pathlib.Path(args.file)), license=args.license)
    counters = set(tensors) & set(keys.counters(model))
    print(
        f"{args.out}: {model.arch}, {parameter_count(variables):,} parameters from {len(tensors)} keys; dropped"
        f" {len(counters)} num_batches_tracked counters. Check it: perface selftest {args.out}"
    )


if __name__ == "__main__":
    main()
