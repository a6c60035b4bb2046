"""How well anonymization protects against recognizers: do they still match the anonymized pictures?

    from perface_jax import privacy

    threshold = privacy.match_threshold(originals, persons)                       # at a false accept rate of 1e-3
    similarity = privacy.paired_similarity(originals, anonymized)
    privacy.protection_success(similarity, threshold.value, persons)              # share no longer matched
    privacy.share(privacy.found_within(privacy.ranks(anonymized, originals, persons), k=1), persons)       # Re-ID
    privacy.adaptive_attack(anonymized, originals, persons)      # Re-ID by an attacker that learned on other people
    privacy.recognizer_table({"r50": (originals, anonymized)}, persons=persons, groups={"sex": sex})   # all at once

Embeddings are floating `[N, D]`, from any recognizer, and need not be normalized; similarity is their cosine. `persons`
names the person in each picture, integers or strings `[N]`; None = every picture shows a different person. Arrays that
are not embeddings, and persons or scores that do not fit, raise TypeError or ValueError. NumPy in float64; cosines are
rounded to 12 decimals, so that identical pictures tie on every processor. A pair is accepted (matched) if its
similarity is GREATER than the threshold (`verification`); an equal similarity counts as protected. `roc`,
`true_accept_rate` and `equal_error_rate` are those of `verification`.

Intervals are 95%, and allow for several pictures of one person. Intervals of shares are Clopper and Pearson's for the
effective number of pictures (`share`). All others draw whole persons, and are expanded percentiles
(`statistics.estimates`): `seed` and `resamples` are those of the bootstrap, which holds resamples x persons numbers at
once. No p-value of a gap is corrected for the number of gaps; apply `statistics.multiple.holm` to those of a table.

A score promises nothing about other recognizers, which may match what this one does not. `adaptive_attack` says what a
simple adversary finds who learns; a stronger one finds more.

Sources: PerceptFace (arXiv 2509.11249) for the protection success rate; Face Anonymization Made Simple
(arXiv 2411.00762) for Re-ID.
"""

from perface_jax.privacy.adaptive_attack import FEWEST_ATTACKED, AdaptiveAttack, Matches, adaptive_attack
from perface_jax.privacy.equal_errors import equal_error
from perface_jax.privacy.gaps import Gap, largest_gap
from perface_jax.privacy.identification import Ranks, cumulative_match, found_within, ranks
from perface_jax.privacy.pairs import ImpostorPairs, genuine_pairs, impostor_pairs, paired_similarity
from perface_jax.privacy.recognizer_tables import (
    RecognizerCurve,
    RecognizerGap,
    RecognizerRow,
    RecognizerTable,
    recognizer_table,
)
from perface_jax.privacy.shares import protection_success, share
from perface_jax.privacy.thresholds import independent_threshold, match_threshold, pairs_needed
from perface_jax.verification import Roc, equal_error_rate, roc, true_accept_rate

__all__ = [
    "FEWEST_ATTACKED",
    "AdaptiveAttack",
    "Gap",
    "ImpostorPairs",
    "Matches",
    "Ranks",
    "RecognizerCurve",
    "RecognizerGap",
    "RecognizerRow",
    "RecognizerTable",
    "Roc",
    "adaptive_attack",
    "cumulative_match",
    "equal_error",
    "equal_error_rate",
    "found_within",
    "genuine_pairs",
    "impostor_pairs",
    "independent_threshold",
    "largest_gap",
    "match_threshold",
    "paired_similarity",
    "pairs_needed",
    "protection_success",
    "ranks",
    "recognizer_table",
    "roc",
    "share",
    "true_accept_rate",
]
