"""The contract at the door, normalizing, flipping and resizing. Beside Pillow and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from perface_jax import images
from tests.pictures import levels, noise

# The door


def test_check_lets_good_pictures_through():
    images.check(noise(112, 112, 3))
    images.check(jnp.asarray(noise(2, 5, 7, 3)), rank=4)
    images.check(noise(2, 112, 112, 3), size=112, rank=4)
    images.check(noise(4, 4, 3).astype(jnp.bfloat16), floating=True)
    jax.eval_shape(images.check, noise(2, 4, 4, 3))


U8 = np.zeros((2, 8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("value", "options", "kind", "message"),
    [
        ([U8, U8], {}, TypeError, r"saw list, wanted uint8 RGB \[..., H, W, 3\]: numpy.stack"),
        ("face.jpg", {}, TypeError, "saw str"),
        (U8 + np.float32(0.5), {}, TypeError, r"saw float32 from 0.5 to 0.5, .*looks like 0..1: first x = 255 \* x"),
        (U8 - np.float32(0.5), {}, TypeError, r"from -0.5 to -0.5, .*looks like -1..1: first x = 127.5 \* x \+ 127.5"),
        (U8 + np.float32(300), {}, TypeError, "from 300 to 300, .*pixels run from 0 to 255"),
        (U8 * np.float32("nan"), {}, TypeError, "from nan to nan, .*pixels run from 0 to 255"),
        (U8 + np.float32(7), {}, TypeError, r"from 7 to 7, wanted uint8 RGB.*: numpy.rint\(x\).astype"),
        (U8.astype(int), {}, TypeError, "saw int64, wanted uint8"),
        (U8.astype(int), {"floating": True}, TypeError, "saw int64, wanted uint8 or floating RGB"),
        (U8.transpose(0, 3, 1, 2), {}, ValueError, r"saw shape \[2, 3, 8, 8\].*channels come last"),
        (U8[0].transpose(2, 0, 1), {}, ValueError, r"saw shape \[3, 8, 8\].*channels come last"),
        (U8[0], {"rank": 4}, ValueError, r"saw shape \[8, 8, 3\], wanted uint8 RGB \[N, H, W, 3\]: images\[None\]"),
        (U8[0, ..., 0], {}, ValueError, r"saw shape \[8, 8\].*gray needs three"),
        (U8[..., :1], {}, ValueError, r"saw shape \[2, 8, 8, 1\].*repeats gray"),
        (np.concatenate([U8, U8], -1)[..., :4], {}, ValueError, r"shape \[2, 8, 8, 4\].*drops the alpha"),
        (U8[..., 0], {}, ValueError, "last axis holds red, green and blue"),
        (U8, {"size": 112}, ValueError, r"\[..., 112, 112, 3\]: images.resize\(images, 112\) .* images.align"),
        (U8[:, :4], {"size": 8}, ValueError, r"saw shape \[2, 4, 8, 3\]"),
        (U8[:, :0], {}, ValueError, "without pixels"),
    ],
)
def test_check_says_what_it_saw_what_it_wanted_and_what_to_do(value, options, kind, message):
    with pytest.raises(kind, match=message):
        images.check(value, **options)


def test_check_refuses_traced_floats_without_looking_at_them():
    with pytest.raises(TypeError, match="saw float32, wanted uint8"):
        jax.jit(images.check)(U8.astype(np.float32))


# Normalize, flip


def test_normalize_by_hand_and_under_jit_and_vmap():
    picture = np.array([[[0, 127, 128], [51, 204, 255]]], np.uint8)
    expected = [[[-1, -0.5 / 127.5, 0.5 / 127.5], [-0.6, 0.6, 1]]]
    for function in (images.normalize, jax.jit(images.normalize)):
        np.testing.assert_allclose(function(picture), expected, rtol=1e-6)
        assert function(picture).dtype == jnp.float32
    np.testing.assert_allclose(jax.vmap(images.normalize)(picture[None])[0], expected, rtol=1e-6)
    np.testing.assert_allclose(images.normalize(picture.astype(np.float64)), expected, rtol=1e-6)
    assert images.normalize(picture.astype(jnp.bfloat16)).dtype == jnp.float32
    with jax.enable_x64(True):
        np.testing.assert_allclose(images.normalize(picture, dtype=jnp.float64), expected, rtol=1e-15)


def test_the_former_spelling_of_normalize_warns_for_one_version():
    with pytest.warns(DeprecationWarning, match="images.normalize"):
        assert images.normalise is images.normalize
    with pytest.raises(AttributeError, match="normal1se"):
        images.normal1se  # noqa: B018


def test_normalize_passes_gradients_to_floating_pixels():
    picture = jnp.full((2, 2, 3), 0.5)  # under grad and jit the numbers cannot be looked at
    gradient = jax.grad(lambda x: images.normalize(x).sum())(picture)
    np.testing.assert_allclose(gradient, np.full((2, 2, 3), 1 / 127.5), rtol=1e-6)


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (0, 1, "float32 from 0 to 1, wanted uint8, or floating from 0 to 255, but it looks like 0..1: first"),
        (-1, 1, "it looks like -1..1"),
        (-2.1, 2.6, "from -2.1 to 2.6, .*pixels run from 0 to 255"),
        (0, 65535, "pixels run from 0 to 255"),
        (0, np.inf, "pixels run from 0 to 255"),
    ],
)
def test_normalize_refuses_floating_pictures_off_the_scale(low, high, message):
    picture = np.full((2, 2, 3), high, np.float32)
    picture[0] = low
    with pytest.raises(ValueError, match=message):
        images.normalize(picture)


def test_normalize_accepts_black_and_the_overshoot_of_resizing():
    np.testing.assert_array_equal(images.normalize(np.zeros((2, 2, 3), np.float32)), -np.ones((2, 2, 3)))
    images.normalize(np.array([[[-0.01, 255.01, 128]]], np.float32))


def test_normalize_refuses_whole_numbers_of_other_kinds():
    with pytest.raises(TypeError, match="saw int32"):
        images.normalize(np.ones((2, 2, 3), np.int32))


def test_flip_exchanges_left_and_right_only():
    picture = noise(2, 3, 4, 3)
    np.testing.assert_array_equal(images.flip(picture)[:, :, 0], picture[:, :, 3])
    np.testing.assert_array_equal(images.flip(images.flip(picture)), picture)


# Resize


@pytest.mark.parametrize(
    ("shape", "size"),
    [((224, 224), 112), ((160, 160), 112), ((300, 300), 7), ((50, 40), 112), ((31, 57), (64, 20)), ((9, 9), 9)],
)
def test_resize_is_pillow_bilinear_within_one_gray_level(shape, size):
    picture = noise(*shape, 3)
    height, width = (size, size) if isinstance(size, int) else size
    expected = np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))
    out = jax.jit(images.resize, static_argnames="size")(picture, size=size)
    assert (out.dtype, out.shape) == (jnp.uint8, (height, width, 3))
    assert levels(out, expected) <= 1


def test_resize_keeps_leading_axes_and_floating_dtypes_and_has_a_gradient():
    batch = noise(2, 3, 16, 16, 3)
    out = images.resize(batch, 8)
    np.testing.assert_array_equal(out[1, 2], images.resize(batch[1, 2], 8))
    assert images.resize(batch.astype(jnp.bfloat16), 8).dtype == jnp.bfloat16
    gradient = jax.jit(jax.grad(lambda x: images.resize(x, 8).sum()))(jnp.ones((16, 16, 3)))
    np.testing.assert_allclose(gradient.sum(), 8 * 8 * 3, rtol=1e-5)  # 768 terms in float32
    assert (gradient > 0).all()
