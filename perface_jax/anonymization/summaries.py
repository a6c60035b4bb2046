"""The summary of an anonymization page: each method under the recognizer that matches most of its results."""

from collections.abc import Sequence

from perface_jax.anonymization.benchmark import Benchmark, BenchmarkRow
from perface_jax.anonymization.proposals import ProposalRow
from perface_jax.formatting import estimate
from perface_jax.report import Measure, Score, Summary

PROTECTED, PERCEIVED, LEARNED = "protected", "perceived", "learned Re-ID"
MEASURES = {
    PROTECTED: Measure("Protected: share of results that are not matched, under the recognizer that matches most"),
    LEARNED: Measure("Re-identified by an attacker that learned on other people, with the network that finds most"),
    PERCEIVED: Measure("Perceived similarity: mean cosine of result and original under the perceptual model"),
}


def benchmark_summary(found: Benchmark) -> Summary | None:
    """The share of protected results, and the perceived similarity, of every method; None without a recognizer."""
    worst = _worst(found.overall())
    if not worst:
        return None
    scores = [Score(PROTECTED, row.method, *row.matched.protected) for row in worst]
    perceived = [Score(PERCEIVED, row.method, *row.perceived) for row in worst if row.perceived]
    learned = _learned(found)
    best = max(worst, key=lambda row: row.matched.protected.value)
    verdict = (
        f"{best.method} has the highest share of protected results of {len(worst)} methods:"
        f" {estimate(best.matched.protected)}."
    )
    most = max(perceived, key=lambda score: score.value, default=None)
    details = f"Most similar to its originals, as perceived: {most.name} ({most.value:.3f})." if most else ""
    recognizers = dict.fromkeys(row.matched.recognizer for row in found.overall())
    run = (
        f"Recognizers: {', '.join(recognizers)}; matched means above the threshold at a false accept rate of"
        f" {found.false_accept_rate:g}."
    )
    return Summary(
        verdict, [*scores, *learned, *perceived], run, MEASURES, details, "Bars and brackets: 95% intervals."
    )


def proposal_summary(rows: Sequence[ProposalRow], originals: Sequence[str]) -> Summary:
    """How many originals have a result that the policy admits."""
    selected = [row for row in rows if row.selected]
    natural = ", is not below the floor of naturalness," if any(row.naturalness is not None for row in rows) else ""
    verdict = (
        f"{len(selected)} of {len(originals)} faces were anonymized: their result is matched by no recognizer{natural}"
        " and its perceived similarity is in the band."
    )
    return Summary(verdict, [], f"{len(rows)} results of {len(originals)} faces were made.")


def _learned(found: Benchmark) -> list[Score]:
    """Of every method, the attack that finds most."""
    most = {}
    for row in found.attacks:
        if row.attack and (share := row.attack.learned.re_identified) > most.get(row.method, (-1.0,)):
            most[row.method] = share
    return [Score(LEARNED, name, *share) for name, share in most.items()]


def _worst(rows: Sequence[BenchmarkRow]) -> list[BenchmarkRow]:
    """Of every method, the row of the recognizer that protects it least."""
    found = {}
    for row in sorted(rows, key=lambda row: row.matched.protected.value):
        found.setdefault(row.method, row)
    return [found[name] for name in dict.fromkeys(row.method for row in rows)]
