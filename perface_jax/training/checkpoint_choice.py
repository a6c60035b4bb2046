"""What the best validation score of a run is worth.

The kept checkpoint is the best of many on the same few sources, so its validation score is too high: part of it is luck
that other sources will not repeat. Here the choice is cross-validated. For each validation source, the checkpoint is
chosen on all other sources and scored on this one. The held-out score, over all sources together, estimates the score
on new sources, because no source helps to choose the checkpoint that is scored on it. (Each choice uses one source
fewer than the run did; with two or three sources the score is mostly noise.) The best score minus the held-out one is
the optimism.

Simulated runs of 41 validations on 8 sources with 29 triplets each (in brackets with 5): the best score is too high by
.060 (.118) on average, the held-out score by -.001 (-.001), with a standard error of .002 (.003). The correction of R.
J. and R. Tibshirani (Annals of Applied Statistics 3, 2009) leaves -.027 (+.010). The root mean square error falls less,
from .098 to .096 (.143 to .126): the bias disappears, the noise of few sources remains. 2,000 runs each: `pytest
tests/training/test_checkpoint_choice.py -m slow -s`.

Source: M. Stone, "Cross-validatory choice and assessment of statistical predictions", JRSS B 36 (1974); the choice is
repeated inside each fold, as S. Varma and R. Simon ask for (BMC Bioinformatics 7:91, 2006).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Choice(NamedTuple):
    """The kept checkpoint, and what its score is worth. Scores are accuracies of triplets.

    Attributes:
      step: of the kept checkpoint.
      best: its validation score.
      held_out: the cross-validated score; NaN with fewer than two sources.
      validations, sources, triplets: their numbers.
    """

    step: int
    best: float
    held_out: float
    validations: int
    sources: int
    triplets: int

    @property
    def optimism(self) -> float:
        """How much the best score is too high."""
        return self.best - self.held_out


def assess(right: Float[np.ndarray, "e s"], triplets: Int[np.ndarray, " s"], steps: Sequence[int]) -> Choice:
    """The choice among e validations, from the right triplets of each source (ties count one half) and their numbers.

    As in training, the latest of equally good checkpoints is kept.
    """
    total, count = right.sum(axis=1), int(triplets.sum())
    kept, held_out = _last_best(total), np.nan
    if len(triplets) > 1:
        held_out = sum(right[_last_best(total - of_source), s] for s, of_source in enumerate(right.T)) / count
    return Choice(steps[kept], float(total[kept] / count), float(held_out), len(steps), len(triplets), count)


def from_log(lines: Sequence[Mapping[str, Any]]) -> dict[str, Choice]:
    """The choice of each replica ("" for a single run) whose sources are logged, from the lines of a log."""
    found = {}
    for line in lines:
        if "validation_by_source" in line:
            found.setdefault(line.get("replica", ""), {})[line["step"]] = line["validation_by_source"]
    choices = {}
    for replica, by_step in found.items():
        sources = sorted(by_step[max(by_step)])
        steps = [step for step in sorted(by_step) if sorted(by_step[step]) == sources]
        table = np.array([[by_step[step][source] for source in sources] for step in steps], float)
        choices[replica] = assess(table[..., 0], table[0, :, 1].astype(int), steps)
    return choices


def _last_best(totals: np.ndarray) -> int:
    return len(totals) - 1 - int(np.argmax(totals[::-1]))
