"""A split from a file: which triplets are trained on and which are tested, as their authors divided them.

    tripletId,setting
    t0000,train
    t0007,iii

The settings are those of `splits`: train, validation, i, ii, iii or test. The file is used unchanged, even if a source
is on both sides. `Split.seen` counts how many sources and targets of a setting training has, if their ids are known.
Print these counts beside every score.
"""

import os
import pathlib
from collections.abc import Collection, Sequence

import numpy as np
from jaxtyping import Int

from perface_jax.annotations.splits import Setting, Split, SplitBy
from perface_jax.annotations.tables import read_lines, read_table, wrong

COLUMNS = ("tripletId", "setting")


def read_split(
    path: str | os.PathLike,
    triplets: Sequence[str],
    *,
    source_id: Int[np.ndarray, " t"] | None = None,
    target_id: Int[np.ndarray, " t"] | None = None,
    others: Collection[str] = (),
    training: bool = True,
) -> Split:
    """Read a CSV file with the columns tripletId and setting, in any order; other columns are ignored.

    Triplets that the file does not name are counted as unused.

    Args:
      triplets: all triplets of the data set, in its order.
      source_id, target_id: of these triplets; None or -1 if unknown.
      others: further triplets that the file may name, such as those whose pictures cannot be read.
      training: whether the split is for training. For evaluation alone, test triplets are enough.

    Raises:
      ValueError: a missing column, an empty cell, a repeated or unknown triplet, an unknown setting; no triplet to
        train on (with `training`), or no triplet at all.
    """
    path = pathlib.Path(path)
    rows = read_table(path, COLUMNS, known=(*triplets, *others))
    place, found = {triplet: i for i, triplet in enumerate(triplets)}, {setting: [] for setting in Setting}
    for triplet, cells in rows.items():
        if cells["setting"] not in list(Setting):
            line = _line(path, triplet)
            raise wrong(path, line, f"the setting '{cells['setting']}'", f"one of {', '.join(_ORDER)}")
        if triplet in place:
            found[Setting(cells["setting"])].append(place[triplet])
    _check(path, found, training)
    kept = {setting: np.sort(np.array(found[setting], np.int64)) for setting in _ORDER if found[setting]}
    kept.setdefault(Setting.VALIDATION, np.empty(0, np.int64))
    unused = len(triplets) - sum(map(len, kept.values()))
    unknown = source_id is None or target_id is None or min(source_id.min(), target_id.min()) < 0
    description = f"by {path.name}" + (", sources and targets unknown" if unknown else "")
    ids = (None, None) if unknown else (source_id, target_id)
    return Split(SplitBy.FILE, kept, *ids, unused, description)


_ORDER = (Setting.TRAIN, Setting.VALIDATION, *(setting for setting in Setting if setting.is_test))


def _line(path: pathlib.Path, triplet: str) -> int:
    return next(number for number, row in read_lines(path) if triplet in row)


def _check(path, found, training) -> None:
    counts = ", ".join(f"{setting} {len(found[setting])}" for setting in _ORDER)
    if training and not found[Setting.TRAIN]:
        raise ValueError(f"{path}: no triplet of the data set has the setting train ({counts})")
    if not any(found.values()):
        raise ValueError(f"{path}: no triplet of the data set has a setting ({counts})")
