"""A run at one instant: kept, found again, and never mixed up with another one."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import optim, parallel, state


@pytest.fixture
def run():
    variables = {
        "params": {"w": np.arange(3, dtype=np.float32)},
        "batch_stats": {"mean": np.zeros(2, np.float32)},
        "constants": {"scale": np.ones(2, np.float32)},
    }
    return state.begin(parallel.replicate(state.create(variables, optim.sgd(0.1)), parallel.data_mesh()))


def _moved(run, steps):
    train_state = run.state
    return run.replace(
        state=train_state.replace(
            step=train_state.step + steps, params=jax.tree.map(lambda x: x + 1, train_state.params)
        )
    )


def test_the_state_owns_its_arrays():
    weights = jnp.ones(3)
    train_state = state.create({"params": {"w": weights}, "batch_stats": {}, "constants": {}}, optim.sgd(0.1))
    jax.jit(lambda s: jax.tree.map(lambda x: x + 1, s), donate_argnums=0)(train_state)
    assert not weights.is_deleted()


def test_the_best_state_is_kept_until_a_better_one(run):
    better = state.keep_best(run, 0.5)
    worse = state.keep_best(_moved(better, 7), 0.4)
    np.testing.assert_array_equal(worse.best["params"]["w"], [0, 1, 2])
    assert (float(worse.best_score), int(worse.best_step)) == (0.5, 0)
    best = state.keep_best(_moved(worse, 7), 0.75)
    assert (float(best.best_score), int(best.best_step)) == (0.75, 14)
    np.testing.assert_array_equal(state.best_variables(best)["params"]["w"], [2, 3, 4])
    np.testing.assert_array_equal(state.best_variables(best)["constants"]["scale"], [1, 1])


def test_the_last_saved_instant_comes_back_on_the_same_devices(run, tmp_path):
    with state.checkpoints(tmp_path) as manager:
        assert state.restore(manager, run) is None
        later = state.keep_best(_moved(run, 5), 0.5)
        state.save(manager, run)
        state.save(manager, later)
        state.save(manager, later)  # again: left alone
    with state.checkpoints(tmp_path) as manager:
        restored = state.restore(manager, run)
    jax.tree.map(np.testing.assert_array_equal, restored, later)
    assert restored.state.params["w"].sharding == run.state.params["w"].sharding


def test_two_instants_are_kept(run, tmp_path):
    with state.checkpoints(tmp_path) as manager:
        for _ in range(4):
            state.save(manager, run)
            run = _moved(run, 1)
    with state.checkpoints(tmp_path) as manager:
        assert manager.all_steps() == [2, 3]


CONFIG = {"seed": 0, "margin": 0.1, "data": {"release": "here", "sources": 80}, "log_every": 10}


def test_a_new_workdir_is_claimed_and_recognised_again(tmp_path):
    workdir = state.claim(tmp_path / "run", CONFIG)
    assert json.loads((workdir / "config.json").read_text()) == CONFIG
    moved = {**CONFIG, "data": {"release": "there", "sources": 80}, "log_every": 1}
    assert state.claim(tmp_path / "run", moved) == workdir


def test_another_runs_workdir_is_refused_with_every_differing_field(tmp_path):
    state.claim(tmp_path, CONFIG)
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(ValueError, match="holds another run") as error:
        state.claim(tmp_path, {**CONFIG, "margin": 0.2, "data": {"release": "here"}, "new": None})
    assert str(error.value).splitlines()[1:5] == [
        "- data.sources = 80",
        "+ data.sources = None",
        "- margin = 0.1",
        "+ margin = 0.2",
    ]
    assert (tmp_path / "config.json").read_bytes() == before
