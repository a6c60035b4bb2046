"""How well similarities agree with human judgments: pure functions of embeddings, similarities and votes.

    from perface_jax import metrics

    scores = metrics.triplet_scores(reference, positive, negative)            # [T] in {0, 1/2, 1}
    low, high = metrics.score_interval(scores, source, target)                # of their mean
    test = metrics.robust_test(scores, other_scores, source, target)          # better than another model?
    agreement = metrics.vote_agreement(choices)                               # human agreement
    best = metrics.achievable_accuracy(metrics.vote_histograms(choices))      # of any predictor, given these votes
    table = metrics.lookup_baseline(training_labels, training_source, labels, source, size=80)  # image-blind baseline
    logistic = metrics.fit_logistic(difference, votes_for_a, votes)           # similarity gap -> votes

Arrays may come from any model, as NumPy or JAX arrays. Leading dimensions are free, masks are called `where`. Dtypes
(TypeError) and shapes (ValueError) are checked, values are not: NaN in gives NaN out. All functions are traceable
except `mcnemar`, `achievable_accuracy`, `vote_histograms` and those of `calibration_uncertainty`, which run on the
host. Intervals and tests come from `perface_jax.statistics`; docs/statistics.md says what each number means and how far
to trust it.
"""

from perface_jax.metrics.achievable_accuracy import Achievable, AchievableAccuracy, achievable_accuracy, vote_histograms
from perface_jax.metrics.baselines import lookup_baseline, majority_side
from perface_jax.metrics.calibration import Calibration, Logistic, calibration, fit_logistic, vote_log_likelihood
from perface_jax.metrics.calibration_uncertainty import (
    CalibrationReference,
    calibration_reference,
    perfect_errors,
    reliability_intervals,
)
from perface_jax.metrics.human_agreement import (
    NoiseCeiling,
    bapps_ceiling,
    noise_ceiling,
    vote_against_others,
    vote_agreement,
)
from perface_jax.metrics.triplets import odd_one_out_scores, pair_scores, soft_scores, triplet_accuracy, triplet_scores
from perface_jax.statistics.cluster_bootstrap import bootstrap_means, cluster_interval
from perface_jax.statistics.cluster_robust import RobustMean, robust_interval, robust_mean
from perface_jax.statistics.paired_tests import (
    McNemar,
    PairedTest,
    equivalence_test,
    mcnemar,
    paired_bootstrap,
    robust_test,
    sign_flip_test,
)
from perface_jax.statistics.score_intervals import score_interval

__all__ = [
    "Achievable",
    "AchievableAccuracy",
    "Calibration",
    "CalibrationReference",
    "Logistic",
    "McNemar",
    "NoiseCeiling",
    "PairedTest",
    "RobustMean",
    "achievable_accuracy",
    "bapps_ceiling",
    "bootstrap_means",
    "calibration",
    "calibration_reference",
    "cluster_interval",
    "equivalence_test",
    "fit_logistic",
    "lookup_baseline",
    "majority_side",
    "mcnemar",
    "noise_ceiling",
    "odd_one_out_scores",
    "pair_scores",
    "paired_bootstrap",
    "perfect_errors",
    "reliability_intervals",
    "robust_interval",
    "robust_mean",
    "robust_test",
    "score_interval",
    "sign_flip_test",
    "soft_scores",
    "triplet_accuracy",
    "triplet_scores",
    "vote_against_others",
    "vote_agreement",
    "vote_histograms",
    "vote_log_likelihood",
]
