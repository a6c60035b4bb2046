"""Baseline anonymizers, by hand and compared with SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from perface_jax.landmarks import GENERIC
from perface_jax.swap import black_box, blur, pixelate
from perface_jax.swap.geometry import face_ring, pixels, radius, swap_points
from tests.pictures import levels, noise

POINTS = (GENERIC[:, :2] * 16 + [24.3, 21.7]).astype(np.float32)  # pupils 16 pixels apart
PICTURE = noise(56, 50, 3)
RING = np.asarray(face_ring(swap_points(POINTS)))
INSIDE = np.asarray(radius(pixels(jnp.zeros((56, 50, 3))), jnp.asarray(RING)) < 1)


def test_blur_is_a_gaussian_of_pupil_distances_inside_the_face_only():
    out = np.asarray(blur(PICTURE, POINTS, sigma=0.25))
    blurred, shares = (
        scipy.ndimage.gaussian_filter(x, (4, 4, 0), mode="constant", truncate=8)
        for x in (PICTURE.astype(float), np.ones(PICTURE.shape))
    )
    assert levels(out[INSIDE], np.rint(blurred / shares)[INSIDE]) <= 1
    np.testing.assert_array_equal(out[~INSIDE], PICTURE[~INSIDE])
    assert 0.25 < INSIDE.mean() < 0.6


def test_pixelate_gives_every_block_its_mean():
    out = np.asarray(pixelate(PICTURE.astype(np.float32), POINTS, blocks=4))
    left, top = RING.min(0)
    side = (RING[:, 0].max() - left) / 4
    rows, columns = (np.floor((np.arange(n) - start) / side) for n, start in ((56, top), (50, left)))
    block = (rows[:, None] == 2) & (columns == 1)
    np.testing.assert_allclose(
        out[block & INSIDE], PICTURE[block].mean(0)[None].repeat((block & INSIDE).sum(), 0), atol=0.01
    )
    assert len(np.unique(columns[(columns >= 0) & (columns < 4)])) == 4
    np.testing.assert_array_equal(out[~INSIDE], PICTURE[~INSIDE])


def test_black_box_is_the_bounding_box_of_the_face():
    out = np.asarray(black_box(PICTURE, POINTS))
    # the jaw ends 1.1 units aside of 24.3 and at 1.8 units below 21.7; the forehead .64 * (1.8 + .314) over .3
    wanted = PICTURE.copy()
    wanted[np.ceil(21.7 - 16 * 1.05296).astype(int) : 51, 7:42] = 0
    np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("hide", [blur, pixelate, black_box])
def test_leading_axes_are_free_and_jit_agrees(hide):
    pictures = np.stack([PICTURE, PICTURE[::-1]])
    points = np.stack([POINTS, POINTS + np.float32(3), POINTS[::1] - np.float32(2)])[:, None]
    out = jax.jit(hide)(pictures, points)
    assert out.shape == (3, 2, 56, 50, 3)
    assert out.dtype == jnp.uint8
    assert levels(out[1, 1], hide(pictures[1], points[1, 0])) <= 1
    assert hide(PICTURE.astype(np.float32), POINTS[:5]).dtype == jnp.float32


@pytest.mark.parametrize("hide", [blur, pixelate, black_box])
def test_other_dtypes_and_layouts_are_refused(hide):
    with pytest.raises(TypeError, match="saw int64"):
        hide(PICTURE.astype(np.int64), POINTS)
    with pytest.raises(ValueError, match=r"saw landmarks of shape \[6, 2\]"):
        hide(PICTURE, POINTS[:6])


def test_blur_has_finite_gradients_for_its_strength():
    gradient = jax.jit(jax.grad(lambda sigma: (blur(PICTURE.astype(np.float32), POINTS, sigma=sigma) ** 2).mean()))
    assert gradient(0.2) < 0  # the stronger the flatter
    assert jnp.isfinite(gradient(0.0))
