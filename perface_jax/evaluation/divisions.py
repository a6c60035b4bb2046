"""What a reader of scores must know: how the triplets were divided, and what could not be checked."""

from collections.abc import Sequence
from typing import TypeVar

from perface_jax.annotations import Setting, SplitBy
from perface_jax.evaluation.comparisons import ComparisonRow
from perface_jax.evaluation.inputs import LabeledTriplets
from perface_jax.evaluation.triplets import TripletRow
from perface_jax.evaluation.votes import VoteRow

Row = TypeVar("Row", TripletRow, VoteRow, ComparisonRow)


def seen_in_training(data: LabeledTriplets, setting: Setting) -> str:
    """How many sources and targets of a setting training has, such as "12 of 16 sources, 0 of 12 targets".

    "unknown" without ids; "" for a split by ids, where the name of the setting says it.
    """
    if data.split.by is SplitBy.IDS:
        return ""
    found = data.split.seen(setting, data.triplets.source_id, data.triplets.target_id)
    return "unknown" if found is None else str(found)


def with_seen(rows: Sequence[Row], data: LabeledTriplets) -> list[Row]:
    """The rows of a table, with `seen` filled in: how much of their setting training has seen."""
    return [row._replace(seen=seen_in_training(data, row.setting)) for row in rows]


def notes(data: LabeledTriplets) -> list[str]:
    """Sentences on the division: sizes, what settings share with training, and what the audit could not compare."""
    found = [f"The triplets are divided {data.split}."]
    shared = {name: seen_in_training(data, name) for name, rows in data.split.rows.items() if len(rows)}
    shared = {name: text for name, text in shared.items() if text and name != Setting.TRAIN}
    if shared and set(shared.values()) == {"unknown"}:
        found.append("Sources and targets are unknown: nobody can say which of them training has seen.")
    elif shared:
        found.append(f"Seen in training: {'; '.join(f'in {name} {text}' for name, text in shared.items())}.")
    if note := data.triplets.metadata.get("order_note"):
        found.append(f"The row orders of the answer columns were not compared, and none was repaired: {note}.")
    return found
