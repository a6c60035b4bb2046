"""One training step: the golden five-step trajectory of PyTorch, and the same numbers on any number of devices."""

import contextlib
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from converters import arcface_torch, to_torch
from perface_jax import losses, parallel
from perface_jax.images import normalize
from perface_jax.network import compilation
from perface_jax.network.model import embed_step, iresnet
from perface_jax.parallel import How
from perface_jax.training import state
from perface_jax.training.step import (
    Loss,
    Norms,
    compare_step,
    identity_objective,
    train_step,
    train_steps,
    triplet_objective,
)
from tests import small_runs
from tests.golden import formula

TRAINED = ("params", "gradients")
PICTURES = formula.pictures()
GOLDEN_BATCH = {  # 0-3 references, 4-7 positives, 8-11 negatives
    "images": np.stack([PICTURES[:4], PICTURES[4:8], PICTURES[8:]], axis=1)[None],
    "votes": np.ones((1, 4, 2), np.float32),
    "weight": np.ones((1, 4), np.float32),
}


@pytest.mark.slow  # its guard is the next test, of a thin network in float64
@pytest.mark.parametrize("devices", [1, 4])
def test_five_steps_of_r18_follow_the_trajectory_of_pytorch(devices, monkeypatch):
    # As users compile: here most of the time is computing.
    quick = (("xla_backend_optimization_level", 3), ("xla_cpu_use_fusion_emitters", True))
    options = compilation.options() | dict(compilation.accepted(quick))
    monkeypatch.setattr(compilation, "options", lambda devices: options)
    state_dict, golden = formula.state_dict("r18"), dict(np.load(formula.FOLDER / "train_r18_float64.npz"))
    model, variables = arcface_torch.recognize(state_dict), arcface_torch.convert(state_dict)
    mesh = small_runs.mesh(devices)
    program = small_runs.program(model, mesh)
    current, batch = small_runs.start(variables, [small_runs.hyper()], mesh), small_runs.place([GOLDEN_BATCH], mesh)
    means, gradients = [], None
    for _ in range(5):
        current, sums = program(current, batch)
        means.append(float(sums["loss"][0] / sums["count"][0]))
        gradients = gradients or small_runs.of_replica(current)["gradients"]
    np.testing.assert_allclose(means, golden["losses"], rtol=0, atol=2e-5)  # measured: 2e-7

    after = jax.tree.map(lambda x: x[0], jax.device_get(current.variables))
    _check_gradients(to_torch.to_state_dict(model, {**after, "params": gradients}), golden)
    _check_weights(to_torch.to_state_dict(model, after), golden)
    embeddings = jax.jit(model.apply, compiler_options=options)(after, normalize(PICTURES))
    scale = np.abs(golden["after_embeddings"]).max()
    np.testing.assert_allclose(embeddings, golden["after_embeddings"], rtol=0, atol=1e-4 * scale)


def _check_gradients(gradients, golden):
    # One unit of the last stage lies within rounding of the kink of its PReLU. On the one side all norms are within
    # 7e-5 of float64 and single values within 4e-4 of their scale, as PyTorch's own float32 is. On the other, norms are
    # up to 9e-4 away, half of them less than 7e-5, and single values up to 2e-2. Which side it is, the order decides in
    # which threads add up.
    norms, values = {}, {}
    largest = max(value for key, value in golden.items() if key.startswith("grad_norm/"))
    for key, value in golden.items():
        kind, _, name = key.partition("/")
        if kind == "grad_norm":
            norm = np.linalg.norm(gradients[name])
            if value < 1e-9 * largest:  # biases that the next norm removes; in float32 that is noise of this size
                np.testing.assert_allclose(norm, value, atol=1e-6 * largest, err_msg=name)
            else:
                norms[name] = abs(norm - value) / value
        if kind == "grad":
            scale = max(np.abs(value).max(), 1e-2 * largest / np.sqrt(value.size))
            values[name] = np.abs(gradients[name].ravel() - value.ravel()).max() / scale
    if max(norms.values()) > 1e-4:
        assert max(norms.values()) < 2e-3, norms
        assert np.median(list(norms.values())) < 1e-4, norms
        assert max(values.values()) < 3e-2, values
    else:
        assert max(values.values()) < 1e-3, values


def _check_weights(tensors, golden):
    for key, value in golden.items():
        kind, _, name = key.partition("/")
        if name.endswith("num_batches_tracked"):
            continue
        if kind == "after":
            np.testing.assert_allclose(tensors[name], value, rtol=0, atol=1e-5, err_msg=name)
        if kind == "after_norm":
            np.testing.assert_allclose(np.linalg.norm(tensors[name]), value, rtol=1e-4, err_msg=name)


def _precision(dtype):
    return jax.enable_x64(True) if dtype is np.float64 else contextlib.nullcontext()


@functools.cache
def _five_steps_of_plain_jit(dtype):
    """No mesh, no mapped axis, no leading axes: the reference for all that follows."""
    model, variables = small_runs.network(dtype)
    step = jax.jit(functools.partial(train_step, **small_runs.options(model)))
    current = state.create(variables, small_runs.sgd(small_runs.hyper(dtype)), small_runs.hyper(dtype))
    batch, means = jax.tree.map(lambda x: x[0], small_runs.batch(model)), []
    for _ in range(5):
        current, sums = step(current, batch)
        means.append(float(sums["loss"]) / float(sums["count"]))
    return small_runs.of_replica(jax.tree.map(lambda x: x[None], current)), means


def test_five_steps_of_a_thin_network_are_those_of_pytorch_to_the_last_digits():
    torch = pytest.importorskip("torch")  # the core is tested without it
    with _precision(np.float64):
        seen, means = _five_steps_of_plain_jit(np.float64)
        model, variables = small_runs.network(np.float64)
        rest = {"batch_stats": seen["batch_stats"], "constants": variables["constants"]}
        seen = {name: to_torch.to_state_dict(model, {**rest, "params": seen[name]}) for name in TRAINED}
    network, wanted_means = _five_steps_of_pytorch(model, small_runs.batch(model)["images"][0], torch)
    np.testing.assert_allclose(means, wanted_means, rtol=1e-12)
    trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    gradients = {name: parameter.grad.numpy() for name, parameter in trained.items()}
    largest = max(np.abs(gradient).max() for gradient in gradients.values())
    for name, gradient in gradients.items():
        np.testing.assert_allclose(seen["gradients"][name], gradient, rtol=1e-9, atol=1e-12 * largest, err_msg=name)
    for name, tensor in network.state_dict().items():  # weights and running statistics
        if not name.endswith("num_batches_tracked"):
            np.testing.assert_allclose(seen["params"][name], tensor.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def _five_steps_of_pytorch(model, images, torch):
    """The PyTorch twin of a model after five steps, with the gradients of the last, and the five losses."""
    from tests import torch_twin

    numbers = small_runs.hyper(np.float64)
    sizes = {"width": model.width, "image_size": model.image_size, "embedding_size": model.embedding_size}
    network = torch_twin.golden(model.layers, **sizes).double().train()
    rates = {"lr": numbers.learning_rate, "momentum": numbers.momentum, "weight_decay": numbers.weight_decay}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, **{name: float(rate) for name, rate in rates.items()})
    normalized = np.asarray(normalize(images.reshape(-1, *images.shape[2:])))  # float32, as our network sees them
    pictures = torch.tensor(normalized).permute(0, 3, 1, 2).double()
    means = []
    for _ in range(5):
        optimizer.zero_grad()
        reference, positive, negative = network(pictures).reshape(len(images), 3, -1).unbind(1)
        similarity = torch.nn.functional.cosine_similarity
        losses = similarity(reference, negative) - similarity(reference, positive) + float(numbers.margin)
        loss = losses.clamp(min=0).mean()
        loss.backward()
        optimizer.step()
        means.append(loss.item())
    return network, means


@pytest.mark.parametrize(
    ("dtype", "devices", "how"),
    [
        pytest.param(np.float64, 2, How.SHARD_MAP, marks=pytest.mark.slow),
        pytest.param(np.float64, 4, How.SHARD_MAP, marks=pytest.mark.slow),
        (np.float64, 8, How.SHARD_MAP),
        (np.float64, 8, How.PMAP),
        pytest.param(np.float32, 2, How.SHARD_MAP, marks=pytest.mark.slow),
        pytest.param(np.float32, 4, How.SHARD_MAP, marks=pytest.mark.slow),
        pytest.param(np.float32, 8, How.SHARD_MAP, marks=pytest.mark.slow),
        pytest.param(np.float32, 8, How.PMAP, marks=pytest.mark.slow),
    ],
)
def test_any_number_of_devices_takes_the_five_steps_of_one(dtype, devices, how):
    mesh = small_runs.mesh(devices)
    loss_tolerance, tolerance = (1e-9, 1e-9) if dtype is np.float64 else (1e-5, 1e-4)
    with _precision(dtype):
        wanted, wanted_means = _five_steps_of_plain_jit(dtype)
        model, variables = small_runs.network(dtype)
        current, means = small_runs.go(
            small_runs.program(model, mesh, how=how),
            small_runs.start(variables, [small_runs.hyper(dtype)], mesh),
            [small_runs.batch(model)],
            mesh,
        )
        assert min(wanted_means) > 0  # the hinge is active in every step
        np.testing.assert_allclose(means[:, 0], wanted_means, rtol=loss_tolerance)
        small_runs.assert_same_state(small_runs.of_replica(current), wanted, tolerance)


def test_bfloat16_computes_roughly_the_same_and_keeps_its_state_in_float32():
    model = iresnet(layers=(1, 0, 0, 0), width=4, image_size=16, embedding_size=16)
    batch = jax.tree.map(lambda x: x[0], small_runs.batch(model))
    before = state.create(formula.variables(model), small_runs.sgd(small_runs.hyper()), small_runs.hyper())
    means = []
    for dtype in (jnp.float32, jnp.bfloat16):
        step = functools.partial(train_step, **small_runs.options(model.clone(dtype=dtype)))
        after, sums = jax.jit(step)(before, batch)
        means.append(float(sums["loss"] / sums["count"]))
        assert {leaf.dtype for leaf in jax.tree.leaves(after.variables)} == {np.dtype(np.float32)}
    assert 0 < abs(means[1] / means[0] - 1) < 0.03  # bfloat16 has three digits


def _dot(devices=1, *, steps=5, batch=None, hyper=None, **choices):
    """The smallest network after some steps on some devices: its state, and the mean losses."""
    model, variables = small_runs.dot()
    mesh = small_runs.mesh(devices)
    batch = small_runs.batch(model) if batch is None else batch
    current = small_runs.start(variables, [hyper or small_runs.hyper()], mesh)
    return small_runs.go(small_runs.program(model, mesh, **choices), current, [batch], mesh, steps=steps)


def _assert_equal(one, other):
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(one), jax.device_get(other))


def test_global_statistics_are_those_of_all_rows_and_per_device_ones_the_mean_over_the_devices():
    model, variables = small_runs.dot()
    x = np.asarray(normalize(small_runs.batch(model)["images"][0])).reshape(48, -1)
    x = x @ variables["params"]["fc"]["kernel"] + variables["params"]["fc"]["bias"]
    after = {norms: small_runs.of_replica(_dot(2, steps=1, norms=norms)[0]) for norms in Norms}
    stats = {norms: trees["batch_stats"]["features"] for norms, trees in after.items()}

    for norms in (Norms.GLOBAL, Norms.PER_DEVICE):
        np.testing.assert_allclose(stats[norms]["mean"], 0.1 * x.mean(axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(stats[Norms.GLOBAL]["var"], 0.9 + 0.1 * x.var(axis=0, ddof=1), rtol=1e-5)
    of_halves = (x[:24].var(axis=0, ddof=1) + x[24:].var(axis=0, ddof=1)) / 2
    np.testing.assert_allclose(stats[Norms.PER_DEVICE]["var"], 0.9 + 0.1 * of_halves, rtol=1e-5)
    _assert_equal(stats[Norms.FROZEN], variables["batch_stats"]["features"])


def test_per_device_statistics_matter_on_two_devices_and_not_on_one():
    def means(devices, norms):
        return _dot(devices, norms=norms)[1]

    np.testing.assert_allclose(means(1, Norms.PER_DEVICE), means(1, Norms.GLOBAL), rtol=1e-6)
    assert np.abs(means(2, Norms.PER_DEVICE) - means(2, Norms.GLOBAL)).min() > 1e-3


def test_padded_rows_count_nowhere_when_the_norms_are_frozen():
    batch = small_runs.batch(small_runs.dot()[0])
    padded = {**batch, "weight": np.float32([[1] * 8 + [0] * 8])}
    half = {name: array[:, :8] for name, array in batch.items()}
    whole, means = _dot(8, batch=padded, norms=Norms.FROZEN)
    alone, alone_means = _dot(8, batch=half, norms=Norms.FROZEN)
    np.testing.assert_allclose(means, alone_means, rtol=1e-5)
    small_runs.assert_same_state(small_runs.of_replica(whole), small_runs.of_replica(alone), 1e-5)


def test_embedding_uses_the_running_statistics():
    model, variables = small_runs.dot()
    images = small_runs.batch(model)["images"][0, :, 0]
    embed = jax.jit(functools.partial(embed_step, model=model))
    np.testing.assert_allclose(embed(variables, images)[:1], embed(variables, images[:1]), atol=1e-5)


def test_three_steps_in_one_call_are_three_calls():
    model = small_runs.dot()[0]
    batches = [small_runs.batch(model, seed=seed) for seed in range(3)]
    together = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    mesh = small_runs.mesh(2)
    one = functools.partial(small_runs.go, small_runs.program(model, mesh), on=mesh, steps=1)
    current, means = small_runs.start(small_runs.dot()[1], [small_runs.hyper()], mesh), []
    for batch in batches:
        current, mean = one(current, [batch])
        means.append(mean)
    at_once, mean = one(small_runs.start(small_runs.dot()[1], [small_runs.hyper()], mesh), [together])
    assert int(at_once.step[0]) == 3
    np.testing.assert_allclose(mean, np.mean(means, axis=0), rtol=1e-6)
    small_runs.assert_same_state(small_runs.of_replica(at_once), small_runs.of_replica(current), 1e-5)


@pytest.mark.parametrize("how", How)
def test_pictures_on_the_device_and_their_numbers_give_what_the_pictures_give(how):
    model, variables = small_runs.dot()
    given = small_runs.batch(model)
    pictures = given["images"].reshape(-1, 4, 4, 3)[::-1].copy()
    flip = np.arange(16) % 3 == 0
    numbers = {**given, "pictures": 47 - np.arange(48, dtype=np.int32).reshape(1, 16, 3), "flip": flip[None]}
    del numbers["images"]
    given["images"][:, flip] = given["images"][:, flip][..., ::-1, :]
    mesh = small_runs.mesh(2)
    current, means = small_runs.go(
        small_runs.program(model, mesh, how=how),
        small_runs.start(variables, [small_runs.hyper()], mesh),
        [numbers],
        mesh,
        shared=(parallel.place_global(pictures, mesh),),
    )
    wanted, wanted_means = _dot(2, batch=given)
    np.testing.assert_allclose(means, wanted_means, rtol=1e-6)
    small_runs.assert_same_state(small_runs.of_replica(current), small_runs.of_replica(wanted), 1e-5)


def test_a_replica_that_diverges_is_frozen_and_the_others_go_on():
    model, variables = small_runs.dot()
    good = small_runs.batch(model)
    bad = {**good, "weight": np.full_like(good["weight"], np.nan)}
    mesh = small_runs.mesh(2, replicas=2)
    program, hypers = small_runs.program(model, mesh), [small_runs.hyper(), small_runs.hyper(margin=0.4)]

    def run(calls):
        current = small_runs.start(variables, hypers, mesh)
        for batches in calls:
            current, sums = program(current, small_runs.place(batches, mesh))
        return jax.device_get((current, sums))

    before, _ = run([[good, good]])
    untroubled, _ = run([[good, good]] * 3)
    after, sums = run([[good, good], [bad, good], [good, good]])
    np.testing.assert_array_equal(after.diverged, [2, -1])
    np.testing.assert_array_equal(after.step, [3, 3])
    counters = {"step": before.step, "diverged": before.diverged}
    _assert_equal(*(jax.tree.map(lambda x: x[0], tree) for tree in (after.replace(**counters), before)))
    _assert_equal(*(jax.tree.map(lambda x: x[1], tree) for tree in (after, untroubled)))
    np.testing.assert_array_equal(sums["count"], [0, 16])
    assert sums["loss"][0] == 0 < sums["loss"][1]


def test_a_step_into_infinity_is_not_taken():
    current, _ = _dot(steps=2, hyper=small_runs.hyper(learning_rate=3e38, weight_decay=1e3))
    assert int(current.diverged[0]) == 1
    _assert_equal(jax.tree.map(lambda x: x[0], current.params), small_runs.dot()[1]["params"])


@pytest.mark.slow  # tests/network/test_model.py has that blocks of one shape are traced once
def test_the_compiled_program_grows_with_the_blocks_not_faster():
    def operations(blocks):
        model = iresnet(layers=(blocks, 0, 0, 0), width=2, image_size=16, embedding_size=4)
        variables = formula.variables(model)
        begun = state.create(variables, small_runs.sgd(small_runs.hyper()), small_runs.hyper())
        batch = jax.tree.map(lambda x: x[0], small_runs.batch(model))
        step = functools.partial(train_step, **small_runs.options(model))
        program = jax.jit(step, compiler_options=compilation.options()).lower(begun, batch).compile()
        return program.as_text().count(" = ")

    few, more, many = (operations(blocks) for blocks in (1, 2, 3))
    assert many - more < 1.02 * (more - few)


def test_three_losses_in_one_program_are_what_each_alone_is():
    for i, loss in enumerate(small_runs.LOSSES):
        one, one_means = _dot(2, hyper=small_runs.hyper(loss=i), choices=small_runs.LOSSES)
        alone, alone_means = _dot(2, choices=(loss,))
        np.testing.assert_allclose(one_means, alone_means, rtol=1e-6)
        small_runs.assert_same_state(small_runs.of_replica(one), small_runs.of_replica(alone), 1e-5)


def test_identities_train_the_class_matrix_by_its_gradient():
    model, variables = small_runs.dot()
    random = np.random.default_rng(0)
    classes = random.normal(size=(4, 5)).astype(np.float32)
    batch = {
        "images": random.integers(0, 256, (16, 1, 4, 4, 3), dtype=np.uint8),
        "identity": np.arange(16, dtype=np.int32) % 4,
        "weight": np.ones(16, np.float32),
    }
    variables = {**variables, "params": {**variables["params"], "classes": classes}}
    numbers = small_runs.hyper(learning_rate=0.1, momentum=0, weight_decay=0)
    before = state.create(variables, small_runs.sgd(numbers), numbers)
    options = small_runs.options(model, norms=Norms.FROZEN)
    options["objective"] = functools.partial(identity_objective, scale=8.0)
    after, sums = jax.jit(functools.partial(train_step, **options))(before, batch)

    @jax.jit
    def mean_loss(classes):
        vectors = model.apply(variables, normalize(batch["images"][:, 0]))
        return losses.arcface(vectors, classes, batch["identity"], margin=0.5, scale=8.0).mean(), vectors

    (mean, vectors), gradient = jax.value_and_grad(mean_loss, has_aux=True)(classes)
    np.testing.assert_allclose(sums["loss"], 16 * mean, rtol=1e-5)
    np.testing.assert_allclose(after.params["classes"], classes - 0.1 * gradient, rtol=0, atol=1e-6)
    assert np.abs(gradient).max() > 0.1
    nearest = (np.asarray(vectors) @ (classes / np.linalg.norm(classes, axis=1, keepdims=True)).T).argmax(axis=1)
    assert float(sums["correct"]) == (nearest == batch["identity"]).sum()


def _masked_batch(model):
    """A batch with the annotators of two votes on each triplet; some gave none."""
    batch = jax.tree.map(lambda x: x[0], small_runs.batch(model))
    random = np.random.default_rng(3)
    who, sides = random.integers(0, 4, (16, 2)).astype(np.int32), random.integers(-1, 2, (16, 2)).astype(np.int8)
    return batch | {"annotator": who, "sides": sides}


def test_annotators_train_their_masks_by_the_gradient_of_their_votes_and_the_prior():
    model, variables = small_runs.dot()
    batch, weights = _masked_batch(model), np.random.default_rng(1).normal(size=(5, 5)).astype(np.float32)
    variables = {**variables, "params": {**variables["params"], "annotators": weights}}
    numbers = small_runs.hyper(learning_rate=0.1, momentum=0, weight_decay=0, temperature=0.5)
    options = small_runs.options(model, norms=Norms.FROZEN)
    options["objective"] = functools.partial(triplet_objective, choices=(Loss.ANNOTATOR_VOTES,), prior=0.02)
    begun = state.create(variables, small_runs.sgd(numbers), numbers)
    after, sums = jax.jit(functools.partial(train_step, **options))(begun, batch)

    @jax.jit
    def mean_loss(weights):
        logits = np.sqrt(np.float32(5)) * weights
        vectors = model.apply(variables, normalize(batch["images"].reshape(-1, 4, 4, 3))).reshape(16, 3, 5)
        masks = 2 / (1 + jnp.exp(-logits))[batch["annotator"]]
        per_row = losses.annotator_votes(*jnp.moveaxis(vectors, 1, 0), masks, batch["sides"], temperature=0.5)
        return per_row.mean() + 0.01 * jnp.sum(logits**2)

    mean, gradient = jax.value_and_grad(mean_loss)(weights)
    np.testing.assert_allclose(sums["loss"], 16 * mean, rtol=1e-5)
    np.testing.assert_allclose(after.params["annotators"], weights - 0.1 * gradient, rtol=0, atol=1e-5)
    silent = 4  # gave no vote: only the prior moves it, towards the model that all share
    wanted = weights[silent] - 0.1 * 0.02 * 5 * weights[silent]
    np.testing.assert_allclose(after.params["annotators"][silent], wanted, rtol=1e-5)
    assert np.abs(gradient[:4]).max() > 0.01


def test_masks_are_the_same_on_one_device_and_on_four():
    model, variables = small_runs.dot()
    masks = np.zeros((4, 5), np.float32)
    variables = {**variables, "params": {**variables["params"], "annotators": masks}}
    objective = functools.partial(triplet_objective, choices=(Loss.ANNOTATOR_VOTES,), prior=0.02)
    batch, found = jax.tree.map(lambda x: x[None], _masked_batch(model)), []
    for devices in (1, 4):
        mesh = small_runs.mesh(devices)
        options = small_runs.options(model) | {"objective": objective}
        program = parallel.spmd(functools.partial(train_steps, **options), mesh)
        numbers = small_runs.hyper(learning_rate=0.1)
        after, _ = small_runs.go(program, small_runs.start(variables, [numbers], mesh), [batch], mesh, steps=2)
        found.append(np.asarray(parallel.fetch(after.params["annotators"])))
    np.testing.assert_allclose(*found, rtol=0, atol=1e-6)
    assert np.abs(found[0]).max() > 1e-4


@pytest.mark.parametrize("steps", [1, 2])
def test_comparing_gives_the_cosines_of_each_row(steps):
    model, variables = small_runs.dot()
    batch = small_runs.batch(model, steps=steps)
    seen, embeddings = jax.jit(functools.partial(compare_step, model=model))(variables, batch)
    assert embeddings.shape == (steps, 16, 3, 5)
    pictures = normalize(batch["images"].reshape(-1, 4, 4, 3))
    reference, *others = np.moveaxis(np.asarray(model.apply(variables, pictures)).reshape(steps, 16, 3, 5), 2, 0)
    for i, other in enumerate(others):
        lengths = np.linalg.norm(reference, axis=-1) * np.linalg.norm(other, axis=-1)
        np.testing.assert_allclose(seen[..., i], (reference * other).sum(axis=-1) / lengths, atol=1e-6)
