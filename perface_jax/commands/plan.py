"""Plan a study: `perface plan [--sources N ...] [--targets N ...] [--votes N ...] [--gain G] [--out DIR]`.

Prints the power of the paired test for every number of sources and targets, and the design with the fewest answers that
has the wanted power. `--out=DIR` adds plan.csv, plan.json and the figure as PDF. The model behind it is in
`perface_jax.statistics.planning`; `--answers` or `--pilot` replace its standard deviations by those of a pilot.
"""

import argparse
import itertools
import math
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from perface_jax import annotations, figures, files, outputs, report
from perface_jax.argument_parser import ArgumentParser
from perface_jax.evaluation.vote_tables import read_votes_table
from perface_jax.statistics import pilot
from perface_jax.statistics.planning import Effects, Labels, PairedTest, power


class Row(NamedTuple):
    """One design: `answers` is the number of votes to collect, `model_source` as in `planning.Effects`."""

    sources: int
    targets: int
    votes: int
    labels: str
    model_source: float
    answers: int
    scored: float
    power: float
    error: float


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; an unreadable file or impossible numbers give exit code 2 and one line."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        outputs.require_folder(chosen.out)
        effects, note = _effects(chosen)
        deviations = chosen.model_source or ([effects.model_source] if chosen.pilot else [0.3, 1.0])
        found = [_row(chosen, effects, *design) for design in _designs(chosen, deviations)]
    except (OSError, ValueError) as error:
        parser.error(str(error))
    shown = _report(chosen, effects, note, found)
    report.to_terminal(shown)
    if chosen.out:
        _write(pathlib.Path(chosen.out), shown, found)


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="perface plan",
        description="How many sources, targets and votes does it take to find a gain between two models?",
    )
    number = {"type": int, "nargs": "+", "metavar": "N"}
    parser.add_argument(
        "--sources", default=[80, 120, 200, 400], help="designs to try (default: 80 120 200 400)", **number
    )
    parser.add_argument("--targets", default=[6, 16, 40], help="designs to try (default: 6 16 40)", **number)
    parser.add_argument("--votes", default=[3], help="per triplet (default: 3)", **number)
    parser.add_argument(
        "--gain", type=float, default=0.05, help="of the second model over the first, in accuracy (default: .05)"
    )
    parser.add_argument("--accuracy", type=float, default=0.8, help="accuracy of the first model (default: .8)")
    parser.add_argument(
        "--labels",
        choices=[one.value for one in Labels],
        default="unanimous",
        help="what is scored (default: unanimous)",
    )
    tests = [one.value for one in PairedTest]
    parser.add_argument(
        "--test", choices=tests, default="two_way", help="over sources and targets, or sources alone (default: two_way)"
    )
    parser.add_argument("--power", type=float, default=0.8, help="wanted chance of finding the gain (default: .8)")
    deviations = (
        "how much sources favor one model: standard deviations, in log-odds (default: .3 1, or that of the pilot)"
    )
    parser.add_argument("--model_source", type=float, nargs="+", metavar="SD", help=deviations)
    parser.add_argument(
        "--answers", metavar="FILE", help="votes of a pilot, a file as for `perface audit`; needs --grid"
    )
    parser.add_argument(
        "--grid", type=int, nargs=2, metavar=("SOURCES", "TARGETS"), help="size of the grid of --answers"
    )
    pilots = "tables of two models on one pilot, from `perface evaluate --votes_table`"
    parser.add_argument("--pilot", nargs=2, metavar="CSV", help=pilots)
    parser.add_argument(
        "--simulations", metavar="N", type=int, default=1000, help="studies simulated of each design (default: 1000)"
    )
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the simulations (default: 0)")
    parser.add_argument("--out", metavar="DIR", help="folder for plan.csv, plan.json and the figure")
    return parser


def _designs(chosen: argparse.Namespace, deviations: Sequence[float]) -> list[tuple[int, int, int, float]]:
    """(sources, targets, votes, deviation), those with the fewest answers first."""
    sizes = set(itertools.product(chosen.sources, chosen.targets, chosen.votes))
    sizes = sorted(sizes, key=lambda size: (math.prod(size), size))
    return [(*size, deviation) for size in sizes for deviation in dict.fromkeys(deviations)]


def _row(chosen: argparse.Namespace, effects: Effects, sources: int, targets: int, votes: int, deviation: float) -> Row:
    found = power(
        sources=sources,
        targets=targets,
        votes=votes,
        gain=chosen.gain,
        accuracy=chosen.accuracy,
        labels=chosen.labels,
        test=chosen.test,
        effects=effects._replace(model_source=deviation),
        simulations=chosen.simulations,
        seed=chosen.seed,
    )
    answers = sources * targets * votes
    return Row(sources, targets, votes, chosen.labels, deviation, answers, found.scored, found.power, found.error)


def _effects(chosen: argparse.Namespace) -> tuple[Effects, str]:
    """The standard deviations, and where they come from."""
    if not 0 < chosen.power < 1:
        raise ValueError(f"--power is {chosen.power}; wanted a share of the studies between 0 and 1, for instance 0.8")
    if chosen.answers and chosen.pilot:
        raise ValueError("--answers contradicts --pilot, whose tables have the votes already: give one of them")
    if bool(chosen.answers) != bool(chosen.grid):
        raise ValueError("--answers and --grid belong together: the file does not say how many sources and targets")
    if chosen.answers:
        return _of_answers(annotations.read_answers(chosen.answers), tuple(chosen.grid))
    if chosen.pilot:
        tables = [read_votes_table(file) for file in chosen.pilot]
        if any(not np.array_equal(one, other) for one, other in zip(tables[0][:5], tables[1][:5], strict=True)):
            raise ValueError(f"{' and '.join(chosen.pilot)} have different votes; wanted tables of one pilot")
        first = tables[0]
        return pilot.effects(*first[1:5], *(table.right() for table in tables)), f"of {' and '.join(chosen.pilot)}"
    return Effects(), "of the SimCelebA release (votes) and assumed (models)"


def _of_answers(votes: annotations.Votes, grid: tuple[int, int]) -> tuple[Effects, str]:
    """The columns that the audit alarms of are moved first, as in its own numbers."""
    found = annotations.audit(votes, grid=grid, permutations=99, resamples=100)
    for alarm in found.order_alarms:
        votes = annotations.reorder(votes, alarm.column, alarm.order)
    order = found.source_order
    if order is None:
        raise ValueError(f"{votes.path}: no row order of the grid was found")
    target, source = np.divmod(np.argsort(order.positions())[votes.places()], grid[0])
    given = (votes.votes >= 0).sum(axis=1).astype(np.float64)
    moved = "".join(f", {alarm.column} moved" for alarm in found.order_alarms)
    effects = pilot.effects((votes.votes == 0).sum(axis=1).astype(np.float64), given, source, target)
    return effects, f"of {votes.path}, rows {order.words()}{moved} (votes), and assumed (models)"


def _report(chosen: argparse.Namespace, effects: Effects, note: str, found: list[Row]) -> report.Report:
    deviations = list(dict.fromkeys(row.model_source for row in found))
    sizes = list(dict.fromkeys(row[:3] for row in found))
    by_size = {size: [row for row in found if row[:3] == size] for size in sizes}
    lines = [
        [*map(str, size), f"{rows[0].answers:,}", f"{rows[0].scored:,.0f}", *(f"{row.power:.2f}" for row in rows)]
        for size, rows in by_size.items()
    ]
    columns = [
        "sources",
        "targets",
        "votes",
        "answers",
        "labeled",
        *(f"power, sd {sd:g}" for sd in deviations),
    ]
    help = (
        f"Share of {chosen.simulations:,} simulated studies in which the {chosen.test.replace('_', '-')} test finds a"
        f" gain from {chosen.accuracy:g} to {chosen.accuracy + chosen.gain:g} (p < .05); {chosen.labels} labels."
        " Votes: per triplet. sd: how differently the two models do on different sources, logit. "
        + " ".join(_advice([row for row in found if row.model_source == sd], chosen.power) for sd in deviations)
    )
    curves = {f"model sd {sd:g}": _curves([row for row in found if row.model_source == sd]) for sd in deviations}
    figure = figures.power_curves(curves, wanted=chosen.power)
    section = report.Section(
        "Power",
        help,
        report.Table(columns, lines),
        found,
        [report.Picture("Power against the number of sources.", figure)],
    )
    facts = {"deviations": note, **{name: round(value, 2) for name, value in effects._asdict().items()}}
    facts.pop("model_source")
    return report.Report("Plan of a study", [], {"Standard deviations, logit": facts}, [section])


def _advice(rows: list[Row], wanted: float) -> str:
    """The design with the fewest answers that has the wanted power."""
    enough = min((row for row in rows if row.power >= wanted), key=lambda row: row.answers, default=None)
    start = f"Fewest answers for a power of {wanted:g} with a model sd of {rows[0].model_source:g}:"
    if enough is None:
        return f"{start} none of these designs, add sources."
    return f"{start} {enough.sources} sources x {enough.targets} targets x {enough.votes} votes = {enough.answers:,}."


def _curves(rows: list[Row]) -> dict[str, list[np.ndarray]]:
    """By number of targets and of votes, the numbers of sources and the powers."""
    curves = {}
    for row in sorted(rows):
        curves.setdefault(f"{row.targets} targets, {row.votes} votes", []).append((row.sources, row.power))
    return {name: list(np.transpose(points)) for name, points in curves.items()}


def _write(folder: pathlib.Path, shown: report.Report, found: list[Row]) -> None:
    report.write_json(folder / "plan.json", shown)
    files.write_csv(folder / "plan.csv", [Row._fields, *found])
    report.save_figures(folder, shown)
    print(f"\nWritten to {folder}")


if __name__ == "__main__":
    main()
