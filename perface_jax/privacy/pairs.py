"""Pairs of pictures and how alike a recognizer finds them: of two persons (impostors), of one (genuine)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from perface_jax.privacy.arguments import directions, numbered, paired

BLOCK = 256  # rows that are compared with all others at once
DECIMALS = 12


class ImpostorPairs(NamedTuple):
    """Pairs of pictures of two different persons, each once, most similar first.

    Attributes:
      similarity: float64 `[K]`, descending.
      persons: int32 `[K, 2]`, who is on them, positions in `pictures`.
      pictures: int `[S]`, how many pictures of each person there are, persons in sorted order.
    """

    similarity: np.ndarray
    persons: np.ndarray
    pictures: np.ndarray


def paired_similarity(originals: np.ndarray, anonymized: np.ndarray) -> np.ndarray:
    """Cosine of each original and what was made of it, float64 `[N]`; both floating `[N, D]`.

    Raises:
      TypeError, ValueError: what is no embedding, or shapes that differ.
    """
    originals, anonymized = paired(originals, anonymized)
    return np.sum(originals * anonymized, axis=1).round(DECIMALS)


def impostor_pairs(
    embeddings: np.ndarray, persons: np.ndarray | None = None, *, keep: int | None = None
) -> ImpostorPairs:
    """The cosines of all pairs of pictures of two different persons.

    A threshold needs no more than the upper end of them: with `keep`, 16 bytes for each pair kept, and 40 for each of
    256 N pairs that are looked at together; without, N (N - 1) / 2 are kept, 800 MB for N = 10,000.

    Args:
      embeddings: floating `[N, D]`.
      persons: integers or strings `[N]`, who is on each; None = all different. The same picture twice under two ids is
        an impostor pair with similarity 1, and pushes every threshold up.
      keep: how many to keep, the most similar ones; all when None.

    Raises:
      TypeError, ValueError: what is no embedding, or persons that do not fit.
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


def genuine_pairs(embeddings: np.ndarray, persons: np.ndarray) -> np.ndarray:
    """The cosines of all pairs of pictures of one person, each pair once, float64 `[P]`.

    Raises:
      TypeError, ValueError: what is no embedding, persons that do not fit, or nobody with two pictures.
    """
    vectors, person = directions(embeddings, "embeddings"), numbered(persons, len(embeddings))
    if len(set(person)) == len(person):
        raise ValueError(f"{len(person)} pictures of {len(person)} persons; wanted two or more pictures of somebody")
    return np.concatenate([cosines for cosines, _ in blocks(vectors, person, same=True)])


def blocks(vectors: np.ndarray, person: np.ndarray, *, same: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The pairs of one person, or of two, each once, a block at a time: cosines `[p]` and rows `[p, 2]`."""
    for start in range(0, len(vectors), BLOCK):
        rows = slice(start, start + BLOCK)
        wanted = np.triu((person[rows, None] == person[start:]) == same, 1)
        pairs = np.argwhere(wanted)
        yield cosines(vectors[rows], vectors[start:])[wanted], pairs + start


def cosines(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of directions `[Q, D]` and `[N, D]`: `[Q, N]`, rounded."""
    return (x @ y.T).round(DECIMALS)


def counted(person: np.ndarray) -> np.ndarray:
    """How many pictures there are of each person. ValueError with fewer than two persons."""
    pictures = np.bincount(person)
    if len(pictures) < 2:
        raise ValueError(
            f"the pictures, {len(person)}, show {len(pictures)} person; wanted two or more. Give originals of other"
            " people as impostors, or the right persons"
        )
    return pictures


def weight_of_pairs(pictures: np.ndarray) -> float:
    """How much all pairs of two persons weigh, where each picture weighs 1 and a person's together `[..., S]`."""
    return (pictures.sum(axis=-1) ** 2 - np.square(pictures).sum(axis=-1)) / 2
