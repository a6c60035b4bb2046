"""The circle of a study, closed once on drawn faces: plan, collect, audit, train, evaluate. `make collect-demo`.

    python -m benchmarks.collect_demo [--out DIR] [--sources N] [--targets N]

Faces of 40 sources on 24 targets are drawn, and a study is made of them. 18 simulated annotators answer its page
through the real server. Two of them guess, one hardly looks, and one prefers the left; the audit has to find these and
nobody else. They are left out, and a recognizer is fine-tuned on the other votes and evaluated on new targets.
DIR/log.txt has what the steps print.
"""

import argparse
import contextlib
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TextIO

import numpy as np

from benchmarks.simulated_annotators import Habits, World, answer_all
from perface_jax import annotations, files, report
from perface_jax.annotations import tables
from perface_jax.annotations.exclusions import CARELESS
from perface_jax.collection import Study, open_study
from perface_jax.commands import collect, demo, plan
from perface_jax.datasets.whole_folder import OPTIONS
from perface_jax.formatting import estimate
from perface_jax.synthetic import annotators

ANNOTATORS = 18
GUESSING, FAST, LEFT = (3, 11), 6, 14  # which of them are careless


def main(arguments: Sequence[str] | None = None) -> None:
    """The whole circle; ends with 1 if the audit finds other people than those who were planted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", default="runs/collect", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--sources", default=40, type=int)
    parser.add_argument("--targets", default=24, type=int)
    parser.add_argument("--small", action="store_true", help="a recognizer and a training of seconds")
    chosen = parser.parse_args(arguments)
    if chosen.out.exists() and any(chosen.out.iterdir()):
        parser.error(f"{chosen.out} is there already: name another folder, or remove it")
    if not run(chosen.out, chosen.sources, chosen.targets, small=chosen.small):
        raise SystemExit(1)


def run(out: pathlib.Path, sources: int, targets: int, *, small: bool = False) -> bool:
    """Every step once; whether the audit found who was planted and nobody else."""
    out.mkdir(parents=True, exist_ok=True)
    settings = configure(out, sources, targets, small=small)
    power = ["--sources", str(sources), "--targets", str(targets), "--simulations", "200"]
    with open(out / "log.txt", "a") as log:
        with _step("1/7 the power of the study", log):
            plan.main(power)
        with _step(f"2/7 drawing {3 * sources * targets:,} face swaps, and people", log):
            demo.draw(out / "data", settings)
        with _step("3/7 making the study", log):
            study = make_study(out)
        with _step(f"4/7 {ANNOTATORS} annotators answer over HTTP", log) as said:
            planted = serve(study, out, log)
            collect.main(["export", str(study.folder), "--out", str(out / "all")])
            said.append(f"{_votes(out / 'all'):,} votes")
        with _step("5/7 the audit; who is careless is left out", log) as said:
            found = audit(out / "all" / "votes.csv")
            said.append(", ".join(f"{name} ({planted.get(name, 'not planted')})" for name in sorted(found)))
            collect.main(["export", str(study.folder), "--out", str(out / "kept"), "--drop", *sorted(found)])
            shutil.copy(out / "data" / "world" / OPTIONS, out / "kept")  # the report warns of drawn faces by it
        with _step("6/7 training a recognizer, and fine-tuning it on the votes", log):
            demo.train(settings.recognizer, out / "recognizer")
            demo.train(settings.perface, out)
        with _step("7/7 evaluating on new targets", log):
            results = demo.evaluate(settings.perface, out, log)
    _say(out, results)
    return set(planted) == found


def configure(out: pathlib.Path, sources: int, targets: int, *, small: bool) -> demo.Plan:
    """What is drawn and trained: that of `perface demo`, with the release that is collected."""
    plan = demo.plan(out)
    plan.world.update(sources=sources, targets=targets, order_fault=False)
    config, held_out = plan.perface, max(targets // 3, 1)
    config.parts = ("triplets",)
    config.data.release = str(out / "kept" / "release")
    config.data.ids = str(out / "kept" / "release" / "ids.csv")
    config.data.data_dir = str(out / "tfds")
    config.split.sources = (sources - sources // 6, sources // 6, 0)
    config.split.targets = (targets - held_out - 1, 1, held_out)
    if small:
        plan.identities.update(identities=24, pictures=4)
        plan.recognizer.split.sizes, plan.recognizer.data.pairs, plan.recognizer.epochs = (16, 4, 4), 40, 1
        config.epochs = 1
        plan.recognizer.schedule.warmup = config.schedule.warmup = 0
    return plan


def make_study(out: pathlib.Path) -> Study:
    """The study of the drawn release, without its votes."""
    release = out / "data" / "world" / "release"
    rows = tables.read_rows(release / "truth" / "ids.csv", ("tripletId", "source_id", "target_id"), one="triplet")
    files.write_csv(out / "ids.csv", [("tripletId", "source", "target"), *(cells.values() for _, cells in rows)])
    files.write_text(out / "plan.yaml", f"annotators: {ANNOTATORS}\nsize: 64\n")
    made = ["--release", str(release), "--ids", str(out / "ids.csv"), "--plan", str(out / "plan.yaml")]
    collect.main(["new", str(out / "study"), *made])
    return open_study(out / "study")


def serve(study: Study, out: pathlib.Path, log: TextIO) -> dict[str, str]:
    """All sessions through a server of its own process; the careless annotators by pseudonym."""
    release = out / "data" / "world" / "release"
    features = np.load(release / "truth" / "truth.npz")["features"].shape[-1]
    people = annotators.recruit(1, features, annotators=ANNOTATORS, careless=0)
    people.lapse[list(GUESSING)] = 0.85
    names = [path.name.removesuffix("_c.jpg") for path in sorted((release / "triplet").glob("*_c.jpg"))]
    world = World(study, release / "truth" / "truth.npz", names, people)
    pace = 2500 * np.exp(0.25 * np.random.default_rng(1).standard_normal(ANNOTATORS))
    habits = [Habits(time) for time in pace]
    habits[FAST] = Habits(350.0)
    habits[LEFT] = habits[LEFT]._replace(left=0.4)
    command = [sys.executable, "-m", "perface_jax", "collect", "serve", str(study.folder), "--port", "0"]
    with subprocess.Popen(
        [*command, "--votes-per-second", "1000"], stdout=subprocess.PIPE, stderr=log, text=True
    ) as server:
        try:
            lines = iter(server.stdout or [])
            for line in lines:
                log.write(line)
                if line.startswith("Serving"):
                    break
            who = answer_all(study.folder / "links.csv", world, habits)
        finally:
            server.send_signal(signal.SIGINT)
    careless = dict.fromkeys(GUESSING, "guesses") | {FAST: "hardly looks", LEFT: "prefers the left"}
    return {name: careless[number] for name, number in who.items() if number in careless}


def audit(votes: pathlib.Path) -> set[str]:
    """Who would be dropped, by all rules but the paper's."""
    found = annotations.audit(annotations.read_answers(votes), grid=None)
    print(found.report())
    (rule,) = [one for one in found.exclusions if one.rule == CARELESS]
    return set(rule.dropped)


def _votes(export: pathlib.Path) -> int:
    return int((annotations.read_answers(export / "votes.csv").votes >= 0).sum())


@contextlib.contextmanager
def _step(name: str, log: TextIO) -> Iterator[list[str]]:
    """One line on the terminal: name, result, seconds. What is printed inside goes to the log."""
    said, start = [], time.perf_counter()
    print(f"\n== {name}", file=log, flush=True)
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        yield said
    print(": ".join([name, *said]) + f" ({time.perf_counter() - start:.0f} s)", flush=True)


def _say(out: pathlib.Path, found: report.Report) -> None:
    scores = found.summary.scores if found.summary else ()
    for score in scores:
        print(f"{score.measure}, {score.name}: {estimate(score[2:5])}")
    print(f"The report is {out / 'report' / 'report.html'}")


if __name__ == "__main__":
    main()
