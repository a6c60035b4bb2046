"""Damaged files of embeddings: `read_vectors`, and what `perface evaluate --embeddings` opens."""

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from perface_jax import evaluation
from tests.fuzz import byte_faults
from tests.fuzz.case import Case, Expect
from tests.fuzz.world import World

NAMES = [f"t{number:04d}_{role}" for number in range(4) for role in "abc"]
Arrays = dict[str, Any]


def arrays() -> Arrays:
    """Twelve vectors and their names."""
    return {"names": np.array(NAMES), "embeddings": np.random.default_rng(0).normal(size=(12, 8)).astype(np.float32)}


def case(random: np.random.Generator, folder: pathlib.Path, world: World) -> Case:
    """One damaged file."""
    path, expect = folder / "vectors.npz", Expect.REFUSED
    if random.random() < 0.4:
        np.savez(path, **arrays())
        good = path.read_bytes()
        path.unlink()
        fault, sure = byte_faults.damage(random, path, good)
        expect = expect if sure else Expect.EITHER
    else:
        fault, held = [*FAULTS][random.integers(len(FAULTS))], arrays()
        FAULTS[fault](held)
        with path.open("wb") as file:
            (np.savez if random.random() < 0.5 else np.savez_compressed)(file, **held)
    if random.random() < 0.3:
        argv = ["evaluate", f"--embeddings={path}", f"--config.data.release={folder}", f"--report={folder / 'report'}"]
        return (
            Case(f"evaluate: {fault}", (path.name,), argv, expect=Expect.REFUSED, writes=("report/",))
            if expect is Expect.REFUSED
            else _read(path, fault, expect)
        )
    return _read(path, fault, expect)


def _read(path, fault, expect):
    return Case(f"read_vectors: {fault}", (path.name,), call=lambda: evaluation.read_vectors(path), expect=expect)


def controls(folder: pathlib.Path, world: World) -> list[Case]:
    """Vectors as they should be, in other types and with suffixes."""
    made, held = [], arrays()
    kinds = {
        "float32": held,
        "float16": held | {"embeddings": held["embeddings"].astype(np.float16)},
        "float64": held | {"embeddings": held["embeddings"].astype(np.float64)},
        "suffixes": held | {"names": np.array([f"triplet/{name}.jpg" for name in NAMES])},
        "names in bytes": held | {"names": np.array(NAMES).astype("S")},
        "other arrays beside": held | {"labels": np.arange(3)},
        "another byte order": held | {"embeddings": held["embeddings"].astype(">f4")},
    }
    for number, (what, values) in enumerate(kinds.items()):
        path = folder / f"{number}.npz"
        np.savez(path, **values)
        made.append(_read(path, what, Expect.ACCEPTED))
    return made


def _put(name, function):
    return lambda held: held.update({name: function(held[name])})


def _with(value):
    def change(held):
        held["embeddings"][3, 2] = value

    return change


def _zero(held):
    held["embeddings"][5] = 0


FAULTS: dict[str, Callable[[Arrays], Any]] = {
    "no names": lambda held: held.pop("names"),
    "no embeddings": lambda held: held.pop("embeddings"),
    "other arrays": lambda held: (held.clear(), held.update(arr_0=np.ones(3))),
    "nothing": lambda held: held.clear(),
    "NaN": _with(np.nan),
    "infinity": _with(np.inf),
    "a zero vector": _zero,
    "a name twice": lambda held: held["names"].__setitem__(1, held["names"][0]),
    "a name twice but for its folder": _put("names", lambda names: np.array(["a/x.jpg", "b/x.png", *names[2:]])),
    "a name too many": _put("names", lambda names: np.append(names, "t9999_a")),
    "a row too many": _put("embeddings", lambda array: np.vstack([array, array[:1]])),
    "transposed": _put("embeddings", lambda array: array.T),
    "one dimension": _put("embeddings", np.ravel),
    "three dimensions": _put("embeddings", lambda array: array[:, None]),
    "no dimension": _put("embeddings", lambda array: np.float32(1)),
    "no row": lambda held: held.update(names=held["names"][:0], embeddings=held["embeddings"][:0]),
    "no column": _put("embeddings", lambda array: array[:, :0]),
    "whole numbers": _put("embeddings", lambda array: (array * 100).astype(np.int8)),
    "text": _put("embeddings", lambda array: array.astype(str)),
    "complex numbers": _put("embeddings", lambda array: array.astype(np.complex64)),
    "booleans": _put("embeddings", lambda array: array > 0),
    "objects": _put("embeddings", lambda array: array.astype(object)),
    "names as objects": _put("names", lambda names: names.astype(object)),
    "names in a table": _put("names", lambda names: names[:, None]),
    "no name": _put("names", lambda names: np.array(["", *names[1:]])),
    "beyond float32": _put("embeddings", lambda array: array.astype(np.float64) * 1e300),
    "names as numbers": _put("names", lambda names: np.arange(len(names)) + 0.5),
    "a structured array": _put("embeddings", lambda array: np.zeros(12, [("a", "f4"), ("b", "f4")])),
}
