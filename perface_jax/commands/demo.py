"""`perface demo [--out DIR]`: everything end to end on drawn faces, in minutes.

Draws people and face swaps, lets simulated annotators vote, plants a fault in their answers and finds it, trains a
recognizer, fine-tunes it on the votes, evaluates it on targets it has not seen, and writes a report. What the stages
print goes to DIR/demo.log. The same command continues a demo that was interrupted; of one that is done it shows the
results.

    DIR/data/          pictures and votes, and the data set built from them
    DIR/recognizer/    workdir of the recognizer; DIR itself is the workdir of the fine-tuned model
    DIR/model/         the fine-tuned model, with its scale.json
    DIR/faces/         a few pictures, for `perface compare` and `perface rank`
    DIR/report/        report.html and report.json
"""

import contextlib
import pathlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TextIO

from ml_collections import ConfigDict
from rich.console import Console

from perface_jax import evaluator, files, outputs, report
from perface_jax.argument_parser import ArgumentParser, plain
from perface_jax.commands import demo_results
from perface_jax.configs import arcface_synthetic, synthetic  # pyright: ignore  # found by __path__
from perface_jax.network import compilation
from perface_jax.synthetic import world, write_identities, write_world
from perface_jax.training import builders, preemption, trainer, workdir

IDENTITIES = {"identities": 240, "pictures": 10, "size": 64}
WORLD = {"sources": 120, "targets": 21, "people": 200, "size": 64, "celeba_size": 64, "order_fault": True}
START = """\
Everything end to end on drawn faces, in about 3 minutes on 2 cores. Simulated
people vote which faces are alike; a fault is planted in the file of votes, and
the audit has to find it. Details are in {}."""
COLUMN = 72  # of the time of a stage


class Plan(NamedTuple):
    """What a demo draws (options of `write_identities` and `write_world`), and the configs of its two runs."""

    identities: dict[str, Any]
    world: dict[str, Any]
    recognizer: ConfigDict
    perface: ConfigDict


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; what does not fit the folder gives exit code 2 and says why, an interruption 75 as in training."""
    parser = ArgumentParser(prog="perface demo", description="Everything end to end on drawn faces, in minutes.")
    parser.add_argument("--out", default="runs/demo", metavar="DIR", help="all files are in it (default: runs/demo)")
    out = pathlib.Path(parser.parse_args(arguments).out)
    compilation.keep_programs()
    try:
        run(out, plan(out))
    except (OSError, ValueError) as error:
        parser.exit(2, f"\n{plain(str(error))}\n")
    except (preemption.Preempted, KeyboardInterrupt):
        parser.exit(preemption.EXIT_CODE, "\nstopped; the same command continues\n")


def plan(out: pathlib.Path) -> Plan:
    """The demo of the command line."""
    data = out / "data"
    recognizer, perface = arcface_synthetic.get_config("demo"), synthetic.get_config("demo")
    recognizer.data.folder = str(data / "identities")
    perface.init = str(out / "recognizer" / "model")
    perface.data.release, perface.data.data_dir = str(data / "world" / "release"), str(data / "tfds")
    perface.groups.folder = str(data / "world" / "celeba_hq")
    return Plan(dict(IDENTITIES), dict(WORLD), recognizer, perface)


def run(out: pathlib.Path, plan: Plan) -> None:
    """All stages that are not done yet, then the results.

    Raises:
      ValueError, OSError: the folder holds something else, or cannot be written to.
      Preempted, KeyboardInterrupt: stopped; what is done stays, and the next call continues.
    """
    results = out / "results.txt"
    if results.is_file():
        print(f"The demo in {out} is done; it runs again once the folder is removed.\n{results.read_text()}", end="")
        return
    outputs.require_folder(out)
    out.mkdir(parents=True, exist_ok=True)
    print(START.format(out / "demo.log"), flush=True)
    with open(out / "demo.log", "a") as log:
        people, swaps = plan.recognizer.split.sizes[0], 3 * plan.world["sources"] * plan.world["targets"]
        with _stage(f"1/5 drawing {swaps:,} face swaps, and people", log):
            draw(out / "data", plan)
        with _stage("2/5 auditing the votes", log) as finding:
            triplets = builders.open_triplets(plan.perface)
            print(triplets.metadata["report"])
            finding.append(demo_results.finding(triplets.metadata))
        with _stage(f"3/5 training a recognizer on {people} people", log):
            train(plan.recognizer, out / "recognizer")
        with _stage("4/5 fine-tuning it on the votes", log):
            train(plan.perface, out)
        with _stage("5/5 evaluating it on targets it has not seen", log):
            found = evaluate(plan.perface, out, log)
            demo_results.write_faces(out / "faces", triplets, plan.perface)
    text = demo_results.text(out, found)
    files.write_text(results, text)
    print(text, end="")


@contextlib.contextmanager
def _stage(name: str, log: TextIO) -> Iterator[list[str]]:
    """One line on the terminal: name, finding, time. What is printed inside goes to the log."""
    finding, start, terminal = [], time.perf_counter(), sys.stdout
    print(name, end="", flush=True)
    print(f"\n== {name}", file=log, flush=True)
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        yield finding
    minutes, seconds = divmod(round(time.perf_counter() - start), 60)
    line = ": ".join([name, *finding])
    print(f"{line[len(name) :]}{' ' * (COLUMN - len(line))} {minutes}:{seconds:02}", file=terminal, flush=True)


def draw(data: pathlib.Path, plan: Plan) -> None:
    """Write the plan's identities and its world of swaps, votes and portraits into a folder, unless they are there."""
    if not (data / "world").exists():
        # What draws the parameters is some seventy programs that run once. Compiled here, they are not compiled again.
        with compilation.without_optimization():
            write_identities.create_identities(
                0, **{name: plan.identities[name] for name in ("identities", "pictures")}
            )
            world.create_world(0, **{name: plan.world[name] for name in ("sources", "targets")})
            world.create_people(0, plan.world["people"])
    write_identities.write_identities(data / "identities", **plan.identities)
    write_world.write_world(data / "world", **plan.world)


def train(config: ConfigDict, folder: pathlib.Path) -> None:
    """Train, or continue; a run that is done, with this config, is left alone."""
    workdir.refuse_other_run(folder, workdir.record(config))
    if not (folder / "model" / "scale.json").exists():  # what a training writes last
        trainer.train(config, folder)


def evaluate(config: ConfigDict, out: pathlib.Path, log: TextIO) -> report.Report:
    """Evaluate the run in a folder; writes its report there, and its tables to the log."""
    with compilation.without_optimization():  # hundreds of statistics, each of which is computed once
        found = evaluator.evaluate(evaluator.open_run(config, out))
    report.write_json(out / "evaluation.json", found)
    report.to_terminal(found, tables=True, console=Console(file=log, width=110))
    (out / "report").mkdir(exist_ok=True)
    report.write_json(out / "report" / "report.json", found)
    report.write_html(out / "report" / "report.html", found)
    return found


if __name__ == "__main__":
    main()
