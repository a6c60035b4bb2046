import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.synthetic import face_paint, face_shape
from tests.synthetic.person import person

SIZE, PIXEL = 64, 3.0 / 64
cast, noise, skin = jax.jit(face_shape.cast), jax.jit(face_paint.noise), jax.jit(face_paint.skin)


def plane():
    """The middle of a face, from 1.5 units left of it to 1.5 right."""
    steps = PIXEL * (np.arange(SIZE, dtype=np.float32) + 0.5) - 1.5
    u, v = np.meshgrid(steps, steps + np.float32(0.45))
    return jnp.asarray(u), jnp.asarray(v)


def face(**changes):
    source, target = person(**changes)
    return cast(*plane(), source, target, PIXEL), source, target


def gray(shape=(SIZE, SIZE)):
    return (jnp.full(shape, 0.5),) * 3


def stacked(picture):
    return np.stack([np.broadcast_to(part, (SIZE, SIZE)) for part in picture], -1)


def test_paint_covers_where_the_mask_is_one_and_mixes_between():
    picture = tuple(jnp.full((3,), value) for value in (0.0, 0.2, 0.4))
    mixed = face_paint.paint(picture, (1.0, 1.0, 0.8), jnp.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(mixed, [[0.0, 0.5, 1.0], [0.2, 0.6, 1.0], [0.4, 0.6, 0.8]], atol=1e-6)


def test_dim_takes_one_plane_for_all_colors_or_one_for_each():
    picture = (jnp.array([0.2]), jnp.array([0.4]), jnp.array([0.6]))
    np.testing.assert_allclose(face_paint.dim(picture, 0.5), [[0.1], [0.2], [0.3]], atol=1e-6)
    np.testing.assert_allclose(face_paint.dim(picture, 1.0, 0.5, 0.0), [[0.2], [0.2], [0.0]], atol=1e-6)


def test_noise_is_smooth_between_minus_one_and_one_and_follows_its_seed():
    x, y = (jnp.asarray(part) for part in np.meshgrid(*(np.linspace(-20, 20, 401, dtype=np.float32),) * 2))
    first, again, other = (np.asarray(noise(x, y, jnp.uint32(seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.1
    assert np.abs(first).max() <= 1.0
    assert np.abs(first).max() > 0.8
    assert abs(first.mean()) < 0.05
    # steepest: from -1 to 1 over one unit, 1.5 in the middle of a smooth step, sampled every tenth
    assert np.abs(np.diff(first, axis=1)).max() < 2 * 1.5 * 0.1 + 1e-3


def test_the_skin_is_the_skin_of_the_target_with_a_little_mottling():
    surface, source, target = face(wrinkles=0.0, flush=0.0)
    painted = stacked(skin(surface, source._replace(fold_depth=0.0), target))
    ratio = np.median(painted, axis=(0, 1)) / np.asarray(target.skin)
    np.testing.assert_allclose(ratio, 1.0, atol=0.08)


@functools.cache
def layers():
    """Every layer on a gray face."""
    return jax.device_get(jax.jit(_layers)(*face(smile=0.3, mouth_open=0.2)))


def _layers(surface, source, target):
    lips = face_paint.paint_mouth(gray(), surface, source, target, PIXEL)[1]
    beard = target._replace(beard=jnp.float32(0.8), stubble=jnp.float32(1.0))
    return {
        "eyes": face_paint.paint_eyes(gray(), surface, source, target, PIXEL)[0],
        "brows": face_paint.paint_brows(gray(), surface, source, target),
        "nose": face_paint.paint_nose(gray(), surface, source, target),
        "mouth": face_paint.paint_mouth(gray(), surface, source, target, PIXEL)[0],
        "beard": face_paint.paint_beard(gray(), surface, source, beard, lips),
    }


@pytest.mark.parametrize(
    ("layer", "top", "bottom"),
    [("eyes", -0.3, 0.25), ("brows", -0.7, -0.05), ("nose", 0.3, 0.85), ("mouth", 0.8, 1.5), ("beard", 0.3, 2.0)],
)
def test_every_layer_keeps_to_its_part_of_the_face_and_stays_a_color(layer, top, bottom):
    painted = stacked(layers()[layer])
    assert np.isfinite(painted).all()
    assert painted.min() >= 0.0
    assert painted.max() <= 1.0
    height = np.asarray(face()[0].y)
    changed = np.abs(painted - 0.5).max(-1) > 0.02
    assert changed.any()
    assert height[changed].min() > top
    assert height[changed].max() < bottom


@pytest.mark.parametrize("layer", ["mouth", "nose"])
def test_layers_are_symmetric_but_for_their_grain(layer):
    painted = stacked(layers()[layer])
    np.testing.assert_allclose(painted, painted[:, ::-1], atol=0.06)


def test_masks_of_eyes_and_lips_are_shares_with_soft_edges():
    surface, source, target = face()
    for mask in (
        face_paint.paint_eyes(gray(), surface, source, target, PIXEL)[1],
        face_paint.paint_mouth(gray(), surface, source, target, PIXEL)[1],
    ):
        mask = np.asarray(mask)
        assert mask.min() >= 0.0
        assert 0.9 < mask.max() <= 1.0
        between = (mask > 0.05) & (mask < 0.95)
        assert between.sum() > 0.2 * (mask >= 0.95).sum()  # anti-aliased, not a stencil


def test_no_beard_grows_on_lips_and_none_without_a_beard():
    surface, source, target = face(beard=0.9, stubble=1.0)
    lips = jnp.ones((SIZE, SIZE))
    np.testing.assert_array_equal(stacked(face_paint.paint_beard(gray(), surface, source, target, lips)), 0.5)
    bare = target._replace(beard=jnp.float32(0.0), stubble=jnp.float32(0.0))
    np.testing.assert_array_equal(stacked(face_paint.paint_beard(gray(), surface, source, bare, 0.0 * lips)), 0.5)


def test_gray_hair_is_gray_and_other_hair_has_its_color():
    color = jnp.array([0.1, 0.05, 0.02])
    target = person()[1]._replace(hair_color=color)
    strand = jnp.zeros((1,))
    young = face_paint.hair_color(target._replace(gray=jnp.float32(0.0)), strand)
    np.testing.assert_allclose(np.ravel(young), color, rtol=1e-6)
    # at gray = 1 and strand = 0 both steps are at their end: all gray
    np.testing.assert_allclose(face_paint.hair_color(target._replace(gray=jnp.float32(1.0)), strand), 0.34, rtol=1e-6)


def test_hair_covers_the_crown_and_opens_for_the_face():
    surface, _, target = face(hairline=0.9, fringe=0.0, hair_length=0.2, drop=0.6)
    hair = face_paint.hair_of(*plane(), surface, target)
    middle = SIZE // 2
    rows = np.asarray(surface.y)[:, middle]
    opening = np.asarray(hair.face)[:, middle]
    assert (opening[(rows > -0.5) & (rows < 1.0)] > 0.0).all()
    assert opening[0] < 0.0  # 1 unit above the eyes, over the hairline
    assert np.asarray(hair.outer)[0, middle] > 0.0


def test_hair_turns_with_the_head():
    straight, turned = (face_paint.hair_of(*plane(), face(roll=roll)[0], person(roll=roll)[1]) for roll in (0.0, 0.1))
    np.testing.assert_allclose(np.hypot(np.gradient(turned.u)[1], np.gradient(turned.u)[0]), PIXEL, rtol=1e-3)
    lean = np.gradient(np.asarray(turned.u))[0] - np.gradient(np.asarray(straight.u))[0]
    np.testing.assert_allclose(lean, PIXEL * np.sin(0.1), rtol=1e-2)
