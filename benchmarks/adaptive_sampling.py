"""Random against adaptive sampling on synthetic worlds: python -m benchmarks.adaptive_sampling [--worlds N].

Two uses of votes. Labels: how often the majority of the votes on a triplet is what an average annotator without noise
would say, after 1, 2, ... votes on every triplet on average. Models: how often a metric that is fitted to the votes
(weights of the 19 perceptual features) says so on targets without votes. Adaptive: half of the votes of a wave go to
doubtful triplets (`collection.adaptive`), by votes for labels and by the margin of the current metric for models.

Waves have as many votes as there are triplets for labels, and 48 for models. Intervals are 95%, over worlds.
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import minimize

from perface_jax import progress_bar
from perface_jax.collection.adaptive import deal_in_proportion, doubt
from perface_jax.collection.assignment import even_votes
from perface_jax.statistics.estimates import percentile_interval
from perface_jax.synthetic import annotators, world

SOURCES, TARGETS, HELD_OUT, ANNOTATORS = 40, 24, 8, 18
LABEL_WAVES, MODEL_WAVES, MODEL_WAVE = 8, 16, 48
SHARE = 0.5  # adaptive, of every wave but the first
PENALTY = 0.05  # of log weights


class Answers:
    """The triplets of a world, and votes on them by annotators drawn at random."""

    def __init__(self, seed: int):
        self.features = world.triplet_features(world.create_world(seed, sources=SOURCES, targets=TARGETS))
        people = annotators.recruit([seed, 1], self.features.shape[-1], annotators=ANNOTATORS, careless=0)
        margin = annotators.margins(people, self.features)
        self.chance = annotators.chances(people, margin, annotators.calibrate(people, margin))
        self.truth_a = margin.mean(1) > 0
        self.target, self.source = np.divmod(np.arange(len(margin)), SOURCES)
        self.random = np.random.default_rng([seed, 2])

    def ask(self, votes: np.ndarray) -> np.ndarray:
        """Votes for a and for b on every triplet, each of a person drawn at random."""
        row = np.repeat(np.arange(len(votes)), votes)
        says_a = self.random.random(len(row)) < self.chance[row, self.random.integers(0, ANNOTATORS, len(row))]
        return np.stack([np.bincount(row[said], minlength=len(votes)) for said in (says_a, ~says_a)])


def labels(seed: int, share: float) -> list[float]:
    """The share of right majority labels after each wave; a tie counts one half."""
    answers, found = Answers(seed), []
    total, n = np.zeros((2, len(answers.truth_a)), int), len(answers.truth_a)
    for wave in range(LABEL_WAVES):
        adaptive = int(share * n) if wave else 0
        votes = even_votes(answers.random, n - adaptive, answers.source)
        if adaptive:
            votes = votes + deal_in_proportion(doubt(*total), adaptive, answers.source, most=9, most_of_source=n)
        total += answers.ask(votes)
        right = np.where(total[0] == total[1], 0.5, (total[0] > total[1]) == answers.truth_a)
        found.append(float(right.mean()))
    return found


def models(seed: int, share: float) -> list[float]:
    """The accuracy of the fitted metric on targets without votes, after each wave."""
    answers, found = Answers(seed), []
    train = answers.target >= HELD_OUT
    total = np.zeros((2, len(train)), int)
    weights = np.full(answers.features.shape[-1], 1.0)
    for wave in range(MODEL_WAVES):
        adaptive, votes = int(share * MODEL_WAVE) if wave else 0, np.zeros(len(train), int)
        if adaptive:
            unsure = np.where(train, doubt(*total, _margin(weights, answers.features)), 0.0)
            votes += deal_in_proportion(unsure, adaptive, answers.source, most=9, most_of_source=MODEL_WAVE)
        fewest = np.lexsort((answers.random.random(len(train)), total.sum(0) + votes, ~train))
        votes[fewest[: MODEL_WAVE - adaptive]] += 1
        total += answers.ask(votes)
        weights = _fit(answers.features, total)
        right = (_margin(weights, answers.features) > 0) == answers.truth_a
        found.append(float(right[~train].mean()))
    return found


def _margin(weights: np.ndarray, features: np.ndarray) -> np.ndarray:
    a, b, c = np.moveaxis(features, 1, 0)
    return np.sqrt((b - c) ** 2 @ weights + 1e-9) - np.sqrt((a - c) ** 2 @ weights + 1e-9)


def _fit(features: np.ndarray, total: np.ndarray) -> np.ndarray:
    """The weights of the features whose margin explains the votes best, with a penalty for uneven weights."""
    asked = total.sum(0) > 0
    a, b, c = np.moveaxis(features[asked].astype(np.float64), 1, 0)
    near, far, votes = (a - c) ** 2, (b - c) ** 2, total[:, asked]

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        weights = np.exp(theta)
        one, other = np.sqrt(near @ weights + 1e-9), np.sqrt(far @ weights + 1e-9)
        margin = other - one
        uneven = theta - theta.mean()
        strength = PENALTY * votes.sum() ** 0.5
        value = (votes[0] * np.logaddexp(0, -margin) + votes[1] * np.logaddexp(0, margin)).sum()
        slope = votes[1] / (1 + np.exp(-margin)) - votes[0] / (1 + np.exp(margin))
        gradient = (slope @ (far / (2 * other[:, None]) - near / (2 * one[:, None]))) * weights
        return value + strength * (uneven**2).sum(), gradient + 2 * strength * uneven

    start = np.full(features.shape[-1], 1.0)
    return np.exp(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x)


def compare(curve: Callable[[int, float], list[float]], worlds: int, label: str) -> list[list[str]]:
    """A row per wave: both accuracies, and their difference with its interval over worlds."""
    seeds = progress_bar.over(range(worlds), label, "worlds", total=worlds)
    both = np.array([(curve(seed, 0.0), curve(seed, SHARE)) for seed in seeds])
    draws = np.random.default_rng(0).integers(0, worlds, (2000, worlds))
    rows = []
    for wave in range(both.shape[-1]):
        chance, adaptive = both[:, :, wave].T
        low, high = percentile_interval((adaptive - chance)[draws].mean(1))
        difference = f"{(adaptive - chance).mean():+.4f} [{low:+.4f}, {high:+.4f}]"
        saved = _votes_saved(both[:, 0].mean(0), both[:, 1].mean(0), wave)
        rows.append([str(wave + 1), f"{chance.mean():.4f}", f"{adaptive.mean():.4f}", difference, saved])
    return rows


def _votes_saved(chance: np.ndarray, adaptive: np.ndarray, wave: int) -> str:
    """The waves that adaptive sampling needs, on average, for the accuracy of random sampling after `wave`."""
    reached = np.flatnonzero(np.maximum.accumulate(adaptive) >= chance[wave])
    if not len(reached):
        return f"over {len(adaptive)}"
    first = int(reached[0])
    if first == 0:
        return "1.0"
    part = (chance[wave] - adaptive[first - 1]) / (adaptive[first] - adaptive[first - 1])
    return f"{first + part:.1f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Both comparisons as tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--worlds", type=int, default=30)
    worlds = parser.parse_args(arguments).worlds
    for curve, unit in ((labels, f"{SOURCES * TARGETS} votes"), (models, f"{MODEL_WAVE} votes")):
        print(f"{curve.__name__}, {worlds} worlds, a wave is {unit}")
        print(f"{'waves':>6}{'random':>9}{'adaptive':>10}  {'adaptive - random':26}waves for the same")
        for wave, one, other, difference, same in compare(curve, worlds, curve.__name__):
            print(f"{wave:>6}{one:>9}{other:>10}  {difference:26}{same}")


if __name__ == "__main__":
    main()
