"""Embeds a folder of pictures with the model of a run, into a file of vectors."""

import jax
from etils import epath
from ml_collections import ConfigDict

from perface_jax import evaluation, images
from perface_jax.evaluator.targets import open_run
from perface_jax.network.model_folder import load_model
from perface_jax.training import trainer


def embed(
    config: ConfigDict,
    workdir: epath.PathLike,
    pictures: epath.PathLike,
    out: epath.PathLike,
    *,
    crop: str | None = None,
) -> tuple[epath.Path, list[str], list[tuple[str, str]]]:
    """Embed a folder of pictures with the model of a run (the first of a sweep) into a file of vectors.

    Args:
      out: the .npz to write; see `evaluation.write_vectors`.
      crop: of the pictures, as for `embed_folder`; default: config.crop.

    Returns:
      (model folder, names, skipped); the last two as in `embed_folder`.

    Raises:
      ValueError: two pictures with one name, or no usable one; and as `open_run` and `evaluation.embed_folder`.
    """
    folder = trainer.model_folder(epath.Path(workdir), open_run(config, workdir).replicas[0])
    evaluation.require_different_names(pictures)
    names, embeddings, skipped = evaluation.embed_folder(
        *load_model(folder), pictures, crop=crop or config.crop, batch_size=config.evaluation_batch_size
    )
    if not names:
        raise ValueError(f"no picture of {pictures} can be used: {images.count_reasons(skipped)}")
    vectors = evaluation.Vectors(tuple(names), embeddings, str(pictures))
    if jax.process_index() == 0:
        evaluation.write_vectors(out, names, vectors.embeddings)
    return folder, names, skipped
