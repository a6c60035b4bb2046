"""The chips that programs are compiled for: their published peak rates, memory and bandwidth, and the sources.

A bound computed from these is what the chip could do at best; no program reaches it. `clock` turns libtpu's estimated
cycles into seconds: it is the one at which the matrix units of a chip give its published peak.
"""

from collections.abc import Iterable
from typing import NamedTuple

GOOGLE = "https://docs.cloud.google.com/tpu/docs/"


class Chip(NamedTuple):
    """One device as JAX counts them.

    Attributes:
      name: as printed.
      peak: operations a second in matrix units, in bfloat16, without sparsity.
      float32: the same for float32 at JAX's default precision: TPUs multiply in one bfloat16 pass, GPUs in TF32.
      highest: the same at the precision `highest`.
      memory: bytes.
      bandwidth: of the memory, bytes a second.
      clock: Hz; 0 where the compiler estimates no cycles.
      source: of these numbers.
    """

    name: str
    peak: float
    float32: float
    highest: float
    memory: float
    bandwidth: float
    clock: float
    source: str

    def rate(self, dtype: str, precision: str) -> float:
        """Operations a second of products of this element type."""
        if dtype not in ("f32", "f64"):
            return self.peak
        return {"highest": self.highest, "high": max(self.peak / 3, self.highest)}.get(precision, self.float32)


def _tpu(name: str, page: str, peak: float, gib: float, gb_per_second: float, clock: float) -> Chip:
    # Six bfloat16 passes make a float32 product at the highest precision.
    rates = peak * 1e12, peak * 1e12, peak * 1e12 / 6
    return Chip(name, *rates, gib * 2**30, gb_per_second * 1e9, clock * 1e9, GOOGLE + page)


CHIPS = {
    "v4": _tpu("TPU v4", "v4", 275, 32, 1200, 1.05),
    "v5e": _tpu("TPU v5e", "v5e", 197, 16, 819, 1.5),
    "v5p": _tpu("TPU v5p", "v5p", 459, 95, 2765, 1.75),
    "v6e": _tpu("TPU v6e", "v6e", 918, 32, 1600, 1.75),
    "h200": Chip(
        "NVIDIA H200",
        *(989e12, 494e12, 67e12),
        141e9,
        4.8e12,
        0,
        "https://www.nvidia.com/en-us/data-center/h200/ (SXM; half of the rates with sparsity)",
    ),
}


def seconds(chip: Chip, work: Iterable[tuple[int, str, str]], size: int) -> tuple[float, float]:
    """What products `(flops, dtype, precision)` and bytes take at the peak rates of a chip."""
    return sum(flops / chip.rate(dtype, precision) for flops, dtype, precision in work), size / chip.bandwidth
