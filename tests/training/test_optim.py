"""Optimizers and schedules against PyTorch's; rules by pattern; replicas with their own numbers in one program."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from jax.sharding import PartitionSpec as P
from torch.optim import lr_scheduler

from perface_jax.training import optim

SHAPES = {"conv1": {"kernel": (2, 3)}, "bn1": {"scale": (3,), "bias": (3,)}, "fc": {"kernel": (3, 2), "bias": (2,)}}


def _tree(seed):
    generator = np.random.default_rng(seed)
    return jax.tree.map(generator.standard_normal, SHAPES, is_leaf=lambda x: isinstance(x, tuple))


START, GRADIENTS = _tree(0), [_tree(seed) for seed in range(1, 11)]


def _ours(optimizer, *, start=START, gradients=GRADIENTS):
    @jax.jit
    def step(params, opt_state, gradient):
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    params = jax.tree.map(jnp.asarray, start)
    opt_state = optimizer.init(params)
    for gradient in gradients:
        params, opt_state = step(params, opt_state, jax.tree.map(jnp.asarray, gradient))
    return params


def _torch(build, *, scheduler=lambda optimizer: None, prepare=lambda weights: None, start=START, gradients=GRADIENTS):
    """`build` gets the dictionary path -> weight and returns an optimizer of PyTorch."""
    paths = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in jax.tree.leaves_with_path(start)]
    weights = dict(zip(paths, [torch.nn.Parameter(torch.tensor(x)) for x in jax.tree.leaves(start)], strict=True))
    theirs = build(weights)
    rates = scheduler(theirs)
    for gradient in gradients:
        for weight, g in zip(weights.values(), jax.tree.leaves(gradient), strict=True):
            weight.grad = torch.tensor(g) if weight.requires_grad else None
        prepare(weights)
        theirs.step()
        if rates is not None:
            rates.step()
    return jax.tree.unflatten(jax.tree.structure(start), [weight.detach().numpy() for weight in weights.values()])


def _agree(ours, theirs, rtol):
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=rtol, atol=rtol), ours, theirs)


def _sgd(weights, **options):
    return torch.optim.SGD(weights.values(), **{"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05, **options})


def _sequence(after):
    """PyTorch's schedule: linear over the first three steps, then `after`."""

    def scheduler(optimizer):
        before = lr_scheduler.LinearLR(optimizer, start_factor=1 / 4, total_iters=3)
        return lr_scheduler.SequentialLR(optimizer, [before, after(optimizer)], milestones=[3])

    return scheduler


@pytest.mark.parametrize("nesterov", [False, True])
def test_ten_steps_of_sgd_are_those_of_pytorch(nesterov):
    theirs = _torch(functools.partial(_sgd, nesterov=nesterov))
    with jax.enable_x64(True):
        _agree(_ours(optim.sgd(0.1, momentum=0.9, weight_decay=0.05, nesterov=nesterov)), theirs, 1e-12)
        numbers = {"learning_rate": 0.1, "weight_decay": 0.05, "momentum": 0.9}
        _agree(_ours(optim.create(START, **numbers, nesterov=nesterov)), theirs, 1e-12)


@pytest.mark.parametrize(
    ("name", "options", "after"),
    [
        ("constant", {}, lambda optimizer: lr_scheduler.ConstantLR(optimizer, factor=1)),
        ("cosine", {}, lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, T_max=7)),
        (
            "step",
            {"boundaries": (5, 8), "factor": 0.3},
            lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [2, 5], gamma=0.3),
        ),
    ],
)
def test_a_schedule_with_warm_up_makes_the_steps_of_pytorch(name, options, after):
    theirs = _torch(_sgd, scheduler=_sequence(after))
    with jax.enable_x64(True):
        schedule = optim.schedule(name, steps=10, warmup=3, **options)
        _agree(_ours(optim.sgd(lambda step: 0.1 * schedule(step), weight_decay=0.05)), theirs, 1e-12)
        numbers = {"learning_rate": 0.1, "weight_decay": 0.05, "momentum": 0.9}
        _agree(_ours(optim.create(START, **numbers, schedule=schedule)), theirs, 1e-12)


def test_schedules_are_factors_of_the_step():
    def values(*args, **options):
        return [float(optim.schedule(*args, **options)(step)) for step in range(6)]

    np.testing.assert_allclose(values("constant", steps=6), [1, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(values("constant", steps=9, warmup=3), [0.25, 0.5, 0.75, 1, 1, 1])
    np.testing.assert_allclose(values("cosine", steps=4), [1, 0.853553, 0.5, 0.146447, 0, 0], atol=1e-6)
    np.testing.assert_allclose(values("cosine", steps=5, warmup=1), [0.5, 1, 0.853553, 0.5, 0.146447, 0], atol=1e-6)
    np.testing.assert_allclose(values("step", steps=6, boundaries=(1, 4)), [1, 0.1, 0.1, 0.1, 0.01, 0.01], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "linear", "steps": 5}, "'linear'; wanted constant, cosine or step"),
        ({"name": "constant", "steps": 5, "warmup": 5}, "warm-up of 5 steps in a run of 5"),
        ({"name": "step", "steps": 5, "boundaries": (3, 2)}, r"boundaries are \(3, 2\)"),
        ({"name": "step", "steps": 9, "boundaries": (3,), "warmup": 3}, "after the warm-up of 3"),
    ],
)
def test_a_schedule_that_cannot_be_followed_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        optim.schedule(**options)


def test_clipping_is_that_of_pytorch_and_does_not_see_frozen_gradients():
    # The lengths of the gradients left are 3.0 to 4.6 here; some are clipped, some are not.
    def freeze(weights):
        weights["fc/kernel"].requires_grad = False
        return _sgd(weights)

    def clip(weights):
        torch.nn.utils.clip_grad_norm_(weights.values(), 3.5)

    rules = (("fc/kernel", "frozen"), (".*", 1.0))
    numbers = {"learning_rate": 0.1, "weight_decay": 0.05, "momentum": 0.9}
    gradients = [jax.tree.map(lambda g: g, gradient) for gradient in GRADIENTS]
    for gradient in gradients:
        gradient["fc"]["kernel"] = gradient["fc"]["kernel"] * 100
    theirs = _torch(freeze, prepare=clip, gradients=gradients)
    with jax.enable_x64(True):
        ours = _ours(optim.create(START, **numbers, rules=rules, clip_norm=3.5), gradients=gradients)
    _agree(ours, theirs, 1e-6)


def test_decay_by_pattern_is_that_of_pytorchs_parameter_groups():
    def groups(weights):
        kernels = [weights["conv1/kernel"], weights["fc/kernel"]]
        norms = [weights["bn1/scale"], weights["bn1/bias"]]
        groups = [
            {"params": kernels, "weight_decay": 0.05},
            {"params": norms, "weight_decay": 0.0},
            {"params": [weights["fc/bias"]], "weight_decay": 0.025},
        ]
        return torch.optim.SGD(groups, lr=0.1, momentum=0.9)

    rules = ((r"bn\d/.*", 0), (".*/bias", 0.5), (".*", 1.0))
    with jax.enable_x64(True):
        optimizer = optim.create(START, learning_rate=0.1, weight_decay=0.05, momentum=0.9, rules=rules)
        _agree(_ours(optimizer), _torch(groups), 1e-12)


def test_frozen_parameters_keep_every_bit_and_have_no_momentum():
    start = jax.tree.map(np.float32, START)
    start["bn1"]["scale"][:] = [-0.0, 0.0, 1e-40]
    gradients = [jax.tree.map(np.float32, gradient) for gradient in GRADIENTS]
    gradients[3]["bn1"]["scale"][0] = np.nan
    rules = (("bn1/.*", "frozen"), (".*", 1))
    optimizer = optim.create(start, learning_rate=0.1, weight_decay=0.05, momentum=0.9, rules=rules, clip_norm=1.0)
    params = _ours(optimizer, start=start, gradients=gradients)

    for name in ("scale", "bias"):
        assert np.asarray(params["bn1"][name]).tobytes() == start["bn1"][name].tobytes()
    assert jax.tree.all(jax.tree.map(lambda x: np.isfinite(x).all(), params))
    assert (params["conv1"]["kernel"] != start["conv1"]["kernel"]).all()
    opt_state = optimizer.init(start)
    assert sorted(x.shape for x in jax.tree.leaves(opt_state) if x.ndim) == [(2,), (2, 3), (3, 2)]
    updates, _ = optimizer.update(start, opt_state, start)
    assert np.signbit(updates["bn1"]["scale"]).all()  # -0 is the only number that leaves every other as it is


def test_rules_must_cover_every_parameter_and_must_all_be_needed():
    rules = ((".*kernel", 1.0), ("conv1/.*", "frozen"), ("stem", 0.0))
    with pytest.raises(ValueError, match="without a rule") as error:
        optim.by_pattern(START, rules)
    assert str(error.value).splitlines()[1:] == ["- bn1/bias", "- bn1/scale", "- fc/bias", "+ conv1/.*", "+ stem"]


def test_the_first_rule_that_matches_the_whole_path_counts():
    values = optim.by_pattern(START, (("fc/bias", 1), ("(?!fc).*bias", 2), (".*", 3)))
    assert values == {
        "conv1": {"kernel": 3},
        "bn1": {"scale": 3, "bias": 2},
        "fc": {"kernel": 3, "bias": 1},
    }


RATES, MOMENTA, DECAYS = [0.1, 0.01, 0.3], [0.9, 0.0, 0.5], [0.0, 0.05, 0.5]


def _three_updates(learning_rate, momentum, weight_decay):
    """Everything inside, as in the program of a sweep: the transformation, its state, the steps."""
    params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), START)
    optimizer = optim.create(
        params,
        learning_rate=learning_rate,
        momentum=momentum,
        weight_decay=weight_decay,
        schedule=optim.schedule("cosine", steps=5, warmup=2),
        rules=(("bn1/.*", 0.0), ("fc/bias", "frozen"), (".*", 1.0)),
        clip_norm=3.5,
    )
    opt_state = optimizer.init(params)
    for gradient in GRADIENTS[:3]:
        gradient = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), gradient)
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        params = optax.apply_updates(params, updates)
    return params, opt_state


def _in_turn():
    runs = [_three_updates(*numbers) for numbers in zip(RATES, MOMENTA, DECAYS, strict=True)]
    return jax.tree.map(lambda *x: jnp.stack(x), *runs)


def test_replicas_with_their_own_numbers_in_one_program_are_the_runs_alone():
    numbers = jnp.array([RATES, MOMENTA, DECAYS])
    together = jax.jit(jax.vmap(_three_updates))(*numbers)
    assert jax.tree.structure(together) == jax.tree.structure(_in_turn())
    _agree(together, _in_turn(), 3e-7)


def test_replicas_on_their_own_devices_are_the_runs_alone():
    mesh = jax.make_mesh((3,), ("replica",), axis_types=(jax.sharding.AxisType.Auto,))

    def one(*numbers):  # of one device: a row each
        return jax.tree.map(lambda x: jnp.expand_dims(x, 0), _three_updates(*(number[0] for number in numbers)))

    together = jax.jit(jax.shard_map(one, mesh=mesh, in_specs=P("replica"), out_specs=P("replica")))
    _agree(together(*jnp.array([RATES, MOMENTA, DECAYS])), _in_turn(), 3e-7)


def test_the_numbers_of_an_sgd_may_be_traced():
    @jax.jit
    def one(learning_rate, momentum, weight_decay):
        return _ours(optim.sgd(learning_rate, momentum=momentum, weight_decay=weight_decay), gradients=GRADIENTS[:3])

    alone = _ours(optim.sgd(0.1, momentum=0.9, weight_decay=0.05), gradients=GRADIENTS[:3])
    _agree(one(*jnp.array([0.1, 0.9, 0.05])), alone, 3e-7)


def test_arrays_among_the_numbers_take_the_dtype_of_the_parameters():
    with jax.enable_x64(True):
        params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), START)
        numbers = jnp.asarray([0.1, 0.9, 0.05], jnp.float64)
        optimizer = optim.create(params, learning_rate=numbers[0], momentum=numbers[1], weight_decay=numbers[2])
        updates, opt_state = optimizer.update(params, optimizer.init(params), params)
    floating = [x for x in jax.tree.leaves((updates, opt_state)) if jnp.issubdtype(x.dtype, jnp.floating)]
    assert {x.dtype for x in floating} == {jnp.dtype("float32")}


@pytest.mark.parametrize(
    ("name", "options", "theirs"),
    [
        ("adamw", {"b2": 0.99}, functools.partial(torch.optim.AdamW, betas=(0.9, 0.99))),
        ("adam", {"b2": 0.99}, functools.partial(torch.optim.Adam, betas=(0.9, 0.99))),
        ("rmsprop", {"decay": 0.99, "eps_in_sqrt": False}, functools.partial(torch.optim.RMSprop, alpha=0.99)),
    ],
)
def test_another_optimizer_is_one_name_and_its_decay_is_that_of_pytorch(name, options, theirs):
    # adamw has a decay of its own; the others have none in optax, so that it joins the gradient.
    expected = _torch(lambda weights: theirs(weights.values(), lr=0.01, weight_decay=0.05))
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):  # optax's moments do not know strict promotion
        _agree(_ours(optim.create(START, name=name, learning_rate=0.01, weight_decay=0.05, **options)), expected, 1e-9)


def test_an_unknown_optimizer_is_refused_with_close_names():
    with pytest.raises(ValueError, match=r"'adam2'.*close to it: .*adam"):
        optim.create(START, name="adam2", learning_rate=0.1, weight_decay=0.0)
    with pytest.raises(ValueError, match="close to it: none"):
        optim.create(START, name="clip", learning_rate=0.1, weight_decay=0.0)
