"""Inference with every norm folded into a neighboring convolution: the same function, fewer passes over memory.

A norm after a convolution scales its kernel and adds a bias. The norm before a block's first convolution shifts every
pixel, but not the zeros around the image; the convolution of that shift is the same for all images, and becomes a bias
per pixel. The last two norms go into `fc`. Folding is computed in float64. For CPUs, wide kernels are stored twice:
plain, and transformed for `winograd`.

    folded = fold_norms(model, variables)
    embeddings = jax.jit(functools.partial(embed, model=model))(folded, images)
"""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from perface_jax.arrays import AnyArray, Array
from perface_jax.images import normalize
from perface_jax.network import winograd
from perface_jax.network.batch_norm import prelu
from perface_jax.network.convolution import convolve
from perface_jax.network.kernels import Kernels, barrier_on_gpu, compiled_for, on_cpu
from perface_jax.network.model import IResNet


def fold_norms(model: IResNet, variables: Mapping, *, platform: str | None = None) -> dict:
    """The weights of the folded network, in the model's `param_dtype`, for programs on any platform.

    By layer, from C channels to D, for an input of `[side, side, C]`:

    - `stem`, each block `layer1_0` ...: `kernel` `[3, 3, C, D]`, `slope` `[D]`, `bias` `[side, side, D]` (stem: `[D]`).
    - each block also: `kernel2` `[3, 3, D, D]`, `bias2` `[D]`.
    - the first block of a stage also: `shortcut` `[1, 1, C, D]`, `shortcut_bias` `[D]`.
    - for CPUs: `transformed` and `transformed2`, `[4, 4, C, D]`, of kernels that suit `winograd`.
    - `fc`: `kernel` `[F, D]` of F inputs (rows, columns, channels of the last layer), `bias` `[D]`.

    Args:
      model: the network; with `kernels="xla"` no kernel is transformed.
      variables: its three collections.
      platform: of the devices that will hold the weights; None: JAX's default. Transformed kernels are stored for CPUs
        only, because other programs do not read them.

    Raises:
      ValueError: the variables are not those of the model.
    """
    cpu = (platform or compiled_for()) == "cpu"
    try:
        folded = _fold(model, variables, transform=cpu and Kernels(model.kernels) is Kernels.AUTO)
    except KeyError as error:
        raise ValueError(f"these variables are not those of the model: there is no {error.args[0]!r}") from error
    return jax.tree.map(lambda x: jnp.asarray(x, model.param_dtype), folded)


def embed(folded: Mapping, images: Float[AnyArray, "b s s 3"], *, model: IResNet) -> Float[Array, "b d"]:
    """Computes from folded weights what `model.apply` computes with frozen statistics.

    Args:
      folded: of `fold_norms`.
      images: RGB in [-1, 1] (`images.normalize`).
      model: the network; kernels and images are converted to its `dtype`.

    Raises:
      TypeError, ValueError: images that the model does not accept.
    """
    model.check(images)
    layer = functools.partial(_layer, kernels=Kernels(model.kernels))
    with jax.named_scope("stem"):
        x = _activated(layer, model.prepare(images).astype(model.dtype), folded["stem"])
    for name, _, stride in model.blocks:
        with jax.named_scope(name):
            x = _block(layer, x, folded[name], stride)
    x = _linear(x.astype(model.param_dtype), folded["fc"]["kernel"], kernels=Kernels(model.kernels))
    return x + folded["fc"]["bias"][None]


def embed_step(folded: Mapping, images: UInt8[AnyArray, "b h w 3"], *, model: IResNet) -> Float[Array, "b d"]:
    """As `model.embed_step`, from folded weights."""
    return embed(folded, normalize(images), model=model)


def _block(layer, x, block, stride):
    y = _activated(layer, x, block)
    y = layer(y, block["kernel2"], block["bias2"], block.get("transformed2"), stride=stride)
    if "shortcut" in block:
        x = layer(x, block["shortcut"], block["shortcut_bias"], stride=stride)
    return x + y


def _activated(layer, x, block):
    return prelu(layer(x, block["kernel"], block["bias"], block.get("transformed")), block["slope"])


def _layer(x, kernel, bias, transformed=None, *, stride=1, kernels):
    def plain(x, kernel, _=None):
        edge = kernel.shape[0] // 2
        return convolve(x, kernel.astype(x.dtype), (stride, stride), ((edge, edge), (edge, edge)), kernels=kernels)

    def by_winograd(x, _, transformed):
        return winograd.convolve(x, transformed.astype(x.dtype))

    if transformed is None or kernels is Kernels.XLA or not winograd.suits(kernel.shape, x.dtype, images=x.shape[0]):
        y = plain(x, kernel)
    else:
        y = on_cpu(by_winograd, plain, x, kernel, transformed)
    # XLA for GPUs gives the sum to the convolution's library, which wants the bias per pixel written out for the whole
    # batch: a fifth of all bytes.
    y = barrier_on_gpu(y) if bias.ndim > 1 and kernels is not Kernels.XLA else y
    return y + jnp.broadcast_to(bias.astype(x.dtype), y.shape)


def _linear(x, kernel, *, kernels):
    def plain(x, kernel):
        return x.reshape(x.shape[0], -1) @ kernel

    def by_pixel(x, kernel):
        x = x.reshape(-1, 1, x.shape[-1])
        return jnp.sum(x @ kernel.reshape(len(x), x.shape[-1], -1), axis=0)

    # XLA for CPUs multiplies one row in its own code, on one core. It divides a stack of products among the cores.
    one_picture = isinstance(x.shape[0], int) and x.shape[0] == 1
    return on_cpu(by_pixel, plain, x, kernel) if one_picture and kernels is Kernels.AUTO else plain(x, kernel)


def _fold(model, variables, *, transform):
    variables = jax.tree.map(lambda x: np.asarray(x, np.float64), jax.device_get(dict(variables)))
    params, stats = variables["params"], variables["batch_stats"]
    names = {name for name, *_ in model.blocks}
    if more := sorted(name for name in params if name.startswith("layer") and name not in names):
        raise ValueError(f"these variables are not those of the model: it has no {more[0]!r}")
    affine = functools.partial(_affine, model.epsilon)
    scale, bias = affine(params["bn1"], stats["bn1"])
    folded = {"stem": {"kernel": params["conv1"]["kernel"] * scale, "bias": bias, "slope": params["prelu"]["slope"]}}
    side = model.image_size
    for name, _, stride in model.blocks:
        folded[name] = block = _fold_block(affine, params[name], stats[name], side)
        for end in ("", "2") if stride == 1 else ("",):
            if transform and winograd.suits(block[f"kernel{end}"].shape, model.dtype):
                block[f"transformed{end}"] = winograd.transform(block[f"kernel{end}"])
        side //= stride
    return folded | {"fc": _fold_linear(affine, params, stats, variables["constants"]["features"])}


def _fold_block(affine, params, stats, side):
    scale, shift = affine(params["bn1"], stats["bn1"])
    factor, bias = affine(params["bn2"], stats["bn2"])
    factor2, bias2 = affine(params["bn3"], stats["bn3"])
    kernel = params["conv1"]["kernel"] * factor
    block = {
        "kernel": kernel * scale[:, None],
        "bias": _shifted(kernel, shift, side) + bias,
        "slope": params["prelu"]["slope"],
        "kernel2": params["conv2"]["kernel"] * factor2,
        "bias2": bias2,
    }
    if "downsample_conv" in params:
        factor, bias = affine(params["downsample_bn"], stats["downsample_bn"])
        block |= {"shortcut": params["downsample_conv"]["kernel"] * factor, "shortcut_bias": bias}
    return block


def _fold_linear(affine, params, stats, constants):
    scale, shift = (np.tile(v, len(params["fc"]["kernel"]) // len(v)) for v in affine(params["bn2"], stats["bn2"]))
    factor, bias = affine({**constants, **params["features"]}, stats["features"])
    kernel = params["fc"]["kernel"] * factor
    return {"kernel": kernel * scale[:, None], "bias": shift @ kernel + params["fc"]["bias"] * factor + bias}


def _affine(epsilon, params, stats):
    """The norm as `x * scale + bias`."""
    scale = params["scale"] / np.sqrt(stats["var"] + epsilon)
    return scale, params["bias"] - stats["mean"] * scale


def _shifted(kernel, shift, side):
    """The 3x3 convolution `[side, side, D]` of an image whose pixels all are `shift`, with zeros around it."""
    taps = np.einsum("ijcd,c->ijd", kernel, shift)
    inside = np.ones((3, side))  # whether a tap lies within the image
    inside[0, 0] = inside[2, -1] = 0
    return np.einsum("ijd,ih,jw->hwd", taps, inside, inside)
