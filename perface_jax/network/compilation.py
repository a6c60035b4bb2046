"""How programs are compiled: the compiler options, and the cache on disk."""

import contextlib
import functools
import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

import jax

_CPU = (
    # Otherwise XLA gives convolutions and products to YNNPACK, which is slower, above all for filter gradients:
    # `benchmarks/layers.py` times layers with and without.
    ("xla_cpu_experimental_ynn_fusion_type", ""),
    # This pass removes what keeps rematerialized values from being shared with the first ones; without it `remat`
    # saves memory.
    ("xla_disable_hlo_passes", "cse_barrier_expander"),
)


def options(devices: Iterable[jax.Device] | None = None) -> dict[str, str]:  # pyright: ignore  # an alias of jaxlib
    """Compiler options for programs with convolutions: `jax.jit(function, compiler_options=options())`.

    Args:
      devices: the devices to compile for; None: JAX's default devices.

    Returns:
      The options that the installed XLA accepts for CPUs; none for other devices.
    """
    device = next(iter(jax.local_devices() if devices is None else devices))
    return dict(accepted(_CPU)) if device.platform == "cpu" else {}


@functools.cache
def accepted(options: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, Any], ...]:
    """The options `(name, value)` that the installed XLA accepts for CPUs; versions of XLA differ."""
    return tuple(option for option in options if _is_accepted(option))


def _is_accepted(option):
    try:
        _compile(dict([option]))
    except jax.errors.JaxRuntimeError:
        _compile({})  # raises if the fault is not the option's
        return False
    return True


def _compile(options):
    device = jax.sharding.SingleDeviceSharding(jax.local_devices(backend="cpu")[0])
    jax.jit(lambda: 0, compiler_options=options, out_shardings=device).lower().compile()


def keep_programs() -> None:
    """Keep compiled programs on disk, so that the next start of the same run need not compile.

    The folder is JAX_COMPILATION_CACHE_DIR, otherwise `perface_jax` in the user's cache folder. With an empty
    JAX_COMPILATION_CACHE_DIR, or for a user without a home, nothing is kept. JAX finds the programs by their code,
    options, device and version.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        with contextlib.suppress(RuntimeError):  # no home
            caches = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
            jax.config.update("jax_compilation_cache_dir", str(caches / "perface_jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def traces_folder() -> pathlib.Path | None:
    """Where to keep what was traced: inside of the folder of JAX's compiled programs; None where nothing is kept."""
    folder = jax.config.jax_compilation_cache_dir  # pyright: ignore  # JAX adds its settings at run time
    return pathlib.Path(folder) / "traces" if folder else None


@contextlib.contextmanager
def without_optimization() -> Iterator[None]:
    """Inside of it, XLA compiles in a hurry: for programs that run once or a few times, which take longer to compile.

    Programs that were compiled before stay as they are. Nothing changes where JAX does not know the option.
    """
    name = "jax_disable_most_optimizations"
    before = jax.config.values.get(name)
    if before is None:
        yield
        return
    jax.config.update(name, True)
    try:
        yield
    finally:
        jax.config.update(name, before)
