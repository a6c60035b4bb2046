"""The transformer of one place in a UNet: attention to itself and to references, to image embeddings, and an MLP."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.diffusion.attention import Attention, Memory, join
from perface_jax.diffusion.layers import Typed, tokens

GROUP_EPSILON = 1e-6  # of the GroupNorm here; those of the ResNet blocks have another one


class References(NamedTuple):
    """What the denoiser looks at in one place; the same in all steps."""

    pictures: Memory | None  # of reference states, source and conditioning
    embeddings: Memory  # of the image embeddings


class GatedGELU(Typed):
    """a gelu(g), where a linear layer gives a and g; the exact GELU."""

    width: int = 0

    def setup(self) -> None:
        """The part."""
        self.proj = self.make_dense(2 * self.width)

    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b n d"]:
        """The gated values."""
        values, gates = jnp.split(self.proj(x), 2, axis=-1)
        return values * nn.gelu(gates, approximate=False)


class FeedForward(Typed):
    """An MLP with four times the width inside."""

    width: int = 0

    def setup(self) -> None:
        """The parts."""
        self.net_0 = GatedGELU(width=4 * self.width, **self.types)
        self.net_2 = self.make_dense(self.width)

    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b n c"]:
        """What is added to `x`."""
        return self.net_2(self.net_0(x))


class TransformerBlock(Typed):
    """Three residual parts, each behind a LayerNorm."""

    heads: int = 1
    width: int = 0

    def setup(self) -> None:
        """The parts."""
        self.norm1, self.norm2, self.norm3 = (self.make_layer_norm() for _ in range(3))
        self.attn1, self.attn2 = (Attention(heads=self.heads, width=self.width, **self.types) for _ in range(2))
        self.ff = FeedForward(width=self.width, **self.types)

    def __call__(self, x: Float[Array, "b n c"], references: References) -> Float[Array, "b n c"]:
        """In the denoiser: own tokens ask, own tokens and references answer."""
        own = self.norm1(x)
        x = x + self.attn1(own, join(self.attn1.remember(own), references.pictures))
        x = x + self.attn2(self.norm2(x), references.embeddings)
        return x + self.ff(self.norm3(x))

    def refer(
        self, x: Float[Array, "b n c"], embedding: Float[AnyArray, "b 1 e"]
    ) -> tuple[Float[Array, "b n c"], Float[Array, "b n c"]]:
        """In a ReferenceNet: the result, and the state that the denoiser looks at."""
        own = self.norm1(x)
        x = x + self.attn1(own, self.attn1.remember(own))
        x = x + self.attn2.of_one_token(embedding)
        return x + self.ff(self.norm3(x)), own


class Transformer(Typed):
    """A block between linear layers, beside a shortcut."""

    heads: int = 1
    width: int = 0
    groups: int = 32

    def setup(self) -> None:
        """The parts."""
        self.norm = self.make_group_norm(self.groups, GROUP_EPSILON)
        self.proj_in, self.proj_out = self.make_dense(self.width), self.make_dense(self.width)
        self.transformer_blocks_0 = TransformerBlock(heads=self.heads, width=self.width, **self.types)

    def __call__(self, x: Float[Array, "b h w c"], references: References) -> Float[Array, "b h w c"]:
        """In the denoiser."""
        return self._beside(x, self.transformer_blocks_0(self._inside(x), references))

    def refer(
        self, x: Float[Array, "b h w c"], embedding: Float[AnyArray, "b 1 e"]
    ) -> tuple[Float[Array, "b h w c"], Float[Array, "b n c"]]:
        """In a ReferenceNet: the result and the state."""
        found, state = self.transformer_blocks_0.refer(self._inside(x), embedding)
        return self._beside(x, found), state

    def state(self, x: Float[Array, "b h w c"]) -> Float[Array, "b n c"]:
        """The state alone."""
        return self.transformer_blocks_0.norm1(self._inside(x))

    def remember(self, states: Float[AnyArray, "b m c"] | None, embeddings: Float[AnyArray, "b e d"]) -> References:
        """The references from the states of this place and the image embeddings."""
        block = self.transformer_blocks_0
        pictures = None if states is None else block.attn1.remember(states)
        return References(pictures, block.attn2.remember(embeddings))

    def _inside(self, x):
        return self.proj_in(tokens(self.norm(x)))

    def _beside(self, x, found):
        return x + jnp.reshape(self.proj_out(found), x.shape)
