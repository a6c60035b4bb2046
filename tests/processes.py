"""Commands in processes of their own, forked from one that has imported the package: a start takes no seconds.

What a process does is what `python ARGUMENTS` does: `["train.py", ...]`, `["-m", "perface_jax.selftest", ...]` or
`["-c", CODE]`, in the root of the repository or another folder, with JAX as users have it.
"""

import contextlib
import multiprocessing
import os
import pathlib
import runpy
import signal
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
_context = multiprocessing.get_context("forkserver")
# Not the commands themselves: each defines flags, in processes of their own the same ones.
_context.set_forkserver_preload(
    ["perface_jax.training.trainer", "perface_jax.evaluator", "ml_collections.config_flags"]
)


def start(
    arguments: Sequence[Any],
    printed: tuple[pathlib.Path, pathlib.Path],
    *,
    xla_flags: str = "",
    jax_options: dict[str, Any] | None = None,
    folder: pathlib.Path = ROOT,
):
    """A process that runs `python ARGUMENTS`.

    Args:
      arguments: what stands behind `python`.
      printed: files for its output and its errors; one and the same for both.
      xla_flags: its XLA_FLAGS.
      jax_options: to be set before it begins.
      folder: where it runs.
    """
    options = [str(argument) for argument in arguments], printed, xla_flags, jax_options or {}, folder
    process = _context.Process(target=_run, args=options)
    process.start()
    return process


def run(*arguments: Any, expect: int = 0, xla_flags: str = "", folder: pathlib.Path = ROOT) -> str:
    """What `python ARGUMENTS` prints: its output, or its errors where it is expected to fail and prints some."""
    output, errors = run_both(*arguments, expect=expect, xla_flags=xla_flags, folder=folder)
    return output if expect == 0 else errors or output


def run_both(*arguments: Any, expect: int = 0, xla_flags: str = "", folder: pathlib.Path = ROOT) -> tuple[str, str]:
    """What `python ARGUMENTS` prints: its output and its errors."""
    with tempfile.TemporaryDirectory() as made:
        printed = tuple(pathlib.Path(made, name) for name in ("output", "errors"))
        process = start(arguments, printed, xla_flags=xla_flags, folder=folder)
        process.join(400)
        code = process.exitcode
        process.kill()  # where it has not ended
        output, errors = (path.read_text() if path.exists() else "" for path in printed)
    assert code == expect, output + errors
    return output, errors


def _run(arguments, printed, xla_flags, jax_options, folder):
    import jax

    with contextlib.ExitStack() as stack:
        files = {path: stack.enter_context(path.open("wb")) for path in printed}
        for stream, path in enumerate(printed, 1):
            os.dup2(files[path].fileno(), stream)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background starts its children deaf to it
    os.environ["XLA_FLAGS"] = xla_flags
    for name, value in jax_options.items():
        jax.config.update(name, value)
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")
