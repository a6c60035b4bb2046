"""STEP 2: the faces of the chosen group that are least similar to a query, as candidates for a swap.

    from perface_jax import groups, selection

    chosen = groups.classify(groups.distances(queries, faces), where=members).group
    selection.least_similar(queries, faces, k=5, where=members[chosen])

With a recognizer's embeddings, `least_similar` is the "farthest under ArcFace" of My Face My Choice (WACV 2023).

Source: PerFace (ICIP 2025), sections 3.3 (STEP 2) and 4.6.
"""

from perface_jax.selection.ranking import (
    Selection,
    least_similar,
    least_similar_diverse,
    most_similar,
    random_choice,
    similarity_band,
)
from perface_jax.selection.streaming import least_similar_streaming, merge

__all__ = [
    "Selection",
    "least_similar",
    "least_similar_diverse",
    "least_similar_streaming",
    "merge",
    "most_similar",
    "random_choice",
    "similarity_band",
]
