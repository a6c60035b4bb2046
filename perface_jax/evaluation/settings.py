"""The settings of an evaluation. They may differ from one evaluation of a run to the next."""

from ml_collections import ConfigDict

from perface_jax import settings
from perface_jax.evaluation.comparisons import MARGIN
from perface_jax.evaluation.intervals import Method
from perface_jax.groups import Equalize, Rule
from perface_jax.settings import POSITIVE, Field, interval, one_of, some_of, triplets_only

RULES = tuple(rule.name.lower() for rule in Rule)
METHODS = tuple(method.value for method in Method)

FIELDS = (
    triplets_only("parts", ("triplets",), "what is evaluated", some_of(("triplets", "groups", "selection"))),
    Field("parts", ("verification",), "what is evaluated", some_of(("verification",)), tasks=("identities",)),
    triplets_only("statistics.interval", "two_way", "over what intervals and tests are: two_way (sources and targets),"
                  " source or pigeonhole (bootstraps)", one_of(METHODS)),
    triplets_only("comparisons.margin", MARGIN, "of accuracy and soft score: models that differ by less are equivalent",
                  POSITIVE),
    triplets_only("groups.folder", "data/CelebAMask-HQ", "as it was downloaded"),
    triplets_only("groups.gallery", 100, "faces in each of the four groups that queries are compared with", POSITIVE),
    triplets_only("groups.queries", 250, "faces of each group that are classified", POSITIVE),
    triplets_only("groups.seed", 0, "of the draw of gallery and queries"),
    triplets_only("groups.landmarks", "", 'CSV of five points for each face; "" = a fixed crop, less exact'),
    triplets_only("groups.corrections", "", "CSV of attributes corrected by hand"),
    triplets_only("groups.rule", "confidence_limit", "how the distance to a group is computed", one_of(RULES)),
    triplets_only("groups.factor", 1.96, "f of confidence_limit (mean + f s / sqrt(n)) and spread_limit (mean + f s)"),
    triplets_only("groups.equalize", "no", "where groups differ in size: limit (for confidence_limit) or subsample",
                  one_of(tuple(Equalize))),
    triplets_only("selection.queries", 1, "shown of each group", POSITIVE),
    triplets_only("selection.candidates", 5, "for each query: the least similar faces of its group (ours)", POSITIVE),
    triplets_only("selection.max_similarity", 0.5, "between two candidates, where they shall differ (ours)"),
    triplets_only("selection.band", (0.05, 0.5), "quantiles of similarity: distinct, but not grotesque (ours)",
                  interval("quantiles", 0, 1)),
)  # fmt: skip


def check(config: ConfigDict) -> None:
    """Raise a ValueError where one of these settings is missing or wrong."""
    settings.check(config, FIELDS)
    if config.task == "triplets" and config.groups.equalize == Equalize.LIMIT and config.groups.rule != RULES[0]:
        raise ValueError(
            f"config.groups.equalize is limit, which is for the rule {RULES[0]}, and config.groups.rule is"
            f" {config.groups.rule}; wanted subsample or no"
        )
