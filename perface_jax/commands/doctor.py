"""`perface doctor [--model DIR]`: is this installation complete, and does this device compute the right numbers?

Prints versions, devices, the cache of compiled programs, the extras that are installed or missing, and the answer of a
small network that is known. With `--model DIR` also that of the model folder, as `perface selftest`.
"""

import importlib.metadata
import importlib.util
import pathlib
import platform
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
from flax import traverse_util
from jaxtyping import Float, UInt8

from perface_jax import extras, selftest
from perface_jax._version import __version__
from perface_jax.argument_parser import ArgumentParser
from perface_jax.evaluation import embed
from perface_jax.network import compilation
from perface_jax.network.model import IResNet, iresnet
from perface_jax.network.variable_shapes import abstract_variables

CORE = ("jax", "jaxlib", "flax", "orbax-checkpoint", "numpy", "scipy", "pillow")
KNOWN = (0.345851, 0.729356, 0.527798)  # cosines of three pictures: 0 and 1, 0 and 2, 1 and 2
TOLERANCE = 1e-4


def main(arguments: Sequence[str] | None = None) -> None:
    """Exits with 0, or with 1 where a known answer is wrong; missing extras are no fault."""
    parser = ArgumentParser(prog="perface doctor", description="Is this installation complete and right?")
    parser.add_argument("--model", metavar="DIR", help="a model folder to test as well")
    chosen = parser.parse_args(arguments)
    compilation.keep_programs()
    for line in (*_versions(), *_devices(), *_programs(), *_extras()):
        print(line)
    error = float(np.abs(small_answer() - KNOWN).max())
    right = error <= TOLERANCE
    print(f"known answer    {'right' if right else 'WRONG'}: cosines of a small network differ by {error:.0e}")
    if not right:
        raise SystemExit("This device does not compute what it should: update jax and its drivers, then run it again")
    if chosen.model:
        selftest.main([chosen.model])


def small_answer() -> Float[np.ndarray, "3"]:
    """The cosines of three generated pictures by a small network with generated weights, in full precision."""
    model = iresnet(layers=(1, 1, 1, 1), width=4, image_size=32, embedding_size=16)
    with jax.default_matmul_precision("highest"):
        vectors = embed(model, small_variables(model), small_pictures())
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit @ unit.T)[np.triu_indices(3, 1)].astype(np.float64)


def small_pictures() -> UInt8[np.ndarray, "3 32 32 3"]:
    """Three pictures of noise."""
    return np.random.RandomState(0).randint(0, 256, (3, 32, 32, 3)).astype(np.uint8)


def small_variables(model: IResNet) -> dict:
    """Weights from a formula: scales and variances near 1, kernels that keep the size of what passes."""
    random = np.random.RandomState(1)  # its numbers are the same in every version of NumPy
    flat: dict[Any, Any] = traverse_util.flatten_dict(abstract_variables(model))
    made = {}
    for path in sorted(flat):
        shape, noise = flat[path].shape, random.standard_normal(flat[path].shape)
        if path[-1] == "kernel":
            noise = noise / np.sqrt(np.prod(shape[:-1]))
        elif path[0] == "constants":
            noise = np.ones(shape)
        else:
            noise = 0.1 * noise + (path[-1] in ("scale", "var")) + 0.25 * (path[-1] == "slope")
        made[path] = noise.astype(np.float32)
    return traverse_util.unflatten_dict(made)


def _versions() -> Iterator[str]:
    yield f"perface_jax     {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    found = [f"{name} {importlib.metadata.version(name)}" for name in CORE]
    yield f"core            {', '.join(found[:4])},"
    yield f"                {', '.join(found[4:])}"


def _devices() -> Iterator[str]:
    for kind in dict.fromkeys(device.device_kind for device in jax.devices()):
        same = [device for device in jax.devices() if device.device_kind == kind]
        yield f"devices         {len(same)} x {kind} ({same[0].platform})"


def _programs() -> Iterator[str]:
    """Where compiled programs are kept."""
    if not (folder := jax.config.jax_compilation_cache_dir):  # pyright: ignore
        yield "programs        not kept: every start compiles; set JAX_COMPILATION_CACHE_DIR to a folder"
        return
    sizes = [path.stat().st_size for path in pathlib.Path(folder).glob("*") if path.is_file()]
    yield f"programs        {folder}: {len(sizes)} files, {sum(sizes) / 2**20:.0f} MiB"


def _extras() -> Iterator[str]:
    for extra in dict.fromkeys(extras.EXTRAS.values()):
        packages = [package for package, brings in extras.EXTRAS.items() if brings == extra]
        missing = [package for package in packages if importlib.util.find_spec(package) is None]
        command = f'python -m pip install "perface_jax[{extra}]"'
        state = f"missing {', '.join(missing)}: {command}" if missing else f"installed: {', '.join(packages)}"
        yield textwrap.fill(f"extra {extra:<10}{state}", 80, subsequent_indent=16 * " ", break_on_hyphens=False)


if __name__ == "__main__":
    main()
