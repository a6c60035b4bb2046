"""Damaged and foreign checkpoints, for `perface convert`: nothing is written, nothing in a pickle runs."""

import argparse
import functools
import io
import pathlib
import pickle
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import torch
from safetensors.numpy import save as save_safetensors

from tests.fuzz import byte_faults, model_folders
from tests.fuzz.case import Case, Expect
from tests.fuzz.world import LAYERS, SIZE, World
from tests.onnx_export import export
from tests.torch_twin import IResNet as Twin

State = dict[str, Any]
SUFFIXES = (".pth", ".pt", ".ckpt", ".bin", ".tar", ".safetensors", ".onnx")


def case(random: np.random.Generator, folder: pathlib.Path, world: World) -> Case:
    """One checkpoint that cannot be converted."""
    doors = (_bytes, _bytes, _state, _state, _state, _foreign, _foreign, _onnx, _safetensors, _arguments, _back)
    return doors[random.integers(len(doors))](random, folder, world)


def controls(folder: pathlib.Path, world: World) -> list[Case]:
    """The same weights, undamaged, in every format, and what is no fault."""
    made = []
    for suffix in SUFFIXES:
        file = folder / f"good{suffix}"
        file.write_bytes(valid(suffix, world))
        made.append(_convert(file, f"a whole {suffix}", expect=Expect.ACCEPTED))
    for name, change in HARMLESS.items():
        file = folder / f"{len(made)}.pth"
        _save(file, change(tensors(world)))
        made.append(_convert(file, name, expect=Expect.ACCEPTED))
    back = ["convert", str(world.model_folder), "--out", str(folder / "back.pth")]
    return [*made, Case("a model folder back", (), back, expect=Expect.ACCEPTED)]


def tensors(world: World) -> State:
    """The weights as torch tensors."""
    return {name: torch.from_numpy(np.copy(array)) for name, array in world.state_dict.items()}


def valid(suffix: str, world: World) -> bytes:
    """The bytes of a file that can be converted."""
    if suffix == ".onnx":
        return _exported(world)
    if suffix == ".safetensors":
        return save_safetensors({name: np.array(array) for name, array in world.state_dict.items()})
    file = io.BytesIO()
    torch.save(tensors(world), file)
    return file.getvalue()


@functools.cache
def _exported(world):
    twin = Twin(LAYERS, width=2, embedding_size=8, image_size=SIZE)
    twin.load_state_dict(tensors(world))
    return export(twin.eval(), SIZE).SerializeToString()


def _save(file, value, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(value, file, **options)


def _convert(file, what, *more, expect=Expect.REFUSED, names=()):
    family = [] if file.suffix == ".onnx" or any("--family" in word for word in more) else ["--family=arcface_torch"]
    argv = ["convert", str(file), "--out", str(file.parent / f"out of {file.name}"), *family, *more]
    return Case(f"convert: {what}", names or (file.name,), argv, expect=expect)


def _bytes(random, folder, world):
    suffix = SUFFIXES[random.integers(len(SUFFIXES))]
    file = folder / f"weights{suffix}"
    fault, sure = byte_faults.damage(random, file, valid(suffix, world), perhaps=0.1)
    return _convert(file, f"{suffix}, {fault}", expect=Expect.REFUSED if sure else Expect.EITHER)


def _state(random, folder, world):
    fault = [*STATES][random.integers(len(STATES))]
    state = tensors(world)
    changed = STATES[fault](random, state)
    file = folder / "weights.pth"
    _save(file, state if changed is None else changed)
    return _convert(file, fault)


def _key(random, state, ending="weight"):
    names = [name for name in state if name.endswith(ending) and state[name].ndim]
    return names[random.integers(len(names))]


def _without(random, state):
    del state[_key(random, state)]


def _set(value):
    def change(random, state):
        name = _key(random, state)
        state[name] = state[name].clone().float()
        state[name].view(-1)[random.integers(state[name].numel())] = value

    return change


def _replaced(function: Callable[[torch.Tensor], Any], ending="weight"):
    def change(random, state):
        name = _key(random, state, ending)
        state[name] = function(state[name])

    return change


def _renamed(function: Callable[[str], str]):
    return lambda random, state: {function(name): value for name, value in state.items()}


def _network_of(**shapes):
    return lambda random, state: {name.replace("__", "."): torch.ones(shape) for name, shape in shapes.items()}


STATES: dict[str, Callable[[np.random.Generator, State], Any]] = {
    "a tensor is missing": _without,
    "a stage is missing": lambda random, state: {
        name: value for name, value in state.items() if not name.startswith("layer3")
    },
    "a tensor of another shape": _replaced(lambda value: torch.cat([value, value])),
    "a tensor without numbers": _replaced(lambda value: value[:0]),
    "a transposed fc": lambda random, state: state | {"fc.weight": state["fc.weight"].T.contiguous()},
    "NaN": _set(float("nan")),
    "infinity": _set(float("inf")),
    "a negative variance": _replaced(lambda value: -value - 1, "running_var"),
    "complex numbers": _replaced(lambda value: value.to(torch.complex64)),
    "a sparse tensor": _replaced(lambda value: value.to_sparse()),
    "a quantized tensor": _replaced(lambda value: torch.quantize_per_tensor(value.float(), 0.1, 0, torch.qint8)),
    "a meta tensor": _replaced(lambda value: value.to("meta")),
    "text in place of a tensor": _replaced(lambda value: "a tensor"),
    "None in place of a tensor": _replaced(lambda value: None),
    "a number in place of a tensor": _replaced(lambda value: 1.0),
    "booleans": _replaced(lambda value: value > 0),
    "a tensor that is not of the network": lambda random, state: state | {"layer1.0.extra.weight": torch.ones(3)},
    "a fifth stage": lambda random, state: state | {"layer5.0.bn1.weight": torch.ones(2)},
    "a block numbered 999999": lambda random, state: state | {"layer2.999999.bn1.weight": torch.ones(4)},
    "two networks": lambda random, state: {"teacher": state, "student": dict(state)},
    "a tensor alone": lambda random, state: state["fc.weight"],
    "a list": lambda random, state: list(state.values()),
    "nothing": lambda random, state: {},
    "nothing, nested": lambda random, state: {"state_dict": {}, "epoch": 3},
    "numbers as names": lambda random, state: dict(enumerate(state.values())),
    "other names": _renamed(lambda name: name.replace("layer", "stage").replace("conv", "c")),
    "names in upper case": _renamed(str.upper),
    "an optimizer's state": lambda random, state: {
        "state": {0: {"step": torch.ones(1)}},
        "param_groups": [{"lr": 0.1}],
    },
    "a VGG": _network_of(features__0__weight=(8, 3, 3, 3), features__0__bias=(8,), classifier__0__weight=(8, 8)),
    "a ResNet of torchvision": _network_of(
        conv1__weight=(8, 3, 7, 7),
        bn1__weight=(8,),
        layer1__0__conv1__weight=(8, 8, 1, 1),
        layer1__0__bn1__weight=(8,),
        fc__weight=(10, 8),
    ),
    "a ViT": _network_of(
        cls_token=(1, 1, 8),
        pos_embed=(1, 5, 8),
        patch_embed__proj__weight=(8, 3, 4, 4),
        blocks__0__attn__qkv__weight=(24, 8),
    ),
    "weights that are all zero": lambda random, state: {name: torch.zeros_like(value) for name, value in state.items()},
}
HARMLESS: dict[str, Callable[[State], Any]] = {
    "half precision": lambda state: {
        name: value.half() if value.is_floating_point() else value for name, value in state.items()
    },
    "bfloat16": lambda state: {
        name: value.bfloat16() if value.is_floating_point() else value for name, value in state.items()
    },
    "nested, with a prefix": lambda state: {
        "epoch": 1,
        "state_dict": {f"module.{name}": value for name, value in state.items()},
    },
    "another prefix": lambda state: {f"net.{name}": value for name, value in state.items()},
    "parameters": lambda state: {
        name: torch.nn.Parameter(value, False) if value.is_floating_point() else value for name, value in state.items()
    },
}


class Runs:
    """A pickle that would write a file."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (pathlib.Path.touch, (self.file,))


def _module(random, state, file):
    _save(file, torch.nn.Sequential(torch.nn.Linear(2, 2)))


def _script(random, state, file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(file))


FOREIGN: dict[str, Callable[[np.random.Generator, State, pathlib.Path], Any]] = {
    "a pickled module": _module,
    "a TorchScript archive": _script,
    "a Namespace beside": lambda random, state, file: _save(
        file, {"state_dict": state, "args": argparse.Namespace(lr=1)}
    ),
    "a NumPy scalar beside": lambda random, state, file: _save(file, {"state_dict": state, "best": np.float64(0.9)}),
    "NumPy arrays in a pickle": lambda random, state, file: file.write_bytes(
        pickle.dumps({k: v.numpy() for k, v in state.items()})
    ),
    "a pickle that runs": lambda random, state, file: file.write_bytes(
        pickle.dumps({"state_dict": Runs(file.parent / "ran")})
    ),
    "a checkpoint that runs": lambda random, state, file: _save(
        file, {"state_dict": state, "x": Runs(file.parent / "ran")}
    ),
    "an .npz": lambda random, state, file: np.savez(file.open("wb"), **{k: v.numpy() for k, v in state.items()}),
    "a safetensors file": lambda random, state, file: file.write_bytes(
        save_safetensors({k: v.numpy() for k, v in state.items()})
    ),
    "a SimpleNamespace": lambda random, state, file: _save(file, types.SimpleNamespace(a=1)),
    "an old pickle": lambda random, state, file: file.write_bytes(pickle.dumps({"a": 1}, protocol=0)),
    "an endless nesting": lambda random, state, file: file.write_bytes(b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b"."),
    "a picture": lambda random, state, file: file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500)),
}


def _foreign(random, folder, world):
    fault = [*FOREIGN][random.integers(len(FOREIGN))]
    file = folder / f"weights{SUFFIXES[random.integers(5)]}"
    FOREIGN[fault](random, tensors(world), file)
    return _convert(file, f"{file.suffix}, {fault}")


def _safetensors(random, folder, world):
    good, file = valid(".safetensors", world), folder / "weights.safetensors"
    length = int.from_bytes(good[:8], "little")
    header = good[8 : 8 + length]
    changes = {
        "a header longer than the file": (1 << 40, header),
        "a header of 2^63 bytes": ((1 << 63) + 5, header),
        "a header that is not JSON": (length, b"{" * length),
        "another dtype": (length, header.replace(b'"F32"', b'"F99"')),
        "the wrong offsets": (length, header.replace(b"[0,", b"[9,", 1)),
        "a shape that does not fit": (length, header.replace(b'"shape":[2]', b'"shape":[3]', 1)),
    }
    fault = [*changes][random.integers(len(changes))]
    size, changed = changes[fault]
    file.write_bytes(size.to_bytes(8, "little") + changed + good[8 + length :])
    return _convert(file, f"safetensors, {fault}")


def _onnx(random, folder, world):
    proto, file = onnx.load_from_string(valid(".onnx", world)), folder / "weights.onnx"
    fault = [*GRAPHS][random.integers(len(GRAPHS))]
    GRAPHS[fault](random, proto.graph)
    file.write_bytes(proto.SerializeToString())
    return _convert(file, f"onnx, {fault}")


def _some(random, things):
    return things[random.integers(len(things))]


def _external(random, graph):
    tensor = graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", _some(random, ("gone.bin", "../../etc/passwd", "/etc/passwd", ""))


def _not_finite(random, graph):
    tensor = _some(random, [one for one in graph.initializer if len(one.dims) == 4])
    values = onnx.numpy_helper.to_array(tensor).copy()
    values.ravel()[0] = np.nan
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def _cut_weights(random, graph):
    tensor = _some(random, [one for one in graph.initializer if len(one.raw_data) > 8])
    tensor.raw_data = tensor.raw_data[:-4]


def _other_op(random, graph):
    _some(random, [node for node in graph.node if node.op_type in ("Conv", "PRelu", "Gemm")]).op_type = "Sigmoid"


GRAPHS: dict[str, Callable[[np.random.Generator, Any], Any]] = {
    "no nodes": lambda random, graph: graph.ClearField("node"),
    "no weights": lambda random, graph: graph.ClearField("initializer"),
    "a weight is missing": lambda random, graph: graph.initializer.remove(_some(random, list(graph.initializer))),
    "no outputs": lambda random, graph: graph.ClearField("output"),
    "no inputs": lambda random, graph: graph.ClearField("input"),
    "another operation": _other_op,
    "weights in a file that is gone": _external,
    "NaN": _not_finite,
    "weights cut off": _cut_weights,
    "half of the nodes": lambda random, graph: [graph.node.pop() for _ in range(len(graph.node) // 2)],
}


def _arguments(random, folder, world):
    file = folder / "weights.pth"
    file.write_bytes(valid(".pth", world))
    taken, occupied = folder / "taken", folder / "file"
    taken.mkdir()
    (taken / "mine").write_text("x")
    occupied.write_text("x")
    faults = {
        "--out is a folder with files": (["--out", str(taken)], "taken"),
        "--out is a file": (["--out", str(occupied)], "file"),
        "--out is below a file": (["--out", str(occupied / "below")], "file"),
        "--family": (["--family=arcfaec"], "arcfaec"),
        "--arch": (["--arch=r51"], "r51"),
        "--arch of another": (["--arch=r18"], "r18"),
        "--arch of words": (["--arch=a,b,c,d"], "a,b,c,d"),
        "--key": (["--key=ema"], "ema"),
        "--input_range": (["--input_range=1,-1"], "1"),
        "--input_range of words": (["--input_range=a"], "a"),
        "--epsilon": (["--epsilon=-1"], "-1"),
        "--epsilon of nan": (["--epsilon=nan"], "nan"),
        "--crop": (["--crop=squares"], "squares"),
    }
    fault = [*faults][random.integers(len(faults))]
    more, name = faults[fault]
    return _convert(file, fault, *more, names=(name,))


def _back(random, folder, world):
    """A model folder to a .pth."""
    made, fault = model_folders.damaged(random, folder, world)
    argv = ["convert", str(made), "--out", str(folder / "back.pth")]
    expect = Expect.EITHER if fault.startswith(model_folders.PERHAPS) else Expect.REFUSED
    return Case(f"convert back: {fault}", (made.name,), argv, expect=expect)
