"""Odd-one-out judgments: which of three pictures is least like the other two."""

import json
import pathlib
from typing import NamedTuple

import numpy as np


class OddOneOut(NamedTuple):
    """Odd-one-out judgments: which of three pictures is least like the other two.

    Attributes:
      triplets: int64 [N, 3], the ids of the three pictures.
      position: int8 [N], 0, 1 or 2, the odd one among them.
      annotator: int32 [N], an index into `annotators`.
      annotators: the ids of the annotators.
    """

    triplets: np.ndarray
    position: np.ndarray
    annotator: np.ndarray
    annotators: tuple[str, ...]


def read_odd_one_out(path) -> OddOneOut:
    """Read the odd-one-out judgments of A View From Somewhere (`ooo_*.json`).

    The file holds trials: {"0": {"triplet_questions": [[int, int, int], ...], "odd_one_out_positions": [int, ...],
    "annotator_id": str}, ...}; further fields (`split`) are left alone.

    Returns:
      OddOneOut, the judgments of all trials in the order of the file.

    Raises:
      ValueError: not JSON, no trials, a field missing, triplets that are not three numbers, positions other than 0, 1
        and 2, or not as many positions as triplets. Names file and trial.

    Source: Andrews, Joniak, Xiang, A View From Somewhere, ICLR 2023.
    """
    try:
        trials = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error})") from error
    if not isinstance(trials, dict) or not trials:
        raise ValueError(f"{path}: wanted an object of trials, {{'0': {{'triplet_questions': ...}}, ...}}")
    triplets, positions, who = zip(*(_trial(path, name, trial) for name, trial in trials.items()), strict=True)
    annotators = tuple(dict.fromkeys(who))
    index = {name: i for i, name in enumerate(annotators)}
    annotator = np.repeat([index[name] for name in who], [len(p) for p in positions])
    return OddOneOut(np.concatenate(triplets), np.concatenate(positions), annotator.astype(np.int32), annotators)


def _trial(path, name, trial) -> tuple[np.ndarray, np.ndarray, str]:
    wanted = ("triplet_questions", "odd_one_out_positions", "annotator_id")
    missing = [field for field in wanted if not isinstance(trial, dict) or field not in trial]
    if missing:
        raise ValueError(f"{path}, trial {name}: {', '.join(missing)} missing, wanted {', '.join(wanted)}")
    questions, positions = trial["triplet_questions"], trial["odd_one_out_positions"]
    if not isinstance(questions, list) or any(
        not isinstance(q, list) or len(q) != 3 or not all(type(i) is int for i in q) for q in questions
    ):
        raise ValueError(f"{path}, trial {name}: every entry of triplet_questions must be three whole numbers")
    if not isinstance(positions, list) or len(positions) != len(questions):
        raise ValueError(f"{path}, trial {name}: {len(questions)} triplets need as many positions, got {positions!r}")
    if not all(type(position) is int and position in (0, 1, 2) for position in positions):
        raise ValueError(f"{path}, trial {name}: odd_one_out_positions must be 0, 1 or 2, got {positions}")
    triplets = np.array(questions, dtype=np.int64).reshape(-1, 3)
    return triplets, np.array(positions, dtype=np.int8), str(trial["annotator_id"])
