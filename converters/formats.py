"""The forms in which a model leaves: how each is made, what goes in and out of it, and how far it is from the model."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from perface_jax import extras
from perface_jax.arrays import AnyArray
from perface_jax.network.model import IResNet

from . import families, onnx_writer, stablehlo, state_dicts, to_torch

Answer = Mapping[str, AnyArray]


class Format(NamedTuple):
    """One form.

    Attributes:
      write: model, variables and the record of `model_json.describe` -> the bytes of a file.
      error: bytes, model, variables and known answer -> the largest error relative to the largest value.
      describe: model -> what goes in and out.
    """

    write: Callable[[IResNet, Mapping, Mapping], bytes]
    error: Callable[[bytes, IResNet, Mapping, Answer], float]
    describe: Callable[[IResNet], dict[str, Any]]


def relative_error(found: Answer, known: Answer) -> float:
    """How far embeddings, of length 1 and with lengths beside, are from known ones; NaN for NaN."""
    difference = np.asarray(found["embeddings"]) * np.asarray(found["lengths"]) - known["embeddings"]
    return float(np.abs(difference).max() / np.abs(known["embeddings"]).max())


def _onnx(model, variables, record):
    return onnx_writer.to_onnx(model, variables, record=record).SerializeToString()


def _onnx_error(data, model, variables, answer):
    with extras.explained():
        import onnxruntime
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found: list[Any] = list(session.run(names, {"images": answer["images"]}))
    return relative_error(dict(zip(names, found, strict=True)), answer)


def _stablehlo(model, variables, record):
    return stablehlo.serialize(stablehlo.to_stablehlo(model, variables))


def _stablehlo_error(data, model, variables, answer):
    found: Any = jax.export.deserialize(bytearray(data)).call(answer["images"])
    return relative_error(found, answer)


def _safetensors(model, variables, record):
    return to_torch.to_safetensors(model, variables, record=record)


def _safetensors_error(data, model, variables, answer):
    """0 if every number comes back; infinite otherwise."""
    from safetensors.numpy import load

    contract = families.Contract(model.color_order, model.input_range, model.epsilon)
    _, back = state_dicts.from_state_dict(load(data), arch=model.layers, **contract._asdict())
    same = jax.tree.map(lambda x, y: np.array_equal(np.asarray(x), np.asarray(y)), dict(variables), back)
    return 0.0 if all(jax.tree.leaves(same)) else float("inf")


def _program(model):
    size = model.image_size
    images = {"dtype": "uint8", "shape": ["batch", size, size, 3], "axes": "picture, row, column, RGB from 0 to 255"}
    embeddings = {"dtype": "float32", "shape": ["batch", model.embedding_size], "length": 1}
    lengths = {"dtype": "float32", "shape": ["batch", 1], "meaning": "embeddings * lengths is the embedding itself"}
    return {"inputs": {"images": images}, "outputs": {"embeddings": embeddings, "lengths": lengths}}


def _network(model):
    black, white = model.input_range
    images = {
        "dtype": "float32",
        "shape": ["batch", 3, model.image_size, model.image_size],
        "axes": f"picture, {model.color_order.upper()}, row, column",
        "black": black,
        "white": white,
    }
    embeddings = {"dtype": "float32", "shape": ["batch", model.embedding_size], "length": "free"}
    return {"inputs": {"images": images}, "outputs": {"embeddings": embeddings}, "epsilon": model.epsilon}


FORMATS = {
    "stablehlo": Format(_stablehlo, _stablehlo_error, _program),
    "onnx": Format(_onnx, _onnx_error, _program),
    "safetensors": Format(_safetensors, _safetensors_error, _network),
}
