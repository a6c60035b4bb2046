"""The reason for each formulation of ours on CPUs, layer by layer, beside XLA's own and PyTorch's.

    python -m benchmarks.layers [--write]

The layers have the sizes of those in IR-ResNet50. Variants: `perface_jax`, our formulation, compiled like the network;
the plain one compiled in the same way, and without `compilation.options`; PyTorch eager in both layouts. If our
formulation is the plain one and only the options differ, the second variant is left out. `largest_difference` is the
largest difference of any other result from ours, relative to the largest value. All start from float32 arrays in
memory, in their own layout.
"""

import argparse
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks import networks, record
from benchmarks.networks import planes
from perface_jax.network import batch_norm, compilation, winograd
from perface_jax.network.convolution import LAYOUT, convolve
from perface_jax.network.kernels import column_sums

EDGES = ((1, 1), (1, 1))


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    made.add_argument("--batch", type=int, default=8, help="pictures at once")
    made.add_argument("--width", type=int, default=64, help="channels of the first stage")
    made.add_argument("--image-size", type=int, default=112, help="side in pixels")
    made.add_argument("--rounds", type=int, default=16, help="in which each variant is timed once")
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for each layer."""
    return {"rows": list(_rows(options))}


def _rows(options: argparse.Namespace) -> Iterator[dict]:
    for stage in (2, 3):
        yield _forward(stage, options)
    for stage in (2, 3):
        yield _gradients_by_winograd(stage, options)
    for stage in (2, 4):
        yield _strided_gradients(stage, options)
    yield _sum_over_rows(options)
    yield _norm(options)
    yield _filter_gradient(options)


def _forward(stage, options):
    """Winograd's products against those of the plain convolution."""
    x, kernel = _arrays(options, stage)

    def pytorch(layout):
        placed = planes(x, layout), _kernel(kernel, layout)
        return lambda: _rows_last(torch.nn.functional.conv2d(*placed, padding=1))

    ours = winograd.convolve, x, winograd.transform(kernel).astype(kernel.dtype)
    return _compare(f"convolution, {_size(x)}", ours, (_plain, x, kernel), pytorch, options)


def _gradients_by_winograd(stage, options):
    """The same for the derivatives."""
    x, kernel = _arrays(options, stage)

    def ours(dy, x, kernel):
        return winograd.derivatives(x, kernel, dy)

    return _compare_gradients(f"gradients of a convolution, {_size(x)}", ours, x, kernel, 1, options)


def _strided_gradients(stage, options):
    """The derivative that multiplies no zeros against XLA's."""
    x, kernel = _arrays(options, stage, above=True)
    ours = functools.partial(_gradients, lambda x, kernel: convolve(x, kernel, (2, 2), EDGES))
    return _compare_gradients(f"gradients of a strided convolution, {_size(x)}", ours, x, kernel, 2, options)


def _compare_gradients(name, ours, x, kernel, stride, options):
    dy = _random(x[:, ::stride, ::stride].shape, seed=1)

    def pytorch(layout):
        inputs = [placed.requires_grad_() for placed in (planes(x, layout), _kernel(kernel, layout))]
        y = torch.nn.functional.conv2d(*inputs, stride=stride, padding=1)
        back = _back(y, inputs, planes(dy, layout))
        return lambda: tuple(turn(one) for turn, one in zip((_rows_last, _taps_first), back(), strict=True))

    plain = functools.partial(_gradients, functools.partial(_plain, stride=stride))
    return _compare(name, (ours, dy, x, kernel), (plain, dy, x, kernel), pytorch, options)


def _sum_over_rows(options):
    """Long slices and a product with ones against XLA's reduction."""
    x, _ = _arrays(options, 1)

    def pytorch(layout):
        placed = planes(x, layout)
        return lambda: placed.sum((0, 2, 3))

    ours = functools.partial(column_sums, lambda x: x)
    plain = functools.partial(jnp.sum, axis=(0, 1, 2))
    return _compare(f"sum over rows, {_size(x)}", (ours, x), (plain, x), pytorch, options)


def _norm(options):
    """Norm and PReLU with the derivative written by hand against JAX's derivative of the formula."""
    x, _ = _arrays(options, 1)
    dy, vectors = _random(x.shape, seed=1), _random((3, x.shape[-1]), seed=2)  # scale, bias, slope

    def ours(x, *vectors):
        return batch_norm.normalize_batch(x, *vectors, shift=jnp.zeros_like(vectors[0]))[0]

    def pytorch(layout):
        inputs = [planes(x, layout), *map(torch.from_numpy, vectors)]
        inputs = [placed.to(networks.DEVICE).requires_grad_() for placed in inputs]
        return functools.partial(_norm_by_pytorch, inputs, planes(dy, layout))

    both = ((functools.partial(_there_and_back, function), dy, x, *vectors) for function in (ours, _formula))
    return _compare(f"norm + PReLU, there and back, {_size(x)}", *both, pytorch, options)


def _filter_gradient(options):
    """The effect of the compiler options; outside of loops, XLA finds the same formulation."""
    x, kernel = _arrays(options, 1)
    dy = _random(x.shape, seed=1)

    def ours(x, kernel):
        return convolve(x, kernel, (1, 1), EDGES)

    def gradient(function, dy, x, kernel):
        return _gradients(functools.partial(function, x), dy, kernel)

    def pytorch(layout):
        inputs = [_kernel(kernel, layout).requires_grad_()]
        back = _back(torch.nn.functional.conv2d(planes(x, layout), *inputs, padding=1), inputs, planes(dy, layout))
        return lambda: tuple(map(_taps_first, back()))

    both = ((functools.partial(gradient, function), dy, x, kernel) for function in (ours, _plain))
    return _compare(f"filter gradient, {_size(x)}", *both, pytorch, options)


def _compare(name: str, ours: Sequence, plain: Sequence, pytorch: Callable, options: argparse.Namespace) -> dict:
    """The row of a layer.

    Args:
      name: of the row.
      ours, plain: a function and its arrays.
      pytorch: layout -> call.
      options: of this part.
    """
    variants = {
        "perface_jax": _compiled(*ours, options=compilation.options()),
        "XLA, same options": _compiled(*plain, options=compilation.options()),
        "XLA": _compiled(*plain, options={}),
    }
    if plain is ours:
        del variants["XLA, same options"]
    variants |= {f"PyTorch {layout}": pytorch(layout) for layout in networks.LAYOUTS}
    calls = {variant: functools.partial(_finished, call) for variant, call in variants.items()}
    return {
        "name": name,
        "batch": options.batch,
        "largest_difference": _largest_difference({variant: call() for variant, call in calls.items()}),
        "seconds": record.in_turns(calls, options.rounds),
    }


def _compiled(function, *arrays, options):
    return functools.partial(jax.jit(function, compiler_options=options), *jax.device_put(arrays))


def _finished(call):
    result = jax.block_until_ready(call())
    networks.wait()
    return result


def _largest_difference(results: Mapping) -> float:
    """The largest difference of the others from the first, relative to its largest value, over all arrays."""
    first, *others = ([_on_host(array) for array in jax.tree.leaves(result)] for result in results.values())
    pairs = (pair for other in others for pair in zip(first, other, strict=True))
    return max(float(np.abs(one - two).max() / np.abs(one).max()) for one, two in pairs)


def _on_host(array):
    return array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)


# Formulas.


def _plain(x, kernel, *, stride=1):
    return jax.lax.conv_general_dilated(x, kernel, (stride, stride), EDGES, dimension_numbers=LAYOUT)


def _formula(x, scale, bias, slope):
    mean, var = jnp.mean(x, (0, 1, 2), keepdims=True), jnp.var(x, (0, 1, 2), keepdims=True)
    scale, bias, slope = (vector.reshape(mean.shape) for vector in (scale, bias, slope))
    z = (x - mean) / jnp.sqrt(var + batch_norm.EPSILON) * scale + bias
    return jnp.where(z > 0, z, slope * z)


def _gradients(function, dy, *inputs):
    return jax.vjp(function, *inputs)[1](dy)


def _there_and_back(function, dy, *inputs):
    y, back = jax.vjp(function, *inputs)
    return y, *back(dy)


def _back(y, inputs, dy):
    """The call that takes PyTorch from the derivative by `y` to those by the inputs, again and again."""
    return functools.partial(torch.autograd.grad, y, inputs, dy, retain_graph=True)


def _norm_by_pytorch(inputs, dy):
    x, scale, bias, slope = inputs
    z = torch.nn.functional.batch_norm(x, None, None, scale, bias, training=True, eps=batch_norm.EPSILON)
    y = torch.nn.functional.prelu(z, slope)
    dx, *others = torch.autograd.grad(y, inputs, dy)
    return _rows_last(y), _rows_last(dx), *others


# Arrays, and their axes in PyTorch. Turning axes back copies nothing.


def _arrays(options, stage, *, above=False):
    """Feature maps as within a stage of the network, or before its stride, and a kernel."""
    side, channels = options.image_size // 2 ** (stage - above), options.width * 2 ** (stage - 1)
    return _random((options.batch, side, side, channels)), _random((3, 3, channels, channels), seed=3)


def _random(shape, *, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _size(x):
    return "x".join(map(str, x.shape[1:]))


def _kernel(kernel, layout):
    return planes(np.moveaxis(kernel, -1, 0), layout)


def _rows_last(x):
    return x.permute(0, 2, 3, 1)


def _taps_first(kernel):
    return kernel.permute(2, 3, 1, 0)


if __name__ == "__main__":
    record.run("layers", parser(), measure, compared_with=("torch",))
