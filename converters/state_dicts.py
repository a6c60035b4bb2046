"""Converts a PyTorch state dict of any family of IR-ResNet to the Flax model and its variables."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from perface_jax.network.model import LAYERS, IResNet
from perface_jax.network.model_folder import describe_difference, refuse_not_finite

from . import checkpoints, families, keys
from .tensors import to_numpy


class Source(NamedTuple):
    """The network of a checkpoint, under the names of arcface_torch."""

    tensors: dict[str, np.ndarray]
    names: dict[str, str]  # of arcface_torch to those in the checkpoint
    layout: str
    beside: list[str]  # names of the checkpoint that are not of the network
    hints: set[str]  # see `families.marks`


def from_state_dict(
    state_dict: Mapping[str, Any],
    *,
    family: str = families.AUTO,
    arch: str | Sequence[int] | None = None,
    key: str | None = None,
    color_order: str | None = None,
    input_range: Sequence[float] | None = None,
    epsilon: float | None = None,
) -> tuple[IResNet, dict]:
    """The model and its variables from the weights of a family of IR-ResNets.

    The model embeds RGB pictures like every other; its fields `color_order`, `input_range` and `epsilon` record what
    its weights expect. If a family returns unit vectors (with lengths, as AdaFace, or without), the embedding is the
    vector before normalization.

    Args:
      state_dict: names to arrays (NumPy, or torch tensors on any device); nested or prefixed as checkpoints are.
      family: `auto`, or a name in `families.FAMILIES`; needed if families share their keys.
      arch: checked against the keys: a name such as `r50`, or the blocks of each stage.
      key: which network, if the checkpoint holds several, for example `state_dict_ema`.
      color_order, input_range, epsilon: replace those of the family.

    Returns:
      (model, variables), float32; `model.folded_norms` says whether the family lacks one of our norms.

    Raises:
      TypeError: not a mapping.
      ValueError: another kind of network, which is named; several networks or families that would fit; missing (`-`),
        unexpected (`+`) or misshapen (both) tensors; NaN, Inf or negative variances; unsupported kinds of tensors.
    """
    source = open_checkpoint(state_dict, key=key)
    given = {"color_order": color_order, "input_range": input_range, "epsilon": epsilon}
    contract = families.choose(family, source.tensors, source.layout, source.hints, **given)
    model = recognize(source, arch=arch).clone(**contract._asdict())
    return fill(model, source)


def open_checkpoint(checkpoint: Mapping[str, Any], *, key: str | None = None) -> Source:
    """The network of a checkpoint as NumPy arrays. Arguments and errors are those of `from_state_dict`."""
    network = checkpoints.find(checkpoint, key)
    layout = keys.layout(network.tensors)
    here = keys.to_arcface(network.tensors, layout)
    tensors = {here[name]: to_numpy(name, value) for name, value in network.tensors.items()}
    names = {here[name]: name for name in network.tensors}
    if twice := sorted(here.keys() - names.values()):
        raise ValueError(f"two names stand for one tensor in this checkpoint: {checkpoints.listed(twice)}")
    return Source(tensors, names, layout, network.beside, families.marks(tensors, checkpoint, network.beside))


def recognize(source: Source, *, arch: str | Sequence[int] | None = None) -> IResNet:
    """The model whose weights these are, from names and shapes alone; fields of the contract are not set.

    Raises:
      ValueError: no IR-ResNet of four stages, or another architecture than `arch`.
    """
    tensors = source.tensors
    layers = _layers(_depths(tensors), arch)
    width = _most_common_length(tensors, ("bn1.weight", "bn1.bias", "prelu.weight", "layer1.0.bn1.weight"), 64)
    embedding_size = _most_common_length(tensors, ("fc.bias", "features.weight", "features.bias"), 512)
    inputs = tensors["fc.weight"].shape[1:] if "fc.weight" in tensors else ()
    side = round((inputs[0] / (8 * width)) ** 0.5) if len(inputs) == 1 else 7
    return IResNet(layers, width=width, embedding_size=embedding_size, image_size=16 * max(side, 1))


def title(model: IResNet) -> str:
    """`r50`, or `IR-ResNet with blocks (3, 16, 37, 3)`."""
    return model.arch if model.arch != "custom" else f"IR-ResNet with blocks {tuple(model.layers)}"


def fill(model: IResNet, source: Source) -> tuple[IResNet, dict]:
    """The model, and its variables with these tensors. Norms and kernels that the family lacks become identities.

    Raises:
      ValueError: see `from_state_dict`.
    """
    twins, counters = keys.twins(model), set(keys.counters(model))
    wanted = {twin.key: twin.torch_shape for twin in twins}
    identities = _identities(model, source, wanted)
    tensors = source.tensors | identities
    seen = {name: array.shape for name, array in tensors.items() if name not in counters}

    def there(shapes):
        there = {
            name: source.names.get(name) or keys.from_arcface(name, source.layout, model.layers) for name in shapes
        }
        return {there[name]: shape for name, shape in shapes.items()}

    if difference := describe_difference(there(wanted), there(seen), most_lines=checkpoints.SHOWN):
        raise ValueError(f"the state dict is not that of the architecture (- missing, + unexpected):\n{difference}")
    refuse_not_finite({source.names.get(name, name): array for name, array in tensors.items()})
    if negative := sorted(name for name in seen if name.endswith("running_var") and tensors[name].min() < 0):
        raise ValueError("negative running variance in " + ", ".join(source.names[name] for name in negative))
    flat = {(twin.collection, *twin.path): jnp.asarray(twin.to_flax(tensors[twin.key])) for twin in twins}
    folded = any(name.endswith("running_var") for name in identities)
    return model.clone(folded_norms=folded), traverse_util.unflatten_dict(flat)


def identity_norm(module: str, channels: int, epsilon: float) -> dict[str, np.ndarray]:
    """The four tensors of a norm that changes nothing: in float32 its variance plus epsilon is exactly 1."""
    variance = np.float32(1) - np.float32(epsilon)
    leaves = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": variance}
    return {f"{module}.{leaf}": np.full(channels, number, np.float32) for leaf, number in leaves.items()}


def identity_shortcut(block: str, channels: int, epsilon: float) -> dict[str, np.ndarray]:
    """A 1x1 convolution that copies every channel, and a norm that changes nothing: a max-pool of size 1."""
    kernel = np.eye(channels, dtype=np.float32)[..., None, None]
    return {f"{block}.downsample.0.weight": kernel, **identity_norm(f"{block}.downsample.1", channels, epsilon)}


def _identities(model, source, wanted):
    """Identities for what a family lacks: the norm before a PReLU, shortcuts without new channels, the last affine."""
    if source.layout == keys.ARCFACE:
        return {}
    tensors = {}
    width = wanted["bn1.weight"][0]
    if not any(name.startswith("layer1.0.downsample.") for name in source.tensors):
        tensors |= identity_shortcut("layer1.0", width, model.epsilon)
    if source.layout == keys.IR_PLAIN:
        norms = [name for name in wanted if re.fullmatch(r"layer\d\.\d+\.bn2\.weight", name)]
        for name in norms:
            tensors |= identity_norm(name.removesuffix(".weight"), wanted[name][0], model.epsilon)
    if not {"features.weight", "features.bias"} & source.tensors.keys():
        ones = np.ones(model.embedding_size, np.float32)
        tensors |= {"features.weight": ones, "features.bias": 0 * ones}
    return tensors


def _depths(tensors) -> tuple[int, ...]:
    """Blocks of each stage, by the highest number in each."""
    blocks = [(int(match[1]), int(match[2])) for match in map(keys.ARCFACE_BLOCK.match, tensors) if match]
    stages = max((stage for stage, _ in blocks), default=0)
    if stages > 4:
        raise ValueError(f"this network has {stages} stages; an IR-ResNet has four")
    found = tuple(max((i + 1 for k, i in blocks if k == stage), default=0) for stage in (1, 2, 3, 4))
    if sum(found) > 2 * len({*blocks}):  # not one file cut off, and perhaps millions
        raise ValueError(f"{len({*blocks})} blocks of an IR-ResNet with blocks {found}: most of them are missing")
    return found


def _layers(found, arch) -> Any:
    """The blocks of each stage. If a file lacks some, the error lists the missing keys."""
    # Nearest: a file with a block missing is one of a published network, unless `arch` says otherwise.
    nearest = min(LAYERS, key=lambda name: sum(abs(a - b) for a, b in zip(LAYERS[name], found, strict=True)))
    lacking = [stage for stage, (a, b) in enumerate(zip(found, LAYERS[nearest], strict=True), 1) if a < b]
    short = len(lacking) == 1 and sum(LAYERS[nearest]) == sum(found) + 1
    incomplete = short or not all(found)
    if arch is not None:
        wanted = _parse(arch)
        if wanted == found or (incomplete and wanted == LAYERS[nearest]):
            return wanted
        name = f"{nearest} (blocks {found})" if found == LAYERS[nearest] else f"an IR-ResNet with blocks {found}"
        raise ValueError(f"these are the weights of {name}, not of {arch} (blocks {wanted})")
    if short:
        block = f"layer{lacking[0]}.{found[lacking[0] - 1]}"
        blocks = ",".join(map(str, found))
        raise ValueError(
            f"the state dict lacks one block of {nearest} (- missing):\n- {block}.conv1.weight and its other tensors\n"
            f"If that is the whole network, say --arch={blocks}"
        )
    return found if all(found) else LAYERS[nearest]


def _parse(arch) -> tuple[int, ...]:
    if isinstance(arch, str) and arch in LAYERS:
        return LAYERS[arch]
    parts = re.findall(r"\d+", arch) if isinstance(arch, str) and "," in arch else arch
    if isinstance(parts, str) or len(parts) != 4:
        raise ValueError(f"unknown architecture {arch!r}; wanted one of {', '.join(LAYERS)}, or blocks as 3,16,37,3")
    return tuple(map(int, parts))


def _most_common_length(tensors, names, default):
    """The length that most of these vectors have, so that one wrong tensor does not make all others look wrong."""
    lengths = [len(tensors[name]) for name in names if np.ndim(tensors.get(name)) == 1 and len(tensors[name])]
    return max(lengths, key=lengths.count, default=default)
