"""Embedding: pictures a second against PyTorch and ONNX Runtime, the same weights on both sides, in turns.

    python -m benchmarks.embedding [--write]

Variants: `perface_jax`, its norms folded into its convolutions; the same unfolded; PyTorch eager in both layouts and by
torch.compile; ONNX Runtime on the exported network, whose norms the exporter folds. All get normalised pictures that
lie in memory and return embeddings on the host, and all use the cores of this process; a GPU computes in bfloat16.
Beside the time stand the operations of a picture, the rate of matrix products on this machine, and how far our
embeddings are from PyTorch's, so that nothing is bought with digits. What does not run here, as torch.compile without
a C++ compiler, is recorded with its reason.
"""

import argparse
import functools
import os
import time
from collections.abc import Callable, Iterator

import jax
import numpy as np
import onnxruntime
import torch

from benchmarks import networks, record
from perface_jax import compilation, folding
from tests import onnx_export


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    networks.add_choices(made, ["r18", "r34", "r50", "r100"], [1, 8, 64], "pictures at once")
    made.add_argument("--rounds", type=int, default=5, help="at least, in which each variant is timed once")
    made.add_argument("--seconds", type=float, default=5.0, help="at least, of all rounds of a row")
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for each architecture and batch."""
    return networks.measure(_rows, options)


def _rows(arch: str, options: argparse.Namespace) -> Iterator[dict]:
    size = {"width": options.width, "image_size": options.image_size}
    twin, model, variables = networks.pair(arch, **size)
    facts = {"arch": arch, "gflop_per_picture": networks.operations(arch, **size) / 1e9}
    session = None if networks.GPU else _session(twin, options.image_size)
    random = np.random.default_rng(0)
    for batch in options.batches:
        pictures = random.uniform(-1, 1, (batch, options.image_size, options.image_size, 3)).astype(np.float32)
        ours, compiling = _ours(model, variables, pictures)
        theirs = _pytorch(twin, pictures) | {"ONNX Runtime": functools.partial(_by_onnx, session, _planes(pictures))}
        row = _compare(ours, theirs, options)
        yield {"name": f"{arch}, batch {batch}", "batch": batch, **facts, "compile_seconds": compiling, **row}


def _compare(ours, theirs, options):
    """Seconds of all that run here, and how far ours are from the first of the others."""
    wanted = next(iter(theirs.values()))()
    not_run = {
        "PyTorch compiled": "left out" if options.skip_compiled else networks.fault(theirs["PyTorch compiled"]),
        "ONNX Runtime": "runs on CPUs only" if networks.GPU else "",
    }
    not_run = {name: why for name, why in not_run.items() if why}
    calls = {name: call for name, call in (ours | theirs).items() if name not in not_run}
    return {
        "largest_difference": {
            name: float(np.abs(call() - wanted).max() / np.abs(wanted).max()) for name, call in ours.items()
        },
        "not_run": not_run,
        "seconds": record.in_turns(calls, options.rounds, seconds=options.seconds),
    }


def _ours(model, variables, pictures):
    """Our variants, and the seconds to compile them."""
    placed, calls, compiling = jax.device_put(pictures), {}, {}
    for name, function, weights in (
        ("perface_jax", functools.partial(folding.embed, model=model), folding.fold_norms(model, variables)),
        ("perface_jax unfolded", model.apply, variables),
    ):
        started = time.perf_counter()
        program = jax.jit(function, compiler_options=compilation.options()).lower(weights, placed).compile()
        compiling[name] = round(time.perf_counter() - started, 2)
        calls[name] = functools.partial(_on_host, program, weights, placed)
    return calls, compiling


def _on_host(program, weights, pictures):
    return np.asarray(program(weights, pictures), np.float32)


def _pytorch(twin, pictures) -> dict[str, Callable[[], np.ndarray]]:
    """PyTorch's variants."""
    calls = {}
    for layout in networks.LAYOUTS:
        network, placed = networks.in_layout(twin, layout), networks.planes(pictures, layout)
        calls[f"PyTorch {layout}"] = functools.partial(_by_pytorch, network, placed)
    return calls | {"PyTorch compiled": functools.partial(_by_pytorch, networks.compiled(network), placed)}


def _by_pytorch(network, pictures):
    with torch.inference_mode(), networks.reduced():
        return network(pictures).float().cpu().numpy()


def _session(twin, image_size):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    exported = onnx_export.export(twin, image_size).SerializeToString()
    return onnxruntime.InferenceSession(exported, options, providers=["CPUExecutionProvider"])


def _by_onnx(session, planes):
    return session.run(None, {session.get_inputs()[0].name: planes})[0]


def _planes(pictures):
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))


if __name__ == "__main__":
    record.run("embedding", parser(), measure, compared_with=("torch", "onnxruntime"))
