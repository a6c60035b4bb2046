"""The whole evaluation of a run and of vectors, on small releases in the users' layouts."""

import json
import os
import shutil
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest

from perface_jax import evaluation, evaluator
from perface_jax.evaluation import Kind, Role, stored
from perface_jax.network.model_folder import load_model, save_model
from perface_jax.report import write_html
from perface_jax.training import builders, workdir
from tests import browser
from tests.conftest import ROOT
from tests.datasets.test_celeba_hq import folder as celeba_hq  # noqa: F401  (fixtures)
from tests.small_release import SOURCES, TARGETS, config_of


@pytest.fixture(scope="module")
def run(start, tmp_path_factory):
    """A run that ended with other weights than it began with."""
    folder = tmp_path_factory.mktemp("evaluated") / "run"
    model, variables = load_model(start)
    variables["params"] = jax.tree.map(
        lambda x: x + 0.3 * np.sin(np.arange(x.size)).reshape(x.shape).astype(x.dtype), variables["params"]
    )
    save_model(folder / "model", model, variables)
    return folder


@pytest.fixture(scope="module")
def of_run(run, release, start):
    """The report on the run."""
    return evaluator.evaluate(evaluator.open_run(config_of(release, start), run))


def rows(report, title):
    (section,) = [section for section in report.sections if section.title == title]
    return section.rows


def test_a_run_is_evaluated_before_and_after_beside_baselines_and_human_agreement(config, run, of_run):
    found = rows(of_run, "Triplet accuracy")
    assert [row.setting for row in found if row.model == "after"] == ["i", "ii", "iii", "train", "validation"]
    data = builders.divide(builders.open_triplets(config), config)
    for name, role in (("before", Role.START), ("after", Role.TRAINED)):
        (row,) = [row for row in found if (row.setting, row.model) == ("ii", name)]
        network = evaluator.open_run(config, run).models[0][role].open()
        similarities = evaluation.triplet_similarities(network, data.triplets)
        scores = evaluation.scores(similarities, data.labels)[data.settings["ii"]]
        assert row.accuracy == pytest.approx(scores.mean(), abs=1e-6)
    assert {row.model for row in found if row.kind is Kind.BASELINE} == set(evaluation.triplets.BASELINES)
    assert "few sources" in " ".join(of_run.warnings)
    assert of_run.facts["Data"]["triplets"]["answers_sha256"]
    assert (run / stored.FILE).exists()


def test_the_page_of_a_run_has_no_fault_in_a_browser(of_run, tmp_path):
    write_html(tmp_path / "report.html", of_run)
    assert browser.faults(tmp_path / "report.html") == []
    assert of_run.summary.verdict.startswith(("Training ", "Whether training helped cannot be told: gain "))
    assert "<h2>Where people and the model agree, and where they differ</h2>" in (tmp_path / "report.html").read_text()


def test_a_starting_model_that_was_moved_is_warned_of(config, run, start, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    workdir.claim(tmp_path / "run", workdir.record(config))
    shutil.copytree(start, tmp_path / "moved")
    with config.unlocked():
        config.init, config.parts = str(tmp_path / "moved"), ()
    target = evaluator.open_run(config, tmp_path / "run")
    assert target.moved == {"init": (str(start), str(tmp_path / "moved"))}
    (warning,) = evaluator.evaluate(target).warnings
    assert warning.startswith(f"config.init is {tmp_path / 'moved'}, and the run recorded {start}: ")
    config.seed = 7
    with pytest.raises(ValueError, match="- seed = 0\n\\+ seed = 7$"):
        evaluator.open_run(config, tmp_path / "run")


def test_vectors_of_the_pictures_give_what_their_model_gives(config, run, of_run, release, tmp_path):
    folder, names, skipped = evaluator.embed(config, run, release / "triplet", tmp_path / "vectors.npz")
    assert (folder, len(names), skipped) == (run / "model", 300, [])
    vectors = evaluator.evaluate(evaluator.open_vectors(config, tmp_path / "vectors.npz", compare=str(run)))
    after = [row.accuracy for row in rows(of_run, "Triplet accuracy") if row.model == "after"]
    again = [row for row in rows(vectors, "Triplet accuracy") if row.kind is Kind.MODEL]
    assert [row.accuracy for row in again] == pytest.approx(after)
    assert {row.model for row in again} == {"vectors"}  # the name of the file
    found = [row for row in rows(vectors, "Paired comparison") if row.second == "after of run"]
    assert {row.first for row in found} == {"vectors"}
    assert [row.difference for row in found] == pytest.approx([0] * len(found), abs=1e-5)


def test_a_run_is_compared_with_another(config, run, of_run, start, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(start, other / "model")
    with pytest.raises(FileNotFoundError, match="other has no similarities.npz to compare with: run evaluate.py on it"):
        evaluator.evaluate(evaluator.open_run(config, run, compare=str(other)))
    found = rows(evaluator.evaluate(evaluator.open_run(config, other, compare=str(run))), "Paired comparison")
    by_run = {(row.setting, row.first, row.second, row.measure): row for row in found}
    accuracy = {row.model: row.accuracy for row in rows(of_run, "Triplet accuracy") if row.setting == "i"}
    difference = by_run["i", "after", "after of run", "accuracy"].difference
    assert difference == pytest.approx(accuracy["before"] - accuracy["after"])
    assert by_run["ii", "before", "before of run", "soft score"].difference == 0


def test_a_run_with_another_split_is_not_compared(config, run, of_run, tmp_path):
    with (run / stored.FILE).open("rb") as file, np.load(file) as arrays:
        held = dict(arrays)
    (tmp_path / "other").mkdir()
    np.savez(tmp_path / "other" / stored.FILE, **{**held, "settings": held["settings"][:, ::-1]})
    with pytest.raises(ValueError, match="other has another split"):
        evaluator.evaluate(evaluator.open_run(config, run, compare=str(tmp_path / "other")))


def test_a_run_on_other_answers_is_not_compared(config, run, of_run, tmp_path):
    with (run / stored.FILE).open("rb") as file, np.load(file) as arrays:
        held = dict(arrays)
    (tmp_path / "other").mkdir()
    np.savez(tmp_path / "other" / stored.FILE, **{**held, "data": held["data"][::-1]})
    with pytest.raises(ValueError, match="other was evaluated on other pictures or answers; wanted those of"):
        evaluator.evaluate(evaluator.open_run(config, run, compare=str(tmp_path / "other")))
    for broken in ({"data": held["data"]}, {}):
        np.savez(tmp_path / "other" / stored.FILE, **broken)
        with pytest.raises(ValueError, match="similarities.npz is damaged"):
            evaluator.evaluate(evaluator.open_run(config, run, compare=str(tmp_path / "other")))


def test_cells_that_are_split_differently_have_lines_of_their_own_and_are_not_compared(config, release, tmp_path):
    names = [f"t{i:04}_{role}" for i in range(100) for role in "abc"]
    evaluation.write_vectors(tmp_path / "mine.npz", names, np.random.default_rng(0).normal(size=(300, 4)))
    config.feed, config.labels = "on_device", "majority"
    config.sweep.combine, config.sweep.labels, config.sweep.split.fold = "list", ("majority", "unanimous"), (0, 1)
    found = rows(evaluator.evaluate(evaluator.open_vectors(config, tmp_path / "mine.npz")), "Triplet accuracy")
    names = [row.model for row in found if (row.setting, row.kind) == ("ii", Kind.MODEL)]
    assert names == ["mine (labels=majority)", "mine (labels=unanimous)"]
    with pytest.raises(ValueError, match="split differently"):
        evaluator.evaluate(evaluator.open_vectors(config, tmp_path / "mine.npz", compare=str(tmp_path / "mine.npz")))


def test_a_model_that_all_replicas_share_is_opened_once(config, release, tmp_path):  # noqa: F811
    names = [f"t{i:04}_{role}" for i in range(100) for role in "abc"]
    evaluation.write_vectors(tmp_path / "mine.npz", names, np.random.default_rng(0).normal(size=(300, 4)))
    config.feed, config.sweep.seed = "resident", (0, 1)
    target, opened = evaluator.open_vectors(config, tmp_path / "mine.npz"), []

    def counted(model):
        return model._replace(open=lambda: opened.append(model) or model.open())

    models = [{role: counted(model) for role, model in of_replica.items()} for of_replica in target.models]
    assert len(models) == 2
    evaluator.evaluate(target._replace(models=models))
    assert len(opened) == 1


def test_groups_and_selection_are_evaluated_on_faces(config, run, celeba_hq):  # noqa: F811
    config.parts = ("groups", "selection")
    config.groups.folder, config.groups.gallery, config.groups.queries = str(celeba_hq), 3, 2
    report = evaluator.evaluate(evaluator.open_run(config, run))
    found = rows(report, "STEP 1: groups")
    assert {row.task for row in found} == {"male / female", "young / older", "four groups"}
    gains = {row.model: row.gain.value for row in found if row.group == "all" and row.task == "four groups"}
    assert [np.isnan(gain) for gain in gains.values()] == [True, False]  # of the trained model
    assert {row.model for row in found} == {"before", "after"}
    offered = rows(report, "STEP 2: selection")
    assert {row.model for row in offered} == {"before", "after"}
    assert max(row.rank for row in offered) == 3  # five were asked for, and a group has three
    assert report.facts["Data"]["faces"]["rule"] == "mean + f s / sqrt(n)"
    (selection,) = [section for section in report.sections if section.title == "STEP 2: selection"]
    strips = selection.figures[0].strips
    assert len(strips) == len({(row.query, row.model) for row in offered})
    assert all(("which is right" in strip.heading) != ("the true group is" in strip.heading) for strip in strips)
    places = {name: place for place, name in enumerate(selection.table.columns)}
    assert all(line[places["true group"]] for line in selection.table.lines)
    assert {column for _, column in selection.thumbnails} >= {0, places["candidate 1"]}


def test_a_random_split_is_warned_of(config, run, tmp_path):
    run = shutil.copytree(run, tmp_path / "run")  # others compare what was evaluated in the first one
    config.split.by = "triplets"
    with pytest.warns(UserWarning, match="random split"):
        report = evaluator.evaluate(evaluator.open_run(config, run))
    assert "The split is by triplet" in report.warnings[0] + report.warnings[1]
    assert [row.setting for row in rows(report, "Triplet accuracy") if row.model == "after"][0] == "test"


def test_what_cannot_be_evaluated_says_what_was_wanted(config, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no finished run: train.py writes"):
        evaluator.open_run(config, tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no file .*nowhere.npz"):
        evaluator.open_vectors(config, tmp_path / "nowhere.npz")
    evaluation.write_vectors(tmp_path / "v.npz", ["a", "b"], np.ones((2, 3)))
    with pytest.raises(ValueError, match="no vector for 300 of 300 pictures: t0000_a, t0000_b"):
        evaluator.evaluate(evaluator.open_vectors(config, tmp_path / "v.npz"))
    config.parts = ("groups",)
    with pytest.raises(ValueError, match="--compare is for triplets; config.parts is groups"):
        evaluator.evaluate(evaluator.open_vectors(config, tmp_path / "v.npz", compare="other"))
    with pytest.raises(FileNotFoundError, match="CelebAMask-HQ"):
        evaluator.evaluate(evaluator.open_vectors(config, tmp_path / "v.npz"))
    config.parts = ("verification",)
    with pytest.raises(ValueError, match="config.parts has 'verification'; wanted some of triplets, groups, selection"):
        evaluator.open_vectors(config, tmp_path / "v.npz")


@pytest.mark.slow
def test_two_processes_embed_every_picture_once_and_report_what_one_does(release, start, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def command(workdir, *flags):
        fields = {
            "init": start, "data.release": release, "data.data_dir": tmp_path / "tfds", "data.sources": SOURCES,
            "data.targets": TARGETS, "split.sources": "(6,2,2)", "split.targets": "(6,2,2)",
            "model.layers": "(1,0,0,0)", "model.width": 4, "model.embedding_size": 16,
        }  # fmt: skip
        given = [f"--config.{name}={value}" for name, value in fields.items()]
        start_flags = ["--config=configs/perface_r50.py:smoke", f"--workdir={workdir}"]
        return [sys.executable, "evaluate.py", *start_flags, *given, *flags]

    shutil.copytree(start, tmp_path / "one" / "model")
    shutil.copytree(start, tmp_path / "two" / "model")
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": ""}
    embed = "--parts=embed", f"--pictures={release / 'triplet'}"
    for flags in ((), (*embed, f"--out={tmp_path / 'OUT.npz'}")):
        named = {folder: [flag.replace("OUT", folder) for flag in flags] for folder in ("one", "two")}
        subprocess.run(command(tmp_path / "one", *named["one"]), cwd=ROOT, env=environment, check=True)
        join = f"--coordinator=127.0.0.1:{port}", "--processes=2"
        two = [
            subprocess.Popen(
                command(tmp_path / "two", *named["two"], *join, f"--process={i}"), cwd=ROOT, env=environment
            )
            for i in range(2)
        ]
        assert [process.wait(300) for process in two] == [0, 0]
    one, two = (json.loads((tmp_path / folder / "evaluation.json").read_text()) for folder in ("one", "two"))
    assert one["sections"] == two["sections"]
    one, two = (evaluation.read_vectors(tmp_path / f"{folder}.npz") for folder in ("one", "two"))
    assert one.names == two.names
    np.testing.assert_allclose(one.embeddings, two.embeddings, atol=1e-6)
