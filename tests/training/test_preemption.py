"""SIGTERM is noted, not obeyed; test_kills and test_pods stop whole runs with it."""

import os
import signal
import threading

from perface_jax.training.preemption import Preemption


def test_sigterm_is_noted_inside_and_has_its_old_meaning_after():
    told = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    try:
        with Preemption() as preemption:
            assert not preemption.requested(0)
            os.kill(os.getpid(), signal.SIGTERM)
            assert preemption.requested(1)
            assert preemption.requested(2)  # it stays so
        assert not told
        os.kill(os.getpid(), signal.SIGTERM)
        assert told == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_outside_the_main_thread_there_is_no_handler_to_set_and_nothing_is_requested():
    before, answers = signal.getsignal(signal.SIGTERM), []

    def inside():
        with Preemption() as preemption:
            answers.append((preemption.requested(0), signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert answers == [(False, before)]
    assert signal.getsignal(signal.SIGTERM) is before
