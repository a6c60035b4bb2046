"""How well similarities agree with human judgments: pure functions of embeddings, similarities and votes.

    from perface_jax import metrics

    scores = metrics.triplet_scores(reference, positive, negative)            # [T] in {0, 1/2, 1}
    low, high = metrics.cluster_interval(key, scores, source)                 # of their mean
    test = metrics.paired_bootstrap(key, scores, other_scores, source)        # better than another model?
    ceiling = metrics.vote_agreement(choices)                                 # human agreement
    table = metrics.lookup_baseline(training_labels, training_source, labels, source, size=80)  # image-blind baseline
    logistic = metrics.fit_logistic(difference, votes_for_a, votes)           # similarity gap -> votes

Arrays may come from any model and be of NumPy or of JAX. Leading dimensions are free, masks are called `where`. Dtypes
(TypeError) and shapes (ValueError) are checked, values are not: NaN in gives NaN out. Everything but `mcnemar` is
traceable. Intervals and tests come from `perface_jax.statistics`; docs/statistics.md says what each number means and
how far to trust it.
"""

from perface_jax.metrics.baselines import lookup_baseline, majority_side
from perface_jax.metrics.calibration import Calibration, Logistic, calibration, fit_logistic, vote_log_likelihood
from perface_jax.metrics.human_agreement import bapps_ceiling, vote_against_others, vote_agreement
from perface_jax.metrics.triplets import odd_one_out_scores, pair_scores, soft_scores, triplet_accuracy, triplet_scores
from perface_jax.statistics.cluster_bootstrap import bootstrap_means, cluster_interval
from perface_jax.statistics.paired_tests import McNemar, PairedTest, mcnemar, paired_bootstrap, sign_flip_test

__all__ = [
    "Calibration",
    "Logistic",
    "McNemar",
    "PairedTest",
    "bapps_ceiling",
    "bootstrap_means",
    "calibration",
    "cluster_interval",
    "fit_logistic",
    "lookup_baseline",
    "majority_side",
    "mcnemar",
    "odd_one_out_scores",
    "pair_scores",
    "paired_bootstrap",
    "sign_flip_test",
    "soft_scores",
    "triplet_accuracy",
    "triplet_scores",
    "vote_against_others",
    "vote_agreement",
    "vote_log_likelihood",
]
