"""Colors by hand in CIELAB; seamless cloning beside a sparse solution with SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from perface_jax.images import color
from perface_jax.swap.blending import clone, match_colors
from tests.pictures import noise

CLONE = jax.jit(clone)
MATCH = jax.jit(match_colors)
LAB = jax.jit(color.to_lab)
FROM_LAB = jax.jit(color.from_lab)


def lab_picture(mean, spread) -> jax.Array:
    """Half of the pixels `spread` above the mean color, half below it, with signs that differ by channel."""
    signs = np.random.default_rng(0).permutation(np.repeat([-1.0, 1.0], 32)).reshape(8, 8, 1) * [1, -1, 1]
    return FROM_LAB(jnp.asarray(np.array(mean) + np.array(spread) * signs, jnp.float32))


def test_mean_and_spread_become_those_of_the_other_picture_with_limited_gains():
    image, reference = lab_picture([60, 10, 15], [10, 2, 4]), lab_picture([50, 14, 20], [9, 1, 8])
    matched = LAB(MATCH(image, reference, jnp.ones((8, 8))))
    np.testing.assert_allclose(matched.mean((0, 1)), [50, 14, 20], atol=0.02)
    # gains .9, then .5 held at .7, then 2 held at 1.2
    np.testing.assert_allclose(matched.std((0, 1)), [9, 1.4, 4.8], atol=0.02)


def test_pixels_without_weight_are_changed_but_do_not_count():
    image, reference = lab_picture([60, 10, 15], [5, 2, 2]), lab_picture([50, 14, 20], [5, 2, 2])
    weight = jnp.ones((8, 8)).at[:2].set(0)
    plain = MATCH(image, reference, weight)
    spoiled = MATCH(image.at[:2].set(128), reference.at[:2].set(255), weight)
    np.testing.assert_allclose(spoiled[2:], plain[2:], atol=1e-3)
    assert jnp.abs(spoiled[:2] - 128).min() > 1


def test_a_face_without_skin_in_the_picture_gives_finite_colors_and_gradients():
    image = lab_picture([60, 10, 15], [5, 2, 2])
    value, gradient = jax.jit(jax.value_and_grad(lambda x: match_colors(x, image, jnp.zeros((8, 8))).sum()))(image)
    assert jnp.isfinite(value)
    assert jnp.isfinite(gradient).all()


def case(size=(24, 20)):
    """Two smooth noises, and a mask that touches the edge of the picture."""
    image, target = (
        scipy.ndimage.gaussian_filter(noise(*size, 3, seed=i).astype(np.float32), (1, 1, 0)) for i in (0, 1)
    )
    y, x = np.mgrid[: size[0], : size[1]]
    return image, target, (x - 12) ** 2 + (y - 11) ** 2 < 81


def poisson(image, target, where):
    """The same equations, one row a pixel, solved directly."""
    height, width = where.shape
    inside = np.zeros_like(where)
    inside[1:-1, 1:-1] = where[1:-1, 1:-1]
    line = [scipy.sparse.diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(n, n)) for n in (height, width)]
    laplacian = scipy.sparse.kron(line[0], scipy.sparse.eye(width)) + scipy.sparse.kron(
        scipy.sparse.eye(height), line[1]
    )
    mask = scipy.sparse.diags(inside.ravel().astype(float))
    system = mask @ laplacian + (scipy.sparse.eye(height * width) - mask)
    image, target = (x.reshape(-1, 3).astype(np.float64) for x in (image, target))
    right = np.where(inside.ravel()[:, None], laplacian @ image, target)
    return scipy.sparse.linalg.spsolve(system.tocsc(), right).reshape(height, width, 3)


def test_cloning_is_the_direct_solution_within_a_twentieth_of_a_gray_level():
    image, target, where = case()
    out = CLONE(image, target, where)
    np.testing.assert_allclose(out, poisson(image, target, where), atol=0.05)
    assert np.abs(poisson(image, target, where) - image)[where].max() > 20
    np.testing.assert_array_equal(out[~where], target[~where])
    np.testing.assert_array_equal(out[:, -1], target[:, -1])


def test_a_wide_mask_is_solved_too():
    image, target, where = case((112, 112))
    y, x = np.mgrid[:112, :112]
    where = (x - 55) ** 2 + (y - 60) ** 2 < 45**2
    np.testing.assert_allclose(CLONE(image, target, where), poisson(image, target, where), atol=0.2)


def test_a_picture_that_differs_by_a_constant_becomes_the_target():
    _, target, where = case()
    np.testing.assert_allclose(CLONE(target + 40, target, where), target, atol=0.02)


def test_an_empty_mask_gives_the_target_and_vmap_agrees_with_one_face():
    image, target, where = case()
    masks = jnp.stack([jnp.zeros_like(where), where])
    out = jax.jit(jax.vmap(clone, in_axes=(None, None, 0)))(image, target, masks)
    np.testing.assert_array_equal(out[0], target)
    np.testing.assert_allclose(out[1], CLONE(image, target, where), atol=1e-3)


def test_the_gradient_passes_through_the_solver():
    image, target, where = case()
    weight = np.random.default_rng(3).normal(size=image.shape).astype(np.float32)
    gradient = jax.jit(jax.grad(lambda x: (weight * clone(x, target, where)).sum()))(image)
    step = np.zeros_like(image)
    step[10, 11, 1] = 8.0  # the solution is linear in the picture
    change = (weight * (CLONE(image + step, target, where) - CLONE(image - step, target, where))).sum() / 16
    np.testing.assert_allclose(gradient[10, 11, 1], change, rtol=2e-2, atol=2e-2)
