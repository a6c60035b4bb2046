"""A million triplets: audited, evaluated, and with intervals and tests; time and memory.

    python -m benchmarks.million_triplets [--write]

Votes of 1,000 sources x 1,000 targets that resemble the released answers, three columns, one of them in another row
order. Everything runs once in a separate process, including compilation, in the order of the rows. `peak_mib` is the
peak of its resident memory up to the end of a row, so it only grows. `cpu_seconds` are those of all threads: if other
programs use the cores, they say how long a row would take on one free core.

- `read the answers`: `annotations.read_answers` of the file.
- `audit`: `annotations.audit` with its default numbers of permutations and resamples.
- `scores`: triplet scores of 512-dimensional embeddings, in 16 blocks, as they come from a network; soft scores, human
  agreement, achievable accuracy, a fitted logistic with its calibration and likelihood.
- `intervals and tests`: two-way robust interval and paired test, and the bootstrap of 2,000 resamples over sources and
  over sources and targets.
- `Dawid-Skene`: a million votes of 300 annotators on a third as many triplets, until convergence.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import jax
import numpy as np

from benchmarks import record
from perface_jax import annotations, metrics

ROOT = pathlib.Path(__file__).parent.parent
BLOCKS, DIMENSIONS, ANNOTATORS = 16, 512, 300
COUNTED = ("audit", "scores", "intervals and tests")


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    made.add_argument("--side", type=int, default=1000, help="sources, and targets; a multiple of 8")
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for each step, and one for audit, scores, intervals and tests together."""
    command = [sys.executable, "-m", "benchmarks.million_triplets", "--alone", str(options.side)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    rows = json.loads(done.stdout.splitlines()[-1])
    counted = [row for row in rows if row["name"] in COUNTED]
    seconds = sum(row["seconds"]["perface_jax"][0] for row in counted)
    cpu, peak = sum(row["cpu_seconds"] for row in counted), max(row["peak_mib"] for row in counted)
    return {"rows": [*rows, _row(", ".join(COUNTED), options.side, peak, cpu, seconds)]}


def _row(name, side, peak, cpu, seconds):
    measured = {"peak_mib": round(peak), "cpu_seconds": round(cpu, 1), "seconds": {"perface_jax": [round(seconds, 3)]}}
    return {"name": name, "triplets": side**2} | measured


def run(side: int) -> list[dict]:
    """All steps in this process."""
    rows = []

    def step(name, function, *given):
        began, cpu_began = time.perf_counter(), time.process_time()
        found = jax.block_until_ready(function(*given))
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows.append(_row(name, side, peak, cpu, seconds))
        return found

    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "answers.csv"
        write_answers(file, side)
        votes = step("read the answers", annotations.read_answers, file)
    found = step("audit", lambda: annotations.audit(votes, grid=(side, side)))
    (alarm,) = found.order_alarms
    votes = annotations.reorder(votes, alarm.column, alarm.order).votes
    source, target = annotations.cells("group_major", side, side, block=side // 8)
    del found
    scores = step("scores", evaluate, votes)
    step("intervals and tests", intervals, scores, source, target)
    step("Dawid-Skene", annotations.dawid_skene, named_votes(side**2 // 3))
    return rows


def write_answers(file: pathlib.Path, side: int) -> None:
    """Votes like those of the release; the third column is target-major, the others are group-major."""
    random = np.random.default_rng(0)
    logit = random.normal(0, 1.9, side)[None, :, None] + random.normal(0, 0.3, (side, side, 1))
    cells = (random.random((side, side, 3)) < 1 / (1 + np.exp(-logit))).reshape(-1, 3)
    rows = np.empty_like(cells)
    rows[annotations.grid_order("group_major", side, side, block=side // 8)] = cells
    rows[:, 2] = cells[:, 2]
    letters = np.array(["a", "b"])[rows.astype(int)]
    lines = (f"t{i:04d},{a},{b},{c}\n" for i, (a, b, c) in enumerate(letters.tolist()))
    with open(file, "w") as opened:
        opened.write("tripletId,ans1,ans2,ans3\n")
        opened.writelines(lines)


def evaluate(votes: np.ndarray) -> np.ndarray:
    """The scores of two models [2, T], after all measures of the first one."""
    random, count = np.random.default_rng(1), -(-len(votes) // BLOCKS)
    reference, positive, negative = random.standard_normal((3, count, DIMENSIONS), np.float32)
    right = [metrics.triplet_scores(reference, positive, negative) for _ in range(BLOCKS)]
    right = np.concatenate([np.asarray(one) for one in right])[: len(votes)]
    votes_for_a, given = np.sum(votes == 0, axis=1).astype(np.float32), np.full(len(votes), 3, np.float32)
    difference = (votes_for_a / 3 - 0.5 + random.normal(0, 0.5, len(votes))).astype(np.float32)
    metrics.vote_agreement(votes).block_until_ready()
    metrics.achievable_accuracy(metrics.vote_histograms(votes))
    logistic = metrics.fit_logistic(difference, votes_for_a, given)
    metrics.calibration(difference, votes_for_a, given, logistic)
    metrics.vote_log_likelihood(difference, votes_for_a, given, logistic).block_until_ready()
    return np.stack([right, np.asarray(metrics.soft_scores(difference, votes_for_a / given))])


def intervals(scores: np.ndarray, source: np.ndarray, target: np.ndarray) -> list:
    """Intervals of both, and the paired test."""
    key = jax.random.key(0)
    return [
        metrics.score_interval(scores, source, target),
        metrics.robust_test(scores[1], scores[0], source, target),
        metrics.cluster_interval(key, scores, source),
        metrics.cluster_interval(key, scores, source, target),
    ]


def named_votes(triplets: int) -> annotations.Votes:
    """Three votes on every triplet, by people who each have their own probability of being right."""
    random = np.random.default_rng(2)
    truth, right = random.integers(0, 2, triplets), random.uniform(0.55, 0.95, ANNOTATORS)
    first = random.integers(0, ANNOTATORS, triplets)[:, None]
    who = (first + np.cumsum(random.integers(1, 100, (triplets, 3)), axis=1)) % ANNOTATORS
    votes = np.where(random.random(who.shape) < right[who], truth[:, None], 1 - truth[:, None])
    ids, names = (
        tuple(f"{letter}{i:04d}" for i in range(count)) for letter, count in (("t", triplets), ("p", ANNOTATORS))
    )
    return annotations.Votes(ids, votes, annotator=who, annotators=names)


if __name__ == "__main__":
    if "--alone" in sys.argv:
        print(json.dumps(run(int(sys.argv[-1]))))
    else:
        record.run("million_triplets", parser(), measure, compared_with=("numpy", "scipy"))
