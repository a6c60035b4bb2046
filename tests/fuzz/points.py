"""Wrong landmarks, as arrays, as files, and as what `embed_folder` is given."""

import pathlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from perface_jax import evaluation, images, landmarks
from perface_jax.datasets import portrait_files
from tests.fuzz import byte_faults
from tests.fuzz.case import Case, Expect
from tests.fuzz.world import SIZE, World, encoded, five_points, pixels

Points = Any
FRAME = 96  # pixels of the picture
FACE = five_points(64) + 16  # in it


def case(random: np.random.Generator, folder: pathlib.Path, world: World) -> Case:
    """Five points that are no face, or a file of landmarks that is none."""
    doors = (_align, _align, _fit, _embed, _embed, _file, _file, _shape, _compare)
    return doors[random.integers(len(doors))](random, folder, world)


def controls(folder: pathlib.Path, world: World) -> list[Case]:
    """Faces that are upside down, small, and partly outside."""
    turned = (FACE - 48) @ np.array([[-1, 0], [0, -1.0]]) + 48
    made = {
        "a face": FACE,
        "upside down": turned,
        "small": FACE / 4 + 30,
        "partly outside": FACE - 30,
        "float32": FACE.astype(np.float32),
    }
    file = folder / "points.npz"
    np.savez(file, names=["a.png"], landmarks=FACE[None])
    return [
        *(
            Case(what, (), call=lambda points=points: images.align(_picture(), points), expect=Expect.ACCEPTED)
            for what, points in made.items()
        ),
        Case("a file", (), call=lambda: portrait_files.read_landmarks(str(file)), expect=Expect.ACCEPTED),
    ]


def _picture():
    return pixels(3, FRAME)


def _wrong(random):
    fault = [*WRONG][random.integers(len(WRONG))]
    return fault, WRONG[fault](random, FACE.copy())


def _align(random, folder, world):
    fault, points = _wrong(random)
    return Case(f"images.align: {fault}", ("landmarks", "points"), call=lambda: images.align(_picture(), points))


def _fit(random, folder, world):
    fault, points = _wrong(random)
    call = lambda: images.fit(_picture(), crop="arcface", size=SIZE, landmarks=points)  # noqa: E731
    return Case(f"images.fit: {fault}", ("landmarks", "points"), call=call)


def _embed(random, folder, world):
    """Beside a good picture, so that the bad one is a listed skip."""
    fault, points = _wrong(random)
    (folder / "set").mkdir()
    for number, name in enumerate(("good", "bad")):
        (folder / f"set/{name}.png").write_bytes(encoded("PNG", number, FRAME))

    def call():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            given = {"good": FACE, "bad": points}
            found = evaluation.embed_folder(
                *world.model, folder / "set", crop="arcface", landmarks=given, batch_size=16
            )
        print(f"embedded {found[0]}, left out {found[2]}")
        if found[0] != ["good.png"]:
            raise AssertionError(f"embedded {found[0]}")

    return Case(f"embed_folder: {fault}", ("bad.png",), call=call, expect=Expect.LISTED)


def _compare(random, folder, world):
    """Points in a CSV, with the picture whose points they are."""
    fault, points = _wrong(random)
    if not (isinstance(points, np.ndarray) and points.shape == (5, 2) and points.dtype.kind == "f"):
        return _align(random, folder, world)
    header = "name," + ",".join(
        f"{name}_{axis}" for name in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right") for axis in "xy"
    )
    rows = [f"{name},{','.join(map(str, p.ravel().tolist()))}" for name, p in (("good", FACE), ("bad", points))]
    (folder / "points.csv").write_text("\n".join([header, *rows]) + "\n")
    for number, name in enumerate(("good", "bad")):
        (folder / f"{name}.png").write_bytes(encoded("PNG", number, FRAME))
    argv = [
        "compare",
        str(folder / "good.png"),
        str(folder / "bad.png"),
        "--model",
        str(world.model_folder),
        "--landmarks",
        str(folder / "points.csv"),
    ]
    return Case(f"compare: {fault}", ("bad.png", "points.csv"), argv)


def _shape(random, folder, world):
    shapes = [(5,), (4, 2), (5, 3), (0, 2), (67, 2), (5, 2, 2), (10,), (1, 10), (2, 5), (68, 3), (106, 2), (98, 2), ()]
    points = random.uniform(0, 90, shapes[random.integers(len(shapes))])
    function = (landmarks.outline, landmarks.five_points)[random.integers(2)]
    return Case(f"{function.__name__}: shape {points.shape}", ("landmarks", "points"), call=lambda: function(points))


def _file(random, folder, world):
    path = folder / "points.npz"
    fault = [*FILES][random.integers(len(FILES))]
    if random.random() < 0.4:
        np.savez(path, names=["a", "b"], landmarks=np.stack([FACE, FACE]))
        good = path.read_bytes()
        path.unlink()
        fault, sure = byte_faults.damage(random, path, good)
    else:
        sure, arrays = True, {"names": np.array(["a", "b"]), "landmarks": np.stack([FACE, FACE])}
        FILES[fault](arrays)
        with path.open("wb") as file:
            np.savez(file, **arrays)
    expect = Expect.REFUSED if sure else Expect.EITHER
    return Case(
        f"read_landmarks: {fault}", (path.name,), call=lambda: portrait_files.read_landmarks(str(path)), expect=expect
    )


FILES: dict[str, Callable[[dict], Any]] = {
    "no names": lambda arrays: arrays.pop("names"),
    "no landmarks": lambda arrays: arrays.pop("landmarks"),
    "a name too many": lambda arrays: arrays.update(names=np.array(["a", "b", "c"])),
    "a name twice": lambda arrays: arrays.update(names=np.array(["x/a.png", "y/a.jpg"])),
    "objects": lambda arrays: arrays.update(names=np.array(["a", None], object)),
    "text": lambda arrays: arrays.update(landmarks=np.full((2, 5, 2), "x")),
    "complex numbers": lambda arrays: arrays.update(landmarks=arrays["landmarks"] * 1j),
    "seven points": lambda arrays: arrays.update(landmarks=np.ones((2, 7, 2))),
    "ten numbers": lambda arrays: arrays.update(landmarks=np.ones((2, 10))),
    "one coordinate": lambda arrays: arrays.update(landmarks=np.ones((2, 5, 1))),
    "points first": lambda arrays: arrays.update(landmarks=np.ones((5, 2, 2))),
    "names in a table": lambda arrays: arrays.update(names=np.array([["a"], ["b"]])),
    "numbers as names": lambda arrays: arrays.update(names=np.array([1.5, 2.5])),
    "booleans": lambda arrays: arrays.update(landmarks=np.ones((2, 5, 2), bool)),
}


def _set(value):
    def change(random, points):
        points[random.integers(5), random.integers(2)] = value
        return points

    return change


WRONG: dict[str, Callable[[np.random.Generator, np.ndarray], Points]] = {
    "NaN": _set(np.nan),
    "infinity": _set(np.inf),
    "minus infinity": _set(-np.inf),
    "a huge number": _set(1e30),
    "fractions": lambda random, points: points / FRAME,
    "fractions of the width": lambda random, points: points / (FRAME, 1),
    "x and y exchanged in the layout": lambda random, points: points.T.reshape(5, 2),
    "left and right exchanged": lambda random, points: points[[1, 0, 2, 4, 3]],
    "nose first": lambda random, points: points[[2, 0, 1, 3, 4]],
    "mouth before eyes": lambda random, points: points[[3, 4, 2, 0, 1]],
    "all points at one place": lambda random, points: np.repeat(points[:1], 5, axis=0),
    "all points on a line": lambda random, points: np.stack([np.linspace(20, 70, 5)] * 2, axis=1),
    "zeros": lambda random, points: 0 * points,
    "minus one": lambda random, points: 0 * points - 1,
    "far outside": lambda random, points: points + 1000,
    "of a picture ten times as large": lambda random, points: points * 10,
    "four points": lambda random, points: points[:4],
    "six points": lambda random, points: np.vstack([points, points[:1]]),
    "three coordinates": lambda random, points: np.hstack([points, points[:, :1]]),
    "ten numbers": lambda random, points: points.ravel(),
    "text": lambda random, points: points.astype(str),
    "complex numbers": lambda random, points: points * 1j,
    "nothing": lambda random, points: np.array([None] * 10, object).reshape(5, 2),
    "a dictionary": lambda random, points: {"left_eye": points[0].tolist()},
    "a ragged list": lambda random, points: [[1, 2], [3], [4, 5], [6, 7], [8, 9]],
    "chaos": lambda random, points: points[[4, 0, 3, 1, 2]],
}
