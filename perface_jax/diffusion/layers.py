"""Layers that UNet and autoencoder share. Pictures and latents are [batch, height, width, channels].

A module, and each of its parameters, has the name of its checkpoint, with `_0` for `.0`: `resnets_0/conv1/kernel` is
`resnets.0.conv1.weight`.
"""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array

ONE = ((1, 1), (1, 1))  # zeros around a picture


class Typed(nn.Module):
    """A module with a dtype of computation and one of parameters, handed to its parts."""

    dtype: DTypeLike = jnp.float32
    param_dtype: DTypeLike = jnp.float32

    @property
    def types(self) -> dict[str, Any]:
        """As the arguments of a part."""
        return {"dtype": self.dtype, "param_dtype": self.param_dtype}

    def make_group_norm(self, groups: int, epsilon: float) -> nn.GroupNorm:
        """A GroupNorm that subtracts the mean before it squares, as PyTorch does."""
        return nn.GroupNorm(groups, epsilon=epsilon, **self._statistics, **self.types)

    def make_layer_norm(self, epsilon: float = 1e-5) -> nn.LayerNorm:
        """The same for a LayerNorm."""
        return nn.LayerNorm(epsilon=epsilon, **self._statistics, **self.types)

    @property
    def _statistics(self):
        half = jnp.dtype(self.dtype).itemsize < 4
        return {"use_fast_variance": False, "force_float32_reductions": half}

    def make_conv(self, width: int, size: int = 3, *, padding: Any = ONE, **options: Any) -> nn.Conv:
        """A convolution of `size` x `size`."""
        return nn.Conv(width, (size, size), padding=padding, **options, **self.types)

    def make_dense(self, width: int, *, bias: bool = True) -> nn.Dense:
        """A linear layer."""
        return nn.Dense(width, use_bias=bias, **self.types)


class ResnetBlock(Typed):
    """Two convolutions beside a shortcut; between them the time is added, where there is one."""

    inputs: int = 0
    outputs: int = 0
    groups: int = 32
    epsilon: float = 1e-5
    timed: bool = True

    def setup(self) -> None:
        """The parts."""
        self.norm1 = self.make_group_norm(self.groups, self.epsilon)
        self.conv1 = self.make_conv(self.outputs)
        self.norm2 = self.make_group_norm(self.groups, self.epsilon)
        self.conv2 = self.make_conv(self.outputs)
        if self.timed:
            self.time_emb_proj = self.make_dense(self.outputs)
        if self.inputs != self.outputs:
            self.conv_shortcut = self.make_conv(self.outputs, 1, padding=0)

    def __call__(
        self, x: Float[AnyArray, "b h w c"], time: Float[AnyArray, "b t"] | None = None
    ) -> Float[Array, "b h w d"]:
        """`time` is the embedding of the timestep after its SiLU."""
        y = self.conv1(nn.silu(self.norm1(x)))
        if time is not None:
            y += self.time_emb_proj(time)[:, None, None]
        y = self.conv2(nn.silu(self.norm2(y)))
        return y + (x if self.inputs == self.outputs else self.conv_shortcut(x))


class Downsample(Typed):
    """Half of the size, by a convolution."""

    width: int = 0
    padding: Any = ONE

    def setup(self) -> None:
        """The part."""
        self.conv = self.make_conv(self.width, padding=self.padding, strides=(2, 2))

    def __call__(self, x: Float[AnyArray, "b h w c"]) -> Float[Array, "b _ _ c"]:
        """The smaller picture."""
        return self.conv(x)


class Upsample(Typed):
    """A larger size by repeated pixels, and a convolution."""

    width: int = 0

    def setup(self) -> None:
        """The part."""
        self.conv = self.make_conv(self.width)

    def __call__(self, x: Float[AnyArray, "b h w c"], size: tuple[int, int] | None = None) -> Float[Array, "b _ _ c"]:
        """Twice as large, or of this height and width."""
        height, width = x.shape[1:3]
        return self.conv(repeated(x, size or (2 * height, 2 * width)))


def repeated(x: Float[AnyArray, "b h w c"], size: tuple[int, int]) -> Float[Array, "b _ _ c"]:
    """A picture of another height and width; pixel i is the old pixel floor(i old / new).

    Source: PyTorch's `interpolate(mode="nearest")`. `jax.image.resize` counts from centers of pixels instead.
    """
    for axis, new in enumerate(size, 1):
        x = jnp.take(x, jnp.arange(new) * x.shape[axis] // new, axis=axis)
    return jnp.asarray(x)


def tokens(x: Float[AnyArray, "b h w c"]) -> Float[Array, "b n c"]:
    """The pixels in one row."""
    return jnp.reshape(x, (x.shape[0], -1, x.shape[-1]))
