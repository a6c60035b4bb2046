"""Votes with a known slope on crossed sources and targets, and the cosines of people who are crossed alike."""

import numpy as np
from scipy.special import expit

SLOPE = 8.0


def votes(seed, sources=20, targets=16, *, by_source=0.0, by_target=0.0, given=3):
    """Cosines [t, 2], votes for a and all votes, source and target; the log-odds vary by source and target, too."""
    random = np.random.default_rng(seed)
    source, target = (grid.reshape(-1) for grid in np.mgrid[:sources, :targets])
    similarities = 0.4 + 0.12 * random.normal(size=(source.size, 2))
    odds = SLOPE * (similarities[:, 0] - similarities[:, 1])
    odds += (by_source * random.normal(size=sources))[source] + (by_target * random.normal(size=targets))[target]
    for_a = random.binomial(given, expit(odds))
    return similarities, for_a, np.full(source.size, given), source, target


def people(seed, count=20, pictures=6, size=24):
    """Embeddings of people with several pictures each, and who is on each."""
    random = np.random.default_rng(seed)
    person = np.repeat(np.arange(count), pictures)
    own = random.normal(size=(count, size)) + 0.5
    return own[person] + 0.6 * random.normal(size=(person.size, size)), person
