"""Embedding: pictures per second against PyTorch and ONNX Runtime, with the same weights, in turns.

    python -m benchmarks.embedding [--write]

Variants: `perface_jax`, its norms folded into its convolutions; the same unfolded; PyTorch eager in both layouts and by
torch.compile; ONNX Runtime on the exported network, where the exporter folds the norms behind convolutions. All get
normalized pictures in memory, return embeddings on the host, and use the cores of this process; a GPU computes in
bfloat16. The record also has the operations per picture, the rate of matrix products on this machine, the bytes that
our program reads and writes according to XLA, and the difference of our embeddings from PyTorch's, which shows that
speed costs no precision. Variants that do not run here, such as torch.compile without a C++ compiler, are recorded with
the reason.

Pictures are float32 `[B, S, S, 3]`, embeddings float32 `[B, 512]`.
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
from perface_jax.network import compilation, folding
from tests import onnx_export

CHECKED = 8  # pictures of a batch whose embeddings are compared


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    batches = [1, 8, 64, 256, 1024] if networks.GPU else [1, 8, 64]
    networks.add_choices(made, ["r18", "r34", "r50", "r100"], batches, "pictures at once")
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
        compiled, ours = _ours(model, variables, pictures)
        theirs = _pytorch(twin, pictures) | {"ONNX Runtime": functools.partial(_by_onnx, session, _planes(pictures))}
        wanted = _exact(twin, pictures[:CHECKED])
        found = _compare(ours, theirs, wanted, options)
        yield {"name": f"{arch}, batch {batch}", "batch": batch, **facts, **compiled, **found}


def _compare(ours, theirs, wanted, options):
    """Seconds of all variants that run here, and the difference of ours from the wanted embeddings of some pictures."""
    calls = {name: functools.partial(_on_host, call, options.queued) for name, call in (ours | theirs).items()}
    left_out = {"PyTorch compiled": options.skip_compiled and "left out"}
    left_out["ONNX Runtime"] = networks.GPU and "runs on CPUs only"
    left_out = {name: why for name, why in left_out.items() if why}
    first, failed = networks.first_calls({name: calls[name] for name in theirs if name not in left_out})
    return {
        "largest_difference": {
            name: float(np.abs(calls[name]()[: len(wanted)] - wanted).max() / np.abs(wanted).max()) for name in ours
        },
        "first_call_seconds": first,
        "not_run": left_out | failed,
        "seconds": record.in_turns(
            {name: calls[name] for name in (*ours, *first)},
            options.rounds,
            seconds=options.seconds,
            queued=options.queued,
            warm=True,
        ),
    }


def _on_host(call, queued):
    """The embeddings of the last of several calls, float32 `[B, D]`."""
    for _ in range(queued):
        embeddings = call()
    return (
        embeddings.float().cpu().numpy() if isinstance(embeddings, torch.Tensor) else np.asarray(embeddings, np.float32)
    )


def _ours(model, variables, pictures) -> tuple[dict, dict[str, Callable[[], jax.Array]]]:
    """Facts about our compiled variants, and the variants."""
    placed, calls, compiling, accessed = jax.device_put(pictures), {}, {}, {}
    for name, function, weights in (
        ("perface_jax", functools.partial(folding.embed, model=model), folding.fold_norms(model, variables)),
        ("perface_jax unfolded", model.apply, variables),
    ):
        started = time.perf_counter()
        program = jax.jit(function, compiler_options=compilation.options()).lower(weights, placed).compile()
        compiling[name] = round(time.perf_counter() - started, 2)
        accessed[name] = networks.bytes_accessed(program)
        calls[name] = functools.partial(program, weights, placed)
    return {"compile_seconds": compiling, "gbyte_accessed": accessed}, calls


def _pytorch(twin, pictures) -> dict[str, Callable[[], torch.Tensor]]:
    """PyTorch's variants."""
    calls = {}
    for layout in networks.LAYOUTS:
        network, placed = networks.in_layout(twin, layout), networks.planes(pictures, layout)
        calls[f"PyTorch {layout}"] = functools.partial(_by_pytorch, network, placed)
    return calls | {"PyTorch compiled": functools.partial(_by_pytorch, networks.compiled(network), placed)}


def _exact(twin, pictures):
    """Embeddings float32 `[b, 512]` by PyTorch in float32 on the host, for any device and dtype of the others."""
    with torch.inference_mode():
        return twin(torch.from_numpy(pictures).permute(0, 3, 1, 2)).numpy()


def _by_pytorch(network, pictures):
    with torch.inference_mode(), networks.reduced():
        return network(pictures)


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
