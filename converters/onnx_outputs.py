"""Which tensor of an ONNX graph is the embedding: the one before a division by its length, of one output or two."""

from collections.abc import Callable, Sequence

from perface_jax import extras

from .onnx_graphs import attributes, op

with extras.explained():
    import onnx

# What stands between a length and the division by it, and does not change it but for a tiny lower bound.
ON_THE_WAY = ("Identity", "Cast", "Clip", "Max", "Expand", "Unsqueeze", "Squeeze", "Reshape")

Producer = Callable[[str], onnx.NodeProto | None]


def embedding(outputs: Sequence[str], producer: Producer) -> tuple[str, list[str]]:
    """The tensor of the embeddings, and what was dropped behind it.

    Args:
      outputs: of the graph: embeddings or directions, and perhaps their lengths beside them.
      producer: the node that computes a tensor, None for inputs and initializers.

    Raises:
      ValueError: the outputs are not one embedding.
    """
    lengths = {name: of for name in outputs if (of := _length_of(name, producer)) is not None}
    vectors = [name for name in outputs if name not in lengths]
    bare = {_before_division(name, producer) for name in vectors} | set(lengths.values())
    if len(vectors) not in (1, 2) or len(bare) != 1:
        raise ValueError(
            f"wanted one input and one output (pictures, embeddings), or a length beside; seen {[*outputs]}"
        )
    divided = ["division by the length dropped"] if not bare & {*vectors} else []
    return bare.pop(), divided + (["the output of lengths dropped"] if lengths else [])


def _before_division(name, producer):
    """The tensor of which this one is the direction; itself where it is none."""
    node = producer(name)
    if op(node) in ("Identity", "Cast"):
        return _before_division(node.input[0], producer)
    if op(node) == "LpNormalization" and attributes(node).get("p", 2) == 2:
        return node.input[0]
    if op(node) == "Div" and _length_of(node.input[1], producer) == node.input[0]:
        return node.input[0]
    return name


def _length_of(name, producer):
    """The tensor whose Euclidean length this one is, or None."""
    node = producer(name)
    if op(node) in ON_THE_WAY:
        return _length_of(node.input[0], producer)
    if op(node) == "ReduceL2":
        return node.input[0]
    if op(node) in ("Sqrt", "Pow"):  # Pow: to the power of 1/2
        return _squares_summed(producer(node.input[0]), producer)
    return None


def _squares_summed(node, producer) -> str | None:
    if op(node) in ON_THE_WAY:
        return _squares_summed(producer(node.input[0]), producer)
    if op(node) == "ReduceSumSquare":
        return node.input[0]
    if op(node) != "ReduceSum" or op(square := producer(node.input[0])) not in ("Mul", "Pow"):
        return None
    is_square = op(square) == "Pow" or square.input[0] == square.input[1]
    return square.input[0] if is_square else None
