"""How a study stands, for its admin page: who has done how much, how careful they are, how far they agree."""

import itertools
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from perface_jax.collection.steps import Steps
from perface_jax.collection.store import Annotator, Store
from perface_jax.collection.trials import Kind, Vote


def progress(steps: Steps, store: Store) -> dict[str, Any]:
    """The study as a whole, and a row for each annotator. Shares are None where there is nothing to count."""
    votes = {name: list(given) for name, given in itertools.groupby(store.votes(), key=lambda vote: vote.annotator)}
    rows = [_row(steps, one, votes.get(one.annotator, [])) for one in store.annotators()]
    planned = sum(row["of"] for row in rows)
    given = list(itertools.chain.from_iterable(votes.values()))
    return {
        "title": steps.study.plan.title,
        "stopped": store.stopped(),
        "given": sum(row["given"] for row in rows),
        "planned": planned,
        "finished": sum(row["state"] == "finished" for row in rows),
        "agreement": agreement(given),
        "annotators": rows,
    }


def agreement(votes: Iterable[Vote]) -> dict[str, Any]:
    """The share of the pairs of people who chose the same picture of a triplet; dummies and repeats do not count."""
    of_triplet: dict[str, list[int]] = {}
    for vote in votes:
        if vote.kind is Kind.VOTE:
            of_triplet.setdefault(vote.triplet, [0, 0])[vote.choice == "b"] += 1
    pairs = sum((a + b) * (a + b - 1) // 2 for a, b in of_triplet.values())
    same = sum((a * (a - 1) + b * (b - 1)) // 2 for a, b in of_triplet.values())
    return {"share": same / pairs if pairs else None, "pairs": pairs, "triplets": len(of_triplet)}


def _row(steps: Steps, annotator: Annotator, votes: Sequence[Vote]) -> dict[str, Any]:
    of = 0 if annotator.number is None else len(steps.plan(annotator.number)[0])
    begun = "invited" if annotator.number is None else "begun"
    dummies = [vote.choice == vote.expected for vote in votes if vote.kind is Kind.DUMMY]
    chosen = {vote.trial: vote.choice for vote in votes}
    repeats = [vote.choice == chosen[vote.repeat_of] for vote in votes if vote.repeat_of is not None]
    counted = [vote for vote in votes if vote.kind is not Kind.PRACTICE]
    return {
        "annotator": annotator.annotator,
        "state": "finished" if of and len(votes) >= of else begun,
        "given": len(votes),
        "of": of,
        "dummies": len(dummies),
        "failed": dummies.count(False),
        "repeats": len(repeats),
        "same": repeats.count(True),
        "left": sum(vote.side == "left" for vote in counted) / len(counted) if counted else None,
        "seconds": statistics.median(vote.milliseconds for vote in counted) / 1000 if counted else None,
        "last": votes[-1].time if votes else annotator.consented,
    }
