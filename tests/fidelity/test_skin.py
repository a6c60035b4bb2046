"""Skin color by hand, and on the synthetic world, where the color of the skin and what was done to it are known."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage import color as skimage_color

from benchmarks.estimators import bare, is_skin
from perface_jax import fidelity
from perface_jax.images import color
from perface_jax.synthetic import faces, population
from tests import drawn_faces

FACES, SIZE = 32, drawn_faces.SIZE
SKIN_COLOR = jax.jit(fidelity.skin_color)


@jax.jit
def _difference(original, result, mask, result_mask):
    return fidelity.skin_difference(original, result, mask, result_mask=result_mask)


@jax.jit
def _match(result, original, mask, result_mask, where, strength):
    options = {"result_mask": result_mask, "where": where, "strength": strength}
    return fidelity.match_skin_color(result, original, mask, **options)


class World(NamedTuple):
    """Pictures of one population, uint8 [32, 112, 112, 3], and what is known of them."""

    original: np.ndarray
    bare: np.ndarray  # the same faces without beard, brows, hair and gloss
    other: np.ndarray  # the original with the skin of another person
    other_bare: np.ndarray
    swapped: np.ndarray  # another inner face on the original, in a wrong color
    perfect: np.ndarray  # the same in the right color
    mask: jax.Array  # skin of the original, from its landmarks
    swapped_mask: jax.Array
    swapped_face: jax.Array
    exact: jax.Array  # where the renderer has skin
    skin: np.ndarray  # albedo, linear RGB [32, 3]


@pytest.fixture(scope="module")
def world():
    keys = iter(jax.random.split(jax.random.key(11), 6))
    female, age = jnp.tile(jnp.array([0.0, 1.0]), FACES // 2), jnp.linspace(18.0, 70.0, FACES)
    source = population.sample_sources(next(keys), female, age)
    target = population.sample_targets(next(keys), female, age)
    neighbor = target._replace(skin=jnp.roll(target.skin, 1, 0))
    swap = jax.tree.map(lambda leaf: jnp.roll(leaf, 2, 0), source)
    plain = faces.natural(FACES)
    # half of the swaps keep the skin of another person, half are off by chance
    chance = jnp.clip(0.2 * jax.random.normal(next(keys), (FACES, 3)), -0.4, 0.4)
    wrong = jnp.where((jnp.arange(FACES) < FACES // 2)[:, None], neighbor.skin / target.skin - 1.0, chance)
    rows = [
        (source, target, plain), (*bare(source, target), plain), (source, neighbor, plain),
        (*bare(source, neighbor), plain), (swap, target, plain._replace(offset=wrong)), (swap, target, plain),
    ]  # fmt: skip
    together = [jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts) for parts in zip(*rows, strict=True)]
    pictures = np.split(drawn_faces.draw(*together), len(rows))
    points, swapped_points = (faces.landmarks(s, target, size=SIZE) for s in (source, swap))
    masks = jax.jit(lambda p: (fidelity.landmark_regions(p, SIZE).skin, fidelity.face_region(p, SIZE)))
    exact = jax.jit(functools.partial(is_skin, size=SIZE))(source, target).astype(jnp.float32)
    return World(*pictures, masks(points)[0], *masks(swapped_points), exact, np.asarray(target.skin))


def _ciede2000(lab, other):
    return skimage_color.deltaE_ciede2000(np.asarray(lab, np.float64), np.asarray(other, np.float64))


def test_the_skin_color_is_that_of_the_lit_half_without_gloss():
    grays = np.array([20, 250, 90, 40, 130, 60, 150, 100, 110, 30], np.uint8)
    image = np.repeat(grays[:, None], 3, -1)[None]
    mask = np.ones((1, 10), np.float32)
    # of ten of one weight the ranks 5 to 8 count, sorted: 100, 110, 130, 150
    light = skimage_color.rgb2lab(np.repeat(np.uint8([90, 100, 110, 130, 150])[:, None], 3, -1)[None])[0, :, 0]
    np.testing.assert_allclose(SKIN_COLOR(image, mask)[0], light[1:].mean(), atol=0.02)
    # without the 250, of nine: from half of the fifth (90) to a tenth of the ninth (150)
    mask[0, 1] = 0
    np.testing.assert_allclose(SKIN_COLOR(image, mask)[0], light @ [0.5, 1, 1, 1, 0.1] / 3.6, atol=0.02)


def test_the_typology_angle_has_its_published_classes():
    # atan(10 / 10), atan(20 / 10), atan(-15 / 15) and straight up
    lab = jnp.array([[60.0, 9.0, 10.0], [70.0, 9.0, 10.0], [35.0, 9.0, 15.0], [60.0, 9.0, 0.0]])
    np.testing.assert_allclose(fidelity.individual_typology_angle(lab), [45, 63.43495, -45, 90], rtol=1e-5)


def test_a_difference_of_flat_colors_is_that_of_scikit_image():
    first, second = np.full((2, 6, 6, 3), [200, 150, 120], np.uint8), np.full((2, 6, 6, 3), [120, 80, 60], np.uint8)
    first[:, :, 4:] = [0, 255, 0]  # outside of the mask
    mask = np.zeros((2, 6, 6), np.float32)
    mask[..., :4] = 0.5
    found = _difference(first, second, mask, mask)
    labs = [skimage_color.rgb2lab(picture[:1, :1, :1])[0, 0, 0] for picture in (first, second)]
    angles = [np.degrees(np.arctan2(lab[0] - 50, lab[2])) for lab in labs]
    np.testing.assert_allclose(found.pixels, _ciede2000(*labs), atol=0.05)
    np.testing.assert_allclose(found.color, _ciede2000(*labs), atol=0.05)
    np.testing.assert_allclose(found.angle, abs(angles[0] - angles[1]), atol=0.1)


def test_angles_are_compared_modulo_a_full_turn():
    # bluish grays on either side of L* = 50, where the angle jumps from 180 to -180 degrees
    grays = [np.round(color.from_lab(jnp.array([light, 0.0, -5.0]))).astype(np.uint8) for light in (51.0, 49.0)]
    pictures, mask = [np.full((6, 6, 3), gray) for gray in grays], np.ones((6, 6), np.float32)
    labs = [skimage_color.rgb2lab(picture[:1, :1])[0, 0] for picture in pictures]
    turns = [np.arctan2(lab[0] - 50, lab[2]) for lab in labs]
    assert abs(turns[0] - turns[1]) > np.pi
    wanted = 360 - np.degrees(abs(turns[0] - turns[1]))
    np.testing.assert_allclose(_difference(*pictures, mask, mask).angle, wanted, atol=0.5)


def test_two_colors_in_equal_shares_differ_by_pixel_and_not_as_a_whole():
    stripes, mask = np.zeros((2, 6, 6, 3), np.uint8), np.ones((2, 6, 6), np.float32)
    stripes[:, :, ::2] = [210, 160, 140]
    found = _difference(stripes, stripes[:, :, ::-1], mask, mask)
    assert (found.pixels > 50).all()
    np.testing.assert_allclose(found.color, 0, atol=1e-3)


def test_the_skin_color_is_within_2_of_the_lit_bare_skin(world):
    truth = SKIN_COLOR(world.bare, world.exact)
    assert np.median(_ciede2000(SKIN_COLOR(world.original, world.mask), truth)) < 2


def test_the_skin_color_is_within_2_of_the_albedo_but_for_the_amount_of_light(world):
    weights = np.array([0.2126, 0.7152, 0.0722])
    found = np.asarray(color.to_linear(color.from_lab(SKIN_COLOR(world.original, world.mask))))
    found = found * (world.skin @ weights / (found @ weights))[:, None]
    labs = [skimage_color.rgb2lab(color.from_linear(linear) / 255) for linear in (found, world.skin)]
    assert np.median(_ciede2000(*labs)) < 2


def test_the_difference_of_two_skins_is_more_accurate_than_their_colors(world):
    truth = _difference(world.bare, world.other_bare, world.exact, world.exact)
    found = _difference(world.original, world.other, world.mask, world.mask)
    assert np.median(truth.color) > 4
    for name in ("color", "pixels", "angle"):
        seen, true = getattr(found, name), getattr(truth, name)
        assert np.median(np.abs(seen - true) / true) < 0.15, name
        assert np.corrcoef(seen, true)[0, 1] > 0.97, name


def test_matching_removes_more_than_half_of_the_difference(world):
    masks = world.mask, world.swapped_mask
    matched = _match(world.swapped, world.original, *masks, world.swapped_face, 1.0)
    before = _difference(world.original, world.swapped, *masks)
    after = _difference(world.original, matched, *masks)
    assert np.median(before.color) > 3
    assert np.median(after.color / before.color) < 0.25
    assert np.median(after.angle / before.angle) < 0.25
    # pixel by pixel against the swap in the right color, where that is another
    wrong = world.swapped_mask * np.any(world.swapped != world.perfect, axis=-1).astype(np.float32)
    masks = wrong, wrong
    before, after = (_difference(world.perfect, picture, *masks).pixels for picture in (world.swapped, matched))
    assert np.median(after / before) < 0.5
    outside = np.asarray(world.swapped_face) == 0
    np.testing.assert_array_equal(np.asarray(matched)[outside], world.swapped[outside])
    assert matched.dtype == np.uint8


def test_matching_flat_colors_is_exact_and_has_a_degree():
    result, original = np.full((5, 5, 3), [120, 80, 60], np.uint8), np.full((5, 5, 3), [200, 150, 120], np.uint8)
    mask, where = np.ones((5, 5), np.float32), np.zeros((5, 5), np.float32)
    where[2, 2], where[2, 3] = 1, 0.2
    np.testing.assert_array_equal(_match(result, original, mask, mask, mask, 1.0), original)
    np.testing.assert_array_equal(_match(result, original, mask, mask, mask, 0.0), result)
    half = _match(result, original, mask, mask, mask, 0.5)
    np.testing.assert_array_equal(half, np.full((5, 5, 3), [160, 115, 90]))
    found = np.asarray(_match(result, original, mask, mask, where, 1.0))
    np.testing.assert_array_equal(found[2, 2:4], [[200, 150, 120], [136, 94, 72]])
    assert (found == result).all(-1).sum() == 23


@pytest.mark.slow
def test_matching_and_differences_can_be_differentiated(key):
    result, original = 200 * jax.random.uniform(next(key), (2, 6, 6, 3)) + 20
    mask = jnp.ones((6, 6))

    def loss(result, original):
        matched = fidelity.match_skin_color(result, original, mask)
        return sum(fidelity.skin_difference(original, matched, mask))

    gradient = jax.jit(jax.grad(loss))
    assert jnp.abs(gradient(result, original)).max() > 0
    for other in (original, result, jnp.zeros((6, 6, 3))):
        assert jnp.isfinite(gradient(result, other)).all()


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"saw a mask of shape \[5, 4\], wanted \[4, 5\], as the picture"):
        fidelity.skin_color(np.zeros((4, 5, 3), np.uint8), np.ones((5, 4)))
