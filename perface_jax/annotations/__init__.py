"""Human votes on face triplets: reading, auditing, repairing, labels, and splits without leakage.

NumPy only; nothing is moved, dropped or repaired unless you ask for it.

    votes = read_answers("triplet_answers.csv")
    print(audit(votes, grid=(80, 80)).report())       # also: perface audit triplet_answers.csv
    votes = reorder(votes, "ans3", order_change(grid_order("target_major", 80, 80), grid_order("group_major", 80, 80)))
    labels = unanimous(votes)
    source_id, target_id = cells("group_major", 80, 80)
    split(source_id, target_id).rows["train"]         # or read_split("split.csv", votes.ids)
"""

from perface_jax.annotations.audit_report import Audit
from perface_jax.annotations.audit_result import OrderAlarm
from perface_jax.annotations.audits import audit
from perface_jax.annotations.crowd import CrowdResult, glad, mace
from perface_jax.annotations.id_files import TripletIds, order_of, read_ids
from perface_jax.annotations.labels import Labels, LabelWarning, dawid_skene, majority, unanimous, vote_share
from perface_jax.annotations.odd_one_out import OddOneOut, read_odd_one_out
from perface_jax.annotations.orders import (
    GridOrder,
    Kind,
    OrderChange,
    cells,
    grid_order,
    grid_orders,
    order_change,
    reorder,
    square_grid,
)
from perface_jax.annotations.readers import read_answers
from perface_jax.annotations.reliability import Hierarchy, Reliability, ReliabilityResult, annotator_reliability
from perface_jax.annotations.repairs import repair
from perface_jax.annotations.split_files import read_split
from perface_jax.annotations.splits import (
    Seen,
    Setting,
    Split,
    SplitBy,
    SplitWarning,
    Validation,
    random_split,
    split,
)
from perface_jax.annotations.votes import Dummies, Votes

__all__ = [
    "Audit",
    "CrowdResult",
    "Dummies",
    "GridOrder",
    "Hierarchy",
    "Kind",
    "LabelWarning",
    "Labels",
    "OddOneOut",
    "OrderAlarm",
    "OrderChange",
    "Reliability",
    "ReliabilityResult",
    "Seen",
    "Setting",
    "Split",
    "SplitBy",
    "SplitWarning",
    "TripletIds",
    "Validation",
    "Votes",
    "annotator_reliability",
    "audit",
    "cells",
    "dawid_skene",
    "glad",
    "grid_order",
    "grid_orders",
    "mace",
    "majority",
    "order_change",
    "order_of",
    "random_split",
    "read_answers",
    "read_ids",
    "read_odd_one_out",
    "read_split",
    "reorder",
    "repair",
    "split",
    "square_grid",
    "unanimous",
    "vote_share",
]
