"""Compares two records: ratios NEW / OLD of times and amounts, and which changes exceed the noise.

    python -m benchmarks.compare OLD NEW

OLD and NEW are records, or folders of them (`benchmarks/results` of two commits). Rows are paired by part and name, and
each of our variants is compared. Machines are noisy and differ. If both records also time another library (PyTorch,
ONNX Runtime, NumPy, faiss), the seconds of each round are first divided by those of the first such library. Differences
of machine, version or command are reported.

A ratio of times exceeds the noise if both hold:

- The medians differ by more than 5% (two starts of the same program may differ by less).
- Yuen's test of the logarithms is significant at a one-sided level of 1/200. It is Welch's t-test; with five rounds or
  more it trims the slowest and the fastest fifth.

An unchanged row is thus called slower about once in 200 comparisons, for any number of rounds. Three rounds detect most
changes of six times the noise, eight rounds most changes of three times the noise. Fewer than three rounds are not
judged.

Ratios above 1 are worse. `more` means: above +5% for memory counted by the compiler; above +25% for that of a process
(two identical runs differ by up to 20%); any increase for the number of compiled programs.

Exits with 1 if anything is slower or more.
"""

import argparse
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from benchmarks import reading

OTHERS = ("PyTorch", "ONNX Runtime", "NumPy", "faiss")  # how the names of other libraries' variants begin
FEWEST = 3  # rounds to judge by
FLOOR = 1.05  # ratio of medians
SELDOM = 1 / 200  # false alarms of one sign
TOLERANCES = {  # ratio of amounts
    "working_memory_mib": 1.05,
    "memory_mib": 1.05,
    "peak_mib": 1.25,
    "peak_mib_above_the_gallery": 1.25,
    "compilations": 1.0,
    "programs": 1.0,
}
MACHINE = ("processor", "cores", "device", "jax", "torch", "onnxruntime", "command")


class Change(NamedTuple):
    """One figure of one row in both records.

    Attributes:
      part, row: where it is.
      what: the variant that was timed, or the amount.
      unit: `seconds`, `of NAME` if divided by the seconds of that variant, or `amount`.
      old, new: the rounds.
      tolerance: of an amount; 0 for times.
    """

    part: str
    row: str
    what: str
    unit: str
    old: Sequence[float]
    new: Sequence[float]
    tolerance: float = 0.0

    @property
    def ratio(self) -> float:
        """NEW / OLD of the medians."""
        return float(np.median(self.new) / np.median(self.old))

    @property
    def verdict(self) -> str:
        """`slower`, `faster`, `more` or `less` beyond the noise, `few rounds` if the noise is unknown, else ""."""
        if self.tolerance:
            return _beyond(self.ratio, self.tolerance, "more", "less")
        if min(len(self.old), len(self.new)) < FEWEST:
            return "few rounds"
        return _beyond(self.ratio, FLOOR, "slower", "faster") if differ(self.old, self.new) else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=pathlib.Path, help="record, or folder of records")
    parser.add_argument("new", type=pathlib.Path, help="record, or folder of records")
    paths = parser.parse_args()
    old, new = (reading.read(path) for path in (paths.old, paths.new))
    changes = list(compare(old, new))
    print("\n".join([*notes(old, new), show(changes)]))
    sys.exit(any(change.verdict in ("slower", "more") for change in changes))


def differ(old: Sequence[float], new: Sequence[float]) -> bool:
    """Whether two sets of three or more rounds (positive numbers) differ by more than noise."""
    test = stats.ttest_ind(np.log(new), np.log(old), equal_var=False, trim=0.2)
    return bool(test.pvalue < 2 * SELDOM)


def compare(old: Mapping[str, dict], new: Mapping[str, dict]) -> Iterator[Change]:
    """The changes of all rows that both have; records by part."""
    for part in old.keys() & new.keys():
        before = _rows(old[part])
        for name, row in _rows(new[part]).items():
            if name in before and not row.get("variant", "").startswith(OTHERS):
                yield from _times(part, name, before[name].get("seconds", {}), row.get("seconds", {}))
                yield from _amounts(part, name, dict(_counted(before[name])), dict(_counted(row)))


def notes(old: Mapping[str, dict], new: Mapping[str, dict]) -> Iterator[str]:
    """Caveats: different machines, and rows that only one side has."""
    for part in sorted(old.keys() | new.keys()):
        if part not in old or part not in new:
            yield f"{part}: only in {'OLD' if part in old else 'NEW'}"
            continue
        then, now = ([one[part].get(fact, "unknown") for fact in MACHINE] for one in (old, new))
        if others := [f"{fact} {a} -> {b}" for fact, a, b in zip(MACHINE, then, now, strict=True) if a != b]:
            yield f"{part}: not alike: {', '.join(others)}"
        before, after = _rows(old[part]), _rows(new[part])
        yield from (f"{part}: {name}: only in OLD" for name in before if name not in after)
        yield from (f"{part}: {name}: only in NEW" for name in after if name not in before)


def show(changes: list[Change]) -> str:
    """The changes as a table, largest ratios first."""
    columns = ("part", "row", "variant or amount", "in", "OLD", "NEW", "NEW / OLD", "beyond noise")
    lines = [
        (
            change.part,
            change.row,
            change.what,
            change.unit,
            _range(change.old),
            _range(change.new),
            f"{change.ratio:.2f}",
            change.verdict,
        )
        for change in sorted(changes, key=lambda change: -change.ratio)
    ]
    return reading.table(columns, lines)


def _rows(record):
    return {row["name"]: row for row in record["rows"]}


def _times(part, row, old, new):
    shared = [name for name in new if name in old]
    reference = next((name for name in shared if name.startswith(OTHERS)), "")
    for name in shared:
        if not name.startswith(OTHERS):
            rounds = [reading.ratios(one, name, reference) if reference else one[name] for one in (old, new)]
            yield Change(part, row, name, f"of {reference}" if reference else "seconds", *rounds)


def _amounts(part, row, old, new):
    for path in [path for path in new if path in old]:
        tolerance = next(TOLERANCES[name] for name in path if name in TOLERANCES)
        yield Change(part, row, ", ".join(path), "amount", old[path], new[path], tolerance)


def _counted(row, path=()):
    """The amounts of a row with their names, outermost first."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _counted(value, (*path, name))
        elif TOLERANCES.keys() & {*path, name}:
            yield (*path, name), np.atleast_1d(value).tolist()


def _beyond(ratio, tolerance, above, below):
    if ratio > tolerance:
        return above
    return below if ratio < 1 / tolerance else ""


def _range(rounds):
    seen = reading.spread(rounds)
    return f"{seen.median:.4g} [{seen.low:.4g}, {seen.high:.4g}]" if seen.low < seen.high else f"{seen.median:.4g}"


if __name__ == "__main__":
    main()
