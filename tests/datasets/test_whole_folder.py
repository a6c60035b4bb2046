import fcntl
import json
import signal
import subprocess
import sys

import pytest

from perface_jax.datasets.whole_folder import LOCK, OPTIONS, is_written, whole_folder

WANTED = {"seed": 1, "size": 112}
KILLED = """
import os, signal, sys
from perface_jax.datasets.whole_folder import whole_folder
with whole_folder(sys.argv[1], {}) as part:
    (part / "half").write_text("of it")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def write(folder, options=WANTED):
    with whole_folder(folder, options) as part:
        (part / "letter.txt").write_text("dear")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_takes_its_name_when_it_is_whole_and_keeps_its_options(tmp_path):
    with whole_folder(tmp_path / "new" / "w", WANTED) as part:
        assert not (tmp_path / "new" / "w").exists()
        (part / "letter.txt").write_text("dear")
    assert names(tmp_path / "new") == ["w"]
    assert names(tmp_path / "new" / "w") == ["letter.txt", OPTIONS]
    assert json.loads((tmp_path / "new" / "w" / OPTIONS).read_text()) == WANTED
    assert is_written(tmp_path / "new" / "w", WANTED)


def test_an_empty_folder_is_filled_and_may_be_read_by_whom_the_system_lets(tmp_path):
    (tmp_path / "w").mkdir()
    mode = (tmp_path / "w").stat().st_mode
    write(tmp_path / "w")
    assert (tmp_path / "w").stat().st_mode == mode


def test_other_options_are_named(tmp_path):
    assert not is_written(tmp_path / "w", WANTED)
    write(tmp_path / "w")
    with pytest.raises(ValueError, match=r"with other options: size: 112 \(wanted 48\); name another folder"):
        is_written(tmp_path / "w", {"seed": 1, "size": 48})


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_fails_leaves_nothing_behind(tmp_path, error):
    def fail():
        with whole_folder(tmp_path / "w", WANTED) as part:
            (part / "letter.txt").write_text("dear")
            raise error

    with pytest.raises(error):
        fail()
    assert names(tmp_path) == []


def test_a_folder_with_other_things_in_it_and_a_file_are_not_touched(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="is not empty, and was not changed"):
        write(tmp_path)
    for place in ("letter.txt", "letter.txt/a", "letter.txt/a/b"):
        with pytest.raises(ValueError, match="letter.txt is a file, expected a folder: name another place"):
            write(tmp_path / place)
    assert names(tmp_path) == ["letter.txt"]


def test_what_a_killed_run_left_is_removed_by_the_next_run_for_the_same_place(tmp_path):
    for place in ("w", "other"):
        run = subprocess.run([sys.executable, "-c", KILLED, tmp_path / place], check=False)
        assert run.returncode == -signal.SIGKILL
    left_for_w, left_for_other = sorted(names(tmp_path), reverse=True)
    assert left_for_w.startswith(".w.unfinished-")
    write(tmp_path / "w")
    assert names(tmp_path) == sorted([left_for_other, "w"])


def test_a_folder_that_is_still_being_written_or_is_not_ours_is_left_alone(tmp_path):
    busy, foreign = tmp_path / ".w.unfinished-1", tmp_path / ".w.unfinished-holiday"
    busy.mkdir()
    foreign.mkdir()
    (foreign / "picture.jpg").write_text("beach")
    with open(busy / LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write(tmp_path / "w")
    assert names(tmp_path) == [busy.name, foreign.name, "w"]
