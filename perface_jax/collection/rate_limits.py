"""How often somebody may ask: so many times a second over time, and some more at once."""

import collections
import time
from collections.abc import Callable

KEPT = 10_000  # of those who asked last


class RateLimit:
    """A bucket of `burst` requests for every name, refilled by `rate` requests per second."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic):
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left: collections.OrderedDict[str, tuple[float, float]] = collections.OrderedDict()

    def allows(self, name: str) -> bool:
        """Whether one more request is within the limit; it is counted if it is."""
        now = self._clock()
        left, then = self._left.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        self._left[name] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > KEPT:
            self._left.popitem(last=False)
        return left >= 1
