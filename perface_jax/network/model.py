"""IR-ResNet, the backbone of ArcFace: `[B, H, W, 3]` normalized images -> `[B, D]` embeddings.

Exactly the network of insightface's arcface_torch, in NHWC. Inputs come from `images.normalize`; weights trained on
other inputs (`input_contract`) get theirs inside the network.
Parameters, statistics and outputs stay in `param_dtype`; convolutions and activations run in `dtype`; the statistics of
a batch and the last linear layer (`fc`) are always computed in `param_dtype`. Embeddings are not of unit length.

Three collections: `params`, which an optimizer may change; `batch_stats`, the running statistics; `constants`, the
scale of the last norm. arcface_torch fixes that scale at 1; optimizer, weight decay and gradient norm must not see it.

There is no dropout: arcface_torch trains its published networks with rate 0.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast, runtime_checkable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float, UInt8

from perface_jax.arrays import AnyArray, Array
from perface_jax.images import normalize
from perface_jax.network import batch_norm, input_contract
from perface_jax.network.convolution import convolve
from perface_jax.network.kernels import Kernels, barrier

LAYERS = {
    "r18": (2, 2, 2, 2),
    "r34": (3, 4, 6, 3),
    "r50": (3, 4, 14, 3),
    "r100": (3, 13, 30, 3),
    "r200": (6, 26, 60, 6),
}

FOLDED = (
    "these weights come from an export with norms folded into convolutions, or from a network without some of these"
    " norms (norms: folded in model.json); their statistics are gone, so training with batch statistics would change"
    " the network."
)

MOMENTUM = 0.9  # PyTorch writes the same update as momentum 0.1


@runtime_checkable
class Applied(Protocol):
    """A model that embeds images: an `IResNet`, or anything with the same `apply`."""

    def apply(self, variables: Mapping, images: Array) -> Any:
        """The embeddings of uint8 pictures, as `IResNet` gives them."""


class PReLU(nn.Module):
    """`x` where positive, else `slope * x`, with one slope for each channel (flax.linen.PReLU has a single one)."""

    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, norm: Callable | None = None) -> AnyArray:
        slope = self.param("slope", nn.initializers.constant(0.25), (x.shape[-1],), self.param_dtype)
        return batch_norm.prelu(x, slope) if norm is None else norm(slope)


class BatchNorm(nn.Module):
    """Batch norm with PyTorch's running statistics: normalizes by the biased variance, stores the unbiased one.

    `y = (x - mean) / sqrt(var + epsilon) * scale + bias`. With `train` it uses the statistics of the batch (over all
    devices of `axis_name`, if given) and moves the running ones by a tenth; otherwise it uses the running ones. An
    `activation` is computed in the same pass.
    """

    train: bool = False
    axis_name: str | None = None
    fixed_scale: bool = False
    param_dtype: Any = jnp.float32
    kernels: Kernels = Kernels.AUTO
    epsilon: float = batch_norm.EPSILON

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

        of_batch = self.train and not self.is_initializing()

        def norm(slope):
            options = {"kernels": self.kernels, "epsilon": self.epsilon}
            if not of_batch:
                return batch_norm.normalize(x, running_mean.value, running_var.value, scale, bias, slope, **options)
            options |= {"shift": running_mean.value, "axis_name": self.axis_name}
            y, mean, var = batch_norm.normalize_batch(x, scale, bias, slope, **options)
            count = math.prod(x.shape[:-1]) * (1 if self.axis_name is None else jax.lax.axis_size(self.axis_name))
            running_mean.value = MOMENTUM * running_mean.value + (1 - MOMENTUM) * mean
            running_var.value = MOMENTUM * running_var.value + (1 - MOMENTUM) * (var * (count / max(count - 1, 1)))
            return y

        return cast(Array, norm(None) if activation is None else activation(x, norm))


class IBasicBlock(nn.Module):
    """Norm, 3x3, norm, PReLU, strided 3x3, norm; plus the input (after 1x1 and norm if the shape changes)."""

    features: int
    stride: int
    train: bool
    axis_name: str | None
    dtype: Any
    param_dtype: Any
    kernels: Kernels
    epsilon: float = batch_norm.EPSILON

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        options = {"param_dtype": self.param_dtype, "kernels": self.kernels}
        norm = functools.partial(BatchNorm, self.train, self.axis_name, **options, epsilon=self.epsilon)
        conv = functools.partial(_conv, dtype=self.dtype, **options)
        y = norm(name="bn1")(x)
        y = conv(self.features, 3, name="conv1")(y)
        y = norm(name="bn2")(y, PReLU(self.param_dtype, name="prelu"))
        y = conv(self.features, 3, strides=self.stride, name="conv2")(y)
        y = norm(name="bn3")(y)
        if self.stride != 1 or x.shape[-1] != self.features:
            x = conv(self.features, 1, strides=self.stride, padding=0, name="downsample_conv")(x)
            x = norm(name="downsample_bn")(x)
        return x + y if self.kernels is Kernels.XLA else _keep_gradient(x + y)


# jit: of blocks with equal shapes and fields only the first is traced and differentiated. Flax finds its traces by
# fields and collections, so method interceptors see the first trace only.
_BLOCKS = {remat: nn.jit(nn.remat(IBasicBlock) if remat else IBasicBlock) for remat in (False, True)}


class IResNet(nn.Module):
    """IR-ResNet of four stages, each of which halves the side of the image.

    Attributes:
      layers: blocks in each of the four stages; `LAYERS` has the published networks.
      width: channels of the first stage; the others have 2, 4 and 8 times as many. 64 in the published networks.
      image_size: side of the square input in pixels, a multiple of 16. 112 in the published networks.
      embedding_size: D.
      dtype: of convolutions and activations: float32 or bfloat16 (float64 for tests).
      param_dtype: of parameters, statistics and outputs.
      remat: recompute each block's activations in the backward pass: less memory, about a third more work.
      crop: name of the crop template the weights were trained with, or None if unknown. Has no effect here.
      folded_norms: the weights come from an export that folded norms into convolutions, or from a network without some
        of these norms. Their statistics are gone, and training with batch statistics is refused.
      kernels: `auto`, or `xla` for plain XLA on every platform, with forward-mode derivatives (see `Kernels`).
      color_order: of the pixels that the weights have learned from: `rgb` or `bgr`.
      input_range: what black and white were for these weights. Callers always hand over RGB in [-1, 1].
      epsilon: of every norm.
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
    kernels: Kernels | str = Kernels.AUTO
    color_order: str = "rgb"
    input_range: tuple[float, float] = input_contract.INPUT_RANGE
    epsilon: float = batch_norm.EPSILON

    @nn.compact
    def __call__(
        self, images: Float[AnyArray, "b s s 3"], *, train: bool = False, axis_name: str | None = None
    ) -> Float[Array, "b d"]:
        """Embed images of side `image_size`.

        Args:
          images: RGB in [-1, 1] (`images.normalize`).
          train: normalize with the statistics of this batch and update the running ones (pass
            `mutable=["batch_stats"]` to `apply`). False is both evaluation and fine-tuning with frozen statistics.
          axis_name: mapped axis over whose devices the statistics of a batch are shared.

        Raises:
          TypeError: integers; ValueError: another shape, or `train` with folded norms.
        """
        self.check(images, train=train)
        kernels = Kernels(self.kernels)
        options = {"param_dtype": self.param_dtype, "kernels": kernels}
        norm = functools.partial(BatchNorm, train, axis_name, **options, epsilon=self.epsilon)
        # `nn.jit` would draw other weights from the same seed, and would capture the intermediates of the first call.
        alone = self.is_initializing() or self.is_mutable_collection("intermediates")
        block = (nn.remat(IBasicBlock) if self.remat else IBasicBlock) if alone else _BLOCKS[self.remat]
        fields = (train, axis_name, self.dtype, self.param_dtype, kernels, self.epsilon)

        x = self.prepare(images).astype(self.dtype)
        x = _conv(self.width, 3, dtype=self.dtype, **options, name="conv1")(x)
        x = norm(name="bn1")(x, PReLU(self.param_dtype, name="prelu"))
        x = x if kernels is Kernels.XLA else _keep_gradient(x)
        for name, features, stride in self.blocks:
            x = block(features, stride, *fields, name=name)(x)
        x = norm(name="bn2")(x)
        x = x.reshape(x.shape[0], -1).astype(self.param_dtype)
        uniform = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")  # torch.nn.Linear's initialization
        dtypes = {"dtype": self.param_dtype, "param_dtype": self.param_dtype}
        x = nn.Dense(self.embedding_size, **dtypes, kernel_init=uniform, name="fc")(x)
        return norm(fixed_scale=True, name="features")(x)

    @property
    def blocks(self) -> list[tuple[str, int, int]]:
        """Name, features and stride of each block, in their order."""
        stages = enumerate(self.layers)
        return [(f"layer{k + 1}_{i}", self.width * 2**k, 1 if i else 2) for k, depth in stages for i in range(depth)]

    @property
    def arch(self) -> str:
        """The published name of these layers, or `custom`."""
        return next((name for name, layers in LAYERS.items() if layers == tuple(self.layers)), "custom")

    def prepare(self, images: Float[AnyArray, "b s s 3"]) -> Float[AnyArray, "b s s 3"]:
        """RGB images in [-1, 1] as the weights expect them, see `input_contract.prepare`."""
        return input_contract.prepare(images, color_order=self.color_order, input_range=self.input_range)

    def check(self, images: AnyArray, *, train: bool = False) -> None:
        """Raise the error of `__call__` for images that it does not accept."""
        input_contract.check(color_order=self.color_order, input_range=self.input_range, epsilon=self.epsilon)
        size = self.image_size
        if size % 16 or size <= 0:
            raise ValueError(f"image_size must be a positive multiple of 16 (four halvings), got {size}")
        if not jnp.issubdtype(images.dtype, jnp.floating):
            raise TypeError(f"the model wants floating images in [-1, 1], got {images.dtype}: images.normalize")
        if images.ndim != 4 or images.shape[1:] != (size, size, 3):
            raise ValueError(f"the model wants [B, {size}, {size}, 3] (batch, rows, columns, RGB), got {images.shape}")
        if train and self.folded_norms:
            raise ValueError(f"{FOLDED} Train with frozen statistics, or start from the PyTorch checkpoint.")


def iresnet(arch: str = "r50", **options: Any) -> IResNet:
    """The published IR-ResNet of this name, or a variant of it.

    Its weights come from `model.init(key, images)`, `load_model` or `converters`.

    Args:
      arch: `r18`, `r34`, `r50`, `r100` or `r200`.
      **options: fields of `IResNet`: width, image_size, embedding_size, dtype, param_dtype, remat, crop, layers...

    Raises:
      ValueError: an unknown architecture; TypeError: an unknown option.
    """
    if arch not in LAYERS:
        raise ValueError(f"unknown architecture {arch!r}; wanted one of {', '.join(LAYERS)}")
    known = {name for name in IResNet.__dataclass_fields__ if name not in ("parent", "name")}
    if unknown := sorted(options.keys() - known):
        raise TypeError(
            f"iresnet has no option {', '.join(unknown)}; it has {', '.join(sorted(known))}. "
            "(Images are always RGB; convert BGR with images[..., ::-1]. color_order is that of the weights.)"
        )
    options["layers"] = tuple(options.get("layers", LAYERS[arch]))
    if "input_range" in options:
        options["input_range"] = tuple(options["input_range"])
    return IResNet(**options)


def embed_step(variables: Mapping, images: UInt8[AnyArray, "b h w 3"], *, model: Applied) -> Float[Array, "b d"]:
    """Embeddings of RGB images with frozen statistics."""
    return cast(Array, model.apply(variables, normalize(images)))


def parameter_count(variables: dict) -> int:
    """How many numbers PyTorch counts as parameters: `params` and the fixed scale in `constants`."""
    return sum(leaf.size for name in ("params", "constants") for leaf in jax.tree.leaves(variables[name]))


@jax.custom_vjp
def _keep_gradient(x):
    return x


# The gradient along the trunk is a sum with a term from each later block. Without the barrier, XLA for CPUs adds it up
# again in every block and compiles a kernel for each number of terms.
_keep_gradient.defvjp(lambda x: (x, None), lambda _, d: (barrier(d),))


def _conv(features, size, *, strides=1, padding=1, kernels, **options):
    return nn.Conv(
        features,
        (size, size),
        strides=strides,
        padding=padding,
        use_bias=False,
        conv_general_dilated=functools.partial(convolve, kernels=kernels),
        kernel_init=nn.initializers.normal(0.1),  # arcface_torch's initialization
        **options,
    )
