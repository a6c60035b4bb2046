"""Folded norms: the golden embeddings of the public network, and the unfolded network to the last digits of float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from converters import arcface_torch
from perface_jax import evaluation
from perface_jax.images import normalize
from perface_jax.network import folding
from perface_jax.network.model import iresnet
from tests.golden import formula

TOLERANCE = 5e-6  # that of the unfolded network; measured: 6e-7


SLOW = [pytest.param(arch, marks=pytest.mark.slow) for arch in ("r34", "r50", "r100")]


@pytest.mark.parametrize("arch", ["r18", *SLOW])
def test_embeddings_match_the_public_network(arch):
    embeddings, reference = folded_and_reference(arch, jnp.float32)
    np.testing.assert_allclose(embeddings, reference, rtol=0, atol=TOLERANCE * np.abs(reference).max())


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["r18", "r34", "r50", "r100"])
def test_bfloat16_embeddings_point_where_those_of_the_public_network_do(arch):
    half, reference = folded_and_reference(arch, jnp.bfloat16)
    cosine = (half * reference).sum(-1) / np.linalg.norm(half, axis=-1) / np.linalg.norm(reference, axis=-1)
    assert half.dtype == np.float32
    assert cosine.min() > 0.999  # measured: 0.99994


def folded_and_reference(arch, dtype):
    """Embeddings of the golden pictures by the folded network, and those of the public one in float64."""
    state_dict = formula.state_dict(arch)
    model, variables = arcface_torch.recognize(state_dict), arcface_torch.convert(state_dict)
    reference = np.load(formula.FOLDER / "embeddings.npz")[f"{arch}_float64"]
    embed = jax.jit(functools.partial(folding.embed, model=model.clone(dtype=dtype)))
    return np.asarray(embed(folding.fold_norms(model, variables), normalize(formula.pictures()))), reference


def test_folding_is_exact_up_to_rounding_at_the_edges_too():
    with jax.enable_x64(True):
        double = {"dtype": jnp.float64, "param_dtype": jnp.float64}
        model = iresnet(layers=(2, 1, 1, 1), width=4, image_size=32, embedding_size=8, **double)
        variables = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), formula.variables(model))
        pictures = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (3, 32, 32, 3)))
        embed = jax.jit(functools.partial(folding.embed, model=model))
        folded = folding.fold_norms(model, variables)
        embeddings, alone = embed(folded, pictures), embed(folded, pictures[:1])
        wanted = jax.jit(model.apply)(variables, pictures)
    np.testing.assert_allclose(embeddings, wanted, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(alone, wanted[:1], rtol=1e-10, atol=1e-10)


def test_one_picture_is_multiplied_pixel_by_pixel_unless_the_kernels_are_those_of_xla(traced_for):
    traced_for("")
    model = iresnet(layers=(1, 1, 1, 1), width=4, image_size=32, embedding_size=8)
    folded = folding.fold_norms(model, formula.variables(model))

    def stacks(count, kernels="auto"):
        embed = functools.partial(folding.embed, model=model.clone(kernels=kernels))
        return "tensor<4x1x8xf32>" in jax.jit(embed).lower(folded, jnp.zeros((count, 32, 32, 3))).as_text()

    assert (stacks(1), stacks(2), stacks(1, "xla")) == (True, False, False)


def test_embedding_pictures_uses_the_folded_network():
    model = iresnet(layers=(1, 1, 1, 1), width=4, image_size=32, embedding_size=8)
    variables = formula.variables(model)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    embed = jax.jit(functools.partial(folding.embed_step, model=model))
    wanted = embed(folding.fold_norms(model, variables), pictures)
    np.testing.assert_allclose(evaluation.embed(model, variables, pictures), wanted, rtol=1e-5, atol=1e-6)


def test_variables_of_another_network_and_other_pictures_are_refused():
    model = iresnet(layers=(1, 1, 1, 1), width=4, image_size=32, embedding_size=8)
    variables = formula.variables(model)
    with pytest.raises(ValueError, match="not those of the model: there is no 'layer1_1'"):
        folding.fold_norms(model.clone(layers=(2, 1, 1, 1)), variables)
    with pytest.raises(ValueError, match="not those of the model: it has no 'layer4_0'"):
        folding.fold_norms(model.clone(layers=(1, 1, 1, 0)), variables)
    with pytest.raises(ValueError, match=r"wants \[B, 32, 32, 3\]"):
        folding.embed(folding.fold_norms(model, variables), jnp.zeros((1, 16, 16, 3)), model=model)
