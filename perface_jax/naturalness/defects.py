"""Faults of swaps, drawn into faces that have none: what the network learns to see.

Each fault takes crops of `network.crops`, the crops of other people, soft masks of the face in them, and a generator of
random numbers; it returns crops. Where things lie follows from the crop: its template puts eyes and mouth in place.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8

from perface_jax import fidelity, images
from perface_jax.landmarks import GENERIC
from perface_jax.naturalness.network import CROP

Crops = UInt8[np.ndarray, "n s s 3"]
Masks = Float[np.ndarray, "n s s"]
OUTLINES = 8  # masks are drawn around so many faces of different shape
PARTS = ((0.5, -0.05, 0.42, 0.28), (-0.5, -0.05, 0.42, 0.28), (0, 0.55, 0.32, 0.45), (0, 1.25, 0.75, 0.5))
# eyes, nose, mouth with chin: x and y of the middle and half the size, in pupil distances from between the eyes


def make_defects(faces: Crops, *, seed: int, names: tuple[str, ...] = ()) -> dict[str, Crops]:
    """Every fault of DEFECTS, or those of `names`, in every face; the other person of a face is drawn at random.

    ValueError: an unknown name, or fewer than two faces.
    """
    if unknown := sorted(set(names) - set(DEFECTS)):
        raise ValueError(f"no fault {', '.join(unknown)}; wanted some of {', '.join(DEFECTS)}")
    if len(faces) < 2:
        raise ValueError(f"{len(faces)} faces; wanted two or more, since faults mix the faces of two people")
    found = {}
    for name in names or tuple(DEFECTS):
        random = np.random.default_rng([seed, *name.encode()])
        others = faces[(np.arange(len(faces)) + random.integers(1, len(faces), len(faces))) % len(faces)]
        values = DEFECTS[name](faces.astype(np.float32), others.astype(np.float32), _masks(faces, random), random)
        found[name] = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return found


def _hard_seam(faces, others, masks, random):
    """The other face, cut out along its edge."""
    return np.where(masks[..., None] > 0.5, others, faces)


def _ghost(faces, others, masks, random):
    """The other face shines through, a little displaced."""
    share = _uniform(random, faces, 0.3, 0.6) * masks[..., None]
    return faces + share * (_shifted(others, random, 3) - faces)


def _dark_line(faces, others, masks, random):
    """A dark rim where the face was blended in, thin or wide, on a part of the way around."""
    rim = (4 * masks * (1 - masks)) ** _uniform(random, faces, 0.7, 4)[..., 0]
    return faces * (1 - _uniform(random, faces, 0.3, 0.7) * (rim * _arc(faces, random))[..., None])


def _wrong_color(faces, others, masks, random):
    """The face in another color than ears and neck."""
    gain = np.exp(random.normal(0, 0.15, (len(faces), 1, 1, 3)))
    return faces * (1 + masks[..., None] * (gain - 1))


def _mixed_parts(faces, others, masks, random):
    """Eyes, one eye, the nose, or mouth and chin of the other face, in the colors of this one."""
    part = np.zeros(faces.shape[:3])
    for i in range(len(faces)):
        for x, y, width, height in (PARTS[:2], PARTS[:1], PARTS[2:3], PARTS[3:])[random.integers(4)]:
            away = np.hypot((_across(faces) - x) / width, (_down(faces) - y) / height)
            part[i] = np.maximum(part[i], np.clip((1.15 - away) / 0.3, 0, 1))
    shift = _mean_inside(faces, masks) - _mean_inside(others, masks)
    return faces + part[..., None] * (others + shift - faces)


def _ghost_glasses(faces, others, masks, random):
    """Parts of a frame around the eyes, as a swap leaves them outside of the face or takes them from inside."""
    frame = np.zeros(faces.shape[:3])
    for i in range(len(faces)):
        radius, flat, square = random.uniform(0.34, 0.52), random.uniform(0.7, 1.0), random.uniform(2, 4)
        x, y = _across(faces) - random.normal(0, 0.03), _down(faces) - random.normal(0.05, 0.06)
        aside = np.abs(x) - 0.5
        away = ((np.abs(aside) / radius) ** square + (np.abs(y) / (radius * flat)) ** square) ** (1 / square)
        bar = np.exp(-((y / 0.05) ** 2)) * ((np.abs(x) < 0.5 - radius) | ((aside > radius) & (aside < 0.6)))  # and arms
        frame[i] = np.maximum(np.exp(-(((away - 1) / random.uniform(0.07, 0.2)) ** 2)), 0.8 * bar)
    color = np.where(random.random((len(faces), 1, 1, 1)) < 0.8, _uniform(random, faces, 0, 70), 230)
    share = _uniform(random, faces, 0.3, 0.9) * (frame * _arc(faces, random))[..., None]
    return faces + share * (color - faces)


def _half_beard(faces, others, masks, random):
    """Dark hair on lip, chin or cheeks that ends at the edge of the mask, or in the middle of a cheek."""
    x, y = _across(faces)[None], _down(faces)[None] - 1.1  # of the mouth
    one = (len(faces), 1, 1)
    top, kind = random.uniform(0.15, 0.4, one), random.integers(0, 3, one)
    low = 1 / (1 + np.exp(-(y + top) / 0.04))
    lip = np.exp(-(((x / 0.5) ** 4) + ((y + 0.22) / 0.13) ** 4))
    hair = np.choose(kind, [low, lip, np.maximum(lip, low * (np.abs(x) < 0.35))])
    hair = hair * (1 - np.exp(-(((x / 0.42) ** 2 + (y / 0.14) ** 2) ** 2)))  # not on the lips
    side = random.choice([-1, 0, 0, 1], one)  # left, both, right
    half = np.where(side == 0, 1, np.clip(0.5 + side * x / 0.3, 0, 1))
    hair = hair * (masks > 0.4) * half * random.uniform(0.7, 1, faces.shape[:3])
    return faces * (1 - _uniform(random, faces, 0.4, 0.9) * np.clip(hair, 0, 1)[..., None])


DEFECTS: dict[str, Callable] = {
    "hard seam": _hard_seam,
    "ghost": _ghost,
    "dark line": _dark_line,
    "wrong color": _wrong_color,
    "mixed parts": _mixed_parts,
    "ghost glasses": _ghost_glasses,
    "half beard": _half_beard,
}


def _points(size):
    """The five points of a face in a crop."""
    return images.template_points(CROP, size)[0]


def _across(faces):
    """How far every pixel is right of the middle between the eyes, in pupil distances."""
    (left, right), size = _points(faces.shape[1])[:2], faces.shape[1]
    return np.broadcast_to((np.arange(size) - (left[0] + right[0]) / 2) / (right[0] - left[0]), (size, size))


def _down(faces):
    """How far every pixel is below the eyes, in pupil distances."""
    (left, right), size = _points(faces.shape[1])[:2], faces.shape[1]
    return np.broadcast_to((np.arange(size)[:, None] - left[1]) / (right[0] - left[0]), (size, size))


def _arc(faces, random) -> Masks:
    """1 on one side of a face and 0 on the other one, or 1 everywhere."""
    way, most = random.uniform(0, 2 * np.pi, (len(faces), 1, 1)), random.choice([0.4, 3], (len(faces), 1, 1))
    return np.clip(most + np.cos(np.arctan2(_down(faces) - 0.4, _across(faces)) - way), 0, 1)


def _mean_inside(faces, masks):
    """The mean color of every face, `[n, 1, 1, 3]`."""
    return np.sum(faces * masks[..., None], (1, 2), keepdims=True) / masks.sum((1, 2))[:, None, None, None]


def _masks(faces, random) -> Masks:
    """The face in every crop: the generic face, with its points moved by chance."""
    size, five = faces.shape[1], _points(faces.shape[1])
    generic = GENERIC[:, :2]
    scale = np.ptp(five[:, 1]) / np.ptp(generic[:5, 1])
    outline = (generic - generic[:5].mean(0)) * scale + five.mean(0)
    stretch = 1 + random.normal(0, 0.07, (OUTLINES, 1, 2))
    drawn = fidelity.face_region(((outline - five.mean(0)) * stretch + five.mean(0)).astype(np.float32), size)
    return np.asarray(drawn)[random.integers(0, OUTLINES, len(faces))]


def _uniform(random, faces, low, high):
    """A number for each face."""
    return random.uniform(low, high, (len(faces), 1, 1, 1))


def _shifted(faces, random, most):
    """Every picture moved by up to `most` pixels of 64."""
    most = max(1, round(most * faces.shape[1] / 64))
    ways = random.integers(-most, most + 1, (len(faces), 2))
    return np.stack([np.roll(face, way, (0, 1)) for face, way in zip(faces, ways, strict=True)])
