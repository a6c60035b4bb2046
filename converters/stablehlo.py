"""A model as one program for JAX: StableHLO with the weights in it, which runs without this library and without Flax.

The program takes uint8 RGB pictures `[b, s, s, 3]`, any number of them, and returns `{"embeddings": [b, d] of length
1, "lengths": [b, 1]}`; their product is the embedding as `IResNet` gives it. It is the same program on CPUs, NVIDIA
GPUs and TPUs, with XLA's own convolutions and folded norms: this library's kernels for CPUs need a fixed batch.

`jax.export` promises to read a file for six months of JAX releases after the one that wrote it, and for three weeks of
releases before. So it is a form for deployment; the model folder is the form to keep.
"""

from collections.abc import Mapping, Sequence

import jax
import numpy as np

from perface_jax import extras
from perface_jax.network import folding
from perface_jax.network.kernels import Kernels
from perface_jax.network.model import IResNet
from perface_jax.network.model_folder import check_variables
from perface_jax.similarity import length, unit

PLATFORMS = ("cpu", "cuda", "tpu")


def to_stablehlo(model: IResNet, variables: Mapping, *, platforms: Sequence[str] = PLATFORMS) -> jax.export.Exported:
    """The model and its weights as one exported program; `.serialize()` gives the bytes of a file.

    `jax.export.deserialize(data).call(pictures)` runs it. Products are computed as the model computes them: on TPUs and
    GPUs in the default precision of the device (bfloat16, TF32), unless `jax.default_matmul_precision("highest")` is on
    while exporting.

    Args:
      model: the module; convolutions run in its `dtype`.
      variables: its `params`, `batch_stats` and `constants`.
      platforms: that can run the program, of `cpu`, `cuda`, `rocm`, `tpu`.

    Raises:
      ValueError: the variables are not those of the model, or hold NaN or Inf.
    """
    check_variables(model, variables)
    model = model.clone(kernels=Kernels.XLA)
    weights = folding.fold_norms(model, variables)

    def embed(images):
        embeddings = folding.embed_step(weights, images, model=model)
        return {"embeddings": unit(embeddings), "lengths": length(embeddings)[:, None]}

    (count,) = jax.export.symbolic_shape("b")
    images = jax.ShapeDtypeStruct((count, model.image_size, model.image_size, 3), np.uint8)
    return jax.export.export(jax.jit(embed), platforms=tuple(platforms))(images)


def serialize(exported: jax.export.Exported) -> bytes:
    """The bytes of a file; needs the package flatbuffers (extra `export`)."""
    with extras.explained():
        import flatbuffers  # noqa: F401  (jax.export imports it)
    return bytes(exported.serialize())
