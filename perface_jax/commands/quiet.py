"""What a command says besides its results: our own warnings and notes, in lines of 80 columns, and nothing else.

Orbax, TFDS, Grain and absl log every step they take, Python's warnings show source lines, and XLA reports what it
does. `-W` and `PYTHONWARNINGS` bring Python's warnings back, `--verbosity` the lines of absl, `TF_CPP_MIN_LOG_LEVEL=0`
those of XLA.
"""

import io
import logging
import os
import sys
import warnings

from perface_jax import formatting


def install() -> None:
    """For the whole process, before JAX is imported; of several calls, the first one counts."""
    ours = logging.getLogger("perface_jax")
    if any(isinstance(handler, _Notes) for handler in ours.handlers):
        return
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not where a notebook has replaced it
            stream.reconfigure(errors="backslashreplace")  # names of files need not be UTF-8, nor terminals
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors alone
    for name in ("absl", "asyncio"):  # errors that are raised are logged as well, by asyncio much later
        logging.getLogger(name).setLevel(logging.CRITICAL)
    ours.addHandler(_Notes())
    ours.setLevel(logging.INFO)
    ours.propagate = False  # absl shows what reaches the root
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("default", category=UserWarning, module=r"perface_jax(\.|$)")
        warnings.showwarning = _show


class _Notes(logging.Handler):
    """Prints what our packages log."""

    def emit(self, record: logging.LogRecord) -> None:
        _say("note", record.getMessage())


def _show(message, category, filename, lineno, file=None, line=None):
    _say("warning", str(message))


def _say(kind: str, text: str) -> None:
    print(formatting.wrapped(f"{kind}: {text}"), file=sys.stderr, flush=True)
