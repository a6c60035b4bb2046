"""`python -m tests.fuzz --seed S --count N [--only NUMBER] [--kind KIND]`: prints each failing input by its number."""

import argparse
import collections
import pathlib
import shutil
import sys
import tempfile
import time

import tests.conftest  # noqa: F401  # compiles as the tests do
from tests.fuzz import kinds
from tests.fuzz.world import World


def main() -> None:
    """Exits with 1 where an input has a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of all inputs")
    parser.add_argument("--count", type=int, default=1000, help="of inputs")
    parser.add_argument("--start", type=int, default=0, help="number of the first input")
    parser.add_argument("--only", type=int, help="the number of one input, which is kept")
    parser.add_argument("--kind", choices=[*kinds.KINDS], help="inputs of this kind alone")
    parser.add_argument("--messages", action="store_true", help="print what was said of every input")
    chosen = parser.parse_args()
    begun, folder = time.monotonic(), pathlib.Path(tempfile.mkdtemp(prefix="fuzz_"))
    world, failed, came = World(folder), 0, collections.Counter()
    numbers = range(chosen.start, chosen.start + chosen.count) if chosen.only is None else [chosen.only]
    for number in numbers:
        tried = kinds.try_one(chosen.seed, number, folder / "case", world, only=chosen.kind)
        came[tried.came] += 1
        failed += bool(tried.faults)
        if tried.faults or chosen.messages or chosen.only is not None:
            print(f"{number}: {tried.case.what}", *map(str, tried.faults), sep="\n    ", flush=True)
            said = (tried.outcome.output + tried.outcome.errors).strip()[-600:]
            print(f"    {tried.outcome.seconds:.1f} s; said: {said!r}")
        if chosen.only is None:
            shutil.rmtree(folder / "case", ignore_errors=True)
        else:
            print(f"its files: {folder / 'case'}; the command: {' '.join(tried.case.argv)}")
    print(f"seed {chosen.seed}: {dict(came)}, {failed} with faults; {time.monotonic() - begun:.0f} s")
    if chosen.only is None:
        shutil.rmtree(folder)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
