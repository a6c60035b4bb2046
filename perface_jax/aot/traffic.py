"""Bytes that the operations of a compiled program read from and write to main memory.

Every kernel reads its operands and writes its results once; caches between kernels are left out. Of an array that a
kernel only slices or gathers from, the slices count. Arrays in other memory spaces (a TPU's vector memory) count only
where they are copied from or to. The padding of a TPU's tiles counts: it is moved, too.
"""

from collections.abc import Mapping

from perface_jax.aot.hlo import Module, Operation, Shape

FREE = {
    "parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all", "partition-id", "replica-id",
    "opt-barrier", "while", "conditional", "call", "async-start", "async-update", "add-dependency",
}  # fmt: skip
_SLICES = {"dynamic-slice", "gather", "slice"}


def is_free(opcode: str) -> bool:
    """Whether such an operation is no kernel: it names, waits, or only contains others."""
    return opcode in FREE or opcode.endswith("-done")


def moved(operation: Operation, computation: Mapping[str, Operation], module: Module) -> int:
    """Bytes that one kernel reads and writes; 0 for an operation that is none."""
    if is_free(operation.opcode):
        return 0
    operands = [computation[name] for name in operation.operands]
    if operation.opcode == "fusion":
        return _fused(operation, operands, module.computations[operation.called("calls")])
    if operation.opcode in _SLICES:
        return 2 * _bytes(operation.shapes) + sum(_bytes(one.shapes) for one in operands[1:])
    if operation.opcode in ("dynamic-update-slice", "scatter"):
        return 2 * sum(_bytes(one.shapes) for one in operands[1:])
    if operation.opcode == "slice-start":  # its results: the operands again, the slice, and a signal
        cut = operation.shapes[len(operands)]
        return _bytes((cut,)) + cut.padded * (operands[0].shapes[0].space == 0)
    if operation.opcode == "copy-start":
        return _bytes(operation.shapes[:1]) + _bytes(operands[0].shapes)
    return _bytes(operation.shapes) + sum(_bytes(one.shapes) for one in operands)


def _bytes(shapes: tuple[Shape, ...]) -> int:
    return sum(shape.padded for shape in shapes if shape.space == 0)


def _fused(operation: Operation, operands: list[Operation], inner: Mapping[str, Operation]) -> int:
    parameters = {int(one.inside): one for one in inner.values() if one.opcode == "parameter"}
    root = next(one for one in inner.values() if one.is_root)
    read = sum(_read(parameters[place], one, inner) for place, one in enumerate(operands))
    return read + _written(root, operation.shapes, inner)


def _read(parameter: Operation, outer: Operation, inner: Mapping[str, Operation]) -> int:
    """Bytes of one operand that a fusion reads."""
    whole = _bytes(outer.shapes)
    users = [one for one in inner.values() if parameter.name in one.operands]
    slices = 0
    for user in users:
        first = user.operands[0] == parameter.name
        if user.opcode in _SLICES and first:
            slices += sum(shape.padded for shape in user.shapes)
        elif not (user.opcode == "dynamic-update-slice" and first):  # which changes it in place
            return whole
    return min(whole, slices)


def _written(root: Operation, shapes: tuple[Shape, ...], inner: Mapping[str, Operation]) -> int:
    """Bytes that a fusion writes: of an update in place, the update."""
    ends = [inner[name] for name in root.operands] if root.opcode == "tuple" else [root]
    if len(ends) != len(shapes):
        return _bytes(shapes)
    return sum(_end(end, shape, inner) for end, shape in zip(ends, shapes, strict=True))


def _end(end: Operation, shape: Shape, inner: Mapping[str, Operation]) -> int:
    while end.opcode in ("bitcast", "convert") and end.operands:
        end = inner[end.operands[0]]
    if end.opcode == "dynamic-update-slice":
        return min(_bytes((shape,)), sum(one.padded for one in inner[end.operands[1]].shapes))
    return _bytes((shape,))
