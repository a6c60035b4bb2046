"""Callbacks to a closed event loop are not reported; everything else is."""

import asyncio
import sys
import types

from perface_jax.network import late_callbacks


def _unraisable(function):
    """What `sys.unraisablehook` is given for the error of a function."""
    try:
        function()
    except Exception as error:
        return types.SimpleNamespace(exc_value=error, exc_traceback=error.__traceback__)


def test_faults_that_python_cannot_raise_are_reported_unless_they_are_callbacks_to_a_closed_loop(monkeypatch):
    loop, reported = asyncio.new_event_loop(), []
    loop.close()
    late = _unraisable(lambda: loop.call_soon_threadsafe(print))
    other = _unraisable(lambda: 1 / 0)
    bare = types.SimpleNamespace(exc_value=RuntimeError("Event loop is closed"), exc_traceback=None)
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    late_callbacks.drop()
    once = sys.unraisablehook
    late_callbacks.drop()
    assert sys.unraisablehook is once
    for fault in (late, other, bare):
        sys.unraisablehook(fault)
    assert reported == [other, bare]
