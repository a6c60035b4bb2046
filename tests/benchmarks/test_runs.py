"""The benchmarks of training, input, selection and start-up run and fill their records; figures are never checked."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import devices, epoch, layers, record, retouch, runs, startup, sweep
from benchmarks import input as inputs
from benchmarks.record import RESULTS
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import save_model
from tests import small_runs
from tests.generic_face import turned
from tests.golden import formula

SMALL = ["--image-size=4", "--batch-size=2", "--rounds=2"]


@pytest.fixture
def small_network(monkeypatch):
    """One that compiles in a second, in the place of every network that is asked for."""
    monkeypatch.setattr(runs.builders, "starting_point", lambda config: small_runs.dot())


def _assert_timed(row, variants, rounds=2):
    assert list(row["seconds"]) == variants
    assert all(len(taken) == rounds and min(taken) >= 0 for taken in row["seconds"].values())


def test_an_epoch_and_its_steps_are_timed_by_steps_a_call(small_network, capsys):
    options = epoch.parser().parse_args([*SMALL, "--networks=r18-4", "--steps=3", "--steps-per-call", "1", "2", "0"])
    rows = json.loads(json.dumps(epoch.measure(options)))["rows"]
    assert [row["name"] for row in rows] == [f"r18-4, {count} steps a call" for count in (1, 2, 3)]
    for row in rows:
        _assert_timed(row, ["epoch", "steps"])
    captured = capsys.readouterr()
    assert not captured.out  # which is for the record
    assert "step 3/3000  loss" in captured.err


def test_an_epoch_sees_every_triplet_once(small_network):
    triplets = runs.random_triplets(6, image_size=4)
    config = runs.configure("r18-4", image_size=4, batch_size=2)
    run = runs.Run(config, triplets, small_runs.mesh(1))
    seen = [np.asarray(run.feed.training(at, length)["pictures"]) for at, length in epoch._calls(3, 2)]
    assert [batch.shape for batch in seen] == [(1, 2, 2, 3), (1, 1, 2, 3)]
    assert sorted(np.concatenate([batch.ravel() for batch in seen])) == list(range(18))


def test_a_sweep_of_any_size_is_one_compilation(small_network):
    options = sweep.parser().parse_args([*SMALL, "--replicas", "1", "4"])
    rows = json.loads(json.dumps(sweep.measure(options)))["rows"]
    assert [(row["name"], row["devices"], row["compilations"]) for row in rows] == [
        ("replicas: 1", 1, 1),
        ("replicas: 4", 4, 1),
    ]
    for row in rows:
        _assert_timed(row, ["one program", "one after another"])


def test_more_replicas_than_virtual_devices_are_refused():
    with pytest.raises(ValueError, match="--replicas 9 on 8 virtual devices"):
        sweep.measure(sweep.parser().parse_args(["--replicas", "2", "9"]))


def test_devices_that_share_a_batch_are_timed_in_turns(small_network):
    words = ["--image-size=4", "--batch-size=4", "--rounds=2", "--devices", "1", "4"]
    [row] = json.loads(json.dumps(devices.measure(devices.parser().parse_args(words))))["rows"]
    _assert_timed(row, ["1 device", "4 devices"])
    assert list(row["first_call_seconds"]) == ["1 device", "4 devices"]


@pytest.mark.parametrize(
    ("words", "why"), [(["--devices", "16"], "--devices 16 of 8"), (["--devices", "8", "--batch-size", "12"], "of 12")]
)
def test_devices_that_are_not_there_or_cannot_share_the_batch_are_refused(words, why, small_network):
    with pytest.raises(ValueError, match=why):
        devices.measure(devices.parser().parse_args(["--image-size=4", *words]))


def test_a_gpu_is_given_the_papers_network_and_large_batches(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    options = epoch.parser().parse_args([])
    assert (options.networks, options.batch_size, options.steps) == (["r50"], 128, 20)
    assert devices.parser().parse_args([]).batch_size == 128
    assert runs.configure("r50", image_size=112, batch_size=128).model.dtype == "bfloat16"


def test_each_new_shape_is_counted_as_a_compilation():
    program = jax.jit(lambda x: x * 2)
    arrays = [jnp.ones(3), jnp.ones(3), jnp.ones(5)]
    with sweep.compilations() as compiled:
        for array in arrays:
            program(array)
    program(jnp.ones(7))
    assert compiled == ["jit(<lambda>)"] * 2


def test_the_input_is_timed_by_stage_by_feed_and_in_training(small_network):
    options = inputs.parser().parse_args([*SMALL, "--triplets=12", "--batches=7", "--steps=3"])
    found = json.loads(json.dumps(inputs.measure(options)))
    stages, feeds, *training = found["rows"]
    assert found["stored_bytes_per_triplet"] >= 3 * 4 * 4 * 3
    _assert_timed(
        stages,
        ["decode and resize", "plan", "read", "roles and flips on the host", "place", "roles and flips on the device"],
    )
    _assert_timed(feeds, ["disk, cold", "disk, warm", "resident"])
    assert [row["name"] for row in training] == ["training r18-16, disk", "training r18-16, resident"]
    for row in training:
        _assert_timed(row, ["waiting", "step"], rounds=3)


def test_the_least_similar_and_the_groups_are_timed_and_right():
    pytest.importorskip("faiss")
    from benchmarks import selection

    options = selection.parser().parse_args(
        ["--faces", "300", "90", "--queries=3", "--choose", "5", "--rounds=2", "--seconds=0"]
    )
    rows = json.loads(json.dumps(selection.measure(options)))["rows"]
    assert [row["name"] for row in rows] == [
        "4 groups of 90", "least similar 5 of 90", "4 groups of 300", "least similar 5 of 300",
    ]  # fmt: skip
    for of_groups, chosen in (rows[:2], rows[2:]):
        _assert_timed(of_groups, ["perface_jax, mean", "perface_jax, confidence limit", "NumPy, mean"])
        _assert_timed(chosen, ["perface_jax", "NumPy", "faiss"])
        assert of_groups["largest_difference"] < 1e-6
        assert chosen["largest_error_of_rank"] < 1e-6


def test_what_numpy_chooses_is_the_least_similar_in_order():
    pytest.importorskip("faiss")
    from benchmarks import selection

    gallery, queries = selection._draw(40, 2)
    chosen = selection._by_numpy(queries, gallery, 4)
    np.testing.assert_array_equal(chosen, np.argsort(queries @ gallery.T, axis=1)[:, :4])
    assert selection._errors(queries, gallery, {4: chosen}) == {4: 0}
    assert selection._errors(queries, gallery, {4: chosen[:, ::-1]})[4] > 0


def test_layers_are_timed_beside_the_plain_ones_and_equal_them(monkeypatch):
    monkeypatch.setattr(record, "PAUSE", 0)
    options = layers.parser().parse_args(["--batch=2", "--width=4", "--image-size=16", "--rounds=2"])
    rows = json.loads(json.dumps(layers.measure(options)))["rows"]
    assert [row["name"] for row in rows] == [
        "convolution, 4x4x8",
        "convolution, 2x2x16",
        "gradients of a convolution, 4x4x8",
        "gradients of a convolution, 2x2x16",
        "gradients of a strided convolution, 8x8x8",
        "gradients of a strided convolution, 2x2x32",
        "sum over rows, 8x8x4",
        "norm + PReLU, there and back, 8x8x4",
        "filter gradient, 8x8x4",
    ]
    others = ["XLA, same options", "XLA", "PyTorch contiguous", "PyTorch channels_last"]
    for row in rows:
        _assert_timed(row, ["perface_jax", *others])
        assert row["largest_difference"] < 1e-5


@pytest.mark.slow
def test_every_method_is_retouched_and_every_estimator_judged(tmp_path):
    model = iresnet("r18", width=4, image_size=32, embedding_size=16)
    save_model(tmp_path / "model", model, formula.variables(model))
    words = ["--model", str(tmp_path / "model"), "--faces=8", "--estimated=8"]
    found = json.loads(json.dumps(retouch.measure(retouch.parser().parse_args(words))))
    rows = {row["name"]: row for row in found["rows"]}
    for method in ("wrong skin and lamp", "classical swap", "blur", "pixelate"):
        for name in ("skin", "light", "skin + light"):
            assert set(rows[f"{method} + {name}"]["left"]) == set(rows[method]["medians"])
    assert rows["wrong skin and lamp + skin + light"]["left"]["skin"]["value"] < 0.5
    assert rows["wrong skin and lamp + skin + light"]["left"]["light"]["value"] < 0.5
    assert len(found["estimators"]) == 13


def test_what_is_left_and_the_change_are_of_the_same_faces():
    before = {"light": np.array([10.0, 30.0]), "machine": np.array([0.1, 0.7])}
    after = {"light": np.array([5.0, 15.0]), "machine": np.array([0.2, 0.8])}
    found = retouch.compared(before, after)
    assert found["left"]["light"] == {"value": 0.5, "interval": [0.5, 0.5]}  # every face lost a half
    assert found["change"] == {"value": 0.1, "interval": [0.1, 0.1]}
    assert found["machine"]["interval"] == [0.2, 0.8]
    assert found["medians"] == {"light": 10.0}


def test_pasting_changes_the_face_only():
    picture, other = np.zeros((2, 112, 112, 3), np.uint8), np.full((2, 112, 112, 3), 200, np.uint8)
    points = np.stack([turned(0, 0, 0) * 0.75] * 2)
    pasted = np.asarray(jax.jit(retouch.paste)(picture, other, points))
    tip, corner = points[0, 2].astype(int), pasted[0, 0, 0]
    np.testing.assert_array_equal(pasted[0, tip[1], tip[0]], [200, 200, 200])
    np.testing.assert_array_equal(corner, [0, 0, 0])


@pytest.mark.slow
def test_a_cold_and_a_warm_start_are_taken_apart(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")  # one device
    options = startup.parser().parse_args(
        ["--arch=r18", "--width=4", "--image-size=32", "--rounds=1", "--starts", "folder"]
    )
    [row] = json.loads(json.dumps(startup.measure(options)))["rows"]
    _assert_timed(row, ["cold", "warm", "cold, dispatched", "warm, dispatched"], rounds=1)
    for start in ("cold", "warm"):
        parts = row["parts"][start]
        assert list(parts) == ["imports", "weights", "data", "state", "dispatch", "first step", "validation"]
        taken = [seconds for [seconds] in parts.values()]
        assert sum(taken[:-1]) == pytest.approx(row["seconds"][start][0], abs=0.01)
        assert sum(taken[:-2]) == pytest.approx(row["seconds"][f"{start}, dispatched"][0], abs=0.01)
        assert row["compiling"][start]["programs"][0] > 1


@pytest.mark.parametrize("part", ["epoch", "sweep", "devices", "input", "selection", "startup", "layers"])
def test_a_kept_record_has_rows_with_names_of_their_own(part):
    if not (RESULTS / f"{part}.json").exists():
        pytest.skip("not measured yet")
    record = json.loads((RESULTS / f"{part}.json").read_text())
    names = [row["name"] for row in record["rows"]]
    assert record["part"] == part
    assert len(set(names)) == len(names) > 0
