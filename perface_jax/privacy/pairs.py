"""Similarities of pairs of pictures: of two persons (impostor pairs), of one person (genuine pairs)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int, Int32, Num

from perface_jax.arrays import AnyArray
from perface_jax.privacy.arguments import Persons, directions, numbered

BLOCK = 256  # rows compared with all others at once
DECIMALS = 12


class ImpostorPairs(NamedTuple):
    """Pairs of pictures of two different persons, each once, most similar first.

    `persons` are positions in `pictures`, the number of pictures of each person, in sorted order.
    """

    similarity: Float64[np.ndarray, " k"]
    persons: Int32[np.ndarray, "k 2"]
    pictures: Int[np.ndarray, " s"]


def paired_similarity(
    originals: Float[AnyArray, "n d"], anonymized: Float[AnyArray, "n d"]
) -> Float64[np.ndarray, " n"]:
    """Cosine of each original and its anonymized picture."""
    originals, anonymized = directions(originals, "originals"), directions(anonymized, "anonymized")
    if originals.shape != anonymized.shape:
        raise ValueError(
            f"originals have shape {originals.shape}, anonymized {anonymized.shape}; wanted the same, with row i of one"
            " made from row i of the other"
        )
    return np.sum(originals * anonymized, axis=1).round(DECIMALS)


def impostor_pairs(
    embeddings: Float[AnyArray, "n d"], persons: Persons | None = None, *, keep: int | None = None
) -> ImpostorPairs:
    """The cosines of all pairs of pictures of two different persons.

    A threshold needs only the most similar pairs. With `keep`, memory is 16 bytes for each pair kept and 40 for each of
    256 N pairs compared at once. Without it, N (N - 1) / 2 pairs are kept, 800 MB for N = 10,000.

    Args:
      persons: None = all different. The same picture under two ids is an impostor pair with similarity 1, and raises
        every threshold.
      keep: how many of the most similar pairs to keep; None: all.

    Raises:
      ValueError: fewer than two persons.
    """
    vectors, person = directions(embeddings, "embeddings"), numbered(persons, len(embeddings))
    pictures = counted(person)
    similarity, people = np.empty(0), np.empty((0, 2), np.int32)
    for cosines, rows in blocks(vectors, person, same=False):
        similarity = np.concatenate([similarity, cosines])
        people = np.concatenate([people, person[rows].astype(np.int32)])
        if keep is not None and len(similarity) > keep:
            highest = np.argpartition(similarity, len(similarity) - keep)[-keep:]
            similarity, people = similarity[highest], people[highest]
    order = np.argsort(-similarity, kind="stable")
    return ImpostorPairs(similarity[order], people[order], pictures)


def genuine_pairs(embeddings: Float[AnyArray, "n d"], persons: Persons) -> Float64[np.ndarray, " p"]:
    """The cosines of all pairs of pictures of one person, each pair once; ValueError if nobody has two pictures."""
    vectors, person = directions(embeddings, "embeddings"), numbered(persons, len(embeddings))
    if len(set(person)) == len(person):
        raise ValueError(f"{len(person)} pictures of {len(person)} persons; wanted two or more pictures of somebody")
    return np.concatenate([cosines for cosines, _ in blocks(vectors, person, same=True)])


def blocks(
    vectors: Float64[np.ndarray, "n d"], person: Int[np.ndarray, " n"], *, same: bool
) -> Iterator[tuple[Float64[np.ndarray, " p"], Int[np.ndarray, "p 2"]]]:
    """The pairs of one person, or of two, each once, a block at a time: cosines and rows."""
    for start in range(0, len(vectors), BLOCK):
        rows = slice(start, start + BLOCK)
        wanted = np.triu((person[rows, None] == person[start:]) == same, 1)
        yield cosines(vectors[rows], vectors[start:])[wanted], np.argwhere(wanted) + start


def cosines(x: Float64[np.ndarray, "q d"], y: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, "q n"]:
    """Cosines of unit vectors, rounded."""
    return (x @ y.T).round(DECIMALS)


def counted(person: Int[np.ndarray, " n"]) -> Int[np.ndarray, " s"]:
    """The number of pictures of each person. ValueError with fewer than two persons."""
    pictures = np.bincount(person)
    if len(pictures) < 2:
        raise ValueError(
            f"pictures: {len(person)}, persons: {len(pictures)}; wanted two persons or more. Give originals of other"
            " people as impostors, or correct `persons`"
        )
    return pictures


def weight_of_pairs(pictures: Num[np.ndarray, " s"]) -> float:
    """The total weight of all impostor pairs, given the total weight of each person's pictures."""
    return (pictures.sum(axis=-1) ** 2 - np.square(pictures).sum(axis=-1)) / 2
