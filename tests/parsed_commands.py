"""Whether a documented command could be run: its program, its flags and its config fields exist. Nothing is run."""

import argparse
import importlib.util
import pathlib
import re
import sys
import tomllib
from collections.abc import Callable, Sequence
from typing import NoReturn

import pytest
from absl import flags

from perface_jax import all_settings
from perface_jax.commands import COMMANDS, command_line, stored_config
from tests.conftest import ROOT

PYTHONS = ("python", "python3", ".venv/bin/python")


class Parsed(Exception):
    """The command line is accepted, or, for a mention, its options are known: nothing more happens."""


class Unknown(AssertionError):
    """What a documented command names and does not exist."""


def ours(words: Sequence[str]) -> list[str]:
    """Without what starts the program on other machines: `srun .venv/bin/python train.py` -> `python train.py`."""
    scripts = [i for i, word in enumerate(words) if word in ("train.py", "evaluate.py")]
    return ["python", *words[scripts[0] :]] if scripts else list(words)


def check(words: Sequence[str], monkeypatch: pytest.MonkeyPatch, *, whole: bool) -> None:
    """Raises `Unknown`, or exits as the command does, where it would refuse its arguments.

    Args:
      words: of the command, as `documents.commands` gives them.
      monkeypatch: of the test.
      whole: False for a mention in a sentence, of which the flags must exist and nothing may be missing.
    """
    program, *rest = words
    if program == "make":
        return _check_make(rest)
    if program in ("pytest", ".ci/run"):
        return _check_files([*rest, *([program] if program == ".ci/run" else [])])
    if program in PYTHONS and rest[:1] == ["-c"]:
        return compile(rest[1], "the command", "exec") and None
    if program in PYTHONS and rest[:2] in (["-m", "pip"], ["-m", "venv"], ["-m", "pytest"]):
        return {"pip": _check_pip, "venv": lambda _: None, "pytest": _check_files}[rest[1]](rest[2:])
    name, run, arguments = _program(words)
    if run is not None:
        folder = "hf://org/name" if "convert" in words else "docs"  # convert looks into a folder first
        _parse(name, run, [_filled(word, folder) for word in arguments], monkeypatch, whole=whole)


def _check_make(words):
    text = (ROOT / "Makefile").read_text()
    for word in words:
        name, equals, _ = word.partition("=")
        if not re.search(rf"^{re.escape(name)} ?\?=" if equals else rf"^{re.escape(name)}:", text, re.MULTILINE):
            raise Unknown(f"the Makefile has no {'variable' if equals else 'target'} {name}")


def _check_files(words):
    for word in words:
        if "/" in word and not (ROOT / word.partition("::")[0]).exists():
            raise Unknown(f"no file {word}")


def _check_pip(words):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in words:
        if found := re.search(r"^(?:\.|perface_jax)\[(.*)\]", word):
            if missing := set(found[1].split(",")) - set(extras):
                raise Unknown(f"pyproject.toml has no extra {', '.join(missing)}")
    _check_files([word for word in words if word.startswith("tests/")])


def _program(words: Sequence[str]) -> tuple[str, Callable[[], None] | None, list[str]]:
    """(name, main, arguments); main is None for what only lists commands."""
    program, *rest = words
    if program in PYTHONS and rest and pathlib.Path(rest[0]).name in ("train.py", "evaluate.py"):
        program, rest = "perface", [pathlib.Path(rest[0]).stem, *rest[1:]]
    if program in PYTHONS and rest[:2] == ["-m", "perface_jax"]:
        program, rest = "perface", rest[2:]
    if program == "perface":
        if not rest or rest[0] in ("--help", "COMMAND"):
            return program, None, rest
        if rest[0] not in COMMANDS:
            raise Unknown(f"perface has no command {rest[0]!r}")
        command = COMMANDS[rest[0]]
        return f"perface {rest[0]}", importlib.import_module(command.module).main, [*command.options, *rest[1:]]
    if program in PYTHONS and rest[:1] == ["-m"]:
        return rest[1], _main(rest[1]), rest[2:]
    raise Unknown(f"no test knows the program {program!r}: add it to tests/test_documented_commands.py")


def _main(name):
    try:
        module = importlib.import_module(name)
        module = importlib.import_module(f"{name}.__main__") if hasattr(module, "__path__") else module
    except ModuleNotFoundError as error:
        if importlib.util.find_spec(name.partition(".")[0]) and importlib.util.find_spec(name):
            return None  # it wants a package of the extra `bench`, which tests do not have
        raise Unknown(f"no module {error.name}") from error
    return getattr(module, "main", None) or (lambda: module.parser().parse_args())


def _filled(word, folder):
    """Placeholders, of which some commands ask something, and variables, some of which must be numbers."""
    word = re.sub(r"\$\w+", "1", word)
    return {"FILE": "FILE.pth", "DIR": folder, "--config=...": "--config=configs/perface_r50.py"}.get(word, word)


def _parse(name, run, arguments, monkeypatch, *, whole):
    before = set(flags.FLAGS)
    with monkeypatch.context() as patch:
        for owner, attribute in ((sys, "unraisablehook"), (sys.modules["__main__"], "__doc__")):
            patch.setattr(owner, attribute, getattr(owner, attribute))  # to be put back
        patch.chdir(ROOT)
        patch.setattr(sys, "argv", [name, *arguments])
        patch.setattr(argparse.ArgumentParser, "parse_args", _argparse if whole else _options_of_argparse)
        patch.setattr(command_line.app, "run", _absl if whole else _options_of_absl)
        patch.setattr(stored_config, "read", lambda workdir: all_settings.default("triplets"))
        try:
            run()
        except Parsed:
            return
        finally:
            for flag in set(flags.FLAGS) - before:
                delattr(flags.FLAGS, flag)
    raise Unknown(f"{name} ended before it read its flags")


_real_parse_args = argparse.ArgumentParser.parse_args


def _argparse(self, args=None, namespace=None) -> NoReturn:
    _real_parse_args(self, args, namespace)
    raise Parsed


def _options_of_argparse(self, args=None, namespace=None) -> NoReturn:
    _check_options(sys.argv, self._option_string_actions)


def _absl(main, flags_parser) -> NoReturn:
    rest = flags_parser(sys.argv)[1:]
    if rest:
        raise Unknown(f"unexpected arguments {rest}")
    all_settings.check(flags.FLAGS.config)
    raise Parsed


def _options_of_absl(main, flags_parser) -> NoReturn:
    _check_options(
        [word for word in sys.argv if not word.startswith("--config.")], [f"--{name}" for name in flags.FLAGS]
    )


def _check_options(arguments, known) -> NoReturn:
    unknown = {word.partition("=")[0] for word in arguments[1:] if word.startswith("-")} - {*known, "--help"}
    if unknown:
        raise Unknown(f"{arguments[0]} has no option {', '.join(sorted(unknown))}")
    raise Parsed
