"""The settings of `--part=anonymize` and `--part=privacy`; docs/anonymization.md explains them."""

from ml_collections import ConfigDict

from perface_jax import settings
from perface_jax.anonymization.anonymize import Prefer
from perface_jax.anonymization.methods import Baseline
from perface_jax.anonymization.preservation import RETOUCHES
from perface_jax.evaluation import settings as evaluation
from perface_jax.settings import POSITIVE, Check, interval, one_of, some_of, triplets_only

BASELINES = tuple(baseline.name.lower() for baseline in Baseline)
PREFERENCES = tuple(prefer.name.lower() for prefer in Prefer)

FIELDS = (
    triplets_only("anonymize.size", 256, "side in pixels of the square that every face is cropped to", POSITIVE),
    triplets_only("anonymize.candidates", 5, "per original: the least similar of its group (ours)", POSITIVE),
    triplets_only("anonymize.turn", 20.0, "degrees by which a candidate's head may be turned from the original's",
                  POSITIVE),
    triplets_only("anonymize.false_accept_rate", 1e-3, "of the threshold above which a recognizer matches"),
    triplets_only("anonymize.band", (-1.0, 1.0), "admitted perceived similarity of result and original",
                  interval("similarities", -1, 1)),
    triplets_only("anonymize.prefer", "fidelity", "which admitted result is best (ours)", one_of(PREFERENCES)),
    triplets_only("anonymize.naturalness", "", "file of a naturalness model; empty = none"),
    triplets_only("anonymize.floor", 0.05, "share of untouched faces refused (ours)",
                  Check("0 or more and less than 1", lambda value: 0 <= value < 1)),
    triplets_only("anonymize.degrees", (0.0, 0.25, 0.5, 0.75, 1.0), "of the swap: 0 = no change, 1 = full swap"),
    triplets_only("anonymize.references", BASELINES, "baseline anonymizers to compare with", some_of(BASELINES)),
    triplets_only("anonymize.retouch", (), "retouches after every anonymizer, as new rows", some_of(tuple(RETOUCHES))),
    triplets_only("anonymize.seed", 0, "seed of the random swap"),
)  # fmt: skip


def check(config: ConfigDict) -> None:
    """Raise a ValueError if one of these settings, or of an evaluation, is missing or wrong."""
    settings.check(config, (*evaluation.FIELDS, *FIELDS))
