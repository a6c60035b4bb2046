"""Picture quality against hand counts and scikit-image, and the perceptual loss of PerceptFace by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage import metrics

from perface_jax.fidelity import quality, regions


def _pictures():
    generator = np.random.default_rng(0)
    smooth = np.add.outer(np.linspace(0, 150, 20), np.linspace(0, 90, 17))[..., None] + np.array([0, 5, 10])
    noisy = np.clip(smooth + generator.normal(0, 25, (2, 20, 17, 3)), 0, 255)
    return np.stack([smooth, smooth[::-1]]).astype(np.uint8), noisy.astype(np.uint8)


def _masks(shape, **regions_given):
    zeros = {name: jnp.zeros(shape) for name in regions.Regions._fields}
    return regions.Regions(**(zeros | regions_given))


def test_l1_and_rmse_are_counted_by_hand_for_every_picture():
    original = np.zeros((2, 2, 2, 3), np.uint8)
    result = original.copy()
    result[0, 0, 0] = [12, 0, 0]  # of 12 numbers one differs by 12: 1, and the root of 144 / 12
    result[1] = 7
    np.testing.assert_allclose(quality.l1(original, result), [1, 7], rtol=1e-6)
    np.testing.assert_allclose(quality.rmse(original, result), [np.sqrt(12), 7], rtol=1e-6)


def test_psnr_agrees_with_scikit_image_and_is_infinite_for_equal_pictures():
    original, result = _pictures()
    wanted = [metrics.peak_signal_noise_ratio(*pair, data_range=255) for pair in zip(original, result, strict=True)]
    np.testing.assert_allclose(quality.psnr(original, result), wanted, rtol=1e-5)
    assert jnp.isposinf(quality.psnr(original, original)).all()


def test_ssim_agrees_with_scikit_image_for_any_leading_axes():
    original, result = _pictures()
    options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=-1)
    wanted = [metrics.structural_similarity(*pair, **options) for pair in zip(original, result, strict=True)]
    assert abs(wanted[0] - wanted[1]) > 0.01
    ssim = jax.jit(quality.ssim)
    np.testing.assert_allclose(ssim(original[:, None], result[:, None])[:, 0], wanted, atol=1e-4)
    np.testing.assert_allclose(ssim(original[:, None], original[:, None]), 1, atol=1e-5)


def test_ssim_has_finite_gradients_at_equal_and_flat_pictures():
    pictures = jnp.stack([jnp.full((12, 12, 3), 90.0), jnp.asarray(_pictures()[0][0, :12, :12]).astype(jnp.float32)])
    gradient = jax.grad(lambda x: quality.ssim(x, pictures).sum())(pictures)
    assert jnp.isfinite(gradient).all()


def test_the_perceptual_loss_is_the_weighted_sum_over_regions():
    original = np.zeros((2, 4, 3), np.uint8)
    result = original.copy()
    result[0, 0] = [51, 0, 0]  # an eye: .2 in one of 24 numbers
    result[1, 3] = 102  # the mouth, half of it in the mask: .4 * .5 in three of 24
    result[1, 1] = 255  # in no region
    eyes, mouth = jnp.zeros((2, 4)).at[0, 0].set(1.0), jnp.zeros((2, 4)).at[1, 3].set(0.5)
    found = quality.perceptual_loss(original, result, _masks((2, 4), eyes=eyes, mouth=mouth))
    wanted = 0.223 * np.sqrt(0.2**2 / 24) + 0.229 * np.sqrt(3 * 0.2**2 / 24)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_the_weights_are_the_papers_sensitivities_divided_by_their_sum():
    sensitivities = np.array([0.63, 0.73, 0.60, 0.75, 0.57])
    np.testing.assert_allclose(quality.PERCEPTFACE, sensitivities / sensitivities.sum(), atol=6e-4)


def test_lpips_is_added_if_passed():
    original, result = _pictures()
    ones = regions.Regions(*[jnp.ones((2, 20, 17))] * 5)
    plain = quality.perceptual_loss(original, result, ones)
    seen = []

    def lpips(x, y):
        seen.append((x.dtype, float(x.max())))
        return jnp.abs(x - y).mean((-3, -2, -1))

    found = quality.perceptual_loss(original, result, ones, lpips=lpips)
    np.testing.assert_allclose(found, plain + quality.l1(original, result), rtol=1e-5)
    assert seen == [(jnp.float32, original.max())]


def test_the_perceptual_loss_can_be_minimized_from_equal_pictures():
    original = jnp.asarray(_pictures()[0]).astype(jnp.float32)
    mask = jnp.zeros((2, 20, 17)).at[:, :10].set(1.0)
    loss = jax.jit(jax.grad(lambda x: quality.perceptual_loss(original, x, _masks((2, 20, 17), nose=mask)).sum()))
    np.testing.assert_array_equal(loss(original), 0)
    gradient = loss(original + 1)
    assert (gradient[:, :10] > 0).all()
    np.testing.assert_array_equal(gradient[:, 10:], 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: quality.l1(x, x[:, :5]), r"shapes \[12, 12, 3\] and \[12, 5, 3\], wanted equal"),
        (lambda x: quality.ssim(x[:10], x[:10]), r"saw 12 x 10 pixels, SSIM wants 11 or more"),
        (lambda x: quality.perceptual_loss(x, x, _masks((3, 3))), r"a mask of shape \[3, 3\], wanted \[12, 12\]"),
    ],
)
def test_pictures_and_masks_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.zeros((12, 12, 3), np.uint8))
