"""TensorBoard files, written in this thread, so that a failure is an OSError.

tensorboardX's own writer uses a second thread, and waits forever if a full disk has ended that thread.
"""

import sys
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from etils import epath

FLUSH_SECONDS = 30.0


class Board:
    """The scalars of one run. TensorBoard discards those of an interrupted start, from step `first` on."""

    def __init__(self, folder: epath.PathLike, *, first: int):
        self._events, writer = _tensorboardx()
        epath.Path(folder).mkdir(parents=True, exist_ok=True)
        self._file, self._flushed = writer(str(epath.Path(folder) / "events")), 0.0
        log = self._events.SessionLog(status=self._events.SessionLog.START)
        self._file.write_event(self._events.Event(wall_time=time.time(), step=first, session_log=log))

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Write scalars by name. They are on disk after at most `FLUSH_SECONDS`, if others follow."""
        summary = {"value": [{"tag": name, "simple_value": value} for name, value in scalars.items()]}
        self._file.write_event(self._events.Event(wall_time=time.time(), step=step, summary=summary))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._file.flush()
            self._flushed = time.monotonic()

    def close(self) -> None:
        """Writes what is left, and closes the file."""
        self._file.close()


def _tensorboardx():
    """tensorboardX without PyTorch, which it imports for one type alias: 0.2 s instead of 1.7 s."""
    finder = _NoTorch(threading.get_ident())
    sys.meta_path.insert(0, finder)
    try:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto import event_pb2
    finally:
        sys.meta_path.remove(finder)
    return event_pb2, EventsWriter


class _NoTorch(NamedTuple):
    """An import finder: in one thread, and nowhere else, PyTorch cannot be imported."""

    thread: int

    def find_spec(self, name, path=None, target=None):
        if name == "torch" and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(name, name=name)
