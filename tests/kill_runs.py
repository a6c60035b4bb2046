"""`train.py` in processes of its own that tests kill, stop and starve, and what such a run left behind.

The processes are forked from one that has imported everything, and share a compilation cache: a start takes seconds.
"""

import multiprocessing
import os
import pathlib
import runpy
import sys
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from tests.conftest import ROOT
from tests.training.test_builders import SOURCES, TARGETS, release, start  # noqa: F401  (fixtures)

LAST = 24  # 3 steps an epoch: 8 states are saved
SMALL = {
    "model.layers": "(2,0,0,0)",
    "model.embedding_size": 16,
    "data.sources": SOURCES,
    "data.targets": TARGETS,
    "split.sources": "(6,2,2)",
    "split.targets": "(6,2,2)",
    "evaluation_batch_size": 8,
    "export": "last",
    "margin": 0.5,  # the hinge stays active
    "max_steps": LAST,
    "tensorboard": False,
}


class Trainings:
    """Starts `train.py` on a small network and release.

    Args:
      folder: where the data set and the compilation cache are kept.
      fields: of the config, by dotted name.
    """

    def __init__(self, folder: pathlib.Path, fields: dict[str, Any]):
        self._folder, self._fields = folder, {"data.data_dir": folder / "tfds", **fields}
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.conftest", "perface_jax.training.trainer"])

    def start(self, workdir: pathlib.Path, *flags: str, devices: int = 1, part: int = 0, **fields: Any):
        """A process that trains in `workdir`; `part` tells several of one run apart in `printed`."""
        config = [f"--config.{name}={value}" for name, value in (self._fields | fields).items()]
        arguments = ["train.py", "--config=configs/perface_r50.py:smoke", f"--workdir={workdir}", *config, *flags]
        options = arguments, _printed(workdir, part), self._folder / "cache", devices
        process = self._context.Process(target=_train, args=options)
        process.start()
        return process

    def run(self, workdir: pathlib.Path, *flags: str, expect: int = 0, **options: Any) -> str:
        """What a training printed that ended by itself."""
        process = self.start(workdir, *flags, **options)
        process.join()
        assert process.exitcode == expect, printed(workdir)
        return printed(workdir)


@pytest.fixture(scope="session")
def trainings(release, start, tmp_path_factory):  # noqa: F811
    return Trainings(tmp_path_factory.mktemp("trainings"), SMALL | {"data.release": release, "init": start})


def printed(workdir: pathlib.Path, part: int = 0) -> str:
    """What the last process printed that trained in `workdir`."""
    return _printed(workdir, part).read_text()


def saved(workdir: pathlib.Path) -> int:
    """The last step that is saved; -1 where none is."""
    return max((int(path.name) for path in workdir.glob("checkpoints/*") if path.name.isdigit()), default=-1)


def left_by(workdir: pathlib.Path) -> dict[str, bytes]:
    """Every array of the last checkpoint and of the model folder, as bytes."""
    with np.load(workdir / "model" / "known_answer.npz") as answer:
        trees = {"answer": dict(answer)}
    trees[f"checkpoint {saved(workdir)}"] = _arrays(workdir / "checkpoints" / str(saved(workdir)) / "default")
    trees["weights"] = _arrays(workdir / "model" / "weights")
    return {f"{name} {path}": array.tobytes() for name, tree in trees.items() for path, array in tree.items()}


def _arrays(folder):
    """All arrays that Orbax saved in a folder, on whatever devices that was."""
    with ocp.PyTreeCheckpointer() as checkpointer:
        like = checkpointer.metadata(folder).item_metadata.tree
        as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), like)
        tree = checkpointer.restore(folder, restore_args=as_numpy)
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def _train(arguments, log, cache, devices):
    """Runs in the new process."""
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(ROOT)
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    sys.argv = arguments
    runpy.run_path("train.py", run_name="__main__")


def _printed(workdir, part):
    return workdir.with_name(f"{workdir.name}.{part}.printed")
