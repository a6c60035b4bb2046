"""From pictures, or anybody's vectors, to the rows of every table.

vectors = read_vectors("vectors.npz")                    # names [N], embeddings [N, D]
similarities = triplet_similarities(vectors, triplets)   # [T, 2]
triplet_rows({"": [Run((), data, {"vectors": similarities})]})
"""

from perface_jax.evaluation.anonymization import Benchmark, Method, benchmark
from perface_jax.evaluation.comparisons import ComparisonRow, comparison_rows
from perface_jax.evaluation.embedding import Network, embed, embed_folder, picture_names
from perface_jax.evaluation.groups import Embedded, GroupRow, embed_faces, group_rows
from perface_jax.evaluation.kept import MEASURES, features_lost, match_lights, match_skins
from perface_jax.evaluation.offered import OfferRow, degree_curves, first, given, offer_rows
from perface_jax.evaluation.portraits import Eye, FileEye, NetworkEye
from perface_jax.evaluation.recognition import VerificationRow, verification_row
from perface_jax.evaluation.references import PLAIN, Reference, plainly, swapped
from perface_jax.evaluation.runs import Embedder, Run, counts, label, scores, triplet_similarities
from perface_jax.evaluation.selection import Ranked, SelectionRow, select, selection_rows
from perface_jax.evaluation.triplets import TripletRow, triplet_rows
from perface_jax.evaluation.vectors import Vectors, read_vectors, write_vectors
from perface_jax.evaluation.votes import VoteRow, foretold, vote_rows

__all__ = [
    "MEASURES",
    "PLAIN",
    "Benchmark",
    "ComparisonRow",
    "Embedded",
    "Embedder",
    "Eye",
    "FileEye",
    "GroupRow",
    "Method",
    "Network",
    "NetworkEye",
    "OfferRow",
    "Ranked",
    "Reference",
    "Run",
    "SelectionRow",
    "TripletRow",
    "Vectors",
    "VerificationRow",
    "VoteRow",
    "benchmark",
    "comparison_rows",
    "counts",
    "degree_curves",
    "embed",
    "embed_faces",
    "embed_folder",
    "features_lost",
    "first",
    "foretold",
    "given",
    "group_rows",
    "label",
    "match_lights",
    "match_skins",
    "offer_rows",
    "picture_names",
    "plainly",
    "read_vectors",
    "scores",
    "select",
    "selection_rows",
    "swapped",
    "triplet_rows",
    "triplet_similarities",
    "verification_row",
    "vote_rows",
    "write_vectors",
]
