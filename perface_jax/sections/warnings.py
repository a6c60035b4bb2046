"""What a reader of the accuracy table must know first, in plain words."""

import math
from collections.abc import Sequence

from perface_jax.annotations import Split, SplitBy
from perface_jax.evaluation import Kind, Role, TripletRow
from perface_jax.sections.captions import readable

FEW_SOURCES = 30  # ours: the intervals allow for any number, but few sources are few faces


def triplet_warnings(rows: Sequence[TripletRow], splits: Sequence[Split]) -> list[str]:
    """Sentences on the split, on models that an image-blind baseline beats, on few sources and on a single seed."""
    found = []
    if any(split.by is SplitBy.TRIPLETS for split in splits):
        found.append(
            "The split is by triplet: sources and targets of the test triplets were seen in training. The score"
            " measures how well answers to known sources are remembered, not how well the model handles new faces."
        )
    tested = [row for row in rows if row.setting.is_test]
    for setting in dict.fromkeys(row.setting for row in tested):
        found += _not_beaten([row for row in tested if row.setting == setting])
    models = [row for row in tested if row.kind is Kind.MODEL]
    if few := {row.setting: row.sources for row in models if 1 < row.sources < FEW_SOURCES}:
        named = ", ".join(f"{count} in {setting}" for setting, count in few.items())
        found.append(
            f"The intervals rest on few sources ({named}): they allow for that, but few sources are few faces, and more"
            " triplets of the same sources would not help."
        )
    if all(row.seeds < 2 for row in models):
        found.append("One seed: how much the numbers vary between trainings is not known.")
    return found


def _not_beaten(rows):
    """A warning where a trained or external model does not beat the best image-blind baseline of the setting."""
    baselines = [row for row in rows if row.kind is Kind.BASELINE and not math.isnan(row.accuracy)]
    if not baselines:
        return []
    best = max(baselines, key=lambda row: row.accuracy)
    models = [row for row in rows if row.role in (Role.TRAINED, Role.EXTERNAL)]
    poor = ", ".join(f"{readable(row.model)} ({row.accuracy:.3f})" for row in models if row.accuracy <= best.accuracy)
    if not poor:
        return []
    return [f"In setting {best.setting} the {readable(best.model)} ({best.accuracy:.3f}) is not beaten by {poor}."]
