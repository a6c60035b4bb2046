"""`perface collect adapt DIR [--margins FILE]`: which triplets the next wave of annotators judges more often."""

import argparse
from collections.abc import Sequence

from perface_jax.argument_parser import ArgumentParser
from perface_jax.collection import Kind, open_study
from perface_jax.collection.adaptive import read_margins, write_adaptive
from perface_jax.collection.store import open_store
from perface_jax.formatting import wrapped


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; what does not fit gives exit code 2 and one line."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        study = open_study(chosen.study)
        store = open_store(study, chosen.database)
        begun = [one.number for one in store.annotators() if one.number is not None]
        wave = study.wave(max(begun)) + 1 if begun else 0
        margins = read_margins(chosen.margins, study) if chosen.margins else None
        dealt = write_adaptive(study, wave, store.votes(), margins=margins)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    first, votes = wave * study.plan.annotators, study.plan.votes * len(study.of_kind(Kind.VOTE))
    print(
        wrapped(
            f"{study.adaptive_path(wave)}: {sum(dealt.values()):,} of {votes:,} votes of the next wave go to the "
            f"{len(dealt):,} most uncertain triplets. The wave begins after {first:,} annotators; before that, start a "
            "running server again.",
            indent="",
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="perface collect adapt", arguments="study", description="Choose what the next wave judges more often."
    )
    parser.add_argument("study", help="the folder that `perface collect new` made, with `adaptive` in its plan")
    parser.add_argument("--margins", metavar="FILE", help="margins of a model: triplet,margin; positive = a is closer")
    parser.add_argument("--database", metavar="URL", help="where the votes are (default: a file of the study)")
    return parser


if __name__ == "__main__":
    main()
