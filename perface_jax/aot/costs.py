"""What one call of a compiled program does on each device: its kernels, products, bytes and communication.

Loops count as often as they run. Of a choice, the branch with most products counts, and the communication of every one.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from perface_jax.aot.collectives import Collective, collective
from perface_jax.aot.hlo import Module, Operation
from perface_jax.aot.products import Product, layer, product
from perface_jax.aot.traffic import is_free, moved


class Kernel(NamedTuple):
    """An operation that runs by itself, with all that is fused into it."""

    name: str
    times: int
    size: int  # bytes read and written
    written: int  # bytes of its results
    products: tuple[Product, ...]
    cycles: int  # the compiler's own estimate; 0 where it gives none
    layer: str

    @property
    def flops(self) -> int:
        return sum(one.flops for one in self.products)


class Costs(NamedTuple):
    """All kernels, and all communication with the number of times that it runs."""

    kernels: tuple[Kernel, ...]
    collectives: tuple[tuple[int, Collective], ...]

    @property
    def flops(self) -> int:
        """Of convolutions and matrix products."""
        return sum(one.times * one.flops for one in self.kernels)

    @property
    def size(self) -> int:
        """Bytes read from and written to main memory."""
        return sum(one.times * one.size for one in self.kernels)


def count(module: Module, mesh: Mapping[str, int]) -> Costs:
    """The costs of one call; `mesh` has the sizes of the axes of the mesh, in their order."""
    kernels, collectives = [], []
    for operation, computation, times, fused in _visit(module, module.entry, 1, False):
        if found := collective(operation, computation, mesh):
            collectives.append((times or 1, found))
        if times and not fused and not is_free(operation.opcode):
            kernels.append(_kernel(operation, computation, module, times))
    return Costs(tuple(kernels), tuple(collectives))


def _visit(
    module: Module, name: str, times: int, fused: bool
) -> Iterator[tuple[Operation, Mapping[str, Operation], int, bool]]:
    """Every operation that runs: its computation, how often, and whether it is part of a fusion."""
    computation = module.computations[name]
    for operation in computation.values():
        yield operation, computation, times, fused
        for inner, repeated in _inside(module, operation):
            yield from _visit(module, inner, times * repeated, fused or operation.opcode == "fusion")


def _inside(module: Module, operation: Operation) -> Iterator[tuple[str, int]]:
    match operation.opcode:
        case "while":
            yield operation.called("body"), _trips(module, operation)
        case "fusion" | "async-start":
            yield operation.called("calls"), 1
        case "call":
            yield operation.called("to_apply"), 1
        case "conditional":
            listed = re.search(r"branch_computations=\{([^}]*)\}", operation.attributes)
            names = re.findall(r"%?([\w.\-]+)", listed[1]) if listed else []
            names += [operation.called("true_computation"), operation.called("false_computation")]
            names = [name for name in names if name]
            heaviest = max(names, key=lambda name: _flops(module, name))
            yield from ((name, int(name == heaviest)) for name in dict.fromkeys(names))


def _flops(module: Module, name: str) -> int:
    """Of the products of one call of a computation."""
    found = ((times, product(one, where)) for one, where, times, _ in _visit(module, name, 1, False))
    return sum(times * one.flops for times, one in found if one)


def _trips(module: Module, operation: Operation) -> int:
    """How often a loop runs: as the compiler says, else the constant that its condition compares with, else 1."""
    if said := re.search(r'"known_trip_count":\{"n":"(\d+)"\}', operation.attributes):
        return int(said[1])
    condition = module.computations[operation.called("condition")].values()
    limits = [int(one.inside) for one in condition if one.opcode == "constant" and one.inside.isdigit()]
    return max(limits, default=1) or 1


def _kernel(operation: Operation, computation: Mapping[str, Operation], module: Module, times: int) -> Kernel:
    inner = _visit(module, operation.called("calls"), 1, True) if operation.opcode == "fusion" else ()
    found = [product(operation, computation), *(product(one, where) for one, where, _, _ in inner)]
    said = re.search(r'"estimated_cycles":"(\d+)"', operation.attributes)
    size, written = moved(operation, computation, module), sum(shape.size for shape in operation.shapes)
    products = tuple(one for one in found if one)
    where = next((one.layer for one in products if one.layer), layer(operation))
    return Kernel(operation.name, times, size, written, products, int(said[1]) if said else 0, where)
