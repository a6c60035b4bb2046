"""TensorBoard files: what is in them, and that nothing else is slowed down or hidden for them."""

import os
import struct
import subprocess
import sys

from tensorboardX.proto.event_pb2 import Event

from perface_jax.training.tensorboard import Board
from tests.conftest import ROOT

ALONE = """
import sys
from perface_jax.training.tensorboard import Board
Board(sys.argv[1], first=1)
print("tensorboardX" in sys.modules, "torch" in sys.modules)
import torch
"""
STAND_IN = """
import threading
try:
    import torch
except ImportError:
    print("hidden here")
other = threading.Thread(target=lambda: print(__import__("torch").__name__, "there"))
other.start()
other.join()
"""


def _messages(folder):
    """What is in TensorBoard's files in a folder."""
    for path in sorted(folder.glob("events*")):
        data = path.read_bytes()
        while data:  # a record: length, checksum, event, checksum
            (length,) = struct.unpack("<Q", data[:8])
            event, data = Event.FromString(data[12 : 12 + length]), data[16 + length :]
            yield event


def scalars(folder):
    """The scalars in a folder: (tag, step, value)."""
    for event in _messages(folder):
        yield from ((value.tag, event.step, value.simple_value) for value in event.summary.value)


def test_scalars_are_written_with_their_steps_and_later_ones_of_another_start_forgotten(tmp_path):
    board = Board(tmp_path / "new" / "run", first=5)
    board.add(5, {"loss": 0.5, "accuracy": 0.75})
    board.add(6, {"loss": 0.25})
    board.close()
    assert list(scalars(tmp_path / "new" / "run")) == [("loss", 5, 0.5), ("accuracy", 5, 0.75), ("loss", 6, 0.25)]
    version, start, *_ = _messages(tmp_path / "new" / "run")
    assert version.file_version == "brain.Event:2"
    assert (start.step, start.session_log.status) == (5, start.session_log.START)


def test_what_was_added_is_read_at_once_and_then_every_half_minute(tmp_path):
    board = Board(tmp_path, first=1)
    board.add(1, {"loss": 0.5})
    assert list(scalars(tmp_path)) == [("loss", 1, 0.5)]


def _run(code, folder):
    """What a program prints, for which `folder` is the first place to import from."""
    command = [sys.executable, "-c", code, str(folder / "board")]
    environment = os.environ | {"PYTHONPATH": f"{folder}:{ROOT}"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=60).stdout


def test_tensorboard_does_not_import_pytorch_and_leaves_it_to_be_imported(tmp_path):
    (tmp_path / "torch.py").write_text("")
    assert _run(ALONE, tmp_path) == "True False\n"


def test_another_thread_may_import_pytorch_meanwhile(tmp_path):
    (tmp_path / "torch.py").write_text("")
    (tmp_path / "tensorboardX").mkdir()
    (tmp_path / "tensorboardX" / "__init__.py").write_text(STAND_IN)
    code = "from perface_jax.training.tensorboard import Board\ntry: Board('x', first=1)\nexcept ImportError: pass"
    assert _run(code, tmp_path) == "hidden here\ntorch there\n"
