"""Heads that an attacker learns: two linear maps, one for anonymized pictures and one for originals.

    head(anonymized) = (anonymized - mean) A,    head(originals) = (originals - mean) B

Pairs are compared by the cosine of the mapped vectors. There are three kinds:

    FIXED    no map: the recognizer as it is.
    WITHIN   A = B = W^(-1/2), W the covariance of what the anonymizer changes. Directions that it changes most count
             least. It needs few pairs, and vectors of one space.
    ACROSS   canonical directions: A = Cx^(-1/2) U R, B = Cy^(-1/2) V R, with U S V' the singular value decomposition of
             Cx^(-1/2) Cxy Cy^(-1/2) and R = (S / (1 - S^2))^(1/2), the weights of the likelihood ratio. It follows an
             anonymizer that turns the space, and vectors of two spaces, but needs more pairs.

Each covariance C is replaced by C + shrinkage * trace(C) / d * I.

Source: within-class covariance normalization, Hatch et al. (Interspeech 2006); canonical correlations, Hotelling
(1936), with the weights of the likelihood ratio of two Gaussian views.
"""

import enum
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

SHRINKAGE = {"within": (0.003, 0.03, 0.3), "across": (0.003, 0.03, 0.3)}
LEAST = 1e-12  # variance per direction of vectors of length 1: nothing that does not change is weighted higher
STRONGEST = 0.999  # correlation: at 1, the weight of the likelihood ratio is infinite


class Kind(enum.Enum):
    """What is learned; see the module docstring."""

    FIXED = "fixed"
    WITHIN = "within"
    ACROSS = "across"


class Head(NamedTuple):
    """Two affine maps, of anonymized pictures and of originals, into a space where they are compared by cosine."""

    kind: Kind
    shrinkage: float
    anonymized_mean: Float64[np.ndarray, " d"]
    anonymized_map: Float64[np.ndarray, "d k"]
    originals_mean: Float64[np.ndarray, " e"]
    originals_map: Float64[np.ndarray, "e k"]

    def of_anonymized(self, vectors: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, "n k"]:
        """The vectors of anonymized pictures, mapped, of length 1."""
        return _unit((vectors - self.anonymized_mean) @ self.anonymized_map)

    def of_originals(self, vectors: Float64[np.ndarray, "n e"]) -> Float64[np.ndarray, "n k"]:
        """The vectors of originals, mapped, of length 1."""
        return _unit((vectors - self.originals_mean) @ self.originals_map)


def fit_heads(anonymized: Float64[np.ndarray, "n d"], originals: Float64[np.ndarray, "n e"]) -> Iterator[Head]:
    """The heads to choose from, fitted on n pairs: row i of the first was made from, or shows the person of, row i.

    FIXED and WITHIN only if both have the same length.
    """
    x, y = anonymized - anonymized.mean(0), originals - originals.mean(0)
    means = anonymized.mean(0), originals.mean(0)
    if x.shape[1] == y.shape[1]:
        yield fixed_head(x.shape[1])
        change = _Covariance(x - y)
        for shrinkage in SHRINKAGE["within"]:
            root = change.inverse_root(shrinkage)
            yield Head(Kind.WITHIN, shrinkage, means[0], root, means[1], root)
    one, other = _Covariance(x), _Covariance(y)
    cross = x.T @ y / len(x)
    for shrinkage in SHRINKAGE["across"]:
        roots = one.inverse_root(shrinkage), other.inverse_root(shrinkage)
        left, strength, right = np.linalg.svd(roots[0] @ cross @ roots[1], full_matrices=False)
        weights = np.sqrt(strength / (1 - np.minimum(strength, STRONGEST) ** 2))
        maps = roots[0] @ left * weights, roots[1] @ right.T * weights
        yield Head(Kind.ACROSS, shrinkage, means[0], maps[0], means[1], maps[1])


def fixed_head(length: int) -> Head:
    """The recognizer as it is, for vectors of this length."""
    same = np.zeros(length), np.eye(length)
    return Head(Kind.FIXED, 0.0, *same, *same)


class _Covariance:
    """Of centered rows; its eigenvectors serve all amounts of shrinkage."""

    def __init__(self, rows):
        matrix = rows.T @ rows / len(rows)
        self._level = max(np.trace(matrix) / len(matrix), LEAST)
        self._values, self._vectors = np.linalg.eigh(matrix)

    def inverse_root(self, shrinkage):
        values = np.maximum(self._values, 0) + shrinkage * self._level
        return self._vectors / np.sqrt(values) @ self._vectors.T


def _unit(vectors):
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
