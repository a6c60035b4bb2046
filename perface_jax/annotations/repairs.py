"""Moves answer columns into the row order of the pictures: only after an alarm of the audit, and only on request."""

import numpy as np

from perface_jax.annotations.audit_result import AuditResult
from perface_jax.annotations.orders import GridOrder, OrderChange, reorder
from perface_jax.annotations.votes import Votes


def repair(votes: Votes, found: AuditResult, *, pictures: GridOrder) -> Votes:
    """Move the answer columns that are not in the row order of the pictures into it.

    A file without an alarm is returned unchanged: all its columns share one order, but votes cannot say which.
    `found` is the audit of these votes, `pictures` the row order found in the pictures.

    Raises:
      ValueError: no column has the order of the pictures, so there is no evidence for moving all of them; or a column
        to move is shifted, and votes determine the shift only roughly.
    """
    orders, wanted = found.column_orders, pictures.positions()
    away = {column: order for column, order in orders.items() if not np.array_equal(order.positions(), wanted)}
    if orders and len(away) == len(orders):
        seen = "; ".join(f"{column}: {order.words()}" for column, order in orders.items())
        raise ValueError(f"the pictures are {pictures.words()}, but no answer column is ({seen}); reorder by hand")
    for column, order in away.items():
        if order.shift:
            raise ValueError(
                f"{column} is {order.words()} (approximately): a source gets similar answers on all targets, so votes "
                "determine a shift only roughly; find out how many rows were lost or added, and reorder by hand"
            )
        votes = reorder(votes, column, OrderChange(order, pictures))
    return votes
