"""Preemption: a scheduler that is about to end a job sends SIGTERM; a run then saves and exits with `EXIT_CODE`."""

import signal
import threading

import jax
from jax.experimental import multihost_utils

EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: try the same command again


class Preempted(Exception):
    """The run received SIGTERM and saved its state; the same command continues it."""


class Preemption:
    """A context in which SIGTERM is recorded instead of ending the process."""

    def __init__(self):
        self._received, self._before = False, None

    def __enter__(self):
        # With several processes JAX's own handler informs all of them. Python allows handlers in the main thread only.
        if jax.process_count() == 1 and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(self, *error):
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def requested(self, step: int) -> bool:
        """Whether to save and stop before `step`: the same answer in every process, all of which ask at every step."""
        if jax.process_count() > 1:
            return multihost_utils.reached_preemption_sync_point(step)
        return self._received

    def _note(self, number, frame):
        self._received = True
