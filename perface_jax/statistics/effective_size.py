"""How many independent yes-or-no answers a share over clusters is worth, for NumPy and JAX arrays alike.

With the share p and its cluster-robust variance v, without small-sample factor, the data say `n = p (1 - p) / v`. If
that is more than the number G of clusters, it rests on few of them, and is reduced by the squared ratio of the t
quantiles with n - 1 and with G - 1 degrees of freedom. Copies of a triplet within its cluster change nothing.

Near 0 and 1 the data say it badly: one error in one cluster looks independent, whatever the clusters are like, and
without an error there is no variance at all. The safe answer is then G. `effective_size` moves from one answer to the
other with the number of clusters that the errors are spread over, so nothing jumps when the last error goes.

Source: Korn & Graubard, Survey Methodology 24 (1998), for the size and a t correction of this kind. That it starts from
the number of clusters, and the way there, are ours; docs/statistics.md has the coverage.
"""

from typing import Any

FEW = 3.0  # clusters with errors at which the two answers weigh the same


def effective_size(estimated: Any, clusters: Any, spread: Any) -> Any:
    """`estimated^w clusters^(1 - w)` with `w = spread^2 / (spread^2 + 9)`.

    Args:
      estimated: p (1 - p) / v, above 0.
      clusters: how many there are.
      spread: from `spread_of`, of errors or of successes, whichever is smaller.
    """
    weight = spread * spread / (spread * spread + FEW * FEW)
    return estimated**weight * clusters ** (1 - weight)


def spread_of(total: Any, squares: Any, *, least: Any) -> Any:
    """Over how many clusters errors are spread: the smaller of `total` and `total^2 / squares`.

    They are the sum over the clusters of the errors in each, and of their squares. c clusters with as many errors each
    are c. `least`, a number too small to be an error, keeps 0 / 0 at 0.
    """
    equal = total * total / (squares + least)
    return (equal + total - abs(equal - total)) / 2
