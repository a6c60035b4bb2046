"""Communication between devices in a compiled program: what is sent, and along which axes of the mesh.

Devices are numbered in the order of the mesh, its last axis fastest.

Source: https://openxla.org/xla/operation_semantics#allreduce and xla/hlo/ir/replica_group.h for the three notations.
"""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from perface_jax.aot.hlo import Operation

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute", "collective-broadcast")
SMALL = 64 << 10  # bytes: below, an all-reduce on a TPU costs its latency, whatever it sends


class Collective(NamedTuple):
    """One operation of communication."""

    kind: str
    axes: str  # of the mesh, `data` or `replica+data`; "" if every device keeps to itself
    size: int  # bytes that each device sends


def collective(
    operation: Operation, computation: Mapping[str, Operation], mesh: Mapping[str, int]
) -> Collective | None:
    """The communication of an operation in a program for `mesh`, sizes by axis; None if it is no communication."""
    kind = operation.opcode.removesuffix("-start")
    if kind not in KINDS:
        return None
    size = sum(shape.size for name in operation.operands for shape in computation[name].shapes)
    groups = device_groups(operation.attributes, math.prod(mesh.values()))
    return Collective(kind, axes(groups, mesh), size)


def device_groups(attributes: str, devices: int) -> list[list[int]]:
    """The groups of devices that communicate with each other; all of them where the text names none.

    Raises:
      ValueError: a notation that is not known here.
    """
    if pairs := re.search(r"source_target_pairs=\{(\{[\d,{}]*\})\}", attributes):
        return _listed(pairs[1])
    text = attributes.partition("replica_groups=")[2]
    if not text or re.match(r"\{\s*\}", text):
        return [list(range(devices))]
    if text.startswith("{{"):
        return _listed(text[: text.index("}}") + 1])
    if found := re.match(r"\[([\d,]+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?", text):
        return _iota(found[1], found[2], found[3])
    if found := re.match(r"mesh\[([^\]]*)\]\s*\{([^}]*)\}", text):
        return _of_mesh(found[1], found[2])
    raise ValueError(f"saw groups of devices in a notation that is not known here: {text[:80]}")


def axes(groups: list[list[int]], mesh: Mapping[str, int]) -> str:
    """The axes along which devices of one group differ, joined by `+`."""
    places = np.array(np.unravel_index(np.arange(math.prod(mesh.values())), tuple(mesh.values())))
    differ = [any(len(set(row[group].tolist())) > 1 for group in groups) for row in places]
    return "+".join(name for name, varies in zip(mesh, differ, strict=True) if varies)


def _listed(text: str) -> list[list[int]]:
    return [[int(one) for one in group.split(",") if one] for group in re.findall(r"\{([\d,]*)\}", text)]


def _iota(result: str, sides: str, order: str | None) -> list[list[int]]:
    lengths = [int(one) for one in sides.split(",")]
    numbers = np.arange(math.prod(lengths)).reshape(lengths)
    if order:
        numbers = numbers.transpose([int(one) for one in order.split(",")])
    return numbers.reshape([int(one) for one in result.split(",")]).tolist()


def _of_mesh(sides: str, chosen: str) -> list[list[int]]:
    """`mesh['a'=2,'b'=4] {'b'}`; `'b':(2)2` is the part of `b` that is left after 2 devices, 2 long."""
    lengths = {name: int(size) for name, size in re.findall(r"'(\w+)'=(\d+)", sides)}
    wanted = re.findall(r"'(\w+)'(?::\((\d+)\)(\d+))?", chosen)
    if len(re.findall(r"[^,\s]+", re.sub(r"'\w+'=\d+", "", sides))) or len({one[0] for one in wanted}) < len(wanted):
        raise ValueError(f"saw a mesh in a notation that is not known here: mesh[{sides}] {{{chosen}}}")
    split, picked = [], []
    parts = {name: (int(before), int(size)) for name, before, size in wanted if size}
    for name, length in lengths.items():
        before, size = parts.get(name, (1, length if name in {one[0] for one in wanted} else 1))
        picked.append(len(split) + 1)
        split += [before, size, length // (before * size)]
    numbers = np.arange(math.prod(split)).reshape(split)
    rest = [axis for axis in range(len(split)) if axis not in picked]
    return numbers.transpose([*rest, *picked]).reshape(-1, math.prod(split[axis] for axis in picked)).tolist()
