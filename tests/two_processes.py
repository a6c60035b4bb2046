"""One of two processes that train together: `python -m tests.two_processes PORT PROCESS FOLDER`.

Each sees two CPU devices and gives its own rows of every batch. What the first one then writes, test_parallel compares
with one process of four devices.
"""

import pathlib
import sys

import jax
import numpy as np

from perface_jax import parallel
from perface_jax.training import state
from tests import small_runs


def main(port: str, process: str, folder: str):
    parallel.initialize(f"127.0.0.1:{port}", 2, int(process))
    folder, first = pathlib.Path(folder), jax.process_index() == 0
    parallel.first_process_first(lambda: (folder / "order").open("a").write(process))
    results = {
        "shard_map": _five_steps(*small_runs.network(np.float64), parallel.How.SHARD_MAP),
        "pmap": _five_steps(*small_runs.dot(np.float64), parallel.How.PMAP),
        "continued": _interrupted(*small_runs.dot(np.float64), folder / "run"),
        "replica": _second_of_two_replicas(),
    }
    if first:
        for name, tree in results.items():
            np.savez(folder / f"{name}.npz", *jax.tree.leaves(tree))


def _five_steps(model, variables, how):
    mesh = parallel.make_mesh()
    program, batch = small_runs.program(model, mesh, how=how), _my_rows(model, mesh)
    current = small_runs.start(variables, [small_runs.hyper(np.float64)], mesh)
    for _ in range(5):
        current, _ = program(current, batch)
    return small_runs.of_replica(current)


def _interrupted(model, variables, workdir):
    """Three steps, saved, restored into a fresh run, and two more."""
    mesh = parallel.make_mesh()
    program, batch = small_runs.program(model, mesh), _my_rows(model, mesh)

    def begin():
        return state.begin(small_runs.start(variables, [small_runs.hyper(np.float64)], mesh))

    run = begin()
    for _ in range(3):
        run = run.replace(state=program(run.state, batch)[0])
    with state.checkpoints(workdir) as manager:
        state.save(manager, run)
    with state.checkpoints(workdir) as manager:
        current = state.restore(manager, begin()).state
    for _ in range(2):
        current, _ = program(current, batch)
    return small_runs.of_replica(current)


def _second_of_two_replicas():
    """Replica 1 lives on the devices of the second process."""
    mesh = parallel.make_mesh(2)
    made = []
    stacked = parallel.stack_replicas(lambda i: made.append(i) or {"number": np.full(3, i + 0.5)}, 2, mesh)
    if made != [jax.process_index()]:
        raise RuntimeError(f"process {jax.process_index()} made the replicas {made}; wanted only its own one")
    return parallel.take_replica(stacked, 1, mesh)


def _my_rows(model, mesh):
    half = slice(8 * jax.process_index(), 8 * jax.process_index() + 8)
    return parallel.to_global({name: rows[None, :, half] for name, rows in small_runs.batch(model).items()}, mesh)


if __name__ == "__main__":
    main(*sys.argv[1:])
