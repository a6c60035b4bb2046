"""From pictures, or anybody's vectors, to the rows of every table.

vectors = read_vectors("vectors.npz")                    # names [N], embeddings [N, D]
similarities = triplet_similarities(vectors, triplets)   # [T, 2]
triplet_rows({"": [Run((), data, {"vectors": similarities})]})
"""

from perface_jax.evaluation.comparisons import ComparisonRow, comparison_rows
from perface_jax.evaluation.embedding import Network, embed, embed_folder, picture_names
from perface_jax.evaluation.groups import Embedded, GroupRow, embed_faces, group_rows
from perface_jax.evaluation.recognition import VerificationRow, verification_row
from perface_jax.evaluation.runs import Embedder, Run, counts, label, scores, triplet_similarities
from perface_jax.evaluation.selection import Ranked, SelectionRow, select, selection_rows
from perface_jax.evaluation.triplets import TripletRow, triplet_rows
from perface_jax.evaluation.vectors import Vectors, read_vectors, write_vectors
from perface_jax.evaluation.votes import VoteRow, held_out_log_odds, vote_rows

__all__ = [
    "ComparisonRow",
    "Embedded",
    "Embedder",
    "GroupRow",
    "Network",
    "Ranked",
    "Run",
    "SelectionRow",
    "TripletRow",
    "Vectors",
    "VerificationRow",
    "VoteRow",
    "comparison_rows",
    "counts",
    "embed",
    "embed_faces",
    "embed_folder",
    "held_out_log_odds",
    "group_rows",
    "label",
    "picture_names",
    "read_vectors",
    "scores",
    "select",
    "selection_rows",
    "triplet_rows",
    "triplet_similarities",
    "verification_row",
    "vote_rows",
    "write_vectors",
]
