"""What has become faster or slower between two records: ratios NEW / OLD, and which of them are more than noise.

    python -m benchmarks.compare OLD NEW

OLD and NEW are records, or folders of them (`benchmarks/results` of two commits). Rows are paired by part and name, and
every variant that is ours is compared. Machines are noisy and differ: where both records hold another library beside it
(PyTorch, ONNX Runtime, NumPy, faiss), the seconds of each round are first divided by those of the first of these, and
the ratio is that of the quotients. Records of different machines are compared, and said to be so.

A ratio is beyond noise when the values of the rounds lie apart: with eight rounds or more the quartile ranges of OLD
and NEW do not overlap, with three to seven the whole ranges. Where nothing has changed and rounds are independent, a
row is called slower once in 20 times with three rounds, in 252 with five, in 33 with eight, in 360 with sixteen. Fewer
than three rounds are not judged. Ratios above 1 are slower.

Exits with 1 when anything is slower beyond noise.
"""

import argparse
import pathlib
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from benchmarks import reading

OTHERS = ("PyTorch", "ONNX Runtime", "NumPy", "faiss")  # how the names of other libraries' variants begin
FEWEST = 3  # rounds to judge by
MACHINE = ("processor", "cores", "device")


class Change(NamedTuple):
    """One variant of one row, then and now.

    Attributes:
      part, row, variant: which.
      reference: the variant by whose seconds both were divided, or "".
      old, new: seconds, or quotients.
    """

    part: str
    row: str
    variant: str
    reference: str
    old: reading.Spread
    new: reading.Spread

    @property
    def ratio(self) -> float:
        """NEW / OLD."""
        return self.new.median / self.old.median

    @property
    def verdict(self) -> str:
        """`slower` or `faster` beyond noise, `few rounds` where noise is not known, or ""."""
        if min(self.old.rounds, self.new.rounds) < FEWEST:
            return "few rounds"
        if self.new.low > self.old.high:
            return "slower"
        return "faster" if self.new.high < self.old.low else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=pathlib.Path, help="record, or folder of records")
    parser.add_argument("new", type=pathlib.Path, help="record, or folder of records")
    paths = parser.parse_args()
    old, new = (reading.read(path) for path in (paths.old, paths.new))
    changes = list(compare(old, new))
    print("\n".join([*notes(old, new), show(changes)]))
    sys.exit(any(change.verdict == "slower" for change in changes))


def compare(old: Mapping[str, dict], new: Mapping[str, dict]) -> Iterator[Change]:
    """The changes of all rows that are timed in both; records by part."""
    for part in old.keys() & new.keys():
        before = _rows(old[part])
        for name, seconds in _rows(new[part]).items():
            if name in before:
                yield from _changes(part, name, before[name], seconds)


def notes(old: Mapping[str, dict], new: Mapping[str, dict]) -> Iterator[str]:
    """What a reader should know before the ratios: other machines, and rows that only one side has."""
    for part in sorted(old.keys() | new.keys()):
        if part not in old or part not in new:
            yield f"{part}: only in {'OLD' if part in old else 'NEW'}"
            continue
        then, now = (", ".join(str(one[part].get(fact, "unknown")) for fact in MACHINE) for one in (old, new))
        if then != now:
            yield f"{part}: different machines: {then} -> {now}"
        before, after = _rows(old[part]), _rows(new[part])
        yield from (f"{part}: {name}: only in OLD" for name in before if name not in after)
        yield from (f"{part}: {name}: only in NEW" for name in after if name not in before)


def show(changes: list[Change]) -> str:
    """The changes as a table, the largest ratios first."""
    columns = ("part", "row", "variant", "in", "OLD", "NEW", "NEW / OLD", "beyond noise")
    lines = [
        (
            change.part,
            change.row,
            change.variant,
            f"of {change.reference}" if change.reference else "seconds",
            _range(change.old),
            _range(change.new),
            f"{change.ratio:.2f}",
            change.verdict,
        )
        for change in sorted(changes, key=lambda change: -change.ratio)
    ]
    return reading.table(columns, lines)


def _rows(record):
    return {row["name"]: row["seconds"] for row in record["rows"] if "seconds" in row}


def _changes(part, row, old, new):
    shared = [name for name in new if name in old]
    reference = next((name for name in shared if name.startswith(OTHERS)), "")
    for name in shared:
        if not name.startswith(OTHERS):
            rounds = [reading.ratios(one, name, reference) if reference else one[name] for one in (old, new)]
            yield Change(part, row, name, reference, *map(reading.spread, rounds))


def _range(spread):
    return f"{spread.median:.4g} [{spread.low:.4g}, {spread.high:.4g}]"


if __name__ == "__main__":
    main()
