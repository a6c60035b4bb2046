"""How many independent yes-or-no answers a share over clusters is worth, for NumPy and JAX arrays alike.

With the share p and its cluster-robust variance v, without small-sample factor, the data estimate `n = p (1 - p) / v`.
An n above the number G of clusters is uncertain, because v comes from G clusters only. It is therefore reduced by the
squared ratio of the t quantiles with n - 1 and with G - 1 degrees of freedom. Copies of a triplet within its cluster
change nothing.

Near 0 and 1 this estimate is poor: one error in one cluster looks independent, whatever the clusters are like, and
without an error there is no variance at all. The safe answer is then G. `effective_size` moves from one answer to the
other with the number of clusters that have errors, so nothing jumps when the last error disappears.

Source: Korn & Graubard, Survey Methodology 24 (1998), for the size and a t correction of this kind. The move to the
number of clusters is ours; docs/statistics.md has the coverage.
"""

from typing import Any

FEW = 3.0  # with errors in this many clusters, both answers have equal weight


def effective_size(estimated: Any, clusters: Any, spread: Any) -> Any:
    """`estimated^w clusters^(1 - w)` with `w = spread^2 / (spread^2 + 9)`.

    Args:
      estimated: p (1 - p) / v, above 0.
      clusters: the number of clusters.
      spread: from `spread_of`, for errors or for successes, whichever is smaller.
    """
    weight = spread * spread / (spread * spread + FEW * FEW)
    return estimated**weight * clusters ** (1 - weight)


def spread_of(total: Any, squares: Any, *, least: Any) -> Any:
    """The number of clusters that share the errors: the smaller of `total` and `total^2 / squares`.

    `total` is the sum of the errors over the clusters, `squares` the sum of their squares. c clusters with equally many
    errors give c. `least`, a number too small to be an error, makes 0 / 0 a 0.
    """
    equal = total * total / (squares + least)
    return (equal + total - abs(equal - total)) / 2
