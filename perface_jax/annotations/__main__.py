"""`python -m perface_jax.annotations FILE.csv [--sources N --targets N]`: print the audit of a file of votes."""

import argparse
import os
import sys

from perface_jax.annotations import audit, read_answers, square_grid
from perface_jax.argument_parser import ArgumentParser, count


def main(arguments: list[str] | None = None) -> None:
    """Print the audit; an unreadable file or a grid that does not fit gives exit code 2 and one line."""
    parser = ArgumentParser(
        prog="perface audit",
        arguments="file",
        description="Audit a file of votes: agreement, row orders, sides, speed, dummies, repeats.",
    )
    parser.add_argument(
        "file", help="CSV: tripletId,ans1,... or triplet,annotator,choice or reference,a,b,votes_a,votes_b"
    )
    parser.add_argument(
        "--sources", metavar="N", type=count, help="sources of the grid (default: from --targets, or a square grid)"
    )
    parser.add_argument(
        "--targets", metavar="N", type=count, help="targets of the grid (default: from --sources, or a square grid)"
    )
    parser.add_argument("--no-grid", action="store_true", help="the triplets are not a grid of sources and targets")
    chosen = parser.parse_args(arguments)
    if chosen.no_grid and (chosen.sources or chosen.targets):
        parser.error("--no-grid contradicts --sources and --targets: give one or the other")
    try:
        votes = read_answers(chosen.file)
        text = audit(votes, grid=None if chosen.no_grid else _grid(len(votes.ids), chosen)).report()
    except (OSError, ValueError) as error:
        parser.error(str(error))
    _print(text)


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # `| head` has closed the pipe: leave nothing for Python to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _grid(triplets: int, chosen: argparse.Namespace) -> tuple[int, int]:
    """The requested grid: one size determines the other; without sizes, a square."""
    if chosen.sources or chosen.targets:
        return chosen.sources or triplets // chosen.targets, chosen.targets or triplets // chosen.sources
    try:
        return square_grid(triplets)
    except ValueError as error:
        raise ValueError(f"{chosen.file}: {error}, with --sources and --targets, or give --no-grid") from error


if __name__ == "__main__":
    main()
