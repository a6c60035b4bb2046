"""Light: a painted face whose light is known exactly, spherical harmonics by quadrature, and the synthetic world."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import uniform_filter
from scipy.stats import spearmanr

from perface_jax import fidelity
from perface_jax.fidelity import lighting, surface
from perface_jax.fidelity.lighting import Lighting
from perface_jax.fidelity.pose import fit_head
from perface_jax.images import color
from perface_jax.synthetic import faces, population
from tests import drawn_faces
from tests.generic_face import turned

FIT, RELIGHT, FACE = (
    jax.jit(lighting.fit_lighting),
    jax.jit(lighting.relight),
    jax.jit(fidelity.face_region, static_argnums=1),
)
SIZE = (112, 112)
LAMPS = [(0.0, -0.3, 0.5), (0.4, -0.2, 0.4), (-0.5, 0.1, 0.3)]


def light(*lamp) -> Lighting:
    return Lighting(jnp.array(lamp), jnp.zeros(()))


def coefficients(*lamp):
    """The light of a lamp as a sum of spherical harmonics: what `paint` multiplies them with, `[9]`. Not normalized."""
    lamp, strength = jnp.array(lamp), np.linalg.norm(lamp)
    x, y, z = lamp / strength
    first = 0.5 * lamp + jnp.array([0.0, -lighting.RISE * strength, 0.0])
    second = 15 / 32 * jnp.stack([2 * x * y, 2 * x * z, 2 * y * z, (x * x - y * y) / 2, (3 * z * z - 1) / 6])
    return jnp.concatenate([jnp.array([(lighting.SKY + 0.25) * strength]), first, strength * second])


def placed(*angles) -> np.ndarray:
    """The generic face under angles in degrees, 30 pixels a unit."""
    return 0.75 * turned(*angles)


@jax.jit
def paint(points, weights, relief=1.0):
    """The generic face in matt gray, floating, under the light of nine spherical harmonics."""
    head = fit_head(points)
    normal = surface.normals(*surface.over_pixels(head, points, SIZE), relief) @ head.rotation.T
    x, y, z = jnp.moveaxis(normal, -1, 0)
    basis = jnp.stack([x**0, x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], -1)
    return color.from_linear(jnp.broadcast_to((basis @ weights)[..., None], (*SIZE, 3)))


def angle(found, wanted):
    """Degrees between directions [..., 3]."""
    cosine = (np.asarray(found) * wanted).sum(-1) / np.linalg.norm(wanted, axis=-1)
    return np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))


@pytest.mark.parametrize("lamp", LAMPS)
def test_the_light_of_a_painted_face_is_recovered(lamp):
    for angles in ((0, 0, 0), (15, -5, 8)):
        points = placed(*angles)
        found = FIT(paint(points, coefficients(*lamp)), points)
        assert angle(lighting.light_direction(found), lamp) < 1.0
        np.testing.assert_allclose(jnp.linalg.norm(found.lamp), np.linalg.norm(lamp), rtol=0.02)
        assert found.misfit < 0.02


def test_the_lamp_is_the_second_order_of_a_matt_surface():
    # Projected on Legendre polynomials over the sphere: (2 k + 1) / 2 times the integral of max(c, 0) P_k
    cosine, weight = np.polynomial.legendre.leggauss(400)
    matt = [np.polynomial.legendre.Legendre.basis(k)(cosine) * np.maximum(cosine, 0) for k in range(3)]
    bands = [(2 * k + 1) / 2 * (weight * value).sum() for k, value in enumerate(matt)]
    np.testing.assert_allclose(bands, [1 / 4, 1 / 2, 5 / 16], atol=1e-4)
    found = coefficients(0.0, 0.0, 2.0)
    # P_2(z) = (3 z^2 - 1) / 2; the sky adds to the constant and to -y
    even, up = 2 * (lighting.SKY + bands[0]), -2 * lighting.RISE
    np.testing.assert_allclose(found, [even, 0, up, 2 * bands[1], 0, 0, 0, 0, bands[2]], atol=1e-3)


def test_harmonics_turn_with_the_lamp(key):
    lamp, normal = (jax.random.normal(next(key), (3,)) for _ in range(2))
    normal /= jnp.linalg.norm(normal)
    c, (x, y, z) = normal @ lamp / jnp.linalg.norm(lamp), normal
    wanted = lighting.SKY - lighting.RISE * y + 1 / 4 + c / 2 + 5 / 16 * (3 * c * c - 1) / 2
    basis = jnp.stack([x**0, x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1])
    np.testing.assert_allclose(basis @ coefficients(*lamp), jnp.linalg.norm(lamp) * wanted, rtol=1e-4)


def test_the_angle_of_two_lamps_by_hand():
    right, above = light(2.0, 0.0, 0.0), light(0.0, -0.3, 0.0)
    np.testing.assert_allclose(lighting.light_angle(right, above), 90, rtol=1e-5)
    np.testing.assert_allclose(lighting.light_angle(right, light(-1.0, 0.0, 0.0)), 180, rtol=1e-5)
    np.testing.assert_allclose(lighting.light_angle(right, light(1.0, 0.001, 0.0)), np.rad2deg(0.001), rtol=1e-3)
    slope = jax.grad(lambda lamp: lighting.light_angle(Lighting(lamp, 0.0), right))
    np.testing.assert_array_equal(slope(right.lamp), 0)
    assert jnp.isfinite(slope(above.lamp)).all()


def test_few_wrong_pixels_hardly_count_and_masked_ones_not_at_all():
    points = placed(0, 0, 0)
    image = paint(points, coefficients(*LAMPS[1]))
    spot = image.at[52:58, 30:39].set(255.0)
    assert angle(lighting.light_direction(FIT(spot, points)), LAMPS[1]) < 3
    half = image.at[:, 57:].set(0.0)
    assert angle(lighting.light_direction(FIT(half, points)), LAMPS[1]) > 10
    trusted = jnp.broadcast_to(jnp.arange(112) < 56, SIZE)
    found = jax.jit(lambda *given: lighting.fit_lighting(*given[:2], where=given[2]))(half, points, trusted)
    assert angle(lighting.light_direction(found), LAMPS[1]) < 2


def test_a_relit_face_is_the_face_painted_under_the_other_light_with_its_brightness():
    points = placed(10, -4, 6)
    old, new = (paint(points, coefficients(*lamp)) for lamp in LAMPS[:2])
    mask = FACE(points, SIZE)
    shades = [color.to_linear(image)[..., 0] for image in (RELIGHT(old, light(*LAMPS[1]), points), old, new)]
    means = [(mask * shade).sum() / mask.sum() for shade in shades]
    inner = mask == 1
    assert inner.sum() > 1000
    off = np.abs(shades[0] / means[1] - shades[2] / means[2])[inner]
    assert np.median(off) < 0.02
    assert np.median(np.abs(shades[1] / means[1] - shades[2] / means[2])[inner]) > 0.1


def test_a_face_without_features_gets_none():
    points, inner = placed(10, -4, 6), np.asarray(FACE(placed(10, -4, 6), SIZE) == 1)

    def detail(picture):
        """The logarithm of the light less the mean of the pixels around."""
        shade = np.log(np.asarray(color.to_linear(picture)[..., 0]))
        return (shade - uniform_filter(shade, 15))[inner]

    painted = [[paint(points, coefficients(*lamp), relief) for relief in (0.0, 1.0)] for lamp in LAMPS[:2]]
    features = [detail(featured) - detail(smooth) for smooth, featured in painted]
    change = features[1] - features[0]
    added = [detail(RELIGHT(image, light(*LAMPS[1]), points)) - detail(image) for image in painted[0]]
    share = [np.polyfit(change, one, 1)[0] for one in added]
    assert abs(share[0]) < 0.1
    assert share[1] > 0.9


def test_strength_and_mask_control_the_change():
    points = placed(10, -4, 6)
    image = paint(points, coefficients(*LAMPS[0]))
    relight = jax.jit(lambda where, strength: RELIGHT(image, light(*LAMPS[1]), points, where=where, strength=strength))
    full, half, none = (np.asarray(color.to_linear(relight(jnp.ones(SIZE), strength))) for strength in (1.0, 0.5, 0.0))
    np.testing.assert_allclose(half, np.sqrt(full * none), rtol=1e-3)
    np.testing.assert_allclose(none, color.to_linear(image), rtol=1e-3)
    np.testing.assert_array_equal(relight(jnp.zeros(SIZE), 1.0), image)


@pytest.mark.slow
def test_gradients_reach_pixels_and_light():
    points = placed(10, -4, 6)
    image = paint(points, coefficients(*LAMPS[0]))

    def loss(image, lamp):
        return jnp.square(lighting.relight(image, Lighting(lamp, jnp.zeros(())), points)).mean()

    for slope in jax.jit(jax.grad(loss, (0, 1)))(image, jnp.array(LAMPS[1])):
        assert jnp.isfinite(slope).all()
        assert jnp.abs(slope).max() > 0


@pytest.mark.slow
def test_gradients_reach_landmarks():
    points = placed(10, -4, 6)
    image = paint(points, coefficients(*LAMPS[0]))
    slope = jax.jit(jax.grad(lambda points: lighting.relight(image, light(*LAMPS[1]), points).mean()))(points)
    assert jnp.isfinite(slope).all()
    assert jnp.abs(slope).max() > 0


def test_pictures_landmarks_and_masks_that_do_not_fit_are_refused():
    image, points = np.zeros((2, 32, 32, 3), np.uint8), np.zeros((3, 59, 2), np.float32)
    with pytest.raises(ValueError, match=r"saw pictures \[2, 32, 32, 3\] and landmarks \[3, 59, 2\]"):
        lighting.fit_lighting(image, points)
    with pytest.raises(ValueError, match=r"saw a mask of shape \[32, 32\], wanted \[2, 32, 32\]"):
        lighting.fit_lighting(image, points[:2], where=np.zeros((32, 32), np.float32))
    with pytest.raises(TypeError, match="wanted uint8 or floating RGB"):
        lighting.relight(image.astype(np.int32), light(*LAMPS[0]), points[:2])


COUNT = 24


@pytest.fixture(scope="module")
def world():
    """Faces under natural lights and under lights from anywhere in front, their landmarks, both lights [24, 3]."""
    *keys, turns = jax.random.split(jax.random.key(8), 3)
    female, age = jnp.tile(jnp.array([0.0, 1.0]), COUNT // 2), jnp.linspace(18.0, 70.0, COUNT)
    source, target = population.sample_sources(keys[0], female, age), population.sample_targets(keys[1], female, age)
    aside, up = np.pi / 3 * jax.random.uniform(turns, (2, COUNT), minval=-1.0) * jnp.array([[1.0], [0.67]])
    wide = jnp.stack([jnp.sin(aside) * jnp.cos(up), -jnp.sin(up), jnp.cos(aside) * jnp.cos(up)], -1)
    pictures = [drawn_faces.draw(source, target._replace(light=lamp)) for lamp in (target.light, wide)]
    return pictures, faces.landmarks(source, target, size=112), (np.asarray(target.light), np.asarray(wide))


@pytest.mark.parametrize("which", [0, 1])
def test_light_of_the_synthetic_world_is_found_within_10_degrees(world, which):
    pictures, points, lights = world
    found = np.asarray(lighting.light_direction(FIT(pictures[which], points)))
    assert np.median(angle(found, lights[which])) < 10
    assert spearmanr(found[:, 0], lights[which][:, 0])[0] > 0.9
    # natural lights differ little in height: 8 degrees
    assert spearmanr(found[:, 1], lights[which][:, 1])[0] > (0.6, 0.9)[which]


@pytest.fixture(scope="module")
def relit(world):
    """The faces under the wide light, made to look as under the natural one."""
    (original, result), points, _ = world
    return RELIGHT(result, FIT(original, points), points)


def test_relit_faces_have_less_than_half_the_error(world, relit):
    (original, result), points, (wanted, _) = world
    found = [FIT(images, points) for images in (original, result, relit)]
    before, after = (np.median(lighting.light_angle(found[0], other)) for other in found[1:])
    assert after < before / 4
    before, after = (np.median(angle(lighting.light_direction(other), wanted)) for other in found[1:])
    assert after < before / 2


def test_relight_returns_uint8_for_uint8_and_does_not_change_pixels_outside(world, relit):
    (_, result), points, _ = world
    outside = np.asarray(FACE(points, 112) == 0)
    assert relit.dtype == jnp.uint8
    np.testing.assert_array_equal(relit[outside], result[outside])
    assert np.abs(np.int32(relit) - np.int32(result)).mean() > 1


@pytest.mark.slow
def test_many_pictures_at_once_agree_with_one_by_one(world, relit):
    (original, result), points, _ = world
    one = [picture[1].astype(jnp.float32) for picture in (original, result)]
    alone = RELIGHT(one[1], FIT(one[0], points[1]), points[1])
    assert np.abs(np.float32(relit[1]) - np.asarray(alone)).max() < 0.6
