"""`perface collect new DIR --release DIR|--pictures DIR --plan plan.yaml`: make the folder of a study."""

import argparse
import collections
from collections.abc import Sequence

from perface_jax.argument_parser import ArgumentParser
from perface_jax.collection import Kind, Study, material, new_study, plan_trials
from perface_jax.formatting import wrapped

SECONDS = 4  # a trial takes, roughly; a study measures it


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; what does not fit gives exit code 2 and one line."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if bool(chosen.release) == bool(chosen.pictures):
        parser.error("give --release or --pictures, one of them")
    if chosen.ids and not chosen.release:
        parser.error("--ids belongs to --release; with --pictures, triplets.csv has the columns source and target")
    try:
        shown = material.of_release(chosen.release, ids=chosen.ids) if chosen.release else None
        shown = material.of_folder(chosen.pictures) if shown is None else shown
        study = new_study.create_study(chosen.study, chosen.plan, shown)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(_summary(study))


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="perface collect new", arguments="study", description="Make the folder of a study: pictures and plan."
    )
    parser.add_argument("study", help="the folder to make; it must not exist, or be empty")
    parser.add_argument("--release", metavar="DIR", help="pictures: a folder like the SimCelebA release")
    parser.add_argument(
        "--pictures", metavar="DIR", help="or a folder with triplets.csv: reference,a,b[,triplet][,source,target]"
    )
    parser.add_argument("--ids", metavar="FILE", help="sources and targets of --release: tripletId,source,target")
    parser.add_argument(
        "--plan", metavar="FILE", required=True, help="plan.yaml; `annotators: 18` is a whole one (docs/collection.md)"
    )
    return parser


def _summary(study: Study) -> str:
    """What was made, and what it asks of people."""
    triplets, plan = study.of_kind(Kind.VOTE), study.plan
    sources, targets = (len({getattr(one, name) for one in triplets} - {""}) for name in ("source", "target"))
    on = f" and {targets:,} targets" if targets else ""
    counts = collections.Counter(trial.kind for trial in plan_trials(study, 0))
    minutes = sum(counts.values()) * SECONDS / 60
    lines = [
        f"{study.folder}: {len(triplets):,} triplets of {sources:,} sources{on}; {plan.votes} "
        f"votes on each, by {plan.annotators:,} annotators.",
        f"The first annotator has {counts[Kind.PRACTICE]} trials for practice, {counts[Kind.VOTE]} votes, "
        f"{counts[Kind.REPEAT]} repeats and {counts[Kind.DUMMY]} dummies: about {minutes:.0f} minutes.",
    ]
    if sources == len(triplets):
        lines.append("Every triplet counts as a source of its own: nobody said which triplets share faces.")
    lines.append(f"Next: perface collect serve {study.folder}")
    return "\n".join(wrapped(line, indent="") for line in lines)


if __name__ == "__main__":
    main()
