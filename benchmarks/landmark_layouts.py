"""What the check of five landmarks refuses: of right faces, and of points in a wrong layout.

    python -m benchmarks.landmark_layouts [--faces 20000] [--write]

Faces are the generic face of `landmarks` with proportions that vary between people, from all sides, with the errors of
a detector. Standard deviations are wider than those of adults of one population: 8% for the heights of nose and mouth
(published: 4 to 6% of the nasal height), 10% for the width of the mouth (6 to 8%), 12% for the depth of the nose (an
assumption), and 2% of the distance of the eyes for each coordinate of each point: asymmetry. The published ones are
those of Virdi et al. 2019 (Kenyan adults, tables 8 and 9). A laughing mouth is 10 to 40% wider, a baby's nose 20%
shorter and 40% flatter, its mouth 15% higher; a drawing's mouth is 40 to 140% as wide, its nose 20 to 150% as deep, its
face 65 to 125% as long. Detectors err by 3% of the distance of the eyes in x and y, and by 6% ("rough detector"), drawn
from a normal distribution. The share of refused faces is printed for each kind, layout and pose.
"""

import argparse
from collections.abc import Callable, Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks import record
from perface_jax.images.landmark_layout import are_refused
from perface_jax.landmarks import GENERIC, PARTS

POSES = {  # yaw from and to, pitch, roll at most; degrees, either sign
    "front": (0, 20, 15, 15),
    "half turned": (20, 55, 20, 30),
    "profile": (55, 90, 20, 30),
    "turned any way": (0, 90, 40, 180),
}
KINDS = ("adult", "laughing", "baby", "drawing")
CORNERS = [13, 17, 5, 9]  # of GENERIC: the outer and the inner one of the right eye, and of the left eye


def faces(
    count: int, random: np.random.Generator, *, kind: str = "adult", pose: str = "front", noise: float = 0.03,
    points: slice | None = None,
) -> np.ndarray:  # fmt: skip
    """Points [count, P, 2] of faces in pixels, somewhere in pictures: five, or others of the outline."""
    shapes = _shapes(count, random, kind)[:, points or slice(0, 5)]
    least, most, pitch, roll = POSES[pose]
    yaw = random.uniform(least, most, count) * random.choice([-1, 1], count)
    angles = [random.uniform(-roll, roll, count), random.uniform(-pitch, pitch, count), yaw]
    turn = Rotation.from_euler("ZXY", np.stack(angles, 1), degrees=True).as_matrix()
    seen = np.einsum("nij,nkj->nki", turn, shapes)[..., :2]
    seen = seen + noise * random.standard_normal(seen.shape)
    size = np.exp(random.uniform(np.log(20), np.log(200), (count, 1, 1)))
    return size * (seen + 1.2) + random.uniform(0, 400, (count, 1, 2))


def _shapes(count, random, kind):
    """The generic face with other proportions, [count, 59, 3]."""
    nose, mouth, depth, width = (1 + sd * random.standard_normal(count) for sd in (0.08, 0.08, 0.12, 0.10))
    if kind == "laughing":
        width, mouth = width * random.uniform(1.1, 1.4, count), mouth * random.uniform(0.85, 1.15, count)
    elif kind == "baby":
        nose, mouth, depth, width = 0.8 * nose, 0.85 * mouth, 0.6 * depth, 0.9 * width
    elif kind == "drawing":
        nose, mouth = nose * random.uniform(0.6, 1.2, count), mouth * random.uniform(0.65, 1.25, count)
        depth, width = depth * random.uniform(0.2, 1.5, count), width * random.uniform(0.4, 1.4, count)
    shapes = np.repeat(GENERIC[None], count, 0)
    shapes[:, 2, 1] *= np.minimum(nose, 1.6 * mouth)  # above the mouth
    shapes[:, 2, 2] *= depth
    shapes[:, 3:5, 1] *= mouth[:, None]
    shapes[:, 3:5, 0] *= width[:, None]
    shapes[:, 3:5, 2] += 0.06 * random.standard_normal((count, 1))
    shapes[:, :5] += 0.02 * random.standard_normal((count, 5, 3))
    return shapes


def _lost(points, random):
    return np.where(np.arange(5)[:, None] == random.integers(0, 5, (len(points), 1, 1)), 0, points)


def _ordered(*order) -> Callable:
    return lambda points, random: points[:, list(order)]


LAYOUTS: Mapping[str, Callable] = {
    "x1..x5, y1..y5 as pairs": lambda points, random: points.swapaxes(1, 2).reshape(-1, 5, 2),
    "pairs as x1..x5, y1..y5": lambda points, random: points.reshape(-1, 2, 5).swapaxes(1, 2),
    "(y, x)": lambda points, random: points[..., ::-1],
    "left and right exchanged": _ordered(1, 0, 2, 4, 3),
    "left and right eye exchanged": _ordered(1, 0, 2, 3, 4),
    "mouth before eyes": _ordered(3, 4, 2, 0, 1),
    "eyes, mouth, nose": _ordered(0, 1, 3, 4, 2),
    "nose first": _ordered(2, 0, 1, 3, 4),
    "mouth, eyes, nose": _ordered(3, 4, 0, 1, 2),
    "left side, nose, right side": _ordered(0, 3, 2, 1, 4),
    "eyes twice, nose": _ordered(0, 1, 0, 1, 2),
    "each eye twice, nose": _ordered(0, 0, 1, 1, 2),
    "a point at (0, 0)": _lost,
}


def _others(count, random, pose):
    """Points of other sets: name -> five points a face. Along a contour, detectors err by less from point to point."""
    whole, jaw = (faces(count, random, pose=pose, points=slice(0, 59), noise=noise) for noise in (0.03, 0.01))
    wings = whole[:, slice(*PARTS["nose_wings"])].mean(1, keepdims=True)
    return {
        "eye corners (dlib, 5 points)": np.concatenate([whole[:, CORNERS], wings], 1),
        "first five of 68 (jaw)": jaw[:, 41:46],
    }


def rows(count: int, *, seed: int = 0) -> list[dict]:
    """Of each kind of right face and each layout, the share that is refused, by pose."""
    random, found = np.random.default_rng(seed), {}
    for pose in POSES:
        for noise, suffix in ((0.03, ""), (0.06, ", rough detector")):
            for kind in KINDS:
                points = faces(count, random, kind=kind, pose=pose, noise=noise)
                found.setdefault(f"right: {kind}{suffix}", {})[pose] = _refused(points)
        less = max(1, count // 5)
        adults = faces(less, random, pose=pose)
        wrong = {name: layout(adults, random) for name, layout in LAYOUTS.items()} | _others(less, random, pose)
        for name, points in wrong.items():
            found.setdefault(name, {})[pose] = _refused(points)
    return [{"name": name, **shares} for name, shares in found.items()]


def _refused(points) -> float:
    return float(np.mean(are_refused(points)))


def measure(options: argparse.Namespace) -> dict:
    """The rows of `record`."""
    return {"faces": options.faces, "rows": rows(options.faces)}


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    made.add_argument(
        "--faces", type=int, default=20_000, help="right faces of each kind and pose; a fifth of wrong ones"
    )
    return made


if __name__ == "__main__":
    record.run("landmark_layouts", parser(), measure)
