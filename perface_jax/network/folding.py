"""Inference with every norm folded into the convolution beside it: the same function with fewer passes over memory.

A norm behind a convolution scales its kernel and becomes a bias. The norm before a block's first convolution shifts
every pixel, but not the zeros around the image. Convolved, that shift is the same for all images, and is added as a
bias for each pixel. The last two norms go into `fc`. Folding is computed in float64. Wide kernels are stored twice: as
they are, and transformed for `winograd`, which programs for CPUs use.

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
from perface_jax.network.batch_norm import EPSILON, prelu
from perface_jax.network.convolution import convolve
from perface_jax.network.kernels import Kernels, on_cpu
from perface_jax.network.model import IResNet


def fold_norms(model: IResNet, variables: Mapping) -> dict:
    """The weights of the folded network.

    Args:
      model: the network.
      variables: its three collections.

    Returns:
      by layer, arrays of the model's `param_dtype`; from C channels to D, for an input of `[side, side, C]`:

      - `stem` and each block `layer1_0` ...: `kernel` `[3, 3, C, D]`; `bias` `[side, side, D]`, of the stem `[D]`;
        `slope` `[D]`.
      - each block also: `kernel2` `[3, 3, D, D]`, `bias2` `[D]`.
      - `transformed` and `transformed2`, `[4, 4, C, D]`: of kernels that suit `winograd`. A model with `kernels="xla"`
        has none, so that accelerators need not hold them.
      - the first block of a stage also: `shortcut` `[1, 1, C, D]`, `shortcut_bias` `[D]`.
      - `fc`: `kernel` `[F, D]` of F inputs (rows, columns, channels of the last layer), `bias` `[D]`.

    Raises:
      ValueError: the variables are not those of the model.
    """
    try:
        return _fold(model, variables)
    except KeyError as error:
        raise ValueError(f"these variables are not those of the model: there is no {error.args[0]!r}") from error


def embed(folded: Mapping, images: Float[AnyArray, "b s s 3"], *, model: IResNet) -> Float[Array, "b d"]:
    """What `model.apply` computes with frozen statistics, from folded weights.

    Args:
      folded: of `fold_norms`.
      images: RGB in [-1, 1] (`images.normalize`).
      model: the network; kernels and images are converted to its `dtype`.

    Returns:
      in the model's `param_dtype`; not of unit length.

    Raises:
      TypeError, ValueError: images that the model does not accept.
    """
    model.check(images, train=False)
    layer = functools.partial(_layer, kernels=Kernels(model.kernels))
    x = _activated(layer, images.astype(model.dtype), folded["stem"])
    for stage, depth in enumerate(model.layers):
        for i in range(depth):
            block, stride = folded[f"layer{stage + 1}_{i}"], 2 if i == 0 else 1
            y = _activated(layer, x, block)
            y = layer(y, block["kernel2"], block["bias2"], block.get("transformed2"), stride=stride)
            if "shortcut" in block:
                x = layer(x, block["shortcut"], block["shortcut_bias"], stride=stride)
            x = x + y
    x = x.reshape(x.shape[0], -1).astype(model.param_dtype)
    return x @ folded["fc"]["kernel"] + folded["fc"]["bias"][None]


def embed_step(folded: Mapping, images: UInt8[AnyArray, "b h w 3"], *, model: IResNet) -> Float[Array, "b d"]:
    """As `model.embed_step`, from folded weights."""
    return embed(folded, normalize(images), model=model)


def _activated(layer, x, block):
    return prelu(layer(x, block["kernel"], block["bias"], block.get("transformed")), block["slope"])


def _layer(x, kernel, bias, transformed=None, *, stride=1, kernels):
    edge = kernel.shape[0] // 2
    geometry = (stride, stride), ((edge, edge), (edge, edge))

    def plain(x, kernel, _=None, *, kernels=Kernels.XLA):
        return convolve(x, kernel.astype(x.dtype), *geometry, kernels=kernels)

    def by_winograd(x, _, transformed):
        return winograd.convolve(x, transformed.astype(x.dtype))

    if transformed is None or kernels is Kernels.XLA or not winograd.suits(kernel.shape, x.dtype, images=x.shape[0]):
        y = plain(x, kernel, kernels=kernels)
    else:
        y = on_cpu(by_winograd, plain, x, kernel, transformed)
    return y + jnp.broadcast_to(bias.astype(x.dtype), y.shape)


def _fold(model, variables):
    variables = jax.tree.map(lambda x: np.asarray(x, np.float64), jax.device_get(dict(variables)))
    params, stats = variables["params"], variables["batch_stats"]
    blocks = {f"layer{stage + 1}_{i}" for stage, depth in enumerate(model.layers) for i in range(depth)}
    if more := sorted(name for name in params if name.startswith("layer") and name not in blocks):
        raise ValueError(f"these variables are not those of the model: it has no {more[0]!r}")
    scale, bias = _affine(params["bn1"], stats["bn1"])
    folded = {"stem": {"kernel": params["conv1"]["kernel"] * scale, "bias": bias, "slope": params["prelu"]["slope"]}}
    side = model.image_size
    for stage, depth in enumerate(model.layers):
        for i in range(depth):
            name = f"layer{stage + 1}_{i}"
            folded[name] = _fold_block(params[name], stats[name], side)
            if Kernels(model.kernels) is Kernels.AUTO:
                folded[name] |= _transformed(folded[name], model.dtype)
            side = side // 2 if i == 0 else side
    folded["fc"] = _fold_linear(params, stats, variables["constants"]["features"])
    return jax.tree.map(lambda x: jnp.asarray(x, model.param_dtype), folded)


def _transformed(block, dtype):
    names = {"kernel": "transformed"} if "shortcut" in block else {"kernel": "transformed", "kernel2": "transformed2"}
    return {
        new: winograd.transform(block[name]) for name, new in names.items() if winograd.suits(block[name].shape, dtype)
    }


def _fold_block(params, stats, side):
    scale, shift = _affine(params["bn1"], stats["bn1"])
    factor, bias = _affine(params["bn2"], stats["bn2"])
    kernel = params["conv1"]["kernel"] * factor
    factor2, bias2 = _affine(params["bn3"], stats["bn3"])
    block = {
        "kernel": kernel * scale[:, None],
        "bias": _shifted(kernel, shift, side) + bias,
        "slope": params["prelu"]["slope"],
        "kernel2": params["conv2"]["kernel"] * factor2,
        "bias2": bias2,
    }
    if "downsample_conv" in params:
        factor, bias = _affine(params["downsample_bn"], stats["downsample_bn"])
        block |= {"shortcut": params["downsample_conv"]["kernel"] * factor, "shortcut_bias": bias}
    return block


def _fold_linear(params, stats, constants):
    scale, shift = (np.tile(v, len(params["fc"]["kernel"]) // len(v)) for v in _affine(params["bn2"], stats["bn2"]))
    factor, bias = _affine({**constants, **params["features"]}, stats["features"])
    kernel = params["fc"]["kernel"] * factor
    return {"kernel": kernel * scale[:, None], "bias": shift @ kernel + params["fc"]["bias"] * factor + bias}


def _affine(params, stats):
    """The norm as `x * scale + bias`."""
    scale = params["scale"] / np.sqrt(stats["var"] + EPSILON)
    return scale, params["bias"] - stats["mean"] * scale


def _shifted(kernel, shift, side):
    """The 3x3 convolution `[side, side, D]` of an image whose pixels all are `shift`, with zeros around it."""
    taps = np.einsum("ijcd,c->ijd", kernel, shift)
    inside = np.ones((3, side))  # whether a tap lies within the image
    inside[0, 0] = inside[2, -1] = 0
    return np.einsum("ijd,ih,jw->hwd", taps, inside, inside)
