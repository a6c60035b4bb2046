"""The door to the kernels for CPUs: the platform of the program decides; the off-switch; exported programs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.network import folding, kernels, model
from perface_jax.network.kernels import Kernels
from perface_jax.network.model import iresnet
from perface_jax.training import state
from perface_jax.training.step import train_step
from tests import small_runs
from tests.golden import formula

PLATFORMS = ("cpu", "cuda", "tpu")
WIDE = iresnet(layers=(2, 0, 0, 0), width=128, image_size=16, embedding_size=4)  # wide enough for Winograd


@pytest.fixture(autouse=True)
def _nothing_is_assumed(traced_for):
    traced_for("")


def pictures(count, size=16):
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)


def embedding(network, variables, *, folded):
    """What embeds images, and its weights."""
    if folded:
        return jax.jit(functools.partial(folding.embed_step, model=network)), folding.fold_norms(network, variables)
    return jax.jit(functools.partial(model.embed_step, model=network)), variables


def step(network):
    """A training step without its devices, and its arguments."""
    begun = state.create(formula.variables(network), small_runs.sgd(small_runs.hyper()), small_runs.hyper())
    batch = jax.tree.map(lambda x: x[0], small_runs.batch(network, rows=11))  # of three images: enough for Winograd
    return functools.partial(train_step, **small_runs.options(network)), (begun, batch)


def text(function, *args, platforms):
    return jax.export.export(jax.jit(function), platforms=platforms)(*args).mlir_module()


def test_programs_are_traced_as_for_the_platform_that_is_assumed():
    before = kernels.assume("tpu")
    try:
        assert (kernels.compiled_for(), kernels.on_cpu(lambda: "ours", lambda: "xla")) == ("tpu", "xla")
        assert "transformed2" not in folding.fold_norms(WIDE, formula.variables(WIDE))["layer1_1"]
        kernels.assume("cpu")
        assert (kernels.compiled_for(), kernels.on_cpu(lambda: "ours", lambda: "xla")) == ("cpu", "ours")
        assert "transformed2" in folding.fold_norms(WIDE, formula.variables(WIDE))["layer1_1"]
        barriers = {}
        for platform in PLATFORMS:
            kernels.assume(platform)
            barriers[platform] = "optimization_barrier" in str(jax.make_jaxpr(lambda x: kernels.barrier_on_gpu(x))(1.0))
        assert barriers == {"cpu": False, "cuda": True, "tpu": False}
    finally:
        kernels.assume(before)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_exported_program_is_that_of_its_platform(platform):
    function, weights = embedding(WIDE, formula.variables(WIDE), folded=True)
    embeds = text(function, weights, pictures(2), platforms=[platform])
    trains, args = step(WIDE)
    trains = text(trains, *args, platforms=[platform])
    for module, barriers in ((embeds, ("cpu", "cuda")), (trains, ("cpu",))):
        assert ("stablehlo.while" in module) == (platform == "cpu")  # Winograd's loop
        assert ("optimization_barrier" in module) == (platform in barriers)
    assert "optimization_barrier" not in text(step(WIDE.clone(kernels="xla"))[0], *args, platforms=["cpu"])


def test_a_program_for_all_platforms_chooses_where_it_runs():
    function, weights = embedding(WIDE, formula.variables(WIDE), folded=True)
    exported = jax.export.export(jax.jit(function), platforms=PLATFORMS)(weights, pictures(2))
    assert "stablehlo.while" in exported.mlir_module()
    np.testing.assert_allclose(
        exported.call(weights, pictures(2)), function(weights, pictures(2)), rtol=1e-4, atol=1e-5
    )
    trains, args = step(WIDE)
    assert jax.export.export(jax.jit(trains), platforms=PLATFORMS)(*args).platforms == PLATFORMS


@pytest.mark.parametrize("folded", [False, True])
def test_one_exported_embedding_takes_any_number_of_images(folded):
    function, weights = embedding(WIDE, formula.variables(WIDE), folded=folded)
    (count,) = jax.export.symbolic_shape("b")
    exported = jax.export.export(jax.jit(function))(weights, jax.ShapeDtypeStruct((count, 16, 16, 3), np.uint8))
    for images in (pictures(1), pictures(3)):
        np.testing.assert_allclose(exported.call(weights, images), function(weights, images), rtol=1e-4, atol=1e-5)


def test_the_switch_leaves_everything_to_xla_with_the_same_gradients_and_with_forward_mode():
    with jax.enable_x64(True):
        network, variables = small_runs.network(np.float64)
        images = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)))

        def loss(params, kernels):
            clone = network.clone(kernels=kernels)
            options = {"train": True, "mutable": ["batch_stats"]}
            return jnp.sum(jnp.sin(clone.apply({**variables, "params": params}, images, **options)[0]))

        params = variables["params"]
        wanted, found = (jax.jit(jax.grad(loss), static_argnums=1)(params, kernels) for kernels in ("auto", "xla"))
        ones = jax.tree.map(np.ones_like, params)
        _, slope = jax.jit(lambda *of: jax.jvp(lambda params: loss(params, "xla"), of[:1], of[1:]))(params, ones)
        program = str(jax.make_jaxpr(jax.grad(loss), static_argnums=1)(params, Kernels.XLA))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9), found, wanted)
    np.testing.assert_allclose(slope, sum(np.asarray(x).sum() for x in jax.tree.leaves(wanted)), rtol=1e-8)
    assert not [name for name in ("custom_vjp", "platform_index", "optimization_barrier") if name in program]


@pytest.mark.parametrize(("kernels", "platform"), [("xla", "cpu"), ("auto", "gpu")])
def test_kernels_are_transformed_where_programs_for_cpus_read_them_only(kernels, platform):
    network, variables = WIDE.clone(kernels=kernels), formula.variables(WIDE)
    wanted, weights = embedding(WIDE, variables, folded=True)
    plain = folding.fold_norms(network, variables, platform=platform)
    assert {*weights["layer1_1"]} - {*plain["layer1_1"]} == {"transformed", "transformed2"}
    found = jax.jit(functools.partial(folding.embed_step, model=network))(plain, pictures(2))
    np.testing.assert_allclose(found, wanted(weights, pictures(2)), rtol=1e-4, atol=1e-5)


def test_an_unknown_choice_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="kernels is 'fast'; wanted one of auto, xla"):
        WIDE.clone(kernels="fast").apply(formula.variables(WIDE), jnp.zeros((1, 16, 16, 3)))


@pytest.mark.parametrize("rows", [1, 3, 4, 7, 64])
def test_sums_are_those_of_xla_for_any_number_of_rows(rows):
    x = np.random.default_rng(0).normal(size=(2, rows, 3)).astype(np.float32)
    np.testing.assert_allclose(kernels.column_sums(jnp.square, jnp.asarray(x)), (x**2).sum((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(kernels.row_sums(jnp.asarray(x.swapaxes(1, 2))), x.sum(1), rtol=1e-5, atol=1e-5)
