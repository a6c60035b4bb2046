"""Perceptual face similarity in JAX.

    import perface_jax

    model, variables = perface_jax.load_model("models/perface_r50")
    names, embeddings, skipped = perface_jax.embed_folder(model, variables, "pictures", crop="arcface")
    scores = perface_jax.pairwise_similarity(embeddings, embeddings)

Public names are the ones listed here and those of the modules `images`, `losses`, `metrics`, `groups`,
`classification`, `selection`, `annotations`, `swap`, `privacy`, `fidelity`, `anonymize`, `folding` and `compilation`.
"""

import sys

from perface_jax import annotations, classification, fidelity, groups, images, losses, metrics, privacy, selection, swap
from perface_jax._version import __version__
from perface_jax.anonymization import anonymize
from perface_jax.evaluation import embed, embed_folder
from perface_jax.network import compilation, folding
from perface_jax.network import model as _model
from perface_jax.network import model_folder as _model_folder
from perface_jax.network.model import IResNet, iresnet
from perface_jax.network.model_folder import load_model, save_model
from perface_jax.perceptual_distance import perceptual_distance
from perface_jax.similarity import pairwise_similarity, similarity

for _module in (
    anonymize,
    compilation,
    folding,
    _model,
    _model_folder,
):  # `import perface_jax.folding`, as before they moved into packages
    sys.modules[f"{__name__}.{_module.__name__.rpartition('.')[2]}"] = _module

__all__ = [
    "IResNet",
    "__version__",
    "annotations",
    "anonymize",
    "classification",
    "compilation",
    "embed",
    "embed_folder",
    "fidelity",
    "folding",
    "groups",
    "images",
    "iresnet",
    "load_model",
    "losses",
    "metrics",
    "perceptual_distance",
    "pairwise_similarity",
    "privacy",
    "save_model",
    "selection",
    "similarity",
    "swap",
]
