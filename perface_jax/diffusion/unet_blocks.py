"""The blocks of a UNet. `transform(j, module, x)` is what a transformer computes; denoiser and ReferenceNet differ."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.diffusion.layers import Downsample, ResnetBlock, Typed, Upsample
from perface_jax.diffusion.settings import UNetSettings
from perface_jax.diffusion.transformer import Transformer

Picture = Float[AnyArray, "batch _ _ _"]
Transform = Callable[[int, Transformer, Picture], Picture]


class Block(Typed):
    """The layers of one resolution."""

    settings: UNetSettings = UNetSettings()
    widths: tuple[int, ...] = ()  # channels in, of every ResNet block
    width: int = 0  # channels out
    heads: int = 0  # 0 = no attention
    last: bool = False  # no change of resolution after it

    def resnet(self, inputs: int) -> ResnetBlock:
        """A ResNet block of this block."""
        sizes = {"groups": self.settings.groups, "epsilon": self.settings.epsilon}
        return ResnetBlock(inputs=inputs, outputs=self.width, **sizes, **self.types)

    def transformer(self) -> Transformer:
        """A transformer of this block."""
        return Transformer(heads=self.heads, width=self.width, groups=self.settings.groups, **self.types)

    def _layers(self):
        self.resnets = [self.resnet(inputs) for inputs in self.widths]
        self.attentions = [self.transformer() for _ in self.widths if self.heads]


class DownBlock(Block):
    """Layers, and half the resolution after them."""

    def setup(self) -> None:
        """The parts."""
        self._layers()
        if not self.last:
            self.downsamplers_0 = Downsample(width=self.width, **self.types)

    def __call__(self, x: Picture, time: Float[AnyArray, "b t"], transform: Transform) -> tuple[Picture, list[Picture]]:
        """The result, and what the up path adds to its own."""
        skips = []
        for j, resnet in enumerate(self.resnets):
            x = resnet(x, time)
            x = transform(j, self.attentions[j], x) if self.heads else x
            skips.append(x)
        if not self.last:
            skips.append(x := self.downsamplers_0(x))
        return x, skips


class MidBlock(Block):
    """A transformer between two ResNet blocks."""

    def setup(self) -> None:
        """The parts."""
        self.resnets = [self.resnet(self.width) for _ in range(2)]
        self.attentions = [self.transformer()]

    def __call__(self, x: Picture, time: Float[AnyArray, "b t"], transform: Transform) -> Picture:
        """The result."""
        return self.resnets[1](transform(0, self.attentions[0], self.resnets[0](x, time)), time)


class UpBlock(Block):
    """Layers on what came from below and from the down path, and twice the resolution after them."""

    def setup(self) -> None:
        """The parts."""
        self._layers()
        if not self.last:
            self.upsamplers_0 = Upsample(width=self.width, **self.types)

    def __call__(
        self,
        x: Picture,
        skips: list[Picture],
        time: Float[AnyArray, "b t"],
        transform: Transform,
        size: tuple[int, int] | None,
    ) -> Picture:
        """The result, in the height and width `size`; `skips` in the order in which they are used."""
        for j, (resnet, skip) in enumerate(zip(self.resnets, skips, strict=True)):
            x = resnet(jnp.concatenate([x, skip], -1), time)
            x = transform(j, self.attentions[j], x) if self.heads else x
        return x if self.last else self.upsamplers_0(x, size)

    def first_state(self, x: Picture, skip: Picture, time: Float[AnyArray, "b t"]) -> Float[Array, "b n c"]:
        """The state of the first transformer, without what comes after it."""
        return self.attentions[0].state(self.resnets[0](jnp.concatenate([x, skip], -1), time))
