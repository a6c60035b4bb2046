"""Preemption: on SIGTERM from a scheduler, or Ctrl-C from a user, a run saves its state and exits with `EXIT_CODE`."""

import os
import signal
import threading

import jax
from jax.experimental import multihost_utils

EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: try the same command again
SIGNALS = signal.SIGTERM, signal.SIGINT


class Preempted(Exception):
    """The run received SIGTERM or Ctrl-C and saved its state; the same command continues it."""


class Preemption:
    """A context in which SIGTERM and Ctrl-C are recorded instead of ending the process; a second Ctrl-C ends it.

    If Ctrl-C is already ignored, as in background jobs of a shell, it stays ignored.
    """

    def __init__(self):
        self._received, self._before = False, {}

    def __enter__(self):
        # Python allows handlers in the main thread only.
        if threading.current_thread() is threading.main_thread():
            # With several processes JAX's own handler of SIGTERM informs all of them.
            mine = SIGNALS if jax.process_count() == 1 else (signal.SIGINT,)
            before = {number: signal.getsignal(number) for number in mine}
            self._before = {one: old for one, old in before.items() if old not in (signal.SIG_IGN, None)}
            for number in self._before:
                signal.signal(number, self._note)
        return self

    def __exit__(self, *error):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def requested(self, step: int) -> bool:
        """Whether to save and stop before `step`. All processes ask at every step, and get the same answer."""
        if jax.process_count() > 1:
            return multihost_utils.reached_preemption_sync_point(step)
        return self._received

    def _note(self, number, frame):
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # the second time, whatever the process is doing then
            os.write(2, b"\nstopping after this step; Ctrl-C again ends at once, with the state saved last\n")
            if jax.process_count() > 1:
                signal.raise_signal(signal.SIGTERM)
        self._received = True
