"""Odd-one-out judgments: which of three pictures is least similar to the other two."""

import json
import os
from typing import NamedTuple

import numpy as np
from jaxtyping import Int8, Int32, Int64

from perface_jax import files, formatting


class OddOneOut(NamedTuple):
    """The ids of the three pictures, the position of the odd one (0, 1 or 2), and an index into `annotators`."""

    triplets: Int64[np.ndarray, "n 3"]
    position: Int8[np.ndarray, " n"]
    annotator: Int32[np.ndarray, " n"]
    annotators: tuple[str, ...]


def read_odd_one_out(path: str | os.PathLike) -> OddOneOut:
    """Read the odd-one-out judgments of A View From Somewhere (`ooo_*.json`).

    The file holds trials: {"0": {"triplet_questions": [[int, int, int], ...], "odd_one_out_positions": [int, ...],
    "annotator_id": str}, ...}; further fields (`split`) are ignored.

    Judgments keep the order of the file. Every field is checked; the message of the ValueError names file and trial,
    because a whole file may be one line.

    Source: Andrews, Joniak, Xiang, A View From Somewhere, ICLR 2023.
    """
    try:
        trials = files.read_json(path)
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
    where, wanted = (
        f"{path}, trial {formatting.shown(name, 40)}",
        ("triplet_questions", "odd_one_out_positions", "annotator_id"),
    )
    if missing := [field for field in wanted if not isinstance(trial, dict) or field not in trial]:
        raise ValueError(f"{where}: {', '.join(missing)} missing, wanted {', '.join(wanted)}")
    questions, positions, annotator = (trial[field] for field in wanted)
    if not isinstance(annotator, str) or not annotator:
        raise ValueError(f"{where}: saw {_shown(annotator)} as annotator_id, wanted the annotator's name")
    if not isinstance(questions, list) or not isinstance(positions, list):
        raise ValueError(f"{where}: wanted triplet_questions and odd_one_out_positions to be lists")
    if len(questions) != len(positions):
        raise ValueError(f"{where}: saw {len(questions)} triplets and {len(positions)} positions, wanted one for each")
    for i, (question, position) in enumerate(zip(questions, positions, strict=True)):
        if not _is_triplet(question):
            seen = f"{_shown(question)} as entry {i} of triplet_questions"
            raise ValueError(f"{where}: saw {seen}, wanted three different picture numbers from 0 to 2^63 - 1")
        if type(position) is not int or position not in (0, 1, 2):
            seen = f"{_shown(position)} as entry {i} of odd_one_out_positions"
            raise ValueError(f"{where}: saw {seen}, wanted 0, 1 or 2")
    return np.array(questions, np.int64).reshape(-1, 3), np.array(positions, np.int8), annotator


def _is_triplet(question) -> bool:
    if not isinstance(question, list) or len(question) != 3 or any(type(number) is not int for number in question):
        return False
    return len(set(question)) == 3 and min(question) >= 0 and max(question) < 2**63  # int64


def _shown(value) -> str:
    """The value as JSON, cut off if it is long."""
    return f"{json.dumps(value):.60}"
