"""The autoencoder of Stable Diffusion: pictures in -1..1 to latents and back."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.diffusion.attention import Attention
from perface_jax.diffusion.layers import Downsample, ResnetBlock, Typed, Upsample, tokens
from perface_jax.diffusion.settings import VAESettings

EPSILON = 1e-6  # of all norms
LOG_VARIANCE = (-30.0, 20.0)  # limits
RIGHT_AND_BELOW = ((0, 1), (0, 1))  # zeros around a picture


class Posterior(NamedTuple):
    """A normal distribution of latents."""

    mean: Float[Array, "b h w c"]
    log_variance: Float[Array, "b h w c"]

    def sample(self, noise: Float[AnyArray, "b h w c"]) -> Float[Array, "b h w c"]:
        """Latents, from standard normal noise."""
        return self.mean + jnp.exp(0.5 * self.log_variance) * noise


class VAEPart(Typed):
    """What encoder and decoder share."""

    settings: VAESettings = VAESettings()

    def resnet(self, inputs: int, outputs: int) -> ResnetBlock:
        """A ResNet block."""
        sizes = {"groups": self.settings.groups, "epsilon": EPSILON, "timed": False}
        return ResnetBlock(inputs=inputs, outputs=outputs, **sizes, **self.types)


class PixelAttention(Attention):
    """Attention of one head over all pixels, beside a shortcut."""

    groups: int = 32

    def setup(self) -> None:
        """The parts."""
        super().setup()
        self.group_norm = self.make_group_norm(self.groups, EPSILON)

    def over_pixels(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """The result."""
        own = tokens(self.group_norm(x))
        return x + jnp.reshape(self(own, self.remember(own)), x.shape)


class VAEMiddle(VAEPart):
    """Attention between two ResNet blocks."""

    width: int = 0

    def setup(self) -> None:
        """The parts."""
        self.resnets = [self.resnet(self.width, self.width) for _ in range(2)]
        self.attentions = [PixelAttention(width=self.width, bias=True, groups=self.settings.groups, **self.types)]

    def __call__(self, x: Float[AnyArray, "b h w c"]) -> Float[Array, "b h w c"]:
        """The result."""
        return self.resnets[1](self.attentions[0].over_pixels(self.resnets[0](x)))


class VAEBlock(VAEPart):
    """Layers of one resolution, and a change of resolution after them."""

    inputs: int = 0
    width: int = 0
    layers: int = 2
    down: bool = False
    up: bool = False

    def setup(self) -> None:
        """The parts."""
        self.resnets = [self.resnet(self.width if i else self.inputs, self.width) for i in range(self.layers)]
        if self.down:
            self.downsamplers_0 = Downsample(width=self.width, padding=RIGHT_AND_BELOW, **self.types)
        if self.up:
            self.upsamplers_0 = Upsample(width=self.width, **self.types)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b _ _ d"]:
        """The result."""
        for resnet in self.resnets:
            x = resnet(x)
        x = self.downsamplers_0(x) if self.down else x
        return self.upsamplers_0(x) if self.up else x


class Encoder(VAEPart):
    """Pictures to mean and log variance."""

    def setup(self) -> None:
        """The parts."""
        widths, made = self.settings.channels, {"settings": self.settings, **self.types}
        self.conv_in = self.make_conv(widths[0])
        self.down_blocks = [
            VAEBlock(
                inputs=widths[max(i - 1, 0)],
                width=width,
                layers=self.settings.layers,
                down=i < len(widths) - 1,
                **made,
            )
            for i, width in enumerate(widths)
        ]
        self.mid_block = VAEMiddle(width=widths[-1], **made)
        self.conv_norm_out = self.make_group_norm(self.settings.groups, EPSILON)
        self.conv_out = self.make_conv(2 * self.settings.latents)

    def __call__(self, x: Float[AnyArray, "b h w 3"]) -> Float[Array, "b _ _ c"]:
        """The result."""
        found = self.conv_in(x)
        for block in self.down_blocks:
            found = block(found)
        return self.conv_out(nn.silu(self.conv_norm_out(self.mid_block(found))))


class Decoder(VAEPart):
    """Latents to pictures."""

    def setup(self) -> None:
        """The parts."""
        widths, made = self.settings.channels[::-1], {"settings": self.settings, **self.types}
        self.conv_in = self.make_conv(widths[0])
        self.mid_block = VAEMiddle(width=widths[0], **made)
        self.up_blocks = [
            VAEBlock(
                inputs=widths[max(i - 1, 0)],
                width=width,
                layers=self.settings.layers + 1,
                up=i < len(widths) - 1,
                **made,
            )
            for i, width in enumerate(widths)
        ]
        self.conv_norm_out = self.make_group_norm(self.settings.groups, EPSILON)
        self.conv_out = self.make_conv(3)

    def __call__(self, x: Float[AnyArray, "b h w c"]) -> Float[Array, "b _ _ 3"]:
        """The result."""
        x = self.mid_block(self.conv_in(x))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(nn.silu(self.conv_norm_out(x)))


class VAE(VAEPart):
    """Both; latents are not scaled here."""

    def setup(self) -> None:
        """The parts."""
        made = {"settings": self.settings, **self.types}
        self.encoder, self.decoder = Encoder(**made), Decoder(**made)
        self.quant_conv = self.make_conv(2 * self.settings.latents, 1, padding=0)
        self.post_quant_conv = self.make_conv(self.settings.latents, 1, padding=0)

    def encode(self, pictures: Float[AnyArray, "b h w 3"]) -> Posterior:
        """The latents of pictures in -1..1."""
        mean, log_variance = jnp.split(self.quant_conv(self.encoder(pictures)), 2, axis=-1)
        return Posterior(mean, jnp.clip(log_variance, *LOG_VARIANCE))

    def decode(self, latents: Float[AnyArray, "b h w c"]) -> Float[Array, "b _ _ 3"]:
        """The pictures of latents, about -1..1."""
        return self.decoder(self.post_quant_conv(latents))

    def __call__(self, pictures: Float[AnyArray, "b h w 3"]) -> Float[Array, "b _ _ 3"]:
        """There and back, without noise."""
        return self.decode(self.encode(pictures).mean)
