"""Compiles a program for the devices of a topology, and describes what it would do there, as a record for JSON."""

import collections
import re
import time
from typing import Any, NamedTuple

import jax

from perface_jax.aot import chips, costs, hlo
from perface_jax.aot.chips import Chip
from perface_jax.aot.collectives import SMALL
from perface_jax.aot.costs import Costs, Kernel
from perface_jax.aot.programs import Program
from perface_jax.aot.topology import Topology
from perface_jax.network.mesh_axes import REPLICA

WORST, SLOWEST = 5, 3  # kernels that are listed, with and without products
TINY = 64 << 10  # bytes: a kernel that writes less is mostly the time to start it


class Compiled(NamedTuple):
    """The record of a program, and the executable; None if it does not fit into memory."""

    record: dict[str, Any]
    executable: jax.stages.Compiled | None


def compile_program(program: Program, topology: Topology) -> Compiled:
    """The compiled program and its description.

    `fits`, memory in bytes for each device; FLOPs of convolutions and products, and bytes of main memory, of one call
    on each device; the roofline bound; the compiler's estimate, if any; communication by axis of the mesh; the
    convolutions that lose most time to peak, and the other kernels that take longest.
    """
    started = time.perf_counter()
    begin = {"program": program.name, "what": program.what, "mesh": dict(program.mesh.shape)}
    begin |= {"idle_chips": program.idle} if program.idle else {}
    try:
        executable = program.function.trace(*program.arguments).lower().compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return Compiled(begin | {"fits": False, "why_not": _why(str(error))}, None)
    taken = round(time.perf_counter() - started, 1)
    counted = costs.count(hlo.parse(executable.as_text() or ""), program.mesh.shape)
    chip, memory = topology.chip, _memory(executable)
    record = begin | {
        "fits": memory["total"] <= chip.memory,
        "memory_bytes": memory,
        "tflop": counted.flops / 1e12,
        "gbyte": counted.size / 1e9,
        **bound(counted, chip),
        "kernels": sum(one.times for one in counted.kernels),
        "small_kernels": sum(one.times for one in counted.kernels if one.written < TINY and not one.products),
        "collectives": communication(counted),
        "across_replicas": any(REPLICA in one.axes.split("+") for _, one in counted.collectives),
        "worst_products": worst(counted, chip),
        "slowest_others": slowest(counted, chip),
        "compile_seconds": taken,
    }
    return Compiled(record, executable)


def bound(counted: Costs, chip: Chip) -> dict[str, Any]:
    """Seconds of one call: the roofline's, what limits them, and the compiler's estimate where there is one.

    Kernels run one after another, so the roofline is the sum over kernels of the larger of two times: that of its
    products at peak, and that of its bytes at full bandwidth. Communication is not in it.
    """
    by_products = by_memory = 0.0
    for kernel in counted.kernels:
        product, memory = _seconds(kernel, chip)
        if product > memory:
            by_products += kernel.times * product
        else:
            by_memory += kernel.times * memory
    cycles = sum(one.times * one.cycles for one in counted.kernels)
    roofline, estimate = by_products + by_memory, cycles / chip.clock if chip.clock else 0.0
    seconds = estimate or roofline
    return {
        "roofline_seconds": roofline,
        "limited_by_products_seconds": by_products,
        "limited_by_memory_seconds": by_memory,
        **({"estimated_seconds": estimate} if estimate else {}),
        "share_of_peak": counted.flops / chip.peak / seconds if seconds else 0.0,
    }


def communication(counted: Costs) -> list[dict[str, Any]]:
    """By kind and axes: how many, how many are small, and the bytes that a device sends."""
    found: dict[tuple[str, str], list[int]] = collections.defaultdict(lambda: [0, 0, 0])
    for times, one in counted.collectives:
        if one.axes:
            more = times, times * (one.size < SMALL), times * one.size
            found[one.axes, one.kind] = [a + b for a, b in zip(found[one.axes, one.kind], more, strict=True)]
    names = ("count", "small", "bytes")
    return [
        {"axes": axes, "kind": kind, **dict(zip(names, sums, strict=True))}
        for (axes, kind), sums in sorted(found.items())
    ]


def worst(counted: Costs, chip: Chip) -> list[dict[str, Any]]:
    """The kernels with products that take longest beyond the time of these at peak, with their share of peak."""
    rows = []
    for kernel in counted.kernels:
        if kernel.products:
            taken, peak = _taken(kernel, chip), _seconds(kernel, chip)[0]
            rows.append((kernel.times * (taken - peak), kernel, peak / taken if taken else 0.0))
    rows.sort(key=lambda row: -row[0])
    return [
        {
            "layer": kernel.layer,
            "product": max(kernel.products, key=lambda one: one.flops).text,
            "times": kernel.times,
            "share_of_peak": share,
            "seconds": kernel.times * _taken(kernel, chip),
        }
        for _, kernel, share in rows[:WORST]
    ]


def slowest(counted: Costs, chip: Chip) -> list[dict[str, Any]]:
    """The kernels without products that take longest."""
    others = [kernel for kernel in counted.kernels if not kernel.products]
    others.sort(key=lambda kernel: -kernel.times * _taken(kernel, chip))
    return [
        {
            "layer": kernel.layer,
            "kernel": kernel.name,
            "times": kernel.times,
            "gbyte": kernel.times * kernel.size / 1e9,
            "seconds": kernel.times * _taken(kernel, chip),
        }
        for kernel in others[:SLOWEST]
    ]


def _taken(kernel: Kernel, chip: Chip) -> float:
    """Seconds of a kernel, once: the compiler's estimate, or the roofline's where it has none."""
    return kernel.cycles / chip.clock if kernel.cycles and chip.clock else max(_seconds(kernel, chip))


def _seconds(kernel: Kernel, chip: Chip) -> tuple[float, float]:
    return chips.seconds(chip, ((one.flops, one.dtype, one.precision) for one in kernel.products), kernel.size)


def _memory(executable: jax.stages.Compiled) -> dict[str, int]:
    found = executable.memory_analysis()
    names = ("argument", "output", "alias", "temp", "generated_code")
    sizes = {name: int(getattr(found, f"{name}_size_in_bytes", 0)) for name in names}
    return sizes | {"total": sum(sizes.values()) - 2 * sizes["alias"]}


def _why(message: str) -> str:
    """The line of the compiler's message that says how much is too much."""
    found = re.search(r"Used [\d.]+\w of [\d.]+\w \w+", message)
    return found[0] if found else message.splitlines()[0][:200]
