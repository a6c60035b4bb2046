"""SIGTERM and the first Ctrl-C are noted, not obeyed; test_kills and test_pods stop whole runs with them."""

import os
import signal
import threading

import jax
import pytest

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


@pytest.fixture
def terminal():
    """Ctrl-C as in a terminal; a shell in the background starts its children deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_interrupt_is_noted_and_the_second_ends_the_process(terminal, capfd):
    with Preemption() as preemption:
        signal.raise_signal(signal.SIGINT)
        assert preemption.requested(0)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert "stopping after this step; Ctrl-C again ends at once" in capfd.readouterr().err
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_who_is_deaf_to_interrupts_stays_so(terminal):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Preemption() as preemption:
        signal.raise_signal(signal.SIGINT)
        assert not preemption.requested(0)


def test_of_several_processes_the_one_that_is_interrupted_tells_the_others_as_sigterm_does(terminal, monkeypatch):
    told, before = [], signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))  # in place of JAX's own
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with Preemption():
        signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGTERM, before)
    assert told == [signal.SIGTERM]


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
