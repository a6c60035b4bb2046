"""Runs `train.py` until its first step is done: the process that `startup` starts. Takes the flags of `train.py`.

Its last line is a JSON object: `instants`, the seconds since 1970 at which each part was done, in order; `compiling`,
the seconds that JAX reports for these parts, and the number of programs that it compiled or took from its cache.
"""

import functools
import json
import pathlib
import runpy
import threading
import time

import jax

from perface_jax.training import builders, programs, trainer

TRAIN = pathlib.Path(__file__).parent.parent / "train.py"
COMPILING = {
    "/jax/core/compile/jaxpr_trace_duration": "tracing",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lowering",
    "/jax/core/compile/backend_compile_duration": "compiling",
}

instants: dict[str, float] = {}
cpu: dict[str, float] = {}
spent: dict[str, list[float]] = {name: [] for name in COMPILING.values()}
waiting = threading.Thread()


class Watched(trainer.Progress):
    """The log of a run that ends with its first step, which `--config.log_every=1` waits for."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        _done("state")

    def after_steps(self, *arguments):
        super().after_steps(*arguments)
        waiting.join()
        _done("validation")  # of the start, which waits for the first step
        compiling = {name: round(sum(seconds), 3) for name, seconds in spent.items()}
        compiling |= {"programs": len(spent["compiling"])}
        print(json.dumps({"instants": instants, "compiling": compiling, "cpu": cpu}))
        raise SystemExit


def _done(part):
    instants.setdefault(part, time.time())
    cpu.setdefault(part, round(time.process_time(), 2))


def _marks(part, function, *, before=False):
    """The function, which also marks a part as done when it returns, or when it begins."""

    @functools.wraps(function)
    def call(*arguments, **options):
        if before:
            _done(part)
        result = function(*arguments, **options)
        _done(part)
        return result

    return call


def _dispatching(program):
    """The program of the steps, which also marks when its first call is dispatched, and when it is done."""

    def call(*arguments):
        results = program(*arguments)
        _done("dispatch")
        waiting.run = lambda: (jax.block_until_ready(results[1]), _done("first step"))
        waiting.start()
        return results

    return call


def _listen(event, duration, **_):
    if event in COMPILING:
        spent[COMPILING[event]].append(duration)


if __name__ == "__main__":
    jax.monitoring.register_event_duration_secs_listener(_listen)
    trainer.train = _marks("imports", trainer.train, before=True)
    builders.starting_point = _marks("weights", builders.starting_point)
    builders.open_triplets = _marks("data", builders.open_triplets)
    trainer.Progress = Watched
    steps = programs.Stored.steps
    programs.Stored.steps = lambda *arguments, **options: _dispatching(steps(*arguments, **options))
    runpy.run_path(str(TRAIN), run_name="__main__")
