"""GLAD and MACE by crowd-kit (extra `crowd`), in the types of this package. They need to know who gave each vote.

- GLAD: triplets differ in difficulty, annotators in ability; P(right) = logistic(ability x ease).
- MACE: an annotator either knows the answer or guesses, by habits of their own; `ability` is how often they know it.

crowd-kit gives no intervals; `reliability` does.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from perface_jax import extras
from perface_jax.annotations.labels import Labels, labels_of, mean_vote, require_annotators
from perface_jax.annotations.votes import Votes


class CrowdResult(NamedTuple):
    """Labels and abilities of a model of crowd-kit.

    Attributes:
      ability: of each of `votes.annotators`; NaN for one without a vote. GLAD: any number, 0 = guesses, below 0 = wrong
        more often than right. MACE: 0 to 1, the share of the answers that are not guessed.
      ease: GLAD only: how easy each triplet is, above 0; NaN without a vote.
    """

    labels: Labels
    ability: Float64[np.ndarray, " a"]
    ease: Float64[np.ndarray, " t"] | None = None


def glad(votes: Votes, *, iterations: int = 100) -> CrowdResult:
    """Labels by GLAD, from crowd-kit with its own priors. ValueError without annotators; MissingExtra without it.

    Source: Whitehill et al., NIPS 22 (2009).
    """
    require_annotators(votes, "GLAD")
    with extras.explained():
        from crowdkit.aggregation import GLAD  # pyright: ignore[reportMissingImports]
    table = _table(votes)
    model = GLAD(n_iter=iterations)
    share = _share(votes, model.fit_predict_proba(table))
    ability = _by_number(model.alphas_, len(votes.annotators))
    return CrowdResult(_labels("GLAD", votes, share), ability, np.exp(_by_number(model.betas_, len(votes.ids))))


def mace(votes: Votes, *, iterations: int = 50, seed: int = 0) -> CrowdResult:
    """Labels by MACE, from crowd-kit with its own priors. ValueError without annotators; MissingExtra without it.

    One start from `seed`: the restarts of crowd-kit 1.4 all begin with the same numbers.

    Source: Hovy et al., NAACL (2013).
    """
    require_annotators(votes, "MACE")
    with extras.explained():
        from crowdkit.aggregation import MACE  # pyright: ignore[reportMissingImports]
    table = _table(votes)
    model = MACE(n_restarts=1, n_iter=iterations, random_state=seed)
    share = _share(votes, model.fit_predict_proba(table))
    ability = np.full(len(votes.annotators), np.nan)
    ability[np.asarray(table["worker"].unique(), np.int64)] = model.spamming_[:, 1]  # in the order of first appearance
    return CrowdResult(_labels("MACE", votes, share), ability)


def _table(votes: Votes):
    import pandas

    row, slot = np.nonzero((votes.votes >= 0) & (np.asarray(votes.annotator) >= 0))
    who = np.asarray(votes.annotator)[row, slot].astype(np.int64)
    return pandas.DataFrame({"task": row, "worker": who, "label": votes.votes[row, slot].astype(np.int64)})


def _share(votes: Votes, found) -> np.ndarray:
    share = mean_vote(votes)
    share[found.index.to_numpy()] = found[1].to_numpy() if 1 in found else 0.0
    return share


def _by_number(series, count: int) -> np.ndarray:
    values = np.full(count, np.nan)
    values[series.index.to_numpy()] = series.to_numpy()
    return values


def _labels(name: str, votes: Votes, share: np.ndarray) -> Labels:
    voted = (votes.votes >= 0) & (np.asarray(votes.annotator) >= 0)
    return labels_of(name, share, np.any(voted, axis=1, keepdims=True)[:, 0])
