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
    triplets_only("parts", ("triplets",), "parts to evaluate", some_of(("triplets", "groups", "selection"))),
    Field("parts", ("verification",), "parts to evaluate", some_of(("verification",)), tasks=("identities",)),
    triplets_only("statistics.interval", "two_way", "intervals and tests: two_way (over sources and targets), source or"
                  " pigeonhole (bootstraps)", one_of(METHODS)),
    triplets_only("comparisons.margin", MARGIN, "models whose accuracy or soft score differs by less are equivalent",
                  POSITIVE),
    triplets_only("groups.folder", "data/CelebAMask-HQ", "folder of CelebAMask-HQ, as downloaded"),
    triplets_only("groups.gallery", 100, "faces per group to compare queries with", POSITIVE),
    triplets_only("groups.queries", 250, "faces per group to classify", POSITIVE),
    triplets_only("groups.seed", 0, "seed of the draw of gallery and queries"),
    triplets_only("groups.landmarks", "", 'CSV of five points per face; "" = a fixed crop, less exact'),
    triplets_only("groups.corrections", "", "CSV of attributes corrected by hand"),
    triplets_only("groups.rule", "confidence_limit", "statistic of the distances to a group", one_of(RULES)),
    triplets_only("groups.factor", 1.96, "f of confidence_limit (mean + f s / sqrt(n)) and spread_limit (mean + f s)"),
    triplets_only("groups.equalize", "no", "for groups of different sizes: limit (for confidence_limit) or subsample",
                  one_of(tuple(Equalize))),
    triplets_only("selection.queries", 1, "queries to show per group", POSITIVE),
    triplets_only("selection.candidates", 5, "per query: the least similar faces of its group (ours)", POSITIVE),
    triplets_only("selection.max_similarity", 0.5, "of two candidates, for the method that keeps them diverse (ours)"),
    triplets_only("selection.band", (0.05, 0.5), "quantiles of similarity: distinct, but not grotesque (ours)",
                  interval("quantiles", 0, 1)),
)  # fmt: skip


def check(config: ConfigDict) -> None:
    """Raise a ValueError if one of these settings is missing or wrong."""
    settings.check(config, FIELDS)
    if config.task == "triplets" and config.groups.equalize == Equalize.LIMIT and config.groups.rule != RULES[0]:
        raise ValueError(
            f"config.groups.equalize is limit, which is for the rule {RULES[0]}, and config.groups.rule is"
            f" {config.groups.rule}; wanted subsample or no"
        )
