"""Preprocessing against the original code and CLIP's own processor."""

import numpy as np
import pytest

from perface_jax.diffusion import preprocessing
from tests.diffusion import formula, small


@pytest.mark.parametrize(("name", "height", "width"), [("source", 150, 130), ("conditioning", 128, 128)])
def test_small_pictures(name, height, width):
    golden = small.golden()
    found = preprocessing.resized(formula.image_u8(f"small/image/{name}", height, width), 128)
    np.testing.assert_array_equal(np.moveaxis(found, -1, 0), golden[f"pre/{name}_resized_u8"])
    crop = formula.nchw(preprocessing.for_encoder(found, 56))
    np.testing.assert_allclose(crop, golden[f"pre/{name}_clip_pixels"][0], atol=1e-6)


@pytest.mark.parametrize(("name", "height", "width"), [("a", 512, 512), ("b", 700, 600), ("c", 300, 400)])
def test_pictures_in_real_size(name, height, width):
    golden = {key.partition(f"pre_real/{name}_")[2]: value for key, value in small.golden().items()}
    squares = preprocessing.resized(formula.image_u8(f"real/image/{name}", height, width), 512)
    found = np.moveaxis(squares, -1, 0)
    np.testing.assert_array_equal(found[:, 224:288, 224:288], golden["resized_u8_crop"])
    np.testing.assert_array_equal(found.reshape(3, -1).sum(1), golden["resized_u8_sum"])
    crop = preprocessing.for_encoder(squares) * np.array(preprocessing.STD) + np.array(preprocessing.MEAN)
    pixels = np.moveaxis(np.rint(255 * crop), -1, 0)
    np.testing.assert_array_equal(pixels[:, 80:144, 80:144], golden["clip_u8_crop"])
    np.testing.assert_array_equal(pixels.reshape(3, -1).sum(1), golden["clip_u8_sum"])


def test_there_and_back_keeps_every_level():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)[..., None].repeat(3, -1)
    np.testing.assert_array_equal(preprocessing.to_uint8(preprocessing.for_vae(levels)), levels)
    assert preprocessing.to_uint8(np.full((1, 1, 1, 3), 1.5, np.float32)).max() == 255


def test_pictures_of_wide_networks_become_gray_levels_too():
    found = preprocessing.to_uint8(np.array([-2.0, -1, 0.5, 1]).reshape(1, 2, 2, 1).repeat(3, -1))
    assert found[0, ..., 0].tolist() == [[0, 0], [191, 255]]
