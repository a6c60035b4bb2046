"""Regions of a face: polygons against matplotlib, properties, the paint of synthetic faces, label maps by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.path import Path
from scipy.spatial import cKDTree

from perface_jax import landmarks
from perface_jax.fidelity import regions
from perface_jax.synthetic import faces, population
from tests import drawn_faces

# the generic face at 20 pixels a unit
FACE = (landmarks.GENERIC[:, :2] * 20 + [31.5, 24.0]).astype(np.float32)
SIZE = (66, 64)
DRAW = jax.jit(regions.landmark_regions, static_argnums=1)


def _mirror(points):
    """The outline of the mirrored face, its points back in the order of left and right."""
    order = np.r_[1, 0, 2, 4, 3, 13:21, 5:13, 26:31, 21:26, 32, 31, 37:32:-1, 40:37:-1, 58:40:-1]
    return (points * [-1, 1] + [SIZE[1] - 1, 0]).astype(np.float32)[order]


def test_a_mask_rises_over_the_distance_to_its_outline():
    polygon = FACE[slice(*landmarks.PARTS["mouth"])].astype(np.float64)
    pixels = np.stack(np.meshgrid(np.arange(64), np.arange(66)), -1).reshape(-1, 2).astype(np.float64)
    share = np.linspace(0, 1, 500)[:, None, None]
    line = (polygon * (1 - share) + np.roll(polygon, -1, 0) * share).reshape(-1, 2)
    distance = cKDTree(line).query(pixels)[0] * np.where(Path(polygon).contains_points(pixels), 1, -1)
    wanted = np.clip(0.5 + (distance / 20 + 0.03) / 0.08, 0, 1).reshape(SIZE)
    np.testing.assert_allclose(DRAW(FACE, SIZE).mouth, wanted, atol=5e-3)


def test_leading_axes_are_free_and_every_layout_is_drawn(key):
    points = FACE[None, None] + jax.random.uniform(next(key), (2, 3, 1, 2), maxval=4.0)
    found = DRAW(points, SIZE)
    assert {mask.shape for mask in found} == {(2, 3, *SIZE)}
    for mask, alone in zip(found, DRAW(points[1, 2], SIZE), strict=True):
        np.testing.assert_allclose(mask[1, 2], alone, atol=1e-5)
    assert all(mask.max() == 1 for mask in DRAW(FACE[:5], SIZE))


def test_a_moved_face_has_moved_masks_and_a_mirrored_one_mirrored_masks():
    turned = (FACE @ np.array([[0.95, 0.2], [-0.2, 0.95]]) + [6, -5]).astype(np.float32)
    masks = DRAW(turned, SIZE)
    for found, wanted in zip(DRAW(turned + np.float32([2, 3]), SIZE), masks, strict=True):
        np.testing.assert_allclose(found[4:, 4:], wanted[1:-3, 2:-2], atol=1e-4)
    for found, wanted in zip(DRAW(_mirror(turned), SIZE), masks, strict=True):
        np.testing.assert_allclose(found, wanted[:, ::-1], atol=1e-4)


def test_skin_shares_no_pixel_with_another_region_and_lies_within_the_face():
    masks = DRAW(FACE, SIZE)
    for feature in masks[:4]:
        assert (jnp.minimum(masks.skin, feature) == 0).all()
        assert 20 < feature.sum() < masks.skin.sum()
    face = regions.face_region(FACE, SIZE, softness=0.04)
    assert (masks.skin <= face + 1e-6).all()
    assert face[24 + 38, 32] == 0  # below the chin
    assert face[24 - 19, 32] == 0  # high on the forehead


@pytest.mark.slow
def test_what_the_synthetic_world_paints_lies_in_its_region(key):
    n = 6
    female, age = jnp.tile(jnp.array([0.0, 1.0]), n // 2), jnp.linspace(20.0, 65.0, n)
    source, target = (
        population.sample_sources(next(key), female, age),
        population.sample_targets(next(key), female, age),
    )
    target = target._replace(fringe=jnp.zeros(n), drop=jnp.full(n, 0.1), beard=jnp.zeros(n))
    changed = {
        "eyebrows": source._replace(brow_density=jnp.zeros(n)),
        "eyes": source._replace(iris_color=jnp.ones((n, 3))),
        "mouth": source._replace(lip_color=jnp.full((n, 3), 0.2)),
    }
    sources = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), source, *changed.values())
    targets = jax.tree.map(lambda leaf: jnp.concatenate([leaf] * 4), target)
    plain, *others = np.split(drawn_faces.draw(sources, targets).astype(int), 4)
    masks = DRAW(faces.landmarks(source, target), 112)
    for name, picture in zip(changed, others, strict=True):
        change = np.abs(picture - plain).sum(-1)
        inside, skin = (np.asarray(mask) > 0.5 for mask in (getattr(masks, name), masks.skin))
        assert (change * inside).sum() > 0.97 * change.sum(), name
        assert (change * skin).sum() < 0.01 * change.sum(), name


def test_label_maps_are_read_in_both_orders():
    hq = jnp.array([[0, 1, 2, 3, 4, 5, 6], [7, 8, 10, 11, 12, 13, 17]])
    parsing = jnp.array([[0, 1, 10, 6, 4, 5, 2], [3, 7, 11, 12, 13, 17, 14]])
    wanted = regions.Regions(
        eyebrows=[[0, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0, 0]],
        eyes=[[0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0, 0]],
        nose=[[0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]],
        mouth=[[0, 0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 1, 0, 0]],
        skin=[[0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]],
    )
    for found in (regions.label_regions(hq), regions.label_regions(parsing, names=regions.FACE_PARSING)):
        for mask, expected in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(mask, np.float32(expected))
            assert mask.dtype == jnp.float32


def test_arrays_that_are_no_label_maps_are_refused():
    with pytest.raises(TypeError, match="saw labels of float32, wanted whole numbers"):
        regions.label_regions(jnp.zeros((4, 4)))
    with pytest.raises(ValueError, match="saw names without l_lip, u_lip, wanted CELEBAMASK_HQ"):
        regions.label_regions(jnp.zeros((4, 4), jnp.int32), names=regions.CELEBAMASK_HQ[:11])
