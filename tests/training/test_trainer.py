"""The training page from config to model folder, in this process; the commands are run in test_commands."""

import functools
import json
import os
import signal

import jax
import numpy as np
import pytest
from PIL import Image

from configs import arcface_synthetic
from perface_jax import evaluation, parallel, sections, similarity_scale
from perface_jax.annotations import Setting
from perface_jax.network import fingerprints
from perface_jax.network.model_folder import load_model, save_model
from perface_jax.similarity import similarity
from perface_jax.training import builders, programs, step, trainer
from perface_jax.training.preemption import Preempted
from tests import small_runs
from tests.releases import write_table
from tests.small_release import config_of


def _lines(workdir):
    return [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module", autouse=True)
def two_devices():
    """Eight virtual devices on two cores would spend the tests on compiling."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "choose_mesh", _all_of_two)
        yield


def _all_of_two(replicas, batches, *, data, **options):
    return parallel.make_mesh(replicas, data=data, devices=jax.devices()[:2])


@pytest.fixture(scope="module")
def finished(two_devices, release, start, tmp_path_factory):
    """The workdir of a run of one epoch, and its model folder."""
    config, workdir = config_of(release, start), tmp_path_factory.mktemp("finished") / "run"
    config.epochs, config.max_steps = 1, 0
    [folder] = trainer.train(config, workdir)
    return workdir, folder


def test_a_run_logs_validates_saves_and_exports(config, finished):
    workdir, folder = finished
    lines = _lines(workdir)
    steps = len(builders.divide(builders.open_triplets(config), config).training) // 8
    assert steps >= 3
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, steps + 1))
    assert [line["step"] for line in lines if "validation_accuracy" in line] == [0, steps]
    assert all(line["active_rows"] > 0 for line in lines if "loss" in line)
    for line in (line for line in lines if "validation_accuracy" in line):
        right, triplets = np.transpose(list(line["validation_by_source"].values()))
        assert right.sum() / triplets.sum() == pytest.approx(line["validation_accuracy"])
    (worth,) = [line for line in lines if "held_out_validation" in line]
    assert worth["step"] == steps
    best = max(line["validation_accuracy"] for line in lines if "validation_accuracy" in line)
    assert worth["best_validation"] == pytest.approx(best)
    assert worth["optimism"] == pytest.approx(best - worth["held_out_validation"])
    table = sections.training(workdir / "log.jsonl").rows
    assert [(row.run, row.validations) for row in table] == [("this run", 2)]
    assert table[0].held_out == worth["held_out_validation"]
    model, variables = load_model(folder)
    assert model.crop == "simswap"
    assert json.loads((workdir / "config.json").read_text())["margin"] == config.margin


def test_a_kept_model_has_a_scale_from_all_validation_triplets_and_no_others(finished, release, start):
    _, folder = finished
    scale, config = similarity_scale.read(folder), config_of(release, start)
    data = builders.divide(builders.open_triplets(config), config)
    rows = data.split.rows[Setting.VALIDATION]
    pictures = np.concatenate([data.triplets[i] for i in rows])
    vectors = evaluation.embed(*load_model(folder), pictures)
    source, target = (np.repeat(ids[rows], 3) for ids in (data.triplets.source_id, data.triplets.target_id))
    pairs = similarity_scale.different_people(vectors, source, target)
    np.testing.assert_allclose(scale.background.quantiles, similarity_scale.quantiles(pairs).quantiles, atol=1e-4)
    assert (scale.background.people, scale.background.pictures) == (6, 3 * len(rows))
    assert (scale.model, scale.crop) == (fingerprints.fingerprint(folder), "simswap")
    slope = scale.slope
    assert (slope.triplets, slope.votes, slope.sources, slope.targets) == (
        16,
        48,
        2,
        8,
    )
    a, b, reference = np.moveaxis(vectors.reshape(-1, 3, vectors.shape[-1]), 1, 0)
    np.testing.assert_allclose(
        [slope.lowest, slope.highest],
        [end(np.stack([similarity(reference, a), similarity(reference, b)])) for end in (np.min, np.max)],
        atol=1e-4,
    )
    assert json.loads((folder / "scale.json").read_text())["made"]["by"].endswith("training, step 0")


def test_a_run_told_to_stop_saves_goes_on_where_it_was_and_ends_as_one_that_nobody_disturbed(
    config, finished, tmp_path, monkeypatch
):
    """In this process; test_kills stops and kills whole commands at many moments."""
    config.epochs, config.max_steps = 1, 0

    class Stopped(trainer.Progress):
        def after_steps(self, step, *rest):
            super().after_steps(step, *rest)
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "Progress", Stopped)
        with pytest.raises(Preempted, match=r"told to stop after step 1 of \d+; the state is saved in "):
            trainer.train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "model").exists()
    [folder] = trainer.train(config, tmp_path / "run")
    assert [line["step"] for line in _lines(tmp_path / "run") if "loss" in line][:2] == [1, 2]
    one, other = (load_model(path)[1] for path in (finished[1], folder))
    jax.tree.map(np.testing.assert_array_equal, one, other)
    losses = [[line["loss"] for line in _lines(path) if "loss" in line] for path in (finished[0], tmp_path / "run")]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_was_saved_and_ends_the_same(config, tmp_path):
    config.max_steps, config.evaluate_every = 6, 1
    trainer.train(config, tmp_path / "whole")

    class Interrupted(Exception):
        pass

    class Broken(trainer.Progress):
        def after_steps(self, step, *rest):
            super().after_steps(step, *rest)
            if step == 5:
                raise Interrupted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "Progress", Broken)
        with pytest.raises(Interrupted):
            trainer.train(config, tmp_path / "halves")
    trainer.train(config, tmp_path / "halves")

    assert min(line["step"] for line in _lines(tmp_path / "halves")[-4:]) > 0
    one, other = (load_model(tmp_path / name / "model")[1] for name in ("whole", "halves"))
    jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.slow
def test_the_start_is_validated_after_the_first_step_is_dispatched_or_before_a_call_of_many(
    config, tmp_path, monkeypatch
):
    made, called = {"steps": programs.steps, "validation": programs.validation}, []

    def noted(name):
        def make(*arguments, **options):
            program = made[name](*arguments, **options)
            return lambda *of_call: called.append(name) or program(*of_call)

        return make

    for name in made:
        monkeypatch.setattr(programs, name, noted(name))
    config.feed, config.max_steps = "on_device", 1
    trainer.train(config, tmp_path / "one")
    assert called[:2] == ["steps", "validation"]
    called.clear()
    config.steps_per_call = 0
    trainer.train(config, tmp_path / "many")
    assert called[0] == "validation"
    first = [[line for line in _lines(tmp_path / name) if "validation_accuracy" in line][0] for name in ("one", "many")]
    assert first[0] == first[1]


@pytest.mark.slow
def test_a_run_from_stored_traces_traces_no_step_and_ends_the_same(config, tmp_path, monkeypatch):
    config.max_steps = 2
    [direct] = trainer.train(config, tmp_path / "direct")
    [first] = trainer.train(config, tmp_path / "first", traces=tmp_path / "traces")
    monkeypatch.setattr(step, "train_step", None)
    monkeypatch.setattr(step, "embed_step", None)
    [second] = trainer.train(config, tmp_path / "second", traces=tmp_path / "traces")
    wanted = load_model(direct)[1]
    for folder in (first, second):
        jax.tree.map(np.testing.assert_array_equal, wanted, load_model(folder)[1])


@pytest.mark.slow
def test_the_last_state_is_exported_when_asked_for(config, tmp_path):
    config.max_steps, config.export = 1, "last"
    [folder] = trainer.train(config, tmp_path / "run")
    assert json.loads((folder / "model.json").read_text())["source"]["steps"] == 1
    before, after = load_model(config.init)[1], load_model(folder)[1]
    assert np.abs(after["params"]["fc"]["kernel"] - before["params"]["fc"]["kernel"]).max() > 0


def test_another_configs_workdir_is_refused_before_anything_happens(config, finished):
    config.epochs, config.max_steps, config.margin = 1, 0, 0.3
    before = _lines(finished[0])
    with pytest.raises(ValueError, match=r"- margin = 0\.1\n\+ margin = 0\.3"):
        trainer.train(config, finished[0])
    assert _lines(finished[0]) == before


def test_a_run_that_diverges_stops_names_the_steps_and_saves_nothing(config, tmp_path):
    config.learning_rate, config.max_steps, config.log_every = 1e30, 9, 100
    with pytest.raises(FloatingPointError, match="between steps 0 and 3|after step 3 are not finite"):
        trainer.train(config, tmp_path / "run")
    assert not list((tmp_path / "run" / "checkpoints").iterdir())


def test_folded_norms_are_refused_before_the_workdir_is_claimed(config, tmp_path):
    folded, variables = load_model(config.init)
    save_model(tmp_path / "folded", folded.clone(folded_norms=True), variables)
    config.init = str(tmp_path / "folded")
    with pytest.raises(ValueError, match="config.batch_norm=frozen"):
        trainer.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_wrong_choices_are_refused_with_what_there_is(config, tmp_path):
    config.batch_size = 7
    with pytest.raises(ValueError, match="batch of 7 cannot be divided over 2 devices"):
        trainer.train(config, tmp_path / "run")
    config.batch_size, config.evaluation_batch_size = 8, 5
    with pytest.raises(ValueError, match="evaluation_batch_size of 5 cannot be divided over 2 devices"):
        trainer.train(config, tmp_path / "run")
    config.evaluation_batch_size = 8
    for field, value, message in [
        ("batch_norm", "off", "config.batch_norm is 'off'; wanted one of global, per_device, frozen"),
        ("labels", "d3", "config.labels is 'd3'; wanted one of unanimous, majority"),
        ("crop", "simswp", "config.crop is 'simswp'; wanted one of arcface"),
        ("evaluate_every", 0, "config.evaluate_every is 0; wanted more than 0"),
    ]:
        broken = config.copy_and_resolve_references()
        broken[field] = value
        with pytest.raises(ValueError, match=message):
            trainer.train(broken, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_sweep_is_each_run_alone_and_a_run_that_diverges_does_not_stop_the_others(config, tmp_path):
    config.feed, config.max_steps, config.export = "on_device", 3, "last"
    [alone] = trainer.train(config, tmp_path / "alone")
    config.sweep.learning_rate, config.mesh.data = (0.01, 0.02, 1e30), 1  # on two devices: the last one is repeated
    sane, second, wild = trainer.train(config, tmp_path / "sweep")
    assert (sane.name, wild.name) == ("learning_rate=0.01", "learning_rate=1e+30")
    quantiles = [similarity_scale.read(folder).background.quantiles for folder in (sane, alone)]
    np.testing.assert_allclose(*quantiles, atol=1e-4)
    assert "some embeddings have no direction" in similarity_scale.read(wild).missing[0]  # weights of 1e27

    one, other = load_model(alone)[1], load_model(sane)[1]
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5), one, other)
    lines = _lines(tmp_path / "sweep")
    assert [line["diverged"] for line in lines if "diverged" in line] == ["learning_rate=1e+30"]
    trained = [line["replica"] for line in lines if line["step"] == 3 and "loss" in line]
    assert trained == [sane.name, second.name]
    assert {path.name for path in sane.parent.iterdir()} == {sane.name, second.name, wild.name}
    assert small_runs.saved_replicas(tmp_path / "sweep", 3) == {3}


@pytest.mark.slow
def test_resident_pictures_in_one_scan_train_as_pictures_from_disk(config, tmp_path):
    config.max_steps = 3
    [disk] = trainer.train(config, tmp_path / "disk")
    config.feed, config.steps_per_call = "resident", 0  # the former name of on_device
    [resident] = trainer.train(config, tmp_path / "resident")
    one, other = load_model(disk)[1], load_model(resident)[1]
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5), one, other)


def test_without_validation_the_last_state_is_exported_and_no_score_is_logged(config, tmp_path):
    names, settings = [f"t{i:04d}" for i in range(100)], ["train"] * 80 + ["test"] * 20
    config.split.by = "file"
    config.split.file = str(write_table(tmp_path / "split.csv", "tripletId,setting", names, settings))
    config.export, config.max_steps = "last", 1
    [folder] = trainer.train(config, tmp_path / "run")
    assert json.loads((folder / "model.json").read_text())["source"]["steps"] == 1
    assert not [line for line in _lines(tmp_path / "run") if "validation_accuracy" in line or "optimism" in line]


@pytest.mark.slow
def test_a_finished_run_goes_on_when_more_steps_are_asked_for(config, tmp_path):
    config.max_steps, config.export = 1, "last"
    trainer.train(config, tmp_path / "run")
    config.max_steps, config.log_every = 2, 2
    [folder] = trainer.train(config, tmp_path / "run")
    assert json.loads((folder / "model.json").read_text())["source"]["steps"] == 2
    changes = [line["changed"] for line in _lines(tmp_path / "run") if "changed" in line]
    assert changes == ["config.log_every: 1 -> 2", "config.max_steps: 1 -> 2"]


def test_a_recognizer_learns_from_a_folder_of_identities(config, tmp_path):
    generator = np.random.default_rng(0)
    for person in range(8):
        folder = tmp_path / "people" / f"{person}"
        folder.mkdir(parents=True)
        base = generator.integers(0, 256, (4, 4, 3))
        for i in range(6):
            noisy = np.clip(base + generator.normal(scale=10, size=base.shape), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).resize((32, 32), Image.Resampling.NEAREST).save(folder / f"{i}.png")
    people = arcface_synthetic.get_config()
    people.model, people.init = config.model, config.init
    people.data.folder, people.data.pairs = str(tmp_path / "people"), 20
    people.split.sizes, people.batch_size, people.epochs = (4, 4, 0), 8, 4
    people.schedule.warmup, people.log_every, people.export = 0, 6, "last"
    [folder] = trainer.train(people, tmp_path / "run")
    losses = [line["loss"] for line in _lines(tmp_path / "run") if "loss" in line]
    assert losses[-1] < losses[0]
    assert "classes" not in load_model(folder)[1]["params"]
    scale = similarity_scale.read(folder)
    assert (scale.background.people, scale.curve) == (4, None)
    assert scale.missing == ("no probability: the run is on identities, which have no votes",)
