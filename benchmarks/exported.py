"""Exported programs beside the library: pictures per second of the ONNX and the StableHLO file, in turns.

    python -m benchmarks.exported

All variants take the same uint8 pictures and return embeddings on the host, with the cores of this process:
`perface_jax` (`folding.embed_step`, compiled for the batch), the graph of `converters.to_onnx` in ONNX Runtime, and the
program of `converters.to_stablehlo`. Facts of a row are sizes in bytes and the largest difference from the library's
embeddings, relative to the largest value.
"""

import argparse
import functools
import os
from collections.abc import Callable, Iterator

import jax
import numpy as np
import onnxruntime

from benchmarks import networks, record
from converters import to_onnx, to_stablehlo
from converters.stablehlo import serialize
from perface_jax.network import compilation, folding


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    networks.add_choices(made, ["r50"], [1, 8], "pictures at once")
    made.add_argument("--rounds", type=int, default=5, help="in which each variant is timed once")
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for each architecture and batch."""
    return networks.measure(_rows, options)


def _rows(arch: str, options: argparse.Namespace) -> Iterator[dict]:
    _, model, variables = networks.pair(arch, width=options.width, image_size=options.image_size)
    onnx_file = to_onnx(model, variables).SerializeToString()
    stablehlo_file = serialize(to_stablehlo(model, variables))
    sizes = {"onnx_bytes": len(onnx_file), "stablehlo_bytes": len(stablehlo_file)}
    ours, weights = _ours(model), folding.fold_norms(model, variables)
    session, program = _session(onnx_file), jax.jit(jax.export.deserialize(bytearray(stablehlo_file)).call)
    random = np.random.default_rng(0)
    for batch in options.batches:
        pictures = random.integers(0, 256, (batch, options.image_size, options.image_size, 3), np.uint8)
        calls: dict[str, Callable[[], np.ndarray]] = {
            "perface_jax": lambda pictures=pictures: np.asarray(ours(weights, pictures)),
            "ONNX Runtime": functools.partial(_by_onnx, session, pictures),
            "StableHLO": functools.partial(_by_program, program, pictures),
        }
        wanted = calls["perface_jax"]()
        difference = {name: _difference(calls[name](), wanted) for name in ("ONNX Runtime", "StableHLO")}
        seconds = record.in_turns(calls, options.rounds, seconds=0.0, queued=1, warm=True)
        facts = {"arch": arch, "batch": batch, "largest_difference": difference, **sizes}
        yield {"name": f"{arch}, batch {batch}", **facts, "seconds": seconds}


def _ours(model):
    step = functools.partial(folding.embed_step, model=model)
    return jax.jit(step, compiler_options=compilation.options())


def _difference(found, wanted):
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def _session(data):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _by_onnx(session, pictures):
    embeddings, lengths = session.run(["embeddings", "lengths"], {"images": pictures})
    return embeddings * lengths


def _by_program(program, pictures):
    found = program(pictures)
    return np.asarray(found["embeddings"]) * np.asarray(found["lengths"])


if __name__ == "__main__":
    record.run("exported", parser(), measure, compared_with=("onnxruntime",))
