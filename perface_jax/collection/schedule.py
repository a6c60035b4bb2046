"""The order of trials: random, but no source again within a number of trials."""

import collections
from collections.abc import Hashable, Sequence

import numpy as np


def arrange(
    random: np.random.Generator, sources: Sequence[Hashable], *, spacing: int, before: Sequence[Hashable] = ()
) -> list[int]:
    """An order of trials in which `spacing` trials of other sources are between two of one source.

    Of the sources that may follow, the one with the most trials left does; ties are drawn, and so is which of its
    trials it is. This finds an order if there is one, up to the trials before.

    Args:
      sources: of every trial.
      before: the sources of trials that come first.

    Raises:
      ValueError: a source has too many of the trials.
    """
    waiting = collections.defaultdict(list)
    for trial in np.argsort(random.random(len(sources))):
        waiting[sources[trial]].append(int(trial))
    recent, order = collections.deque(before, maxlen=spacing), []
    while waiting:
        free = [source for source in waiting if source not in recent]
        if not free:
            source, count = collections.Counter(sources).most_common(1)[0]
            raise ValueError(
                f"source {source} is in {count} of {len(sources)} trials, and not to be shown within {spacing} trials "
                "again; lower 'spacing' in the plan, or give each annotator fewer trials"
            )
        draw = random.random(len(free))
        source = free[max(range(len(free)), key=lambda k: (len(waiting[free[k]]), draw[k]))]
        order.append(waiting[source].pop())
        recent.append(source)
        if not waiting[source]:
            del waiting[source]
    return order
