"""From a run, or embeddings from a file, to a report; from a folder of pictures to a file of embeddings.

`targets` names the models, `evaluate` goes from data to report, `folders` writes a file of embeddings. They call other
packages: `evaluation` computes the rows, `sections` and `figures` show them, `report` writes the page.
"""

from perface_jax.evaluator.evaluate import evaluate
from perface_jax.evaluator.folders import embed
from perface_jax.evaluator.targets import EvaluationTarget, Model, open_run, open_vectors

__all__ = ["EvaluationTarget", "Model", "embed", "evaluate", "open_run", "open_vectors"]
