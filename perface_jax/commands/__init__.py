"""The command line. `perface COMMAND ...` runs one of `COMMANDS`; each of them also runs by itself, as a module."""

import importlib
import sys
from typing import NamedTuple

from perface_jax import extras


class Command(NamedTuple):
    """One subcommand: the module whose `main` it is, what it does, an example, and options that come with it."""

    module: str
    purpose: str
    example: str
    options: tuple[str, ...] = ()


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
    "plan": Command(
        "perface_jax.commands.plan",
        "plan a study: its power by sources, targets and votes",
        "perface plan --sources 80 200 --targets 16 --gain .05",
    ),
    "train": Command(
        "perface_jax.commands.train",
        "train a model, or continue an interrupted run",
        "perface train --config=perface_r50 --workdir=runs/perface_r50",
    ),
    "evaluate": Command(
        "perface_jax.commands.evaluate",
        "evaluate a run, or embeddings of any model",
        "perface evaluate --config=perface_r50 --workdir=runs/perface_r50 --report=DIR",
    ),
    "anonymize": Command(
        "perface_jax.commands.evaluate",
        "replace faces by swaps that recognizers do not match",
        "perface anonymize --workdir=RUN --originals=DIR --candidates=DIR --out=DIR",
        ("--part=anonymize",),
    ),
    "config": Command(
        "perface_jax.commands.config",
        "list the fields of a config: default, meaning, allowed values",
        "perface config triplets",
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
HELP = "usage: perface COMMAND ...\nAn example and the options: perface COMMAND --help\n\n" + "\n".join(
    f"  {name:12}{command.purpose}" for name, command in COMMANDS.items()
)

INTERRUPTED = "interrupted: what is written is whole, the rest is not there; the same command starts again"


def main() -> None:
    """The console script `perface`, and `python -m perface_jax`."""
    name, *rest = sys.argv[1:] or ["--help"]
    if name in ("--help", "-h"):
        print(HELP)
    elif name not in COMMANDS:
        raise SystemExit(f"perface has no command {name!r}\n{HELP}")
    else:
        sys.argv = [f"perface {name}", *COMMANDS[name].options, *rest]
        _help(name) if {"--help", "-h"} & {*rest} else call(name)


def call(name: str) -> None:
    """Runs one of `COMMANDS`, imported only now; ends with one line where packages are missing, and on Ctrl-C."""
    try:
        with extras.explained(program=True):
            importlib.import_module(COMMANDS[name].module).main()
    except KeyboardInterrupt:
        print(f"\n{INTERRUPTED}", file=sys.stderr)
        raise SystemExit(130) from None  # 128 + SIGINT, as shells count


def _help(name: str) -> None:
    """An example before the command's own help; ends with 0, also where absl says 1."""
    print(f"For example:\n  {COMMANDS[name].example}\n", flush=True)
    try:
        call(name)
    except SystemExit as end:
        raise SystemExit(0 if isinstance(end.code, int) else end.code) from None
