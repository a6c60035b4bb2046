"""A machine that is about to be taken away says so with SIGTERM; a run then saves and exits with `EXIT_CODE`."""

import signal
import threading

import jax
from jax.experimental import multihost_utils

EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: try the same command again


class Preempted(Exception):
    """The run was told to stop, and saved its state; the same command continues it."""


class Preemption:
    """A context in which SIGTERM is noted instead of ending the process."""

    def __init__(self):
        self._told, self._before = False, None

    def __enter__(self):
        # Among several processes JAX's own handler tells all of them. Python takes handlers in the main thread only.
        if jax.process_count() == 1 and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(self, *error):
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def requested(self, step: int) -> bool:
        """Whether to save and stop before `step`; the same answer on every process, which all ask at every step."""
        if jax.process_count() > 1:
            return multihost_utils.reached_preemption_sync_point(step)
        return self._told

    def _note(self, number, frame):
        self._told = True
