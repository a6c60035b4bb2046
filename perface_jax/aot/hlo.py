"""Reads the text of a compiled program, as `jax.stages.Compiled.as_text` returns it.

Only what `costs` needs: computations, their operations with the shapes of their results, operands and attributes.

Source: https://openxla.org/xla/operation_semantics and https://openxla.org/xla/tiled_layout.
"""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

_BITS = {"pred": 8, "s4": 4, "u4": 4, "bf16": 16, "c64": 64, "c128": 128, "token": 0, "opaque": 0}
_ARRAY = re.compile(r"([a-z]\w*)\[([\d,<= ]*)\](?:\{([^{}]*)\})?")
_HEAD = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*-> .*\{$")


class Shape(NamedTuple):
    """An array: element type, sides, bytes with the padding of its tiles, and memory space (0 is the main memory)."""

    dtype: str
    sides: tuple[int, ...]
    padded: int
    space: int

    @property
    def size(self) -> int:
        """Bytes without padding."""
        return math.ceil(math.prod(self.sides) * bits(self.dtype) / 8)

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.sides))}]"


class Operation(NamedTuple):
    """One line of a computation: a name, what it does, its results, the names of its operands, and the rest."""

    name: str
    opcode: str
    shapes: tuple[Shape, ...]
    operands: tuple[str, ...]
    attributes: str
    is_root: bool
    inside: str  # what the parentheses hold: of a parameter its position, of a constant its value

    def called(self, attribute: str) -> str:
        """The name of the computation that `attribute=%name` names; "" for none."""
        found = re.search(rf"\b{attribute}=%?([\w.\-]+)", self.attributes)
        return found[1] if found else ""


class Module(NamedTuple):
    """A program: the operations of each computation by name, in order, and the name of the first computation."""

    entry: str
    computations: Mapping[str, Mapping[str, Operation]]


def bits(dtype: str) -> int:
    """The width of an element type: 16 for `bf16`, 8 for `f8e4m3fn`."""
    if dtype in _BITS:
        return _BITS[dtype]
    digits = re.match(r"[a-z]+(\d+)", dtype)
    if not digits:
        raise ValueError(f"the program has arrays of {dtype!r}, a type that is not known here")
    return int(digits[1])


def parse(text: str) -> Module:
    """The computations of a compiled program.

    Raises:
      ValueError: the text has no entry computation.
    """
    computations, entry, current = {}, "", None
    for line in text.splitlines():
        if head := _HEAD.match(line):
            current = computations[head[2]] = {}
            entry = head[2] if head[1] else entry
        elif line.startswith("}"):
            current = None
        elif current is not None and " = " in line:
            operation = _operation(line.strip())
            current[operation.name] = operation
    if not entry:
        raise ValueError("saw no ENTRY computation, wanted the text of a compiled program")
    return Module(entry, computations)


def shapes(text: str) -> tuple[Shape, ...]:
    """The arrays of a shape, `bf16[8,128]{1,0:T(8,128)(2,1)S(1)}` or a tuple of them."""
    return tuple(_shape(*found.groups()) for found in _ARRAY.finditer(re.sub(r"/\*.*?\*/", "", text)))


def _operation(line: str) -> Operation:
    is_root = line.startswith("ROOT ")
    name, _, rest = line.removeprefix("ROOT ").partition(" = ")
    end = _closing(rest, 0) + 1 if rest.startswith("(") else rest.index(" ")
    opcode, _, _ = rest[end:].strip().partition("(")
    begin = rest.index("(", end)
    close = _closing(rest, begin)
    inside = rest[begin + 1 : close]
    operands = tuple(re.findall(r"%([\w.\-]+)", inside))
    return Operation(name.lstrip("%"), opcode, shapes(rest[:end]), operands, rest[close + 1 :], is_root, inside)


def _closing(text: str, start: int) -> int:
    """The position of the parenthesis that closes the one at `start`; quoted text does not count."""
    depth, quoted = 0, False
    for place in range(start, len(text)):
        letter = text[place]
        if letter == '"' and text[place - 1] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (letter == "(") - (letter == ")")
            if not depth:
                return place
    raise ValueError(f"saw a line without its closing parenthesis: {text[:80]}")


def _shape(dtype: str, sides: str, layout: str | None) -> Shape:
    lengths = tuple(int(side.strip("<= ")) for side in sides.split(",") if side.strip())
    order, _, rest = (layout or "").partition(":")
    space = re.search(r"S\((\d+)\)", rest)
    tile = re.search(r"T\(([\d,]+)\)", rest)
    count = _padded(lengths, order, [int(side) for side in tile[1].split(",")] if tile else [])
    return Shape(dtype, lengths, math.ceil(count * bits(dtype) / 8), int(space[1]) if space else 0)


def _padded(sides: tuple[int, ...], order: str, tile: list[int]) -> int:
    """Elements with the padding of a tile, which covers the last of the sides in memory."""
    minor = [int(axis) for axis in order.split(",") if axis] or list(range(len(sides)))[::-1]
    lengths = [sides[axis] for axis in minor] + [1] * (len(tile) - len(sides))
    for place, side in enumerate(reversed(tile)):
        lengths[place] = -(-lengths[place] // side) * side
    return math.prod(lengths)
