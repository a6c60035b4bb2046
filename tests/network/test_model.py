"""The network against the golden values of the public PyTorch implementation (tests/golden/SOURCE.md)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from converters import arcface_torch
from perface_jax.images import normalize
from perface_jax.network import compilation, kernels
from perface_jax.network.model import LAYERS, BatchNorm, PReLU, iresnet, parameter_count
from perface_jax.network.variable_shapes import abstract_variables
from tests.golden import formula

GOLDEN = formula.FOLDER
TOLERANCE = 5e-6  # of the largest absolute value of the float64 reference; measured: 1e-6


SLOW = [pytest.param(arch, marks=pytest.mark.slow) for arch in ("r34", "r100")]
PLACES = {"prelu": "prelu", "layer1": "layer1_2", "layer2": "layer2_3", "layer3": "layer3_13", "layer4": "layer4_2"}
PLACES |= {"bn2": "bn2", "fc": "fc", "features": "features"}


@functools.cache
def forward(arch, dtype=jnp.float32):
    """Embeddings of the golden pictures, and what the modules of `PLACES` give for the first two."""
    state_dict = formula.state_dict(arch)
    model, variables = arcface_torch.recognize(state_dict).clone(dtype=dtype), arcface_torch.convert(state_dict)

    @jax.jit
    def program(variables, pictures):
        wanted = {"capture_intermediates": lambda module, _: module.name in PLACES.values()}
        embeddings, seen = model.apply(variables, pictures, mutable=["intermediates"], **wanted)
        outputs = {name: x["__call__"][0][:2] for name, x in seen["intermediates"].items() if "__call__" in x}
        return embeddings, outputs if arch == "r50" else {}

    return jax.device_get(program(variables, normalize(formula.pictures())))


def cosines(x, y):
    return (x * y).sum(-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(y, axis=-1)


@pytest.mark.parametrize("arch", ["r18", "r50", *SLOW])
def test_embeddings_match_the_public_network(arch):
    embeddings, reference = forward(arch)[0], np.load(GOLDEN / "embeddings.npz")[f"{arch}_float64"]
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(embeddings, reference, rtol=0, atol=TOLERANCE * np.abs(reference).max())


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["r18", "r34", "r50", "r100"])
def test_bfloat16_embeddings_point_where_those_of_the_public_network_do(arch):
    half, reference = forward(arch, jnp.bfloat16)[0], np.load(GOLDEN / "embeddings.npz")[f"{arch}_float64"]
    assert half.dtype == np.float32
    assert cosines(half, reference).min() > 0.999


def test_bfloat16_embeddings_of_a_thin_network_point_where_those_of_float32_do():
    model = iresnet(layers=(2, 1, 1, 1), width=8, image_size=32, embedding_size=64)
    variables = formula.variables(model)
    images = normalize(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8))
    single = jax.jit(model.apply)(variables, images)
    half = np.asarray(jax.jit(model.clone(dtype=jnp.bfloat16).apply)(variables, images))
    assert half.dtype == np.float32
    assert np.abs(half - single).max() > 1e-4  # it is another computation
    assert cosines(half, np.asarray(single)).min() > 0.999


def test_every_block_of_r50_has_the_activations_of_the_public_network():
    golden, seen = np.load(GOLDEN / "activations_r50.npz"), forward("r50")[1]
    for name, place in PLACES.items():
        output = seen[place].astype(np.float64)
        output = output.transpose(0, 3, 1, 2) if output.ndim == 4 else output
        scale = golden[f"{name}_std"]
        np.testing.assert_allclose(output.mean(), golden[f"{name}_mean"], atol=1e-5 * scale)
        np.testing.assert_allclose(output.std(), scale, rtol=1e-5)
        np.testing.assert_allclose(output.reshape(2, -1)[:, :16], golden[f"{name}_first16"], atol=2e-5 * scale)


@pytest.mark.parametrize(("arch", "count"), [("r18", 24_025_600), ("r50", 43_590_848), ("r200", None)])
def test_the_published_networks_have_their_parameters(arch, count):
    variables = abstract_variables(iresnet(arch))
    blocks = [name for name in variables["params"] if name.startswith("layer")]
    assert len(blocks) == sum(LAYERS[arch])
    if count is not None:
        assert parameter_count(variables) == count


def test_small_variants_are_the_same_code():
    model = iresnet("r18", width=4, image_size=32, embedding_size=16)
    variables = abstract_variables(model)
    assert jax.eval_shape(model.apply, variables, jnp.zeros((2, 32, 32, 3))).shape == (2, 16)
    assert variables["constants"]["features"]["scale"].shape == (16,)
    assert "scale" not in variables["params"]["features"]


@pytest.fixture(scope="module")
def gradients():
    """The gradient of a small network, without and with rematerialization: compiled programs and what they give."""
    model = iresnet(layers=(3, 1, 0, 0), width=8, image_size=32, embedding_size=4)
    variables, images = formula.variables(model), jax.random.normal(jax.random.key(0), (16, 32, 32, 3))

    def compiled(model):
        def loss(params, images):
            output, _ = model.apply({**variables, "params": params}, images, train=True, mutable=["batch_stats"])
            return jnp.sum(output**3)

        program = jax.jit(jax.grad(loss), compiler_options=compilation.options())
        return program.lower(variables["params"], images).compile()

    programs = compiled(model), compiled(model.clone(remat=True))
    return programs, [program(variables["params"], images) for program in programs]


def test_rematerialization_saves_memory(gradients):
    if kernels.compiled_for() != "cpu":
        pytest.skip("the bound is that of programs for CPUs")
    plain, rematerialized = (program.memory_analysis().temp_size_in_bytes for program in gradients[0])
    assert rematerialized < 0.8 * plain


def test_rematerialization_does_not_change_the_gradient(gradients):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), *gradients[1])


def test_batch_norm_normalizes_with_the_biased_variance_and_remembers_the_unbiased_one():
    x = jnp.array([[1.0], [2.0], [6.0]])  # mean 3, biased variance 14/3, unbiased 7
    norm = BatchNorm(train=True)
    variables = norm.init(jax.random.key(0), x)
    y, updated = norm.apply(variables, x, mutable=["batch_stats"])
    np.testing.assert_allclose(y[:, 0], np.array([-2.0, -1.0, 3.0]) / np.sqrt(14 / 3 + 1e-5), rtol=1e-6)
    np.testing.assert_allclose(updated["batch_stats"]["mean"], [0.3], rtol=1e-6)  # a tenth of the way from 0 to 3
    np.testing.assert_allclose(updated["batch_stats"]["var"], [1.6], rtol=1e-6)  # a tenth of the way from 1 to 7


def test_initialization_leaves_the_running_statistics_alone():
    variables = BatchNorm(train=True).init(jax.random.key(0), jnp.array([[5.0], [7.0]]))
    assert variables["batch_stats"]["mean"] == 0


def test_prelu_has_a_slope_for_each_channel_and_takes_its_side_at_zero():
    x = jnp.array([[-2.0, -2.0], [3.0, 0.0]])
    variables = {"params": {"slope": jnp.array([0.5, 0.1])}}
    np.testing.assert_allclose(PReLU().apply(variables, x), [[-1.0, -0.2], [3.0, 0.0]])
    gradient = jax.grad(lambda x: PReLU().apply(variables, x).sum())(x)
    np.testing.assert_allclose(gradient, [[0.5, 0.1], [1.0, 0.1]])


def test_folded_norms_cannot_be_trained_on_batch_statistics():
    model = iresnet("r18", width=4, image_size=32, folded_norms=True)
    with pytest.raises(ValueError, match="folded into convolutions"):
        jax.eval_shape(lambda x: model.init(jax.random.key(0), x, train=True), jnp.zeros((2, 32, 32, 3)))


def test_wrong_shapes_show_what_was_seen_and_wanted():
    for shape in [(1, 3, 112, 112), (112, 112, 3), (1, 96, 96, 3)]:
        with pytest.raises(ValueError, match=r"wants \[B, 112, 112, 3\].*got \(" + str(shape[0])):
            jax.eval_shape(iresnet("r18").init, jax.random.key(0), jnp.zeros(shape))
    with pytest.raises(ValueError, match="multiple of 16"):
        jax.eval_shape(iresnet("r18", image_size=100).init, jax.random.key(0), jnp.zeros((1, 100, 100, 3)))


def test_unknown_names_are_refused_with_what_there_is():
    with pytest.raises(ValueError, match="r18, r34, r50, r100, r200"):
        iresnet("resnet50")
    with pytest.raises(TypeError, match="bgr.*always RGB"):
        iresnet("r50", bgr=True)


@pytest.mark.parametrize(("train", "remat"), [(False, False), (True, False), (True, True)])
def test_blocks_of_one_shape_are_traced_once(train, remat):
    def convolutions(depth):
        model = iresnet(layers=(depth, 0, 0, 0), width=4, image_size=16, embedding_size=8, remat=remat)
        variables = abstract_variables(model)

        def loss(params, images):
            found = model.apply({**variables, "params": params}, images, train=train, mutable=["batch_stats"])
            return jnp.sum(found[0])

        variables = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), variables)
        lowered = jax.jit(jax.grad(loss)).lower(variables["params"], jnp.zeros((2, 16, 16, 3)))
        return lowered.as_text().count("stablehlo.convolution")

    assert convolutions(2) == convolutions(5) > convolutions(1)
