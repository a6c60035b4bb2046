"""Estimates and their uncertainty: what the scores, the audit and the privacy measures have in common.

| file | holds | arrays |
|---|---|---|
| `estimates` | a value with its 95% interval | NumPy |
| `resampling` | the cluster bootstrap of any formula over sums | NumPy |
| `shares` | means and shares with their intervals | NumPy |
| `effective_size` | how many independent answers a share over clusters is worth | both |
| `multiple` | several tests at once | NumPy |
| `agreement` | agreement of votes: shares, kappa, alpha, split-half reliability | NumPy |
| `beta_binomial`, `mixtures` | how vote shares vary between triplets: beta distribution, any distribution | NumPy |
| `heterogeneity` | do annotators differ? Cochran's Q, with covariates | NumPy |
| `votes` | counting the votes on a triplet | NumPy and JAX |
| `cluster_robust` | variance and interval of a mean over sources, targets or both; the default for scores | JAX |
| `score_intervals` | the same for scores from 0 to 1 | JAX |
| `cluster_bootstrap` | the same bootstrap of a mean, over one or two clusterings; traceable | JAX |
| `paired_tests` | is one model better than another? | JAX |
| `student` | Student's t, traceable | JAX |
| `cluster_ids`, `arguments` | checks of ids, dtypes and shapes | JAX |
| `planning` | the power of a planned study, by simulation | NumPy |
| `pilot` | the effects in a pilot study, for a plan | NumPy |
| `logit_normal` | shares whose logit is normal | NumPy |

The bootstrap draws whole clusters with replacement, as many as occur. A resample is a weight n_s for each cluster s,
and a mean over it is `sum_s n_s total_s / sum_s n_s count_s`, so totals and counts per cluster are computed once.
Import the files, not this package: the NumPy files do not load JAX. Only `power` can also be imported from here.
"""

from perface_jax.statistics.planning import power

__all__ = ["power"]
