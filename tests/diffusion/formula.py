"""The formula weights and inputs of the golden values; see tests/golden/diffusion/SOURCE.md."""

import pathlib
import zlib

import numpy as np

GOLDEN = pathlib.Path(__file__).parent.parent / "golden" / "diffusion"


def draw(name, shape):
    """Standard normal numbers by the CRC of a name, float64."""
    return np.random.RandomState(zlib.crc32(name.encode()) & 0xFFFFFFFF).standard_normal(shape)


def weight(network, key, shape, salt=""):
    z = draw(f"{salt}{network}/{key}", shape)
    if key.endswith(".bias"):
        z = 0.1 * z
    elif key.endswith(("class_embedding", "position_embedding.weight")):
        z = 0.02 * z
    elif len(shape) == 1:
        z = 1 + 0.1 * z
    else:
        z = z * np.sqrt(1 / np.prod(shape[1:]))
    return z.astype(np.float32)


def state_dict(network, shapes, salt=""):
    return {key: weight(network, key, tuple(shape), salt) for key, shape in shapes.items()}


def normal(name, shape):
    return draw(name, shape).astype(np.float32)


def picture(name, shape):
    """An input in -1..1."""
    return np.clip(0.5 * normal(name, shape), -1, 1)


def image_u8(name, height, width):
    random = np.random.RandomState(zlib.crc32(name.encode()) & 0xFFFFFFFF)
    base = random.randint(0, 224, (height // 10 + 1, width // 10 + 1, 3))
    fine = random.randint(0, 32, (height, width, 3))
    return (np.repeat(np.repeat(base, 10, 0), 10, 1)[:height, :width] + fine).astype(np.uint8)


def nhwc(x):
    return np.moveaxis(x, -3, -1)


def nchw(x):
    return np.moveaxis(np.asarray(x), -1, -3)
