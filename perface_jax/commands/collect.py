"""`perface collect new|serve|export|adapt|delete DIR`: a study of new judgments, from pictures to votes.

Each of them is a module `collect_NAME` beside this one, and `perface collect NAME --help` lists its options.
"""

import difflib
import importlib
import sys
from collections.abc import Sequence

from perface_jax.argument_parser import plain

STEPS = {
    "new": "make a study of pictures and a plan",
    "serve": "serve its page to annotators",
    "export": "write the votes so far, and a release of them",
    "adapt": "choose what the next wave of annotators judges most",
    "delete": "delete the votes of an annotator",
}
HELP = "\n".join(
    [
        "usage: perface collect STEP DIR ...    Options: perface collect STEP --help",
        *(f"  {name:8}{purpose}" for name, purpose in STEPS.items()),
    ]
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a step; without one, or with --help, says which there are."""
    name, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("--help", "-h"):
        print(HELP)
    elif name in STEPS:
        importlib.import_module(f"perface_jax.commands.collect_{name}").main(rest)
    else:
        close = difflib.get_close_matches(name, STEPS, 1)
        advice = f"did you mean {close[0]}? All" if close else "all"
        print(plain(f"perface collect has no step {name!r}; {advice} steps: perface collect --help"), file=sys.stderr)
        raise SystemExit(2)


if __name__ == "__main__":
    main()
