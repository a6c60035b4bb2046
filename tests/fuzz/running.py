"""Runs a case in this process, through the door of the console script, and puts everything back."""

import contextlib
import logging
import os
import pathlib
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator

from absl import flags

from perface_jax import commands
from perface_jax.argument_parser import plain
from tests.fuzz.case import Case, Outcome

SECONDS = 60  # more is a hang
REFUSALS = (ValueError, TypeError, OSError)


class Hang(BaseException):
    """A case that does not end."""


def run(case: Case, folder: pathlib.Path) -> Outcome:
    """What comes of a case whose files lie in this folder."""
    before, begun = _files(folder), time.monotonic()
    code, kind, warned, message = 0, "", [], ""
    with _captured() as said, _restored(), _limited():
        try:
            if case.argv:
                sys.argv = ["perface", *case.argv]
                commands.main()
            elif case.call is not None:
                for name in ("absl", "asyncio", "perface_jax"):  # TFDS says what it does; ours lists what is left out
                    logging.getLogger(name).setLevel(logging.CRITICAL)
                warned = _call(case.call)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else (0 if end.code is None else 2)
            message = end.code if isinstance(end.code, str) else ""
        except REFUSALS as error:
            code, message = 2, plain(str(error))
            kind = traceback.format_exc() if case.argv else ""  # a command must not let them out
        except BaseException:
            code, kind = 1, traceback.format_exc()
    output, errors = said
    left = sorted(_files(folder) - before)
    return Outcome(code, output, errors + message, kind, warned, left, time.monotonic() - begun)


def _call(function):
    """Calls, and returns the warnings of other packages."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    # jaxtyping calls our functions in tests; Pillow warns of odd tags, and silencing it is not safe in threads.
    ours = ("perface_jax", "jaxtyping", "PIL")
    return [f"{one.filename}: {one.message}" for one in caught if not any(name in one.filename for name in ours)]


def _files(folder):
    paths = (path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    return {path.relative_to(folder).as_posix() for path in paths}


@contextlib.contextmanager
def _captured() -> Iterator[list[str]]:
    """A list that in the end has what was written to both streams, also by code that knows nothing of Python's."""
    said, kept, streams = [], [os.dup(1), os.dup(2)], (sys.stdout, sys.stderr)
    with tempfile.TemporaryDirectory() as made:
        printed = pathlib.Path(made, "output"), pathlib.Path(made, "errors")
        for stream in streams:
            stream.flush()
        opened = [open(path, "w", buffering=1, errors="backslashreplace") for path in printed]
        try:
            for number, file in enumerate(opened, 1):
                os.dup2(file.fileno(), number)
            sys.stdout, sys.stderr = opened
            yield said
        finally:
            for number, (file, descriptor) in enumerate(zip(opened, kept, strict=True), 1):
                with contextlib.suppress(ValueError, OSError):
                    file.flush()
                os.dup2(descriptor, number)
                os.close(descriptor)
                file.close()
            sys.stdout, sys.stderr = streams
            said.extend(path.read_text(errors="replace") for path in printed)


@contextlib.contextmanager
def _restored() -> Iterator[None]:
    """What commands set for a whole process is as it was: flags, loggers, warnings, arguments, folder, environment."""
    named, loggers = set(flags.FLAGS), [logging.getLogger(name) for name in ("", "perface_jax", "absl", "asyncio")]
    were = [(logger, logger.level, logger.propagate, logger.handlers[:]) for logger in loggers]
    arguments, folder, environment, hook = sys.argv, os.getcwd(), dict(os.environ), sys.unraisablehook
    with warnings.catch_warnings():
        try:
            yield
        finally:
            for name in set(flags.FLAGS) - named:  # but not those that a package defines when it is imported
                if name.startswith("config") or not _is_of_package(name):
                    delattr(flags.FLAGS, name)
            for logger, level, propagate, handlers in were:
                logger.level, logger.propagate, logger.handlers[:] = level, propagate, handlers
            sys.argv, sys.unraisablehook = arguments, hook
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)


def _is_of_package(name):
    packages = ("absl.", "grain.", "orbax.", "array_record.", "tensorflow_datasets.")
    return str(flags.FLAGS.find_module_defining_flag(name)).startswith(packages)


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def stop(*_):
        raise Hang(f"not done after {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
