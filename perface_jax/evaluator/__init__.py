"""The evaluation page: a run, or embeddings from a file -> a report; a folder of pictures -> a file of embeddings."""

from perface_jax.evaluator.evaluate import evaluate
from perface_jax.evaluator.folders import embed
from perface_jax.evaluator.targets import EvaluationTarget, Model, open_run, open_vectors

__all__ = ["EvaluationTarget", "Model", "embed", "evaluate", "open_run", "open_vectors"]
