import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from perface_jax.datasets import sim_celeba, store
from tests.releases import GRID, write_release


@pytest.fixture
def release(tmp_path):
    return write_release(tmp_path / "release")


BUILD = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background starts its children deaf to it
from perface_jax import images
from perface_jax.datasets import sim_celeba
fit, calls = images.fit, []
def slow(*args, **options):
    calls.append(0)
    if len(calls) == 40:
        print("writing", file=sys.__stdout__, flush=True)  # the build keeps what others print
        time.sleep(60)
    return fit(*args, **options)
images.fit = slow
sim_celeba.TRIPLETS_PER_SHARD = 4
sim_celeba.build(sys.argv[1], sys.argv[2], image_size=16, grid=(6, 4))
"""


def test_a_built_set_is_reused(release, tmp_path):
    builder = sim_celeba.build(release, tmp_path, image_size=16, **GRID)
    written = os.stat(builder.data_path / "dataset_info.json").st_mtime_ns
    again = sim_celeba.build(release, tmp_path, image_size=16, **GRID)
    assert os.stat(again.data_path / "dataset_info.json").st_mtime_ns == written


def test_what_differs_from_the_files_of_the_build_is_named(release, tmp_path):
    builder = sim_celeba.build(release, tmp_path, image_size=16, **GRID)
    known = {name: builder.info.metadata[name] for name in ("answers_sha256", "picture_sizes_sha256")}
    assert store.changes(builder, known) == ""
    assert store.changes(builder, {**known, "answers_sha256": "0"}) == "answers_sha256 differ"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_build_leaves_nothing_that_loads_and_starts_again(release, tmp_path, how):
    process = subprocess.Popen([sys.executable, "-c", BUILD, release, tmp_path], stdout=subprocess.PIPE, text=True)
    while "writing" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.2)
    for _ in range(3):
        process.send_signal(how)  # again, as a user would: Python drops a KeyboardInterrupt inside a destructor
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)  # on a busy machine, a second signal would meet the first one's tidying up
            break
    assert process.returncode not in (0, None)
    config = sim_celeba.Config(image_size=16, **GRID)
    with pytest.raises(FileNotFoundError, match="build it first"):
        sim_celeba.load(sim_celeba.SimCelebA(data_dir=tmp_path, config=config))
    builder = sim_celeba.build(release, tmp_path, image_size=16, **GRID)
    assert len(sim_celeba.load(builder)) == 24
    assert [path.name for path in builder.data_path.parent.iterdir()] == ["1.0.0"]
