"""The denoiser and the ReferenceNets: one network with two walks through it.

The denoiser computes a velocity. A ReferenceNet computes states, the inputs of the self-attention of its first
transformer at each resolution; the denoiser attends to them beside its own tokens. Three transformers of an up block
share one state, because the original code picks states so, and its weights are trained so. What a ReferenceNet would
compute after the last of the seven states has no effect, so it has no such parameters here.

Source: Kung et al., "Face Anonymization Made Simple" (WACV 2025); its code, for what the paper leaves open.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float, Int

from perface_jax.arrays import AnyArray, Array
from perface_jax.diffusion import timesteps
from perface_jax.diffusion.layers import Typed
from perface_jax.diffusion.settings import UNetSettings
from perface_jax.diffusion.transformer import References
from perface_jax.diffusion.unet_blocks import DownBlock, MidBlock, UpBlock

States = dict[str, Float[AnyArray, "batch _ _"]]  # by the name of a block
AllReferences = dict[str, References]  # by the names of a block and of a transformer in it


class TimeEmbedding(Typed):
    """Two linear layers on sines and cosines."""

    width: int = 0

    def setup(self) -> None:
        """The parts."""
        self.linear_1, self.linear_2 = self.make_dense(self.width), self.make_dense(self.width)

    def __call__(self, x: Float[AnyArray, "b c"]) -> Float[Array, "b t"]:
        """The embedding."""
        return self.linear_2(nn.silu(self.linear_1(x)))


class UNet(Typed):
    """The network of both."""

    settings: UNetSettings = UNetSettings()

    def setup(self) -> None:
        """The parts."""
        settings, widths = self.settings, self.settings.channels
        made = {"settings": settings, **self.types}
        self.conv_in = self.make_conv(widths[0])
        self.time_embedding = TimeEmbedding(width=4 * widths[0], **self.types)
        self.down_blocks = [
            DownBlock(
                widths=(widths[max(i - 1, 0)],) + (width,) * (settings.layers - 1),
                width=width,
                heads=settings.heads[i] * settings.down_attention[i],
                last=i == len(widths) - 1,
                **made,
            )
            for i, width in enumerate(widths)
        ]
        self.mid_block = MidBlock(width=widths[-1], heads=settings.heads[-1], **made)
        self.up_blocks = [
            UpBlock(
                widths=inputs,
                width=widths[-1 - i],
                heads=settings.heads[-1 - i] * settings.up_attention[i],
                last=i == len(widths) - 1,
                **made,
            )
            for i, inputs in enumerate(_up_inputs(settings))
        ]
        self.conv_norm_out = self.make_group_norm(settings.groups, settings.epsilon)
        self.conv_out = self.make_conv(settings.latents)

    def __call__(
        self,
        x: Float[AnyArray, "b h w c"],
        t: Int[AnyArray, " b"] | Float[AnyArray, "b waves"],
        references: AllReferences,
    ) -> Float[Array, "b h w c"]:
        """The velocity of noisy latents.

        Args:
          x: the latents.
          t: timesteps, or their `timesteps.waves`.
          references: from `remember`.
        """

        def transform(block, j, module, x):
            return module(x, references[f"{block}/{j}"])

        time = self._time(t)
        x, skips = self._down(x, time, transform)
        x = self._up(x, skips, time, transform, self.up_blocks)
        return self.conv_out(nn.silu(self.conv_norm_out(x)))

    def states(self, x: Float[AnyArray, "b h w c"], embedding: Float[AnyArray, "b 1 e"]) -> States:
        """Of a ReferenceNet: the seven states of latents and their image embedding."""
        states: dict[str, Any] = {}

        def transform(block, j, module, x):
            x, state = module.refer(x, embedding)
            states.setdefault(block, state)
            return x

        time = self._time(jnp.zeros(len(x), jnp.int32))
        x, skips = self._down(x, time, transform)
        x = self._up(x, skips, time, transform, self.up_blocks[:-1])
        return {**states, str(self.up_blocks[-1].name): self.up_blocks[-1].first_state(x, skips[-1], time)}

    def remember(
        self, states: Mapping[str, Float[AnyArray, "batch _ _"]] | None, embeddings: Float[AnyArray, "b e d"]
    ) -> AllReferences:
        """Of the denoiser: keys and values, once for all steps. None: no reference pictures.

        `states` are those of both ReferenceNets, joined along the tokens.
        """
        return {
            f"{block.name}/{j}": module.remember(None if states is None else states[str(block.name)], embeddings)
            for block in (*self.down_blocks, self.mid_block, *self.up_blocks)
            if block.heads
            for j, module in enumerate(block.attentions)
        }

    def _time(self, t):
        waves = t if t.ndim == 2 else timesteps.waves(t, self.settings.channels[0])
        return nn.silu(self.time_embedding(waves.astype(self.dtype)))

    def _down(self, x, time, transform):
        """Through the down path and the middle; the skips, last one last."""
        skips = [x := self.conv_in(x)]
        for block in self.down_blocks:
            x, more = block(x, time, functools.partial(transform, block.name))
            skips += more
        return self.mid_block(x, time, functools.partial(transform, self.mid_block.name)), skips

    def _up(self, x, skips, time, transform, blocks):
        """Through these up blocks, which take the skips from the end of the list."""
        for block in blocks:
            own = [skips.pop() for _ in block.widths]
            size = skips[-1].shape[1:3] if skips else None
            x = block(x, own, time, functools.partial(transform, block.name), size)
        return x


def _up_inputs(settings):
    """Channels into the ResNet blocks of every up block: from below, and those of the skips."""
    widths = settings.channels
    skips = [widths[0]]
    for i, width in enumerate(widths):
        skips += [width] * (settings.layers + (i < len(widths) - 1))
    below = widths[-1]
    for width in reversed(widths):
        own = [skips.pop() for _ in range(settings.layers + 1)]
        yield tuple(a + b for a, b in zip((below, *[width] * settings.layers), own, strict=True))
        below = width
