"""IR-ResNet, the backbone of ArcFace: `[B, H, W, 3]` normalized pictures -> `[B, D]` embeddings.

Exactly the network of insightface's arcface_torch, in NHWC. Input is what `images.normalize` returns. Parameters,
statistics and outputs stay in `param_dtype`; convolutions and activations run in `dtype`; statistics of a batch and the
last linear layer (`fc`) are always computed in `param_dtype`. Embeddings are not normalized to unit length.

Three collections: `params` is what an optimizer may touch; `batch_stats` the running statistics; `constants` the scale
of the last norm, which arcface_torch fixes at 1 and which no optimizer, decay or gradient norm should meet.

Dropout is left out: arcface_torch trains its published networks with rate 0.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from perface_jax.images import normalize
from perface_jax.network import batch_norm
from perface_jax.network.convolution import convolve

LAYERS = {
    "r18": (2, 2, 2, 2),
    "r34": (3, 4, 6, 3),
    "r50": (3, 4, 14, 3),
    "r100": (3, 13, 30, 3),
    "r200": (6, 26, 60, 6),
}

FOLDED = (
    "these weights come from an export whose norms are folded into convolutions (norms: folded in model.json); their"
    " batch statistics are gone, so batch-norm train mode would change the network."
)

MOMENTUM = 0.9  # PyTorch writes the same update as momentum 0.1


class PReLU(nn.Module):
    """`x` where positive, else `slope * x`, one slope a channel (flax.linen.PReLU has one scalar)."""

    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, norm: Callable | None = None) -> jax.Array:
        slope = self.param("slope", nn.initializers.constant(0.25), (x.shape[-1],), self.param_dtype)
        return batch_norm.prelu(x, slope) if norm is None else norm(slope)


class BatchNorm(nn.Module):
    """Batch norm with PyTorch's bookkeeping: biased variance to normalize, unbiased variance to remember.

    `y = (x - mean) / sqrt(var + 1e-5) * scale + bias`. With `train` the statistics are those of the batch, over every
    device of `axis_name` when one is given, and the running ones move by a tenth; without it the running ones are used.
    An `activation` that follows is computed in the same pass.
    """

    train: bool = False
    axis_name: str | None = None
    fixed_scale: bool = False
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, activation: PReLU | None = None) -> jax.Array:
        shape = (x.shape[-1],)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, shape, self.param_dtype)
        running_var = self.variable("batch_stats", "var", jnp.ones, shape, self.param_dtype)
        if self.fixed_scale:
            scale = self.variable("constants", "scale", jnp.ones, shape, self.param_dtype).value
        else:
            scale = self.param("scale", nn.initializers.ones, shape, self.param_dtype)
        bias = self.param("bias", nn.initializers.zeros, shape, self.param_dtype)

        mean, var = running_mean.value, running_var.value
        if self.train and not self.is_initializing():
            mean, var = batch_norm.statistics(x.astype(self.param_dtype), axis_name=self.axis_name)
            count = math.prod(x.shape[:-1]) * (1 if self.axis_name is None else jax.lax.axis_size(self.axis_name))
            unbiased = var * (count / max(count - 1, 1))
            running_mean.value = MOMENTUM * running_mean.value + (1 - MOMENTUM) * mean
            running_var.value = MOMENTUM * running_var.value + (1 - MOMENTUM) * unbiased
        normalize = functools.partial(batch_norm.normalize, x, mean, var, scale, bias)
        return normalize(None) if activation is None else activation(x, normalize)


class IBasicBlock(nn.Module):
    """norm, 3x3, norm, PReLU, strided 3x3, norm; plus the input, through 1x1 and norm where shapes change."""

    features: int
    stride: int
    train: bool
    axis_name: str | None
    dtype: Any
    param_dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        norm = functools.partial(BatchNorm, self.train, self.axis_name, param_dtype=self.param_dtype)
        conv = functools.partial(_conv, dtype=self.dtype, param_dtype=self.param_dtype)
        y = norm(name="bn1")(x)
        y = conv(self.features, 3, name="conv1")(y)
        y = norm(name="bn2")(y, PReLU(self.param_dtype, name="prelu"))
        y = conv(self.features, 3, strides=self.stride, name="conv2")(y)
        y = norm(name="bn3")(y)
        if self.stride != 1 or x.shape[-1] != self.features:
            x = conv(self.features, 1, strides=self.stride, padding=0, name="downsample_conv")(x)
            x = norm(name="downsample_bn")(x)
        return _keep_gradient(x + y)


# jit: of blocks with the same shapes and fields the first is traced, and differentiated, for all of them. Flax looks
# its traces up by fields and collections: method interceptors see the first trace only.
_BLOCKS = {remat: nn.jit(nn.remat(IBasicBlock) if remat else IBasicBlock) for remat in (False, True)}


class IResNet(nn.Module):
    """IR-ResNet of four stages, each halving the picture.

    Attributes:
      layers: blocks in each of the four stages; `LAYERS` names the published ones.
      width: channels of the first stage; the others have 2, 4 and 8 times as many. 64 in the published networks.
      image_size: side of the square input in pixels, a multiple of 16. 112 in the published networks.
      embedding_size: D.
      dtype: of convolutions and activations: float32 or bfloat16 (float64 for tests).
      param_dtype: of parameters, statistics and outputs.
      remat: recompute each block's activations in the backward pass: less memory, about a third more work.
      crop: name of the crop template the weights have learned, or None when unknown. Describes; computes nothing.
      folded_norms: the weights come from an export whose norms were folded into convolutions. Then the statistics of
        those norms are gone and training with batch statistics is refused.
    """

    layers: tuple[int, int, int, int]
    width: int = 64
    image_size: int = 112
    embedding_size: int = 512
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32
    remat: bool = False
    crop: str | None = None
    folded_norms: bool = False

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool = False, axis_name: str | None = None) -> jax.Array:
        """Embed pictures.

        Args:
          images: floating `[B, image_size, image_size, 3]`, RGB in [-1, 1] (`images.normalize`).
          train: normalize with the statistics of this batch and update the running ones (pass
            `mutable=["batch_stats"]` to `apply`). False is both evaluation and fine-tuning with frozen statistics.
          axis_name: mapped axis over whose devices the statistics of a batch are shared.

        Returns:
          `[B, embedding_size]`, `param_dtype`.

        Raises:
          TypeError: integers; ValueError: another shape, or `train` with folded norms.
        """
        self.check(images, train=train)
        norm = functools.partial(BatchNorm, train, axis_name, param_dtype=self.param_dtype)
        # Under `nn.jit` a seed would draw other weights, and what is captured be what was captured first.
        alone = self.is_initializing() or self.is_mutable_collection("intermediates")
        block = (nn.remat(IBasicBlock) if self.remat else IBasicBlock) if alone else _BLOCKS[self.remat]
        fields = (train, axis_name, self.dtype, self.param_dtype)

        x = images.astype(self.dtype)
        x = _conv(self.width, 3, dtype=self.dtype, param_dtype=self.param_dtype, name="conv1")(x)
        x = _keep_gradient(norm(name="bn1")(x, PReLU(self.param_dtype, name="prelu")))
        for stage, depth in enumerate(self.layers):
            for i in range(depth):
                stride = 2 if i == 0 else 1
                name = f"layer{stage + 1}_{i}"
                x = block(self.width * 2**stage, stride, *fields, name=name)(x)
        x = norm(name="bn2")(x)
        x = x.reshape(x.shape[0], -1).astype(self.param_dtype)
        x = _linear(self.embedding_size, self.param_dtype, name="fc")(x)
        return norm(fixed_scale=True, name="features")(x)

    @property
    def arch(self) -> str:
        """The published name of these layers, or `custom`."""
        return next((name for name, layers in LAYERS.items() if layers == tuple(self.layers)), "custom")

    def check(self, images: jax.Array, *, train: bool = False) -> None:
        """Raise what `__call__` raises for pictures that it does not take."""
        size = self.image_size
        if size % 16 or size <= 0:
            raise ValueError(f"image_size must be a positive multiple of 16 (four halvings), got {size}")
        if not jnp.issubdtype(images.dtype, jnp.floating):
            raise TypeError(f"the model wants floating pictures in [-1, 1], got {images.dtype}: images.normalize")
        if images.ndim != 4 or images.shape[1:] != (size, size, 3):
            raise ValueError(f"the model wants [B, {size}, {size}, 3] (batch, rows, columns, RGB), got {images.shape}")
        if train and self.folded_norms:
            raise ValueError(f"{FOLDED} Train with frozen statistics, or start from the PyTorch checkpoint.")


def iresnet(arch: str = "r50", **options: Any) -> IResNet:
    """The published IR-ResNet of this name, or a smaller or differently typed variant of it.

    Args:
      arch: `r18`, `r34`, `r50`, `r100` or `r200`.
      **options: fields of `IResNet`: width, image_size, embedding_size, dtype, param_dtype, remat, crop, layers...

    Returns:
      the module; weights come from `model.init(key, images)`, `load_model` or `converters`.

    Raises:
      ValueError: an unknown architecture.
      TypeError: an unknown option.
    """
    if arch not in LAYERS:
        raise ValueError(f"unknown architecture {arch!r}; wanted one of {', '.join(LAYERS)}")
    known = {name for name in IResNet.__dataclass_fields__ if name not in ("parent", "name")}
    if unknown := sorted(options.keys() - known):
        raise TypeError(
            f"iresnet has no option {', '.join(unknown)}; it has {', '.join(sorted(known))}. "
            "(Pictures are always RGB; turn BGR arrays around with images[..., ::-1].)"
        )
    return IResNet(**(options | {"layers": tuple(options.get("layers", LAYERS[arch]))}))


def embed_step(variables: Mapping, images: jax.Array, *, model: IResNet) -> jax.Array:
    """Embeddings with frozen statistics.

    Args:
      variables: the three collections.
      images: uint8 `[b, H, W, 3]`.
      model: the network.

    Returns:
      `[b, D]`, the model's `param_dtype`; not of unit length.
    """
    return model.apply(variables, normalize(images))


def parameter_count(variables: dict) -> int:
    """Numbers a state dict of PyTorch calls parameters: `params` and the fixed scale in `constants`."""
    return sum(leaf.size for name in ("params", "constants") for leaf in jax.tree.leaves(variables[name]))


@jax.custom_vjp
def _keep_gradient(x):
    return x


def _kept(_, d):
    # What comes back along the trunk is a sum with a term of each block above. XLA for CPUs would not keep it but add
    # it up anew in every block, and compile a kernel for each number of terms.
    return (jax.lax.optimization_barrier(d) if jax.default_backend() == "cpu" else d,)


_keep_gradient.defvjp(lambda x: (x, None), _kept)


def _conv(features, size, *, strides=1, padding=1, **options):
    return nn.Conv(
        features,
        (size, size),
        strides=strides,
        padding=padding,
        use_bias=False,
        conv_general_dilated=convolve,
        kernel_init=nn.initializers.normal(0.1),  # arcface_torch's initialization
        **options,
    )


def _linear(features, dtype, **options):
    uniform = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")  # torch.nn.Linear's initialization
    return nn.Dense(features, dtype=dtype, param_dtype=dtype, kernel_init=uniform, **options)
