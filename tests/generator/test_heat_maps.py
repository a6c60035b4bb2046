"""Landmarks as pictures, and the mask."""

import numpy as np

from perface_jax.generator.heat_maps import Points, face_mask, heat_maps, mirrored
from perface_jax.landmarks import GENERIC, PARTS

FACE = (GENERIC[:, :2] * 8 + (16, 14)).astype(np.float32)


def test_a_map_is_a_bell_around_its_point():
    maps = np.asarray(heat_maps(FACE, size=32, which=Points.FIVE, width=2.0))  # 1 pixel at this size
    assert maps.shape == (32, 32, 5)
    distances = np.square(np.indices((32, 32)) - FACE[1, ::-1, None, None]).sum(0)
    np.testing.assert_allclose(maps[..., 1], np.exp(-distances / 2), atol=1e-6)


def test_a_part_shows_the_nearest_of_its_points():
    maps = np.asarray(heat_maps(FACE, size=32, which=Points.DENSE, width=2.0))
    assert maps.shape[-1] == Points.DENSE.channels == 12
    jaw = FACE[slice(*PARTS["jaw"]), ::-1]
    distances = np.square(np.indices((32, 32))[:, None] - jaw.T[..., None, None]).sum(0).min(0)
    np.testing.assert_allclose(maps[..., -1], np.exp(-distances / 2), atol=1e-6)
    np.testing.assert_array_equal(maps[..., :5], heat_maps(FACE, size=32, which=Points.FIVE, width=2.0))


def test_the_mask_covers_the_face_and_fades():
    mask = np.asarray(face_mask(FACE, size=32))
    five = np.rint(FACE[:5]).astype(int)
    np.testing.assert_array_equal(mask[five[:, 1], five[:, 0]], 1)
    assert mask[0].max() == 0
    assert ((mask > 0) & (mask < 1)).any()


def test_a_mirrored_outline_draws_the_mirrored_maps_with_left_and_right_exchanged():
    turned = FACE + np.random.default_rng(0).normal(size=FACE.shape).astype(np.float32)
    maps = np.asarray(heat_maps(turned, size=32, which=Points.DENSE))
    other = np.asarray(heat_maps(mirrored(turned, size=32), size=32, which=Points.DENSE))
    exchanged = [1, 0, 2, 4, 3, 6, 5, 8, 7, 9, 10, 11]  # five points, eyes, brows, wings, mouth, jaw
    np.testing.assert_allclose(other, maps[:, ::-1][..., exchanged], atol=1e-5)
