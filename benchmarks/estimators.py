"""How accurately `perface_jax.fidelity` estimates light, skin, pose and expression, against the truth of drawn faces.

Used by `retouch`. The estimators see only picture and landmarks. Errors are medians, correlations are of ranks.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import spearmanr

from benchmarks.chosen_swaps import draw, pick
from perface_jax import fidelity
from perface_jax.anonymization.preservation import in_batches
from perface_jax.images import color
from perface_jax.synthetic import faces
from perface_jax.synthetic.face_paint import eye_of, hair_of
from perface_jax.synthetic.face_shape import cast, mouth_of

SIZE = 112  # pixels
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
MOVES = ("smile", "mouth_open", "brow_raise", "eye_open")  # what a face does


def rows(source: faces.Source, target: faces.Target, *, lamps: np.ndarray, seed: int) -> list[dict]:
    """A row for each quantity.

    Args:
      source, target: n faces, leading axis n.
      lamps: unit vectors `[n, 3]`, for the rows whose light comes from anywhere in front.
      seed: of the poses.
    """
    seam, lit = faces.natural(len(lamps)), target._replace(light=lamps)
    pictures, swap = draw(source, target, seam), pick(source, np.roll(np.arange(len(lamps)), -4))
    return [
        light("light, natural", pictures, source, target),
        light("light, lamps from anywhere in front", draw(source, lit, seam), source, lit),
        light("light on swaps, the same lamps", draw(swap, lit, seam), swap, lit),
        *skin(pictures, source, target),
        *pose(source, target, seed),
        *expression(source, target, swap),
    ]


def light(name: str, pictures: np.ndarray, source: faces.Source, target: faces.Target) -> dict:
    """The fitted lamp of pictures, against the drawn one."""
    found = np.asarray(in_batches(direction, pictures, faces.landmarks(source, target)))
    cosine = np.clip((found * target.light).sum(-1), -1, 1)
    places = [(np.arctan2(at[:, 0], at[:, 2]), np.arcsin(-at[:, 1])) for at in (found, np.asarray(target.light))]
    ranks = dict(zip(("aside", "elevation"), map(correlation, *places), strict=True))
    return {"name": name, "degrees": median(np.rad2deg(np.arccos(cosine))), "correlation": ranks}


def direction(picture: jax.Array, points: jax.Array) -> jax.Array:
    """The direction of the fitted lamp."""
    return fidelity.light_direction(fidelity.fit_lighting(picture, points))


def skin(pictures: np.ndarray, source: faces.Source, target: faces.Target) -> list[dict]:
    """The color of the lit skin, of the skin itself, and its difference from that of the same face in another skin."""
    seam, other = faces.natural(len(pictures)), target._replace(skin=np.roll(target.skin, -1, 0))
    exact = in_batches(is_skin, source, target).astype(np.float32)
    seen, true = (
        [in_batches(color_of, *pair) for pair in pairs]
        for pairs in (
            [(shown, in_batches(skin_mask, faces.landmarks(source, one))) for shown, one in
             ((pictures, target), (draw(source, other, seam), other))],
            [(draw(*bare(source, one), seam), exact) for one in (target, other)],
        )
    )  # fmt: skip
    linear = np.asarray(color.to_linear(color.from_lab(seen[0])))
    as_bright = linear * ((target.skin @ LUMINANCE) / (linear @ LUMINANCE))[:, None]
    albedo = [np.asarray(color.to_lab(color.from_linear(jnp.float32(value)))) for value in (as_bright, target.skin)]
    raw = np.asarray(color.difference(seen[0], albedo[1]))
    differences = [np.asarray(color.difference(*pair)) for pair in (seen, true)]
    return [
        {"name": "color of the lit skin", "ciede2000": median(color.difference(seen[0], true[0]))},
        {"name": "albedo of the skin", "ciede2000": median(raw)},
        {"name": "albedo up to the amount of light", "ciede2000": median(color.difference(*albedo))},
        {
            "name": "difference of the skin of two pictures of one face",
            "ciede2000": median(np.abs(differences[0] - differences[1])),
            "correlation": correlation(*differences),
        },
    ]


def color_of(picture: jax.Array, mask: jax.Array) -> jax.Array:
    """The color of the lit skin, CIELAB."""
    return fidelity.skin_color(picture, mask)


def skin_mask(points: jax.Array) -> jax.Array:
    """The skin mask from landmarks."""
    return fidelity.landmark_regions(points, SIZE).skin


def bare(source: faces.Source, target: faces.Target) -> tuple[faces.Source, faces.Target]:
    """The same faces without beard, brows, hair and gloss."""
    nothing = jnp.zeros_like(jnp.asarray(target.yaw))
    bald = {"hairline": nothing + 2.6, "hair_top": nothing - 0.03, "hair_side": nothing + 0.03}
    hairless = {name: nothing for name in ("beard", "stubble", "shine", "fringe", "drop")}
    return source._replace(brow_density=nothing), target._replace(**bald, **hairless, hair_length=nothing + 0.2)


def is_skin(source: faces.Source, target: faces.Target, *, size: int = SIZE) -> jax.Array:
    """Where the renderer draws skin, bool `[n, size, size]`: the head within the hair, no eyes, lips or nostrils."""
    view = faces.SIMSWAP_VIEW
    steps = view.half * ((2.0 * jnp.arange(size, dtype=jnp.float32) + 1.0) / size - 1.0)
    u, v = jnp.meshgrid(view.x + steps, view.y + steps)

    def of_one(source, target):
        hit = cast(u, v, source, target, 2 * view.half / size)
        eye, mouth = eye_of(hit.x, hit.y, source, target), mouth_of(source, target)
        eyes = (jnp.minimum(eye.above, eye.below) > -0.06) & (jnp.abs(eye.along) < 1.2)
        lips = jnp.abs(hit.y - mouth.middle) < mouth.gap + jnp.maximum(mouth.upper, mouth.lower) + 0.03
        nose = jnp.abs(hit.y - source.eye_height - source.nose_length - 0.08) < 0.16
        lips, nose = lips & (jnp.abs(hit.x) < 1.1 * mouth.corner_x), nose & (jnp.abs(hit.x) < source.nose_width + 0.08)
        return (hit.cover > 0.9) & (hair_of(u, v, hit, target).face > 0.1) & ~eyes & ~lips & ~nose

    return jax.vmap(of_one)(source, target)


def pose(source: faces.Source, target: faces.Target, seed: int) -> list[dict]:
    """Yaw, pitch and roll of heads that are turned up to 30, 15 and 15 degrees, from all points and from five."""
    angles = np.random.default_rng(seed).uniform(-1, 1, (3, len(target.yaw))) * np.array([[30], [15], [15]])
    turned = target._replace(**dict(zip(fidelity.Pose._fields, np.float32(np.deg2rad(angles)), strict=True)))
    points, found = faces.landmarks(source, turned), []
    for count in (59, 5):
        seen = in_batches(fidelity.head_pose, points[:, :count])
        found.append(
            {
                "name": f"pose, {count} points",
                "degrees": by_field(lambda a, b: median(np.abs(a - b)), seen, angles),
                "correlation": by_field(correlation, seen, angles),
            }
        )
    return found


def by_field(function: Callable, seen: fidelity.Pose, angles: np.ndarray) -> dict:
    """`function` of every seen angle and the true one."""
    return {name: function(getattr(seen, name), angles[i]) for i, name in enumerate(seen._fields)}


def expression(source: faces.Source, target: faces.Target, other: faces.Source) -> list[dict]:
    """The expression distance if pose, expression or person changes, in hundredths of a pupil distance."""
    side = np.where(np.arange(len(target.yaw)) % 2 == 0, 1.0, -1.0).astype(np.float32)
    nod = {"yaw": target.yaw + np.deg2rad(15) * side, "pitch": target.pitch + np.deg2rad(7) * np.roll(side, 1)}
    moves = target._replace(**{name: np.roll(getattr(target, name), -7, 0) for name in MOVES})
    cases = {
        "the same face turned by 15 degrees": (source, target._replace(**nod)),
        "another expression": (source, moves),
        "another person, the same expression": (other, target),
        "another person, another expression": (other, moves),
    }
    before = faces.landmarks(source, target)
    distances = {
        name: in_batches(fidelity.expression_distance, before, faces.landmarks(*case)) for name, case in cases.items()
    }
    return [
        {"name": f"expression: {name}", "all": median(100 * found.all), "mouth": median(100 * found.mouth)}
        for name, found in distances.items()
    ]


def median(values: np.ndarray) -> float:
    """The median of all values."""
    return round(float(np.median(np.asarray(values))), 2)


def correlation(seen: np.ndarray, true: np.ndarray) -> float:
    """Spearman's correlation, of ranks."""
    return round(float(spearmanr(seen, true)[0]), 3)
