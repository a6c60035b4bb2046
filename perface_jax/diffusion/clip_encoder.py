"""The vision transformer of CLIP: a picture to one embedding.

Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision".
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.diffusion.attention import Memory, attend
from perface_jax.diffusion.layers import Typed, tokens
from perface_jax.diffusion.settings import EncoderSettings


def quick_gelu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """x sigmoid(1.702 x), CLIP's approximation of the GELU."""
    return x * jax.nn.sigmoid(1.702 * x)


class ClipPart(Typed):
    """What the parts share."""

    settings: EncoderSettings = EncoderSettings()


class ClipAttention(ClipPart):
    """Self-attention."""

    def setup(self) -> None:
        """The parts."""
        width = self.settings.width
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (self.make_dense(width) for _ in range(4))

    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b n c"]:
        """What is added to the tokens."""
        q, k, v = (
            jnp.reshape(part(x), (*x.shape[:2], self.settings.heads, -1))
            for part in (self.q_proj, self.k_proj, self.v_proj)
        )
        return self.out_proj(jnp.reshape(attend(q, Memory(k, v)), x.shape))


class ClipMLP(ClipPart):
    """Two linear layers."""

    def setup(self) -> None:
        """The parts."""
        self.fc1, self.fc2 = self.make_dense(self.settings.hidden), self.make_dense(self.settings.width)

    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b n c"]:
        """What is added to the tokens."""
        return self.fc2(quick_gelu(self.fc1(x)))


class ClipLayer(ClipPart):
    """Attention and MLP, each behind a LayerNorm."""

    def setup(self) -> None:
        """The parts."""
        made = {"settings": self.settings, **self.types}
        self.layer_norm1, self.layer_norm2 = (self.make_layer_norm(self.settings.epsilon) for _ in range(2))
        self.self_attn, self.mlp = ClipAttention(**made), ClipMLP(**made)

    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b n c"]:
        """The tokens after it."""
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class ClipEmbeddings(ClipPart):
    """Patches, a class token and positions."""

    def setup(self) -> None:
        """The parts."""
        side, width = self.settings.patch, self.settings.width
        options = {"strides": (side, side), "use_bias": False}
        self.patch_embedding = self.make_conv(width, side, padding=0, **options)
        count = (self.settings.size // side) ** 2 + 1
        self.position_embedding = nn.Embed(count, width, **self.types)
        self.class_embedding = self.param("class_embedding", nn.initializers.normal(0.02), (width,), self.param_dtype)

    def __call__(self, x: Float[AnyArray, "b h w 3"]) -> Float[Array, "b n c"]:
        """The tokens."""
        patches = tokens(self.patch_embedding(x))
        first = jnp.broadcast_to(self.class_embedding.astype(patches.dtype), (len(x), 1, patches.shape[-1]))
        return jnp.concatenate([first, patches], 1) + self.position_embedding(jnp.arange(patches.shape[1] + 1))[None]


class ClipTower(ClipPart):
    """All layers, one after the other."""

    def setup(self) -> None:
        """The parts."""
        self.layers = [ClipLayer(settings=self.settings, **self.types) for _ in range(self.settings.layers)]

    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b n c"]:
        """The tokens after the last layer."""
        for layer in self.layers:
            x = layer(x)
        return x


class ClipVision(ClipPart):
    """The network under the name of its checkpoint, which spells one norm wrongly."""

    def setup(self) -> None:
        """The parts."""
        made = {"settings": self.settings, **self.types}
        self.embeddings, self.encoder = ClipEmbeddings(**made), ClipTower(**made)
        self.pre_layrnorm, self.post_layernorm = (self.make_layer_norm(self.settings.epsilon) for _ in range(2))

    def hidden(self, x: Float[AnyArray, "b h w 3"]) -> Float[Array, "b n c"]:
        """The tokens after the last layer, without the last norm."""
        return self.encoder(self.pre_layrnorm(self.embeddings(x)))

    def __call__(self, x: Float[AnyArray, "b h w 3"]) -> Float[Array, "b c"]:
        """The normed class token."""
        return self.post_layernorm(self.hidden(x)[:, 0])


class ImageEncoder(ClipPart):
    """A picture to its embedding."""

    def setup(self) -> None:
        """The part."""
        self.vision_model = ClipVision(settings=self.settings, **self.types)

    def __call__(self, x: Float[AnyArray, "b h w 3"]) -> Float[Array, "b c"]:
        """The embeddings of pictures that `preprocessing.for_encoder` made; not projected to CLIP's common space."""
        return self.vision_model(x)

    def hidden(self, x: Float[AnyArray, "b h w 3"]) -> Float[Array, "b n c"]:
        """The tokens after the last layer."""
        return self.vision_model.hidden(x)
