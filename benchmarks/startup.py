"""Seconds from the start of `train.py` to its first step, dispatched and done, without and with programs on disk.

Every start is a separate process (`first_step`), on a small generated release whose data set is already built. `cold`
starts with an empty folder of programs, which it fills; `warm` uses that of the cold start just before it. `dispatched`
is when the first step has begun to compute, and Python waits.

`parts` has the seconds of each part, which add up to the whole: imports, weights, data, state (optimizer,
checkpoints), dispatch (tracing, compiling or loading the step), the first step, and the validation of the start, which
follows it and is not in `seconds`; its program is made while the step computes. `compiling` has the seconds that JAX
spent in them tracing, lowering, and compiling or reading from the cache, and the number of programs; `cpu_seconds`
those of all threads from the start of the process to the end of each part.
"""

import argparse
import contextlib
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from benchmarks import input as inputs
from benchmarks import record
from configs import perface_r50
from perface_jax.network.model_folder import save_model
from perface_jax.training import builders

ROOT = pathlib.Path(__file__).parent.parent
SIDE = 10  # sources and targets of the release
SHARES = ("parts", "cpu_seconds", "compiling")


def parser() -> argparse.ArgumentParser:
    parser = record.parser(__doc__)
    parser.add_argument("--arch", default="r50")
    parser.add_argument("--width", type=int, default=64, help="channels of the first stage")
    parser.add_argument("--image-size", type=int, default=112, help="side in pixels")
    parser.add_argument("--batch-size", type=int, default=4, help="triplets")
    parser.add_argument("--starts", nargs="+", default=["folder", "random"], choices=["folder", "random"])
    parser.add_argument("--rounds", type=int, default=2, help="each with a cold and a warm start")
    return parser


def measure(options: argparse.Namespace) -> dict:
    """A row for each kind of weights that a run starts from."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        fields = _prepare(folder, options)
        rows = [_row(start, folder, fields, options) for start in options.starts]
    return {"rows": rows}


def _prepare(folder, options):
    """The fields of a run whose data set and model folder exist."""
    fields = {
        "model.arch": options.arch,
        "model.width": options.width,
        "model.image_size": options.image_size,
        "data.release": str(inputs.generate(folder / "release", SIDE**2)),
        "data.data_dir": str(folder / "tfds"),
        "data.order": "target_major",
        "data.sources": SIDE,
        "data.targets": SIDE,
        "data.repair": "none",
        "split.sources": (6, 2, 2),
        "split.targets": (6, 2, 2),
        "labels": "majority",
        "init": "",
        "batch_size": options.batch_size,
        "evaluation_batch_size": options.batch_size,
        "log_every": 1,
        "max_steps": 1,
    }
    config = perface_r50.get_config()
    config.update_from_flattened_dict(fields)
    with contextlib.redirect_stdout(sys.stderr):  # silences TFDS
        builders.open_triplets(config)
    if "folder" in options.starts:
        save_model(folder / "model", *builders.starting_point(config))
    return fields


def _row(start, folder, fields, options):
    """Cold and warm starts by turns."""
    fields = fields | {"init": str(folder / "model") if start == "folder" else ""}
    seen = {"cold": [], "warm": []}
    for turn in range(options.rounds):
        cache = folder / f"cache_{start}_{turn}"
        for name, starts in seen.items():
            starts.append(_start(fields, cache=cache, workdir=folder / f"run_{start}_{turn}_{name}"))
    return {
        "name": f"{options.arch} from {'a model folder' if start == 'folder' else 'random weights'}, batch"
        f" {options.batch_size}",
        "width": options.width,
        "image_size": options.image_size,
        "batch_size": options.batch_size,
        "seconds": {
            name + suffix: [one[of] for one in starts]
            for of, suffix in (("seconds", ""), ("dispatched", ", dispatched"))
            for name, starts in seen.items()
        },
        **{of: {name: _columns([one[of] for one in starts]) for name, starts in seen.items()} for of in SHARES},
    }


def _start(fields, *, cache, workdir):
    """Seconds of one start, and of its parts."""
    flags = [f"--config.{name}={value}" for name, value in fields.items()]
    command = ["-m", "benchmarks.first_step", "--config=configs/perface_r50.py", f"--workdir={workdir}", *flags]
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    began = time.time()
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    instants = told["instants"]
    taken = [round(after - before, 3) for before, after in itertools.pairwise([began, *instants.values()])]
    return {
        "seconds": round(instants["first step"] - began, 3),
        "dispatched": round(instants["dispatch"] - began, 3),
        "parts": dict(zip(instants, taken, strict=True)),
        "cpu_seconds": told["cpu"],
        "compiling": told["compiling"],
    }


def _columns(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


if __name__ == "__main__":
    record.run("startup", parser(), measure)
