"""Damaged model folders: `selftest`, `compare`, `embed`, `load_model`."""

import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from perface_jax.network.model_folder import load_model, save_model
from tests.fuzz import byte_faults
from tests.fuzz.case import Case, Expect
from tests.fuzz.world import World, encoded

PERHAPS = ("weights/ocdbt", "weights/_C", "weights/_s", "weights/array")  # Orbax does not read all that it has written


def case(random: np.random.Generator, folder: pathlib.Path, world: World) -> Case:
    """One damaged folder."""
    made, fault = damaged(random, folder, world)
    (folder / "a.png").write_bytes(encoded("PNG", 1))
    (folder / "b.png").write_bytes(encoded("PNG", 2))
    (folder / "set").mkdir()
    (folder / "set/c.png").write_bytes(encoded("PNG", 3))
    crops = ["--model", str(made), "--detector", "none"]
    doors = (
        ["compare", str(folder / "a.png"), str(folder / "b.png"), *crops],
        ["embed", str(folder / "set"), "--out", str(folder / "e.npz"), *crops],
        ["rank", str(folder / "a.png"), str(folder / "set"), *crops],
        ["selftest", str(made)],
        ["selftest", str(made)],
        (),
    )
    argv = doors[random.integers(len(doors))]
    name = f"{argv[0] if argv else 'load_model'}: {fault}"
    expect = Expect.EITHER if fault.startswith(PERHAPS) else Expect.REFUSED
    return Case(name, (made.name,), argv, call=lambda: _load(made, world), expect=expect)


def _load(made, world):
    """What loads must be what was saved."""
    _, variables = load_model(made)
    same = jax.tree.map(
        lambda one, other: bool((np.asarray(one) == np.asarray(other)).all()), variables, world.model[1]
    )
    if not all(jax.tree.leaves(same)):
        raise AssertionError("loads other weights than were saved")


def controls(folder: pathlib.Path, world: World) -> list[Case]:
    """A whole folder, a copy of it, and one with other files beside."""
    made = world.copy_model(folder / "model")
    (made / "README.txt").write_text("mine")
    (made / ".DS_Store").write_bytes(b"\0")
    return [
        Case("selftest", (), ["selftest", str(made)], expect=Expect.ACCEPTED),
        Case("load_model", (), call=lambda: load_model(made), expect=Expect.ACCEPTED),
    ]


def damaged(random: np.random.Generator, folder: pathlib.Path, world: World) -> tuple[pathlib.Path, str]:
    """A folder that no command can use, and what is wrong with it."""
    made = folder / "the model"
    world.copy_model(made)
    chosen = random.random()
    if chosen < 0.4:
        fault = [*RECORDS][random.integers(len(RECORDS))]
        record = json.loads((made / "model.json").read_text())
        changed = RECORDS[fault](random, record)
        (made / "model.json").write_text(json.dumps(record if changed is None else changed))
        return made, f"model.json, {fault}"
    if chosen < 0.6:
        return made, f"model.json, {_damage(random, made / 'model.json')}"
    if chosen < 0.9:
        files = sorted(path for path in (made / "weights").rglob("*") if path.is_file() and path.stat().st_size > 200)
        file = files[random.integers(len(files))]
        return made, f"{file.relative_to(made)}, {_damage(random, file)}"
    fault = [*PLACES][random.integers(len(PLACES))]
    PLACES[fault](made)
    return made, fault


def _damage(random, file):
    good = file.read_bytes()
    file.unlink()
    fault, _ = byte_faults.damage(random, file, good, perhaps=0)
    return fault


def _emptied(made):
    shutil.rmtree(made)
    made.mkdir()


def _file(made):
    shutil.rmtree(made)
    made.write_text("a model")


def _other_weights(made):
    model, variables = load_model(made)
    other = jax.tree.map(lambda array: np.asarray(array) + np.float32(0.01), variables)
    save_model(made.parent / "other", model, other)
    shutil.rmtree(made / "weights")
    (made.parent / "other/weights").rename(made / "weights")
    shutil.rmtree(made.parent / "other")


def _nested(made):
    inside = made.parent / "inside"
    made.rename(inside)
    made.mkdir()
    inside.rename(made / "arcface")


PLACES: dict[str, Callable[[pathlib.Path], Any]] = {
    "no weights": lambda made: shutil.rmtree(made / "weights"),
    "empty weights": lambda made: (shutil.rmtree(made / "weights"), (made / "weights").mkdir()),
    "an empty folder": _emptied,
    "a file": _file,
    "a folder too deep": _nested,
    "weights of another model": lambda made: _other_weights(made),
    "no model.json": lambda made: (made / "model.json").unlink(),
    "nothing": lambda made: shutil.rmtree(made),
}


def _put(name, *values):
    def change(random, record):
        record[name] = values[random.integers(len(values))]

    return change


def _drop(random, record):
    names = ("format", "layers", "width", "image_size", "embedding_size", "dtype", "param_dtype", "norms")
    del record[names[random.integers(len(names))]]


RECORDS: dict[str, Callable[[np.random.Generator, dict], Any]] = {
    "a field is gone": _drop,
    "another format": _put("format", 0, 99, "1", None, [1], 1.5),
    "other layers": _put(
        "layers",
        [],
        [1],
        [1, 1, 1],
        [3, 4, 14, 3],
        [1, 1, 1, -1],
        [1, 1, 1, 1, 1],
        "1111",
        None,
        4,
        [1.5, 1, 1, 1],
        ["1"] * 4,
        [[1], 1, 1, 1],
        [10**9, 1, 1, 1],
    ),
    "another width": _put("width", 0, -2, 3, 2.5, "2", None, [], 10**9, 1e300, True),
    "another embedding size": _put("embedding_size", 0, -8, 9, "8", None, 10**12),
    "another image size": _put("image_size", 0, -32, 48, 112, 33, "32", None, 10**9),
    "another dtype": _put("dtype", "float99", "int32", "str", 32, None, "complex64", "object", ""),
    "another param_dtype": _put("param_dtype", "float16", "float99", "int8", None, []),
    "other norms": _put("norms", "folded?", None, True, ["running"], {}),
    "another crop": _put("crop", "celeba", 5, [], {}, True, ""),
    "another remat": _put("remat", "yes", 3, []),
    "a list": lambda random, record: [record],
    "a number": lambda random, record: 5,
    "no fields": lambda random, record: {},
    "infinity": _put("width", float("inf"), float("nan")),
    "another range": _put("input_range", [1, -1], "01", None, 5, [0], [0, float("nan")], {}),
    "another color order": _put("color_order", "rbg", None, 1, ["rgb"]),
    "another epsilon": _put("epsilon", 0, -1, "1e-5", None, float("nan"), True),
}
