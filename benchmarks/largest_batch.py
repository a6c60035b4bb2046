"""The largest batch whose training step fits into memory: ours, ours with `remat`, and PyTorch compiled.

Starting at the largest of `--batches`, the batch is doubled until a step does not run, or halved until one does. Every
trial is a separate process, so that no trial affects the memory of another. The last one that ran is timed.

Without `--memory-gib`, a batch fits if it runs on the GPU. With it, XLA reports the memory of our program, including
state and batch, before it runs. PyTorch cannot report this; its step fits if it took no more: on a GPU the peak of its
tensors, on a CPU the growth of the process. The rows are like those of `training_step`; the timed variant is called `a
step`, and `variant` says whose it is.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
from collections.abc import Iterator

import torch

from benchmarks import networks, record, steps

ROOT = pathlib.Path(__file__).parent.parent
WHOLE = {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.95"}  # of the GPU's memory: JAX takes no more than three quarters unasked
STEP = "a step"


def add_choices(parser: argparse.ArgumentParser) -> None:
    """The options of the search."""
    search = "search the largest batch that fits, from the largest of --batches on"
    parser.add_argument("--largest", action=argparse.BooleanOptionalAction, default=networks.GPU, help=search)
    parser.add_argument("--memory-gib", type=float, help="that a step may hold; must be said on a CPU")


def rows(options: argparse.Namespace) -> Iterator[dict]:
    """A row for each architecture and variant.

    Args:
      options: of `training_step`.

    Raises:
      ValueError: no `--memory-gib` on a CPU.
    """
    if not (networks.GPU or options.memory_gib):
        raise ValueError("--largest without --memory-gib; on a CPU say how much a step may hold")
    pytorch = "PyTorch channels_last" if options.skip_compiled else "PyTorch compiled"
    for arch in options.archs:
        for variant in ("perface_jax", "perface_jax remat", pytorch):
            yield _search(arch, variant, options)


def _search(arch, variant, options):
    batch, fits, fails = max(options.batches), {}, {}
    while batch and not (fits and fails):
        told = _in_a_process(arch, variant, batch, options)
        if "seconds" in told:
            fits, batch = told, 2 * batch
        else:
            fails, batch = told, batch // 2
    row = {"name": f"{arch}, largest batch of {variant}", "variant": variant}
    if not fits:
        return row | {"batch": 0, "not_run": {STEP: f"{variant}, one triplet: {fails['why']}"}}
    return row | fits | {"largest_batch": fits["batch"], "twice_as_many": fails["why"]}


def _in_a_process(arch, variant, batch, options):
    """The result of `trial` in its own process: a row with `seconds`, or the reason (`why`) without."""
    wanted = json.dumps(vars(options) | {"arch": arch, "variant": variant, "batch": batch})
    command = [sys.executable, "-m", "benchmarks.largest_batch", wanted]
    done = subprocess.run(command, cwd=ROOT, env=WHOLE | os.environ, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return {"why": f"the process ended with {done.returncode}"}  # -9: killed by the system for its memory
    return json.loads(done.stdout.splitlines()[-1])


def trial(options: argparse.Namespace) -> dict:
    """Try one batch of one variant in this process.

    Args:
      options: of `training_step`, and `arch`, `variant` and `batch`.

    Returns:
      a row with `seconds`, or `why` there are none.
    """
    found = {}
    why = networks.fault(lambda: found.update(_measure(options)))
    return {"why": why} if why else found


def _measure(options):
    size = {"width": options.width, "image_size": options.image_size}
    twin, model, variables = networks.pair(options.arch, **size)
    triplets = steps.random_triplets(options.batch, options.image_size)
    gflop = 3 * networks.operations(options.arch, training=True, **size) / 1e9
    row = {"arch": options.arch, "batch": options.batch, "gflop_per_triplet": gflop}
    if options.variant.startswith("PyTorch"):
        before, compiled = _peak(), options.variant.endswith("compiled")
        call = steps.pytorch(twin, triplets, layout="channels_last", queued=options.queued, compiled=compiled)
        call()
        held = round(_peak() - before, 1)
    else:
        model = model.clone(remat=options.variant.endswith("remat"))
        facts, call = steps.ours(model, variables, triplets, queued=options.queued)
        held = facts["memory_mib"]
        row["gbyte_accessed"] = {STEP: facts["gbyte_accessed"]}
    if options.memory_gib and held > 1024 * options.memory_gib:
        return {"why": f"holds {held:,.0f} MiB of {1024 * options.memory_gib:,.0f}"}
    seconds = record.in_turns({STEP: call}, options.rounds, queued=options.queued)
    return row | {"memory_mib": {STEP: held}, "seconds": seconds}


def _peak():
    """The peak of PyTorch's memory in MiB."""
    if networks.GPU:
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(trial(argparse.Namespace(**json.loads(sys.argv[1])))))
