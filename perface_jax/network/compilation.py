"""How programs are compiled: with which options, and where they are kept for the next start."""

import contextlib
import os
import pathlib

import jax

_CPU = {
    "xla_cpu_experimental_ynn_fusion_type": "",
    "xla_disable_hlo_passes": "cse_barrier_expander",
}


def options() -> dict[str, str]:
    """What to give `jax.jit(function, compiler_options=...)` for programs with convolutions on the default backend.

    On CPUs XLA (jaxlib 0.10) gives convolutions and products to YNNPACK, which is slower, above all for filter
    gradients: `benchmarks/layers.py` times layers with and without. A pass of XLA removes there what keeps
    rematerialized values from being shared with the first ones; without that pass `remat` saves memory. Elsewhere
    nothing is set.
    """
    return dict(_CPU) if jax.default_backend() == "cpu" else {}


def keep_programs() -> None:
    """Keep compiled programs on disk, so that the next start of the same run need not compile.

    They lie where JAX_COMPILATION_CACHE_DIR says, else in `perface_jax` in the user's cache folder; an empty
    JAX_COMPILATION_CACHE_DIR, or a user without a home, keeps none. JAX itself looks them up by program, options,
    device and version.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        with contextlib.suppress(RuntimeError):  # no home
            caches = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
            jax.config.update("jax_compilation_cache_dir", str(caches / "perface_jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
