"""The command line. `perface COMMAND ...` runs one of `COMMANDS`; each of them also runs by itself, as a module."""

import difflib
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, NoReturn

from perface_jax import extras, memory
from perface_jax._version import __version__
from perface_jax.argument_parser import at_home, plain
from perface_jax.commands import quiet


class Command(NamedTuple):
    """One subcommand: the module whose `main` it is, what it does, an example, and options that come with it.

    `steps`: an example of each step, where the first argument is one.
    """

    module: str
    purpose: str
    example: str
    options: tuple[str, ...] = ()
    steps: Mapping[str, str] = MappingProxyType({})


COMMANDS = {
    "compare": Command(
        "perface_jax.commands.compare",
        "how alike two faces look to a model; a card with both",
        "perface compare a.jpg b.jpg --model models/arcface_r50 --html card.html",
    ),
    "rank": Command(
        "perface_jax.commands.rank",
        "who in a folder looks most and least like a face",
        "perface rank me.jpg photographs --model models/arcface_r50 --html rank.html",
    ),
    "embed": Command(
        "perface_jax.commands.embed",
        "embed a folder of pictures into a file",
        "perface embed photographs --model models/arcface_r50 --out faces.npz",
    ),
    "scale": Command(
        "perface_jax.commands.scale",
        "what a model's cosines mean, from your own pictures",
        "perface scale --model models/arcface_r50 --pictures photos --people people.csv",
    ),
    "detect": Command(
        "perface_jax.detection.__main__",
        "find the faces of a folder of photographs",
        "perface detect photographs --out landmarks.csv",
    ),
    "convert": Command(
        "perface_jax.commands.convert",
        "convert ArcFace weights to a model folder, or back",
        "perface convert ms1mv3_arcface_r50_fp16.pth --out models/arcface_r50",
    ),
    "export": Command(
        "perface_jax.converters.export",
        "export a model folder as ONNX, StableHLO or safetensors",
        "perface export models/arcface_r50 --out arcface_r50.onnx",
    ),
    "doctor": Command(
        "perface_jax.commands.doctor",
        "check this installation: versions, devices, extras, a known answer",
        "perface doctor --model models/arcface_r50",
    ),
    "selftest": Command(
        "perface_jax.selftest",
        "check that this device computes what a model folder says",
        "perface selftest models/arcface_r50",
    ),
    "audit": Command(
        "perface_jax.annotations.__main__",
        "audit a file of votes",
        "perface audit SimCelebA/triplet_answers.csv",
    ),
    "annotators": Command(
        "perface_jax.commands.annotators",
        "how reliable is each annotator, with intervals",
        "perface annotators votes.csv --labels labels.csv",
    ),
    "plan": Command(
        "perface_jax.commands.plan",
        "plan a study: its power by sources, targets and votes",
        "perface plan --sources 80 200 --targets 16 --gain .05",
    ),
    "collect": Command(
        "perface_jax.commands.collect",
        "collect votes: make a study, serve its page, export the votes",
        "perface collect new study --release SimCelebA --plan plan.yaml",
        steps={
            "serve": "perface collect serve study",
            "export": "perface collect export study --out votes",
            "adapt": "perface collect adapt study",
            "delete": "perface collect delete study p3kq7",
        },
    ),
    "train": Command(
        "perface_jax.commands.train",
        "train a model, or continue an interrupted run",
        "perface train --config=perface_r50 --workdir=runs/perface_r50",
    ),
    "evaluate": Command(
        "perface_jax.commands.evaluate",
        "evaluate a run, or embeddings of any model",
        "perface evaluate --workdir=runs/perface_r50 --report=DIR",
    ),
    "anonymize": Command(
        "perface_jax.commands.evaluate",
        "replace faces by swaps that recognizers do not match",
        "perface anonymize --workdir=RUN --originals=DIR --candidates=DIR --out=DIR",
        ("--part=anonymize",),
    ),
    "naturalness": Command(
        "perface_jax.commands.naturalness",
        "train a model that sees which faces look untouched",
        "perface naturalness --out naturalness.npz",
    ),
    "privacy": Command(
        "perface_jax.commands.evaluate",
        "evaluate anonymized pictures: protection and preservation",
        "perface privacy --workdir=RUN --originals=DIR --anonymized=mine=DIR",
        ("--part=privacy",),
    ),
    "benchmark": Command(
        "perface_jax.commands.benchmark",
        "how fast this machine embeds and trains with a model",
        "perface benchmark --model models/arcface_r50",
    ),
    "aot": Command(
        "perface_jax.commands.aot",
        "compile for chips you do not have: memory, time, communication",
        "perface aot --config=perface_r50 --topology=v5e:2x2",
    ),
    "config": Command(
        "perface_jax.commands.config",
        "list the fields of a config: default, meaning, allowed values",
        "perface config triplets",
    ),
    "demo": Command(
        "perface_jax.commands.demo",
        "everything end to end on drawn faces, in minutes",
        "perface demo --out runs/demo",
    ),
    "synthetic": Command(
        "perface_jax.synthetic.write_world",
        "draw the synthetic world: swaps, votes, portraits",
        "perface synthetic --out data/synthetic --sources 80 --targets 80",
    ),
    "identities": Command(
        "perface_jax.synthetic.write_identities",
        "draw synthetic identities for a recognizer",
        "perface identities --out data/identities --identities 700 --pictures 16",
    ),
}
GROUPS = {  # as `perface --help` shows them, every command once
    "photographs": ("compare", "rank", "embed", "detect", "scale"),
    "models": ("convert", "export", "train", "config", "evaluate", "selftest", "benchmark", "aot"),
    "studies": ("plan", "collect", "audit", "annotators"),
    "anonymization": ("anonymize", "privacy", "naturalness"),
    "try it": ("demo", "doctor", "synthetic", "identities"),
}
INTERRUPTED = "interrupted: what is written is whole, the rest is not there; the same command starts again"


def main() -> None:
    """The console script `perface`, and `python -m perface_jax`."""
    name, *rest = sys.argv[1:] or ["--help"]
    if name in ("--help", "-h"):
        print(listed())
    elif name == "--version":
        print(f"perface_jax {__version__}")
    elif name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, 1)
        advice = f"did you mean {close[0]!r}? All commands" if close else "All commands"
        _refuse(f"perface has no command {name!r}; {advice}: perface --help")
    else:
        sys.argv = [f"perface {name}", *COMMANDS[name].options, *rest]
        _help(name, rest) if {"--help", "-h"} & {*rest} else call(name)


def call(name: str) -> None:
    """Runs one of `COMMANDS`, imported only now.

    Ends with 2 and one line on the error stream where something is wrong with what was given or a package is missing,
    and with 130 on Ctrl-C.
    """
    quiet.install()
    sys.argv[1:] = map(at_home, sys.argv[1:])
    try:
        with extras.explained(program=True), memory.explained():
            importlib.import_module(COMMANDS[name].module).main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"\n{INTERRUPTED}", file=sys.stderr)
        raise SystemExit(130) from None  # 128 + SIGINT, as shells count
    except BrokenPipeError:  # the reader, such as `| head`, has closed; leave nothing for Python to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except memory.OutOfMemory as error:
        sys.stdout.flush()
        print(error, file=sys.stderr, flush=True)
        os._exit(2)  # JAX would tidy up at the end, and fail or wait forever without memory
    except SystemExit as end:
        if not isinstance(end.code, str):
            raise
        _refuse(end.code)


def listed() -> str:
    """All commands, on one screen."""
    lines = ["usage: perface COMMAND ...    An example and the options: perface COMMAND --help"]
    for group, names in GROUPS.items():
        lines += [f"{group}:", *(f"  {name:12}{COMMANDS[name].purpose}" for name in names if name in COMMANDS)]
    return "\n".join(lines)


def _refuse(message: str) -> NoReturn:
    print(plain(message), file=sys.stderr)
    raise SystemExit(2) from None


def _help(name: str, rest: Sequence[str]) -> None:
    """An example before the command's own help; ends with 0, also where absl says 1."""
    command = COMMANDS[name]
    print(f"For example:\n  {command.steps.get(rest[0], command.example)}\n", flush=True)
    try:
        call(name)
    except SystemExit as end:
        raise SystemExit(0 if end.code == 1 else end.code) from None
