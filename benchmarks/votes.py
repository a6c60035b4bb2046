"""Time of a vote when many annotators vote at once, and whether each confirmed vote is stored.

    python -m benchmarks.votes [--annotators 50] [--think 0 1.5] [--database URL]

Starts `perface collect serve` on this machine and plays whole sessions through its HTTP interface: every annotator gets
the pictures of each triplet, waits for `think` seconds and votes. With 0 they vote as fast as they are served, which
people never do. The time of a vote is from the first byte sent to the answer, which comes when it is on the disk.
"""

import argparse
import asyncio
import contextlib
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import numpy as np

from benchmarks import input as inputs
from benchmarks import record
from perface_jax.collection import Study, material, new_study
from perface_jax.collection.store import open_store

ROOT = pathlib.Path(__file__).parent.parent
PLAN = "annotators: {annotators}\nvotes: 3\ndummies: 4\npractice: 2\n"
OF_EACH = 30  # triplets
QUANTILES = (0.5, 0.95, 0.99, 1.0)


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    made.add_argument("--annotators", type=int, default=50)
    made.add_argument("--think", type=float, nargs="+", default=[0.0, 1.5], help="seconds before a vote")
    made.add_argument("--database", help="as for perface collect serve")
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for each time to think."""
    return {"rows": [_row(options, think) for think in options.think]}


def _row(options: argparse.Namespace, think: float) -> dict:
    with tempfile.TemporaryDirectory() as made:
        study = _study(pathlib.Path(made), options.annotators)
        with serving(study, options.database) as links:
            began = time.perf_counter()
            votes, pictures = asyncio.run(_all(links, think))
            taken = time.perf_counter() - began
        stored = [vote for vote in open_store(study, options.database).votes()]
    return {
        "name": f"{options.annotators} annotators, {think:g} s to think",
        "votes": len(votes),
        "lost_or_doubled": abs(len(stored) - len(votes)),
        "votes_per_second": round(len(votes) / taken, 1),
        "vote_milliseconds": _quantiles(votes),
        "picture_milliseconds": _quantiles(pictures),
    }


@contextlib.contextmanager
def serving(study: Study, database: str | None = None) -> Iterator[list[str]]:
    """A server in a process of its own; the links of its annotators."""
    more = ["--database", database] if database else []
    command = [sys.executable, "-m", "perface_jax", "collect", "serve", str(study.folder), "--port", "0", *more]
    process = subprocess.Popen(
        [*command, "--votes-per-second", "1000"], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Serving"):
                break
        with open(study.folder / "links.csv") as file:
            yield [row["link"] for row in csv.DictReader(file)]
    finally:
        process.terminate()
        process.wait()


def _study(folder: pathlib.Path, annotators: int) -> Study:
    inputs.generate(folder / "release", annotators * OF_EACH // 3)
    (folder / "plan.yaml").write_text(PLAN.format(annotators=annotators))
    return new_study.create_study(folder / "study", folder / "plan.yaml", material.of_release(folder / "release"))


async def _all(links: list[str], think: float) -> tuple[list[float], list[float]]:
    votes: list[float] = []
    pictures: list[float] = []
    await asyncio.gather(*(_session(link, think, votes, pictures) for link in links))
    return votes, pictures


async def _session(link: str, think: float, votes: list[float], pictures: list[float]) -> None:
    asking = await _Asking.of(link)
    state = await asking("GET", "/api/state")
    state = await asking("POST", "/api/consent", {"consent": state["consent"]["id"]})
    while state["step"] == "trial":
        for address in state["trial"]["pictures"]:
            await asking("GET", f"/api/picture/{address}", times=pictures)
        await asyncio.sleep(think * (0.5 + np.random.random()))
        fields = {"plan": state["plan"], "trial": state["trial"]["index"], "side": "left", "milliseconds": 1500}
        state = await asking("POST", "/api/vote", fields, times=votes)
    asking.close()


class _Asking:
    """One connection that stays open, and nothing that a client library does besides: its time is not measured."""

    def __init__(self, token: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.token, self.reader, self.writer = token, reader, writer

    @classmethod
    async def of(cls, link: str) -> "_Asking":
        address, _, token = link.partition("/#")
        host, _, port = address.removeprefix("http://").partition(":")
        return cls(token, *await asyncio.open_connection(host, int(port)))

    async def __call__(self, method: str, path: str, fields: dict | None = None, times: list[float] | None = None):
        body = json.dumps(fields).encode() if fields else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        began = time.perf_counter()
        self.writer.write(head.encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        data = await self.reader.readexactly(int(answer.partition("content-length: ")[2].partition("\r\n")[0]))
        if times is not None:
            times.append(time.perf_counter() - began)
        if " 200 " not in answer[:20]:
            raise RuntimeError(f"{method} {path}: {answer[:20]} {data[:200]!r}")
        return json.loads(data) if "application/json" in answer else data

    def close(self) -> None:
        self.writer.close()


def _quantiles(seconds: list[float]) -> dict[str, float]:
    return {f"p{100 * q:g}": round(1000 * float(np.quantile(seconds, q)), 1) for q in QUANTILES}


if __name__ == "__main__":
    record.run("votes", parser(), measure, compared_with=("starlette", "uvicorn", "sqlalchemy"))
