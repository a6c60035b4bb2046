"""Description of the machine that a measurement ran on."""

import importlib.metadata
import os
import pathlib
import platform
import subprocess

import jax


def describe() -> dict:
    """Commit, processor, cores and load, kind and number of devices, versions."""
    commit = _git("describe", "--always")
    changed = _git("status", "--porcelain", "--", ".", ":!benchmarks/results", ":!docs/performance.md")
    return {
        "commit": f"{commit}-dirty" if changed else commit or "unknown",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load_average": round(os.getloadavg()[0], 2),
        "backend": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
        "devices": jax.device_count(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": importlib.metadata.version("jaxlib"),
    }


def _git(*words: str) -> str:
    root = pathlib.Path(__file__).resolve().parent.parent
    return subprocess.run(["git", *words], cwd=root, check=False, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    information = pathlib.Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
