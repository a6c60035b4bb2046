"""A run at one instant: kept, saved, and found again on other devices or after damage."""

import contextlib
import os
import warnings

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from perface_jax import parallel
from perface_jax.training import state
from tests import small_runs

# TensorStore's threads call back into a closed event loop after a read that failed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def mesh():
    return small_runs.mesh(2, replicas=2)


@pytest.fixture
def run(mesh):
    """Two replicas before their first step."""
    _, variables = small_runs.dot()
    return state.begin(small_runs.start(variables, [small_runs.hyper(), small_runs.hyper(margin=0.1)], mesh))


def _moved(run, steps):
    """The run some steps later; every parameter grows by 1 a step."""
    params = jax.tree.map(lambda x: x + steps, run.state.params)
    return run.replace(state=run.state.replace(step=run.state.step + steps, params=params))


def _bias(tree, replica):
    return np.asarray(tree["params"]["fc"]["bias"][replica])


def _assert_equal(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_a_run_begins_with_no_steps_no_score_and_its_state_as_the_best(run):
    _, variables = small_runs.dot()
    assert run.step == 0
    assert run.best_score.tolist() == [-1, -1]
    assert run.state.diverged.tolist() == [-1, -1]
    np.testing.assert_allclose(run.state.hyper.margin, [0.5, 0.1])
    for replica in range(2):
        one = jax.tree.map(lambda x: x[replica], run)  # noqa: B023
        _assert_equal(one.state.variables, variables)
        _assert_equal(one.best, {"params": variables["params"], "batch_stats": variables["batch_stats"]})


def test_the_state_given_to_a_step_leaves_the_best_one_alone(run):
    jax.jit(lambda s: jax.tree.map(lambda x: x + 1, s), donate_argnums=0)(run.state)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(run.state))
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(run.best))


def test_the_best_state_of_each_replica_is_kept_until_a_better_one(run, mesh):
    _, variables = small_runs.dot()
    bias = variables["params"]["fc"]["bias"]

    def judged(run, *scores):
        return state.keep_best(run, parallel.place_global(np.float32(scores), mesh, parallel.STATE))

    run = judged(run, 0.5, 0.5)
    run = judged(_moved(run, 7), 0.4, 0.6)
    assert (run.best_score.tolist(), run.best_step.tolist()) == ([0.5, pytest.approx(0.6)], [0, 7])
    np.testing.assert_array_equal(_bias(run.best, 0), bias)
    np.testing.assert_array_equal(_bias(run.best, 1), bias + 7)
    run = judged(_moved(run, 7), np.nan, 0.6)  # what is no number is never the best; of equal ones the later is
    assert run.best_step.tolist() == [0, 14]
    np.testing.assert_array_equal(_bias(run.best, 1), bias + 7 + 7)
    assert judged(_moved(run, 7), 0.75, 0.1).best_step.tolist() == [21, 14]


def test_the_start_gets_its_score_after_a_step_has_taken_its_memory(run, mesh):
    scores = parallel.place_global(np.float32([0.4, np.nan]), mesh, parallel.STATE)
    wanted = state.keep_best(run, scores)
    moved = _moved(run, 7)
    jax.jit(lambda s: jax.tree.map(lambda x: x + 1, s), donate_argnums=0)(run.state)
    found = state.score_best(moved, scores)
    assert found.best_score.tolist() == [pytest.approx(0.4), -1]
    for name in ("best", "best_score", "best_step"):
        _assert_equal(getattr(found, name), getattr(wanted, name))


def test_the_last_saved_instant_comes_back_on_the_same_devices(run, mesh, tmp_path):
    with state.checkpoints(tmp_path) as manager:
        assert state.restore(manager, run) is None
        later = state.keep_best(_moved(run, 5), parallel.place_global(np.float32([0.5, 0.7]), mesh, parallel.STATE))
        state.save(manager, run)
        state.save(manager, later)
        state.save(manager, later)  # again: left alone
    with state.checkpoints(tmp_path) as manager:
        restored = state.restore(manager, run)
    assert restored.step == 5
    _assert_equal(restored, later)
    assert jax.tree.map(lambda x: x.sharding, restored) == jax.tree.map(lambda x: x.sharding, run)


def test_repeated_replicas_are_not_saved_and_come_back_on_other_devices(mesh, tmp_path):
    _, variables = small_runs.dot()
    hypers = [small_runs.hyper(margin=i / 10) for i in range(3)]

    def begin(mesh):
        return state.begin(small_runs.start(variables, hypers, mesh))

    kept = state.keep_best(
        _moved(begin(mesh), 5), parallel.place_global(np.float32([0.1, 0.2, 0.3]), mesh, parallel.STATE)
    )
    assert kept.best_score.shape == (4,)
    with state.checkpoints(tmp_path) as manager:
        state.save(manager, kept, replicas=3)
    assert small_runs.saved_replicas(tmp_path, 5) == {3}
    with state.checkpoints(tmp_path) as manager:
        for other in (mesh, small_runs.mesh(3, replicas=3), small_runs.mesh(1)):
            like = begin(other)
            restored = state.restore(manager, like, replicas=3)
            _assert_equal(*(parallel.fetch(one, replicas=3) for one in (restored, kept)))
            assert jax.tree.map(lambda x: x.sharding, restored) == jax.tree.map(lambda x: x.sharding, like)
    np.testing.assert_array_equal(_bias(restored.best, 2), variables["params"]["fc"]["bias"] + 5)


def test_two_instants_are_kept(run, tmp_path):
    with state.checkpoints(tmp_path) as manager:
        for _ in range(4):
            state.save(manager, run)
            run = _moved(run, 1)
    with state.checkpoints(tmp_path) as manager:
        assert manager.all_steps() == [2, 3]


def test_steps_taken_while_an_instant_is_written_do_not_change_it(tmp_path):
    model, variables = small_runs.dot()
    mesh = small_runs.mesh(2)
    program, batch = small_runs.program(model, mesh), small_runs.place([small_runs.batch(model)], mesh)
    like = state.begin(small_runs.start(variables, [small_runs.hyper(learning_rate=1)], mesh))
    run = like.replace(state=program(small_runs.start(variables, [small_runs.hyper(learning_rate=1)], mesh), batch)[0])
    with state.checkpoints(tmp_path) as manager:
        instant = jax.tree.map(np.array, run)
        state.save(manager, run)
        current = run.state
        for _ in range(20):
            current, _ = program(current, batch)  # gives the memory of the saved state on
    with state.checkpoints(tmp_path) as manager:
        _assert_equal(state.restore(manager, like), instant)


@pytest.mark.parametrize(
    ("network", "dtype"),
    [
        (small_runs.dot, np.float64),
        pytest.param(small_runs.network, np.float64, marks=pytest.mark.slow),
        pytest.param(small_runs.network, np.float32, marks=pytest.mark.slow),
    ],
)
def test_a_run_saved_on_eight_devices_continues_on_four_and_on_one(network, dtype, tmp_path):
    with jax.enable_x64(True) if dtype is np.float64 else contextlib.nullcontext():
        model, variables = network(dtype)

        def begin(mesh):
            return state.begin(small_runs.start(variables, [small_runs.hyper(dtype)], mesh))

        def go(run, mesh, steps):
            current, means = small_runs.go(
                small_runs.program(model, mesh), run.state, [small_runs.batch(model)], mesh, steps=steps
            )
            return run.replace(state=current), means

        eight = small_runs.mesh(8)
        run, _ = go(begin(eight), eight, 3)
        with state.checkpoints(tmp_path) as manager:
            state.save(manager, run)
        straight, means = go(run, eight, 2)
        for mesh in (small_runs.mesh(4), small_runs.mesh(1)):
            with state.checkpoints(tmp_path) as manager:
                restored = state.restore(manager, begin(mesh))
            assert restored.step == 3
            continued, continued_means = go(restored, mesh, 2)
            np.testing.assert_allclose(continued_means, means, rtol=1e-9 if dtype is np.float64 else 1e-5)
            seen, wanted = small_runs.of_replica(continued.state), small_runs.of_replica(straight.state)
            small_runs.assert_same_state(seen, wanted, 1e-9 if dtype is np.float64 else 1e-4)


def _truncate_largest(instant):
    largest = max((path for path in instant.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    os.truncate(largest, largest.stat().st_size // 2)


def _truncate_data(instant):
    for path in (instant / "default" / "d").iterdir():
        os.truncate(path, path.stat().st_size // 2)


def _lose_the_manifest(instant):
    (instant / "default" / "manifest.ocdbt").unlink()


def _saved(run, workdir):
    """Instants 1 and 2 of a run, written out."""
    with state.checkpoints(workdir) as manager:
        state.save(manager, _moved(run, 1))
        state.save(manager, _moved(run, 2))
    return workdir / "checkpoints"


@pytest.mark.parametrize("harm", [_truncate_largest, _truncate_data, _lose_the_manifest])
def test_a_damaged_instant_is_set_aside_and_the_one_before_is_taken(run, tmp_path, harm):
    folder = _saved(run, tmp_path)
    harm(folder / "2")
    with state.checkpoints(tmp_path) as manager:
        with pytest.warns(UserWarning, match=rf"set aside as damaged-checkpoint-2-\d+: {folder}/2"):
            restored = state.restore(manager, run)
        _assert_equal(restored, _moved(run, 1))
        assert [path.name[:20] for path in tmp_path.iterdir() if path != folder] == ["damaged-checkpoint-2"]
        state.save(manager, _moved(run, 2))  # the same step again, whole
    with state.checkpoints(tmp_path) as manager, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert state.restore(manager, run).step == 2


def test_orbax_alone_decides_what_a_checkpoint_is_called(run, tmp_path, monkeypatch):
    monkeypatch.setattr(state, "STEP_NAMES", ocp.path.step.standard_name_format(step_prefix="at"))
    folder = _saved(run, tmp_path)
    _truncate_data(folder / "at_2")
    with state.checkpoints(tmp_path) as manager, pytest.warns(UserWarning, match=f"{folder}/at_2"):
        assert state.restore(manager, run).step == 1
    assert [path.name for path in folder.iterdir()] == ["at_1"]


def test_the_same_instant_may_be_damaged_twice(run, tmp_path):
    for _ in range(2):
        folder = _saved(run, tmp_path)
        _truncate_data(folder / "2")
        with state.checkpoints(tmp_path) as manager, pytest.warns(UserWarning, match="damaged-checkpoint-2"):
            assert state.restore(manager, run).step == 1
    assert len(list(tmp_path.glob("damaged-checkpoint-2-*"))) == 2


def test_when_every_instant_is_damaged_all_are_named_and_nothing_is_changed(run, tmp_path):
    folder = _saved(run, tmp_path)
    for step in (1, 2):
        _truncate_data(folder / str(step))
    before = sorted(tmp_path.rglob("*"))
    with state.checkpoints(tmp_path) as manager, pytest.raises(ValueError, match="no saved state can be read") as error:
        state.restore(manager, run)
    assert f"{folder}/1: " in str(error.value)
    assert f"{folder}/2: " in str(error.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_of_another_structure_is_refused_and_left_alone(run, tmp_path):
    folder = _saved(run, tmp_path)
    other = run.replace(best={"params": run.best["params"]})
    with state.checkpoints(tmp_path) as manager, pytest.raises(ValueError, match="no saved state can be read"):
        state.restore(manager, other)
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2"]
