"""Traced programs on disk: a later start of the same run need not trace them again.

Tracing r50's step with its derivatives takes Python four seconds at every start. `StoredTrace` keeps what was traced,
StableHLO by `jax.export`, beside the programs that JAX keeps; from it, JAX finds the compiled one.

A file is found by all that a trace depends on: the code of this package, the versions of `PACKAGES`, JAX's settings,
shapes and places of the arguments, and the facts that the caller states. A damaged file is replaced.
"""

import concurrent.futures
import contextlib
import functools
import hashlib
import importlib.metadata
import os
import pathlib
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
from jax import export
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import perface_jax
from perface_jax import files
from perface_jax.network import compilation
from perface_jax.network.kernels import compiled_for

PACKAGES = "jax jaxlib flax optax numpy ml_dtypes".split()
MOST = 128  # files in the folder: the last used ones remain


class How(NamedTuple):
    """How a stored trace is compiled.

    Attributes:
      mesh: the devices.
      spec: how all results are divided over them.
      donates: whether the program takes over the memory of the state.
    """

    mesh: Mesh
    spec: PartitionSpec
    donates: bool

    @property
    def options(self) -> dict[str, Any]:
        """Those of `jax.jit`."""
        place, donated = NamedSharding(self.mesh, self.spec), (0,) if self.donates else ()
        compiler = compilation.options(self.mesh.devices.flat)
        return {"out_shardings": place, "donate_argnums": donated, "compiler_options": compiler}


class StoredTrace:
    """A program `(state, *inputs) -> results`, called in the same way, whose trace is kept on disk.

    Args:
      program: of `parallel.spmd` or `spmd_rows`, on the devices of one process.
      folder: of the files.
      facts: what distinguishes this program from others that take the same arguments; any values of JSON.
      results: `state -> results`, with any leaves in the structure of the results.
      how: how to compile it.
      ahead: what may have compiled it meanwhile.
    """

    def __init__(
        self,
        program: Callable,
        *,
        folder: os.PathLike,
        facts: Mapping[str, Any],
        results: Callable[[Any], Any],
        how: How,
        ahead: "Ahead | None" = None,
    ):
        self._program, self._folder, self.facts = program, pathlib.Path(folder), facts
        self._results, self._how, self._ahead = results, how, ahead
        self._calls: dict[tuple, Callable] = {}  # by the shapes of the inputs; the state always has the same

    def __call__(self, state: Any, *inputs: Any) -> Any:
        leaves = jax.tree.leaves(state), jax.tree.leaves(inputs)
        shapes = tuple((x.shape, x.dtype) for x in leaves[1])
        structure = jax.tree.structure(self._results(state))
        if shapes not in self._calls:
            self._calls[shapes] = self._find(state, inputs, structure)
        return jax.tree.unflatten(structure, self._calls[shapes](*leaves))

    def _find(self, state, inputs, structure):
        platform = compiled_for(self._how.mesh.devices.flat)
        file = self._folder / f"{_key(self.facts, platform, (state, inputs), structure)}.trace"
        if self._ahead is not None and (found := self._ahead.take(file)) is not None:
            return found
        exported = _read(file)
        if exported is None:
            flat = _from_leaves_to_leaves(self._program, jax.tree.structure((state, *inputs)), structure)
            kept = jax.jit(flat, keep_unused=True)  # otherwise what is not read has no place in the trace
            try:
                exported = export.export(kept)(jax.tree.leaves(state), jax.tree.leaves(inputs))
            except ValueError:  # JAX keeps no custom calls that may change; any other fault is raised again below
                return jax.jit(flat, **self._how.options)
            _write(file, exported)
        return _compiled(exported, self._how)


class Ahead:
    """Compiles in a thread what the last start with these facts has called first, while weights are read.

    Args:
      folder: of the files.
      facts: some of those of the `StoredTrace`. What it calls first must still be the same file to be taken.
      how: as there.
    """

    def __init__(self, folder: os.PathLike, facts: Mapping[str, Any], how: How):
        self._note, self._how = pathlib.Path(folder) / f"{_hash([facts, _code()])}.first", how
        self._noted = self._note.read_text() if self._note.exists() else ""
        self._waits = True  # for the first call
        if self._noted:
            self._found = concurrent.futures.ThreadPoolExecutor(1).submit(self._compile)

    def _compile(self):
        exported = _read(self._note.with_name(self._noted))
        return None if exported is None else _compiled(exported, self._how)

    def take(self, file: pathlib.Path) -> Callable | None:
        """What was compiled, if this is the file; of the first call, the file is noted for the next start."""
        waits, self._waits = self._waits, False
        if not waits:
            return None
        if file.name == self._noted:
            return self._found.result()
        with contextlib.suppress(OSError):
            files.write_text(self._note, file.name)
        return None


def _compiled(exported, how):
    shardings = exported.in_shardings_jax(how.mesh)
    pairs = zip(exported.in_avals, shardings, strict=True)
    shapes = [jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place) for x, place in pairs]
    arguments, _ = jax.tree.unflatten(exported.in_tree, shapes)
    return jax.jit(exported.call, **how.options).lower(*arguments).compile()


def _from_leaves_to_leaves(program, arguments, structure):
    def flat(of_state, of_inputs):
        results = program.__wrapped__(*jax.tree.unflatten(arguments, [*of_state, *of_inputs]))
        if (found := jax.tree.structure(results)) != structure:
            raise TypeError(f"the program's results have the structure {found}, stated was {structure}")
        return jax.tree.leaves(results)

    return flat


def _key(facts, platform, arguments, structure):
    leaves, of_arguments = jax.tree.flatten(arguments)
    settings = {name: repr(value) for name, value in jax.config.values.items() if "cache" not in name}
    told = {
        "facts": facts,
        "platform": [platform, export.default_export_platform()],
        "arguments": [[list(x.shape), x.dtype.name, str(x.sharding)] for x in leaves],
        "structures": [str(of_arguments), str(structure)],
        "settings": settings,
    }
    return _hash([told, _code()])


def _hash(told):
    return hashlib.sha256(files.to_json(told, sort_keys=True).encode()).hexdigest()


@functools.cache
def _code():
    """The hash of this package's code, and the versions of what it calls."""
    folder = pathlib.Path(perface_jax.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(f"{file.relative_to(folder)} {file.stat().st_size} ".encode() + file.read_bytes())
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return " ".join([digest.hexdigest(), sys.version, *versions])


def _read(file):
    """The trace of a file, which counts as used now; None where there is none, or a damaged one."""
    try:
        head, data = (whole := file.read_bytes())[:32], whole[32:]
        if hashlib.sha256(data).digest() != head:
            return None
        os.utime(file)
        return export.deserialize(bytearray(data))
    except OSError:
        return None


def _write(file, exported):
    """Keep a trace, and remove those that were not used for longest; a folder that cannot be written keeps none."""
    data = bytes(exported.serialize())
    try:
        files.write_bytes(file, hashlib.sha256(data).digest() + data)
        for old in sorted(file.parent.iterdir(), key=lambda one: one.stat().st_mtime)[:-MOST]:
            old.unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(f"the next start will trace again: {error}", stacklevel=2)
