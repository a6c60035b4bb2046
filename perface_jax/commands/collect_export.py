"""`perface collect export DIR [--out DIR]`: the votes so far as files, and a release for `perface train`."""

import argparse
import pathlib
from collections.abc import Sequence

from perface_jax.argument_parser import ArgumentParser
from perface_jax.collection import Kind, Share, open_study
from perface_jax.collection.export import RELEASE, VOTES, export_votes
from perface_jax.collection.store import open_store
from perface_jax.formatting import wrapped


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; what does not fit gives exit code 2 and one line."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        study = open_study(chosen.study)
        store = open_store(study, chosen.database)
        collected = store.votes()
        last = max((vote.time for vote in collected), default="")
        name = last.replace("-", "").replace(":", "").partition(".")[0]
        out = pathlib.Path(chosen.out or study.folder / "exports" / f"{name}Z")
        votes = export_votes(
            study,
            collected,
            out,
            drop=chosen.drop,
            share=Share(chosen.share) if chosen.share else None,
            long_release=chosen.long,
        )
        store.record_export(str(out.absolute()), {vote.annotator for vote in votes})
    except (OSError, ValueError) as error:
        parser.error(str(error))
    counts = {kind: sum(vote.kind is kind for vote in votes) for kind in Kind}
    people, triplets = (len({getattr(vote, name) for vote in votes}) for name in ("annotator", "triplet"))
    said = f"{counts[Kind.VOTE]:,} votes, {counts[Kind.REPEAT]:,} repeats and {counts[Kind.DUMMY]:,} votes on dummies"
    print(wrapped(f"{out}: {said}, by {people:,} annotators on {triplets:,} triplets.", indent=""))
    print(f"Audit: perface audit {out / VOTES} --no-grid\nRelease for perface train: {out / RELEASE}")


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="perface collect export", arguments="study", description="Write the votes of a study, and a release."
    )
    parser.add_argument("study", help="the folder that `perface collect new` made")
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="a new folder (default: in exports/ of the study, named by the last vote's time)",
    )
    parser.add_argument("--drop", metavar="NAME", nargs="+", default=[], help="annotators to leave out")
    parser.add_argument("--share", choices=[*Share], help="votes of this share alone; evaluation needs random")
    parser.add_argument(
        "--long", action="store_true", help="the answers of the release say who voted: triplet,annotator,choice,..."
    )
    parser.add_argument("--database", metavar="URL", help="where the votes are (default: a file of the study)")
    return parser


if __name__ == "__main__":
    main()
