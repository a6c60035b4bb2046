"""`train.py` in processes of its own that tests kill, stop and starve, and what such a run left behind.

The processes share compiled programs with each other and with nobody else.
"""

import pathlib
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from tests import processes
from tests.conftest import QUICK
from tests.small_release import SOURCES, TARGETS

LAST = 24  # 3 steps an epoch: 8 states are saved
SMALL = {
    "model.layers": "(1,0,0,0)",
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
        self._fields = {"data.data_dir": folder / "tfds", **fields}
        self._cache = {
            "jax_compilation_cache_dir": str(folder / "cache"),
            "jax_persistent_cache_min_compile_time_secs": 0,
        }

    def start(self, workdir: pathlib.Path, *flags: str, devices: int = 1, part: int = 0, **fields: Any):
        """A process that trains in `workdir`; `part` tells several of one run apart in `printed`."""
        config = [f"--config.{name}={value}" for name, value in (self._fields | fields).items()]
        arguments = ["train.py", "--config=configs/perface_r50.py:smoke", f"--workdir={workdir}", *config, *flags]
        flags = f"{QUICK} --xla_force_host_platform_device_count={devices}"
        return processes.start(arguments, (_printed(workdir, part),) * 2, xla_flags=flags, jax_options=self._cache)

    def run(self, workdir: pathlib.Path, *flags: str, expect: int = 0, **options: Any) -> str:
        """What a training printed that ended by itself."""
        process = self.start(workdir, *flags, **options)
        process.join()
        assert process.exitcode == expect, printed(workdir)
        return printed(workdir)


@pytest.fixture(scope="session")
def trainings(release, start, tmp_path_factory):
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


def saved_arrays(workdir: pathlib.Path) -> dict[str, np.ndarray]:
    """Every array of the last checkpoint."""
    return _arrays(workdir / "checkpoints" / str(saved(workdir)) / "default")


def _arrays(folder):
    """All arrays that Orbax saved in a folder, on whatever devices that was."""
    with ocp.PyTreeCheckpointer() as checkpointer:
        like = checkpointer.metadata(folder).item_metadata.tree
        as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), like)
        tree = checkpointer.restore(folder, restore_args=as_numpy)
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def _printed(workdir, part):
    return workdir.with_name(f"{workdir.name}.{part}.printed")
