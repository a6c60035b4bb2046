"""Who would be dropped under which rule, what it costs in votes, and how far the others then agree."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from perface_jax.annotations.annotator_checks import AnnotatorCheck
from perface_jax.annotations.votes import Votes
from perface_jax.statistics.resampling import divide
from perface_jax.statistics.votes import agreeing_pairs

MANY_DUMMIES = 0.2  # the share of dummies that careful annotators may miss


class Exclusion(NamedTuple):
    """One rule: who is dropped, how many votes they gave, and how many pairs of the other votes agree."""

    rule: str
    dropped: tuple[str, ...]
    votes: int
    agreement: float


def _missed(check: AnnotatorCheck) -> float:
    return check.dummies[0] / check.dummies[1] if check.dummies else 0.0


RULES: dict[str, Callable[[AnnotatorCheck], bool]] = {
    "a dummy missed (the paper's)": lambda check: _missed(check) > 0,
    "a fifth of dummies missed": lambda check: _missed(check) > MANY_DUMMIES,
    "side": lambda check: check.side is not None and (check.side.biased or check.side.straight),
    "speed": lambda check: check.speed is not None and check.speed.too_fast,
    "repeats": lambda check: check.inconsistent,
    "no better than chance": lambda check: check.by_chance,
}
CARELESS = "any but the paper's"


def exclusions(votes: Votes, checks: tuple[AnnotatorCheck, ...]) -> tuple[Exclusion, ...]:
    """What every rule does, then all rules but the first together; () if the file does not say who voted."""
    if not checks or votes.annotator is None:
        return ()
    who = {rule: {check.name for check in checks if holds(check)} for rule, holds in RULES.items()}
    who[CARELESS] = set().union(*[names for rule, names in who.items() if rule != next(iter(RULES))])
    return tuple(_exclusion(votes, rule, names) for rule, names in who.items())


def _exclusion(votes: Votes, rule: str, names: set[str]) -> Exclusion:
    dropped = [k for k, name in enumerate(votes.annotators) if name in names]
    annotator = np.full(votes.votes.shape, -1) if votes.annotator is None else votes.annotator
    out = np.isin(annotator, dropped) & (votes.votes >= 0)
    same, pairs = agreeing_pairs(np.where(out, -1, votes.votes))
    agreement = float(divide(same.sum(), pairs.sum()))
    return Exclusion(rule, tuple(votes.annotators[k] for k in dropped), int(out.sum()), agreement)
