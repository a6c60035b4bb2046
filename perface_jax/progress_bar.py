"""How far a long loop is: one bar of at most 80 columns on a terminal, elsewhere a line now and then.

Both go to the standard error stream, and the bar is gone when the loop is done. Inside of a loop that is shown, another
one is not. The time left is measured, not guessed: nothing is said of it before the first items are done.
"""

import datetime
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
FIRST, EVERY = 5.0, 30.0  # seconds to the first line, and from one to the next


class ProgressBar:
    """A context; `update` counts items that are done: `with ProgressBar(len(faces), "drawing", "faces") as bar`."""

    _shown = False

    def __init__(self, total: int, label: str, unit: str):
        self._total, self._label, self._unit, self._done = total, label, unit, 0
        self._bar: tqdm | None = None
        self._started, self._mine = time.monotonic(), False
        self._next = self._started + FIRST

    def __enter__(self) -> "ProgressBar":
        if not ProgressBar._shown:
            ProgressBar._shown = self._mine = True
            if sys.stderr.isatty():
                columns, rows = shutil.get_terminal_size()  # of a terminal that says 0 rows, tqdm draws nothing
                unit, width = f" {self._unit}", min(80, columns)
                self._bar = tqdm(total=self._total, desc=self._label, unit=unit, leave=False, ncols=width, nrows=rows)
        return self

    def __exit__(self, *error) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._mine:
            ProgressBar._shown = False

    def update(self, count: int = 1) -> None:
        """So many more items are done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif self._mine and (now := time.monotonic()) >= self._next:
            self._next = now + EVERY
            left = (self._total - self._done) * (now - self._started) / max(self._done, 1)
            done = f"{self._label}: {self._done:,} of {self._total:,} {self._unit}"
            print(f"{done}, {duration(left)} left", file=sys.stderr, flush=True)


def over(items: Iterable[Item], label: str, unit: str, *, total: int) -> Iterator[Item]:
    """The same items; one counts as done when the next one is asked for."""
    with ProgressBar(total, label, unit) as bar:
        for item in items:
            yield item
            bar.update()


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as `1:02:03`."""
    return str(datetime.timedelta(seconds=round(seconds)))
