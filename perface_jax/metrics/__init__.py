"""How well similarities agree with what people said: pure functions of embeddings, similarities and votes."""

from perface_jax.metrics.intervals import cluster_interval
from perface_jax.metrics.triplets import pair_scores, triplet_accuracy, triplet_scores

__all__ = ["cluster_interval", "pair_scores", "triplet_accuracy", "triplet_scores"]
