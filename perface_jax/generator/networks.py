"""The generator, a U-Net that paints a face, and the discriminator, which tells painted pictures from real ones."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float

from perface_jax import images
from perface_jax.arrays import AnyArray, Array, Pixels
from perface_jax.generator.heat_maps import Points, face_mask, heat_maps
from perface_jax.network.model import IResNet

SMALLEST = 8  # pixels, of the coarsest level of the generator
SIZES = tuple(SMALLEST * 2**levels for levels in range(1, 7))
DEEPEST = 8  # most channels, in widths
GENERATOR, DISCRIMINATOR = "generator", "discriminator"  # their parameters, by name


class Generator(nn.Module):
    """From picture without face, mask and heat maps `[b, s, s, 3 + 1 + k]` to a picture `[b, s, s, 3]` in -1..1."""

    width: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b s s c"]) -> Float[Array, "b s s 3"]:
        widths, skips = _widths(x.shape[1], self.width), []
        for channels in widths[:-1]:
            x = _Layer(channels, dtype=self.dtype)(x)
            skips.append(x)
            x = _Layer(min(2 * channels, widths[-1]), stride=2, dtype=self.dtype)(x)
        x = x + _Layer(widths[-1], dtype=self.dtype)(_Layer(widths[-1], dtype=self.dtype)(x))
        for channels, skip in zip(widths[-2::-1], skips[::-1], strict=True):
            x = jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
            x = _Layer(channels, dtype=self.dtype)(jnp.concatenate([x, skip], axis=-1))
        return jnp.tanh(nn.Conv(3, (3, 3), dtype=self.dtype)(x).astype(jnp.float32))


class Discriminator(nn.Module):
    """From picture and heat maps `[b, s, s, 3 + k]` to a number `[b]`, above 0 for real pictures of such landmarks."""

    width: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b s s c"]) -> Float[Array, " b"]:
        for channels in _widths(x.shape[1], self.width):
            x = nn.leaky_relu(nn.Conv(channels, (4, 4), strides=2, dtype=self.dtype)(x), 0.2)
        return nn.Conv(1, (3, 3), dtype=self.dtype)(x).astype(jnp.float32).mean((1, 2, 3))


class _Layer(nn.Module):
    """Convolution, group norm, activation; the norm is over one picture, so rows do not influence each other."""

    channels: int
    stride: int = 1
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(self.channels, (3, 3), strides=self.stride, dtype=self.dtype)(x)
        return nn.silu(nn.GroupNorm(num_groups=math.gcd(self.channels, 8), dtype=self.dtype)(x))


@dataclasses.dataclass(frozen=True)
class Networks:
    """Both networks, and the frozen models that judge results; without parameters."""

    size: int = 64  # side of the pictures
    width: int = 16  # channels of the first level
    points: Points = Points.DENSE
    dtype: Any = jnp.dtype(jnp.float32)  # of convolutions
    recognizer: IResNet | None = None  # that must not match results
    perceptual: IResNet | None = None  # that shall find them alike

    kernels = "xla"  # a penalty on gradients needs derivatives of derivatives
    param_dtype = jnp.dtype(jnp.float32)

    def __post_init__(self):
        if self.size not in SIZES:
            raise ValueError(f"saw pictures of {self.size} pixels, wanted one of {', '.join(map(str, SIZES))}")

    def init(self, key: Any) -> dict[str, Any]:
        """Random parameters of both networks, by name."""
        channels = 3 + self.points.channels
        blank = jnp.zeros((1, self.size, self.size, channels + 1))
        first, second = jax.random.split(key)
        return {
            GENERATOR: self._generator.init(first, blank)["params"],
            DISCRIMINATOR: self._discriminator.init(second, blank[..., :channels])["params"],
        }

    def paint(
        self, params: Mapping, pictures: Pixels[AnyArray, "b s s 3"], points: Float[AnyArray, "b p 2"]
    ) -> tuple[Float[Array, "b s s 3"], Float[Array, "b s s 3"], Float[Array, "b s s"]]:
        """The results, 0 to 255, what the generator painted before it was put into the picture, and the mask.

        The generator sees `(1 - mask) * picture`: nothing of the face.
        """
        mask = face_mask(points, size=self.size)
        inside, real = mask[..., None], images.normalize(pictures)
        maps = heat_maps(points, size=self.size, which=self.points)
        seen = jnp.concatenate([(1 - inside) * real, inside, maps], axis=-1)
        painted: Any = self._generator.apply({"params": params[GENERATOR]}, seen)
        results = real + inside * (painted - real)
        return 127.5 * (results + 1), 127.5 * (painted + 1), mask

    def judge(
        self, params: Mapping, pictures: Pixels[AnyArray, "b s s 3"], points: Float[AnyArray, "b p 2"]
    ) -> Float[Array, " b"]:
        """The discriminator's number for pictures with these landmarks."""
        maps = heat_maps(points, size=self.size, which=self.points)
        seen = jnp.concatenate([images.normalize(pictures), maps], axis=-1)
        judged: Any = self._discriminator.apply({"params": params[DISCRIMINATOR]}, seen)
        return judged

    @property
    def _generator(self):
        return Generator(self.width, self.dtype)

    @property
    def _discriminator(self):
        return Discriminator(self.width, self.dtype)


def _widths(size, width):
    """Channels of every level, from the finest to the coarsest."""
    levels = int(math.log2(size // SMALLEST)) + 1
    return [width * min(2**level, DEEPEST) for level in range(levels)]
