"""The switch between XLA's kernels and those of this package, which are for CPUs.

XLA's convolutions and reductions are fast on accelerators. On CPUs some are slow, and `convolution`, `winograd` and
`batch_norm` replace them. The platform that a program is lowered for decides, not the one it is traced on: a program
exported for TPUs is the same whether or not the exporting computer has a TPU. Only `on_cpu` and `compiled_for` ask.
"""

import enum
import functools
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float, Shaped

from perface_jax.arrays import AnyArray, Array

SLICES = 4  # added to each other before a sum


class Kernels(enum.StrEnum):
    """Whose kernels compute convolutions, norms and their derivatives."""

    AUTO = "auto"  # this package's in programs for CPUs, XLA's in others; without forward-mode derivatives
    XLA = "xla"  # XLA's in all programs; forward-mode derivatives (`jax.jvp`, `jax.jacfwd`) are defined

    @classmethod
    def _missing_(cls, value):
        raise ValueError(f"kernels is {value!r}; wanted one of {', '.join(cls)}")


_assumed: list[str] = []  # by `assume`


def assume(name: str) -> str:
    """From now on this process traces every program as for this platform, `tpu`, wherever it runs; "" ends this.

    For tests on a CPU of what accelerators compute. What was traced before stays as it is. Returns what was assumed
    before.
    """
    before = _assumed[0] if _assumed else ""
    _assumed[:] = [name] if name else []
    return before


def compiled_for(devices: Iterable[jax.Device] | None = None) -> str:  # pyright: ignore  # an alias of jaxlib
    """The platform that programs for these devices, by default JAX's, are compiled for: `cpu`, `tpu`, `cuda` ..."""
    return _assumed[0] if _assumed else next(iter(jax.local_devices() if devices is None else devices)).platform


def on_cpu(ours: Callable, xla: Callable, *args: Any) -> Any:
    """`ours(*args)` in programs lowered for CPUs, `xla(*args)` in others. Both are traced; one is lowered."""
    if _assumed:
        return (ours if compiled_for() == "cpu" else xla)(*args)
    return jax.lax.platform_dependent(*args, cpu=ours, default=xla)


def barrier(tree: Any) -> Any:
    """The same values; makes XLA for CPUs compute each of them once, not again for every use."""
    return on_cpu(jax.lax.optimization_barrier, lambda tree: tree, tree)


def barrier_on_gpu(x: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
    """The same values; keeps XLA for GPUs from fusing what computes them with what uses them."""
    keep, apart = (lambda x: x), jax.lax.optimization_barrier
    if _assumed:
        return (apart if compiled_for() in ("cuda", "rocm") else keep)(x)
    return jax.lax.platform_dependent(x, cuda=apart, rocm=apart, default=keep)


def column_sums(function: Callable[..., Array], *rows: Float[AnyArray, "*rows c"]) -> Float[Array, " c"]:
    """The sums over all rows of an elementwise function of the arrays."""
    matrices = [x.reshape(-1, x.shape[-1]) for x in rows]
    return on_cpu(functools.partial(_sum, function, axis=0), lambda *rows: jnp.sum(function(*rows), axis=0), *matrices)


def row_sums(x: Float[AnyArray, "*rows n"]) -> Float[Array, "*rows"]:
    """The sums over the last axis."""

    def ours(x):
        return _sum(lambda x: x, x.reshape(-1, x.shape[-1]), axis=1).reshape(x.shape[:-1])

    return on_cpu(ours, lambda x: jnp.sum(x, axis=-1), x)


def _sum(function, *matrices, axis):
    """A few long slices are added to each other, elementwise; the result is multiplied by ones.

    XLA's reduction for CPUs uses one core and no vector registers: `benchmarks/layers.py` times both. The ones are two
    vectors, because XLA does not pass a product with a single vector to its library but compiles it each time.
    """
    length = matrices[0].shape[axis]
    long = length // SLICES

    def cut(start, stop):
        return function(*(jax.lax.slice_in_dim(x, start, stop, axis=axis) for x in matrices))

    added: Any = sum(cut(i * long, (i + 1) * long) for i in range(SLICES))
    ones = jnp.ones((2, long), added.dtype)
    total = (ones @ added)[0] if axis == 0 else (added @ ones.T)[:, 0]
    return total + jnp.sum(cut(SLICES * long, length), axis=axis) if length % SLICES else total
