"""Which candidates may replace an original: those of which a swap does not make a ghost.

A swap exchanges the inner face. The frame of glasses that lies outside of it stays, and so do half a beard and the
shading of a head that looks elsewhere. So a candidate is sorted out before swapping if its glasses or its beard differ
from the original's (from the files of attributes, where both have such a column), or if the two heads look in
directions more than `turn` degrees apart (from landmarks, where both were given).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Shaped

from perface_jax import fidelity
from perface_jax.anonymization.inputs import Inputs
from perface_jax.anonymization.preservation import in_batches
from perface_jax.datasets import portrait_files
from perface_jax.datasets.portraits import Portraits


class Looks(NamedTuple):
    """What the guard compares, of n faces."""

    faces: int  # n
    marks: Mapping[str, Shaped[np.ndarray, " n"]]  # glasses and beard, where known
    turn: Float[np.ndarray, "n 2"] | None  # yaw and pitch in degrees; None without landmarks


def read_looks(role: str, faces: Portraits, inputs: Inputs) -> Looks:
    """What is known of the originals or the candidates."""
    file = inputs.attributes.get(role)
    marks = portrait_files.read_guarded(file, faces.names) if file else {}
    if not faces.measured:
        return Looks(len(faces), marks, None)
    pose = in_batches(fidelity.head_pose, np.asarray(faces.landmarks, np.float32))
    return Looks(len(faces), marks, np.stack([pose.yaw, pose.pitch], axis=1))


def is_compatible(originals: Looks, candidates: Looks, *, turn: float) -> Bool[np.ndarray, "n m"]:
    """Whether each candidate may replace each original. What is unknown of either side is not compared.

    `turn` is in degrees, above 0; 180 admits every turn. A pose that is NaN is compatible with every other.
    """
    if not turn > 0:
        raise ValueError(f"turn is {turn}; wanted degrees above 0, for instance 20")
    found = np.ones((originals.faces, candidates.faces), bool)
    for kind in originals.marks.keys() & candidates.marks.keys():
        found &= originals.marks[kind][:, None] == candidates.marks[kind][None]
    if originals.turn is not None and candidates.turn is not None:
        apart = np.linalg.norm(originals.turn[:, None] - candidates.turn[None], axis=-1)
        found &= ~(apart > turn)
    return found
