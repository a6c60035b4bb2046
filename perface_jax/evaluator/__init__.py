"""The evaluation page: a run, or embeddings from a file -> a report; a folder of pictures -> a file of embeddings.

`targets` names the models, `evaluate` is the page from data to report, `folders` writes a file of embeddings. What they
call is in other rooms: `evaluation` computes the rows, `sections` and `figures` show them, `report` writes the page.
"""

from perface_jax.evaluator.evaluate import evaluate
from perface_jax.evaluator.folders import embed
from perface_jax.evaluator.targets import EvaluationTarget, Model, open_run, open_vectors

__all__ = ["EvaluationTarget", "Model", "embed", "evaluate", "open_run", "open_vectors"]
