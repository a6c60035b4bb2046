"""From pictures, or embeddings of any model, to the rows of every table.

vectors = read_vectors("vectors.npz")                    # names [N], embeddings [N, D]
similarities = triplet_similarities(vectors, triplets)   # [T, 2]
answers = {Role.EXTERNAL: Answers("vectors", "vectors.npz", similarities)}
triplet_rows({"": [Run((), data, answers)]})
"""

from perface_jax.evaluation.annotators import (
    AnnotatorRow,
    AnnotatorRun,
    HeterogeneityRow,
    annotator_rows,
    heterogeneity_rows,
    parts,
)
from perface_jax.evaluation.comparisons import ComparisonRow, Measure, comparison_rows
from perface_jax.evaluation.embedding import Network, embed, refuse_bad
from perface_jax.evaluation.examples import Example, examples
from perface_jax.evaluation.folders import embed_folder, face_loader, folder_summary, large_squares
from perface_jax.evaluation.groups import Embedded, GroupRow, embed_faces, group_rows, group_warnings
from perface_jax.evaluation.inputs import Embedder, Faces, LabeledTriplets, Triplets
from perface_jax.evaluation.intervals import Inference, Method
from perface_jax.evaluation.landmark_places import refuse_misplaced
from perface_jax.evaluation.recognition import VerificationRow, verification_row
from perface_jax.evaluation.runs import (
    Answers,
    Kind,
    Role,
    Run,
    both_similarities,
    distinguish,
    scores,
    title,
    triplet_embeddings,
    triplet_similarities,
)
from perface_jax.evaluation.selection import Ranked, SelectionRow, select, selection_rows
from perface_jax.evaluation.triplets import Pairs, TripletRow, similarity_pairs, triplet_rows
from perface_jax.evaluation.variances import VarianceRow, variance_rows
from perface_jax.evaluation.vectors import Vectors, read_vectors, require_different_names, write_vectors
from perface_jax.evaluation.vote_tables import VotesTable, held_out, read_votes_table, write_votes_table
from perface_jax.evaluation.votes import Reliability, VoteRow, VoteTable, held_out_log_odds, vote_table

__all__ = [
    "AnnotatorRow",
    "AnnotatorRun",
    "Answers",
    "ComparisonRow",
    "Embedded",
    "Embedder",
    "Example",
    "Faces",
    "GroupRow",
    "HeterogeneityRow",
    "Inference",
    "Kind",
    "LabeledTriplets",
    "Measure",
    "Method",
    "Network",
    "Pairs",
    "Ranked",
    "Reliability",
    "Role",
    "Run",
    "SelectionRow",
    "TripletRow",
    "Triplets",
    "Vectors",
    "VarianceRow",
    "VerificationRow",
    "VoteRow",
    "VoteTable",
    "VotesTable",
    "annotator_rows",
    "both_similarities",
    "comparison_rows",
    "embed",
    "embed_faces",
    "embed_folder",
    "examples",
    "face_loader",
    "folder_summary",
    "group_rows",
    "group_warnings",
    "held_out",
    "heterogeneity_rows",
    "held_out_log_odds",
    "large_squares",
    "parts",
    "read_vectors",
    "read_votes_table",
    "refuse_bad",
    "refuse_misplaced",
    "require_different_names",
    "scores",
    "select",
    "selection_rows",
    "similarity_pairs",
    "title",
    "distinguish",
    "triplet_embeddings",
    "triplet_rows",
    "triplet_similarities",
    "variance_rows",
    "verification_row",
    "vote_table",
    "write_vectors",
    "write_votes_table",
]
