"""Colors against the published pairs of CIEDE2000 and scikit-image, and gradients where formulas have corners."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage import color as skimage_color

from perface_jax.images import color

# Sharma, Wu and Dalal 2005, table 1: L1 a1 b1 L2 a2 b2 and the difference
PAIRS = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
TABLE = np.array([row.split() for row in PAIRS.strip().splitlines()], np.float32)
# Called whole, not operation by operation: each operation would be compiled.
DIFFERENCE, TO_LAB, FROM_LAB = jax.jit(color.difference), jax.jit(color.to_lab), jax.jit(color.from_lab)
TO_LINEAR = jax.jit(color.to_linear)
CUBE = np.stack(np.meshgrid(*[np.array([0, 1, 9, 10, 11, 60, 128, 200, 255])] * 3), -1).reshape(27, 27, 3)


def test_the_34_published_pairs_have_their_differences_both_ways_round():
    first, second, wanted = TABLE[:, :3], TABLE[:, 3:6], TABLE[:, 6]
    assert len(TABLE) == 34
    np.testing.assert_allclose(DIFFERENCE(first, second), wanted, atol=1e-4)
    np.testing.assert_allclose(DIFFERENCE(second, first), wanted, atol=1e-4)


def test_the_published_pairs_were_copied_without_a_slip():
    table = np.array([row.split() for row in PAIRS.strip().splitlines()], np.float64)
    # rows 9 to 15 lie on the formula's break at opposite hues, where scikit-image may take the other side
    clear = np.r_[0:8, 15:34]
    found = skimage_color.deltaE_ciede2000(table[:, :3], table[:, 3:6])
    np.testing.assert_allclose(found[clear], table[clear, 6], atol=1e-4)


def test_differences_of_any_two_colors_are_those_of_scikit_image():
    generator = np.random.default_rng(0)
    lab = np.concatenate([generator.uniform(0, 100, (2, 50, 10, 1)), generator.normal(0, 40, (2, 50, 10, 2))], -1)
    found = DIFFERENCE(*lab.astype(np.float32))
    np.testing.assert_allclose(found, skimage_color.deltaE_ciede2000(*lab), atol=1e-3)


def test_lab_is_that_of_scikit_image_whatever_the_leading_axes():
    wanted = skimage_color.rgb2lab(CUBE.astype(np.uint8))
    found = TO_LAB(CUBE.astype(np.uint8)[None])
    # scikit-image writes the matrix and the white with more digits
    np.testing.assert_allclose(found[0], wanted, atol=0.03)


def test_gray_has_no_hue_and_white_is_100():
    gray = np.array([0, 1, 77, 255], np.uint8)[:, None] * np.ones(3, np.uint8)
    lab = np.asarray(TO_LAB(gray))
    np.testing.assert_allclose(lab[:, 1:], 0, atol=1e-4)
    np.testing.assert_allclose(lab[[0, 3], 0], [0, 100], atol=1e-4)


def test_linear_light_has_the_published_form():
    # IEC 61966-2-1: 10 / 255 / 12.92 below the knee; ((128 / 255 + .055) / 1.055) ** 2.4 = .21586 above
    found = TO_LINEAR(np.array([[10, 128, 255]], np.uint8))
    np.testing.assert_allclose(found, [[10 / 255 / 12.92, 0.2158605, 1.0]], rtol=1e-5)


def test_every_way_there_has_a_way_back():
    back = jax.jit(lambda x: (color.from_lab(color.to_lab(x)), color.from_linear(color.to_linear(x))))
    for found in back(CUBE.astype(np.uint8)):
        np.testing.assert_allclose(found, CUBE, atol=0.02)


def test_what_lies_outside_of_srgb_is_clipped():
    found = np.asarray(FROM_LAB(np.float32([[120.0, 0.0, 0.0], [50.0, 120.0, 0.0], [-5.0, 0.0, 0.0]])))
    assert 0 <= found.min() <= found.max() <= 255
    np.testing.assert_allclose(found[0], 255, atol=1e-3)
    np.testing.assert_allclose(found[2], 0, atol=1e-3)


def test_gradients_are_numbers_at_black_at_gray_and_at_equal_colors():
    image = jnp.array([[0.0, 0.0, 0.0], [90.0, 90.0, 90.0], [255.0, 255.0, 255.0], [10.0, 200.0, 30.0]])
    other = jnp.array([[0.0, 0.0, 0.0], [99.0, 99.0, 99.0], [200.0, 10.0, 10.0], [10.0, 200.0, 30.0]])
    loss = jax.jit(jax.grad(lambda x, y: color.difference(color.to_lab(x), color.to_lab(y)).sum(), (0, 1)))
    for gradient in loss(image, other):
        assert np.isfinite(gradient).all()
        np.testing.assert_array_equal(np.asarray(gradient)[[0, 3]], 0)
    lab = np.float32([[50.0, 0.0, 0.0], [50.0, 0.0, 0.0], [50.0, 3.0, 4.0]])
    gradient = jax.jit(jax.grad(lambda x: color.difference(x, lab[::-1]).sum()))(lab)
    assert np.isfinite(gradient).all()


def test_the_gradient_is_the_slope_of_the_difference():
    lab, other = np.float32([60.0, 20.0, 15.0]), np.float32([50.0, 10.0, 25.0])
    gradient = jax.jit(jax.grad(color.difference))(lab, other)
    up, down = np.array(lab) + 0.01 * np.eye(3), np.array(lab) - 0.01 * np.eye(3)
    # scikit-image computes in float64, so that a central difference is good to five digits
    wanted = (
        skimage_color.deltaE_ciede2000(up, np.tile(other, (3, 1)))
        - skimage_color.deltaE_ciede2000(down, np.tile(other, (3, 1)))
    ) / 0.02
    np.testing.assert_allclose(gradient, wanted, atol=1e-4)


def test_back_to_pixels_the_gradient_is_a_number_at_black_too():
    for back in (color.from_lab, color.from_linear):
        gradient = jax.jit(jax.grad(lambda x: back(x).sum()))(np.zeros((1, 3), np.float32))  # noqa: B023
        assert np.isfinite(gradient).all()


def test_colors_without_three_numbers_are_refused():
    with pytest.raises(ValueError, match=r"saw colors of shape \[2, 4\], wanted \[\.\.\., 3\]"):
        color.to_lab(jnp.zeros((2, 4)))
