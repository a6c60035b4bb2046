"""What `perface aot` prints of a compiled program: lines of 80 columns."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from perface_jax.aot.chips import Chip
from perface_jax.formatting import percent, wrapped


def header(name: str, chip: Chip, devices: int) -> list[str]:
    """The chips and where their numbers come from."""
    rates = f"{chip.peak / 1e12:,.0f} TFLOP/s in bfloat16, {chip.bandwidth / 1e9:,.0f} GB/s"
    line = f"{name}: {devices} x {chip.name}, {rates}, {chip.memory / 2**30:,.0f} GiB"
    return [wrapped(line, indent="  "), wrapped(f"  ({chip.source})", indent="  ")]


def page(record: Mapping[str, Any]) -> list[str]:
    """One program; figures are of one call on each device."""
    mesh = " x ".join(f"{axis} {size}" for axis, size in record["mesh"].items())
    lines = ["", wrapped(f"{record['program']}: {record['what']}; mesh {mesh}", indent="  ")]
    if idle := record.get("idle_chips"):
        used = math.prod(record["mesh"].values())
        lines.append(f"  chips       {used:,} of {used + idle:,}; {idle:,} stay idle (config.mesh.data)")
    if "memory_bytes" not in record:
        return [*lines, f"  memory      DOES NOT FIT: {record['why_not']}"]
    memory = record["memory_bytes"]
    total, temporary = memory["total"] / 2**30, memory["temp"] / 2**30
    fits = "fits" if record["fits"] else "DOES NOT FIT"
    lines += [
        f"  memory      {fits}: {total:.2f} GiB, {temporary:.2f} of it for work",
        f"  work        {record['tflop']:.3g} TFLOP, {record['gbyte']:.3g} GB; {record['kernels']:,} kernels,"
        f" {record['small_kernels']:,} small",
        *_times(record),
        *_communication(record["collectives"]),
    ]
    if record["across_replicas"]:
        lines.append("  FAILURE     replicas communicate: they must not")
    return [*lines, *_worst(record["worst_products"]), *_slowest(record["slowest_others"])]


def _times(record: Mapping[str, Any]) -> list[str]:
    products, memory = record["limited_by_products_seconds"], record["limited_by_memory_seconds"]
    limit = "memory bandwidth" if memory > products else "matrix units"
    lines = [
        f"  roofline    {_ms(record['roofline_seconds'])} at least; limited by {limit}",
        f"              ({_ms(memory)} in kernels limited by memory, {_ms(products)} by products)",
    ]
    if "estimated_seconds" in record:
        lines.append(f"  estimate    {_ms(record['estimated_seconds'])} by the compiler, without communication")
    at = "estimate" if "estimated_seconds" in record else "roofline"
    return [*lines, f"  of peak     {percent(record['share_of_peak'])} at the {at}"]


def _communication(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return ["  sent        nothing between devices"]
    return [
        f"  sent        along {row['axes']}: {row['count']:,} {row['kind']}, {row['small']:,} of them below 64 KiB;"
        f" {row['bytes'] / 2**20:,.1f} MiB"
        for row in rows
    ]


def _worst(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["  convolutions and products that lose most:", "     of peak  times      ms  layer"] if rows else []
    for row in rows:
        share = percent(row["share_of_peak"])
        lines.append(f"{share:>12}{row['times']:>7,}{1000 * row['seconds']:>8.3g}  {row['layer'] or '-'}"[:80])
        lines.append(f"      {row['product']}"[:80])
    return lines


def _slowest(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["  other kernels that take longest:", "          GB  times      ms  operation"] if rows else []
    for row in rows:
        numbers = f"{row['gbyte']:>12.3g}{row['times']:>7,}{1000 * row['seconds']:>8.3g}"
        lines.append(f"{numbers}  {row['layer'] or '-'} ({row['kernel']})"[:80])
    return lines


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"
