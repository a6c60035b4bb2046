"""Common parts of the network benchmarks: one network in both libraries, its operations, the rate of the machine.

Both use the weights of `tests.golden.formula`; with random weights, activations would grow or vanish with depth.
PyTorch runs on the cores of this process; on a GPU both compute in bfloat16, PyTorch under autocast.
"""

import argparse
import contextlib
import copy
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import record
from converters import arcface_torch
from perface_jax.network import compilation
from perface_jax.network.model import IResNet
from tests import torch_twin

GPU = jax.default_backend() == "gpu"
DEVICE = "cuda" if GPU else "cpu"
DTYPE = jnp.bfloat16 if GPU else jnp.float32
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}

torch.set_num_threads(len(os.sched_getaffinity(0)))
torch.backends.cudnn.benchmark = True  # XLA tries out algorithms, too


def add_choices(parser: argparse.ArgumentParser, archs: Sequence[str], batches: Sequence[int], unit: str) -> None:
    """Options for the rows and the sizes of networks, images and matrices."""
    parser.add_argument("--archs", nargs="+", default=archs, choices=torch_twin.LAYERS)
    parser.add_argument("--batches", type=int, nargs="+", default=batches, help=unit)
    parser.add_argument(
        "--skip-compiled", action="store_true", help="leave out torch.compile, which takes minutes per row"
    )
    parser.add_argument("--width", type=int, default=64, help="channels of the first stage")
    parser.add_argument("--image-size", type=int, default=112, help="side in pixels")
    parser.add_argument(
        "--matrix", type=int, default=16384 if GPU else 2048, help="size of the matrices of the matrix product"
    )
    queued = "calls sent before the last is waited for, to hide what the host does; seconds are those of one"
    parser.add_argument("--queued", type=int, default=8 if GPU else 1, help=queued)


def measure(rows: Callable[[str, argparse.Namespace], Iterable[dict]], options: argparse.Namespace) -> dict:
    """The rows of each architecture, and the rate of a matrix product.

    Raises:
      ValueError: a GPU that PyTorch cannot use.
    """
    if GPU and not torch.cuda.is_available():
        raise ValueError("JAX sees a GPU, but this PyTorch does not; install a build for CUDA")
    return {
        "dtype": jnp.dtype(DTYPE).name,
        "matrix_gflop_per_second": matrix_rate(options.matrix),
        "rows": [row for arch in options.archs for row in rows(arch, options)],
    }


def pair(arch: str, **options: int) -> tuple[torch_twin.IResNet, IResNet, dict]:
    """A network in PyTorch (eval mode, on the host), the same in JAX, and its variables on the device; all float32.

    Args:
      arch: of `torch_twin.LAYERS`.
      **options: width and image_size.
    """
    twin = torch_twin.golden(arch, **options)
    model, variables = arcface_torch.recognize(twin.state_dict()), arcface_torch.convert(twin.state_dict())
    return twin, model.clone(dtype=DTYPE), jax.device_put(variables)


def in_layout(twin: torch_twin.IResNet, layout: str) -> torch_twin.IResNet:
    """A copy of the network on PyTorch's device, its kernels in one of `LAYOUTS`."""
    return copy.deepcopy(twin).to(DEVICE, memory_format=LAYOUTS[layout])


def planes(pictures: np.ndarray, layout: str) -> torch.Tensor:
    """Pictures `[B, H, W, C]` on PyTorch's device as `[B, C, H, W]` of the same dtype, in one of `LAYOUTS`."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).to(DEVICE).contiguous(memory_format=LAYOUTS[layout])


def compiled(function: Callable) -> Callable:
    """The function compiled by torch.compile for fixed shapes."""
    torch.compiler.reset()  # after some number of programs it silently falls back to eager mode
    return torch.compile(function, dynamic=False)


def reduced() -> contextlib.AbstractContextManager:
    """A context for the precision of PyTorch: that of the tensors, or bfloat16 on a GPU."""
    return torch.autocast("cuda", torch.bfloat16) if GPU else contextlib.nullcontext()


def wait() -> None:
    """Waits until PyTorch has finished."""
    if GPU:
        torch.cuda.synchronize()


def operations(arch: str, *, training: bool = False, **options: int) -> int:
    """Floating-point operations per image in convolutions and the linear layer, two per multiply-add.

    Args:
      arch: of `torch_twin.LAYERS`.
      training: include the gradients with respect to everything but the image.
      **options: width and image_size.
    """
    with torch.device("meta"):  # shapes without numbers
        twin = torch_twin.IResNet(torch_twin.LAYERS[arch], **options).train(training)
        picture = torch.empty(2, 3, options["image_size"], options["image_size"])  # norms in training mode need two
        with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(training):
            embeddings = twin(picture)
            if training:
                embeddings.sum().backward()
    return counter.get_total_flops() // 2


def matrix_rate(size: int, *, repeats: int = 5) -> float:
    """GFLOP/s of a product of two matrices `[size, size]` of `DTYPE` in JAX: the best of all repeats.

    Args:
      size: rows and columns.
      repeats: with and without the compiler options of our networks, after an untimed call.
    """
    matrix, taken = jax.random.normal(jax.random.key(0), (size, size), DTYPE), []
    for options in ({}, compilation.options()):
        multiply = jax.jit(jnp.matmul, compiler_options=options)
        calls = {"product": lambda multiply=multiply: jax.block_until_ready(multiply(matrix, matrix))}
        taken += record.in_turns(calls, repeats)["product"]
    return round(2 * size**3 / min(taken) / 1e9, 1)


def bytes_accessed(program: jax.stages.Compiled) -> float:
    """GB that the operations of a compiled program read and write according to XLA, ignoring caches."""
    return round(program.cost_analysis()["bytes accessed"] / 1e9, 4)


def first_calls(calls: Mapping[str, Callable[[], object]]) -> tuple[dict[str, float], dict[str, str]]:
    """Call each variant once, which compiles it.

    Args:
      calls: by variant.

    Returns:
      by variant, the seconds of those that run, and the reason why others do not.
    """
    seconds, not_run = {}, {}
    for name, call in calls.items():
        started, why = time.perf_counter(), fault(call)
        if why:
            not_run[name] = why
        else:
            seconds[name] = round(time.perf_counter() - started, 2)
    return seconds, not_run


def fault(call: Callable[[], object]) -> str:
    """The reason why a call fails, in one line; empty if it runs."""
    try:
        call()
    except Exception as error:  # a missing compiler or too little memory raises many types
        return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    return ""
