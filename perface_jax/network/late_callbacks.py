"""Silence about callbacks that come too late.

When Orbax gives up a read or a write, TensorStore's threads still call back into an event loop of asyncio that is
closed by then. The failure itself was raised; each such call would add a traceback to the terminal.
"""

import asyncio
import functools
import inspect
import sys
import traceback
from collections.abc import Callable
from typing import Any


def drop() -> None:
    """From now on, report no late callbacks in this process."""
    hook = sys.unraisablehook
    if getattr(hook, "func", None) is not report_others:
        sys.unraisablehook = functools.partial(report_others, hook)


def report_others(report: Callable[[Any], None], fault: Any) -> None:
    """For `sys.unraisablehook`: `report` every fault but late callbacks."""
    frames = [frame for frame, _ in traceback.walk_tb(fault.exc_traceback)]
    raised_by_loop = frames and frames[-1].f_code.co_filename == inspect.getfile(asyncio.BaseEventLoop)
    if not (raised_by_loop and isinstance(fault.exc_value, RuntimeError)):
        report(fault)
