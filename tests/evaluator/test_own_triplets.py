"""Your own triplets, from folder to tables: another grid, missing votes, ids and a split from files."""

import json
import types

import jax
import numpy as np
import pytest

from perface_jax import annotations, evaluation, evaluator, files, parallel
from perface_jax.annotations import Setting
from perface_jax.datasets import sim_celeba
from perface_jax.evaluation import Kind, stored
from perface_jax.report import to_terminal
from perface_jax.training import trainer
from tests.releases import write_answers, write_release, write_table
from tests.small_release import config_of

SOURCES, TARGETS = 12, 7
NAMES = [f"pair{i}" for i in range(SOURCES * TARGETS)]
PEOPLE, STREETS = annotations.cells("target_major", SOURCES, TARGETS)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder of 12 sources on 7 targets, without answers for one in five of the pairs, and its files."""
    votes = np.repeat(PEOPLE[:, None] % 2, 3, axis=1)
    votes[::9, 1] = -1
    folder = write_release(
        tmp_path_factory.mktemp("own") / "release", sources=SOURCES, targets=TARGETS, kind="target_major", size=32
    )
    for path in list((folder / "triplet").iterdir()):
        number, role = path.stem[1:].split("_")
        path.rename(path.with_name(f"{NAMES[int(number)]}_{role}.jpg"))
    there = np.flatnonzero(np.arange(84) % 5 > 0)
    write_answers(folder, votes[there], [NAMES[i] for i in there])
    ids = 1_000_000_000 + PEOPLE, [f"street {i}" for i in STREETS]
    write_table(folder.parent / "ids.csv", "tripletId,source,target", NAMES, *ids)
    # Sources 0 to 5 are trained on; 4 to 8 are tested in i; targets overlap in all.
    setting = np.select([PEOPLE < 6, PEOPLE < 9, PEOPLE < 11], ["train", "i", "validation"], "unused")
    setting[(PEOPLE >= 4) & (PEOPLE < 6) & (STREETS > 3)] = "i"
    setting[(PEOPLE == 8) & (STREETS < 3)] = "test"
    named = np.flatnonzero(setting != "unused")
    write_table(folder.parent / "split.csv", "tripletId,setting", [NAMES[i] for i in named], setting[named])
    return folder


@pytest.fixture
def config(own, start):
    made = config_of(own, start)
    made.data.ids, made.split.by, made.split.file = str(own.parent / "ids.csv"), "file", str(own.parent / "split.csv")
    made.min_votes = 2
    return made


def rows(report, title):
    (section,) = [section for section in report.sections if section.title == title]
    return section.rows


@pytest.fixture
def vectors(tmp_path):
    """Random vectors of all pictures."""
    names = [f"{name}_{role}" for name in NAMES for role in "abc"]
    evaluation.write_vectors(tmp_path / "mine.npz", names, np.random.default_rng(0).normal(size=(len(names), 4)))
    return tmp_path / "mine.npz"


SEEN_I = "2 of 5 sources, 7 of 7 targets"  # sources 4 and 5 of 4 to 8


def test_every_table_says_what_training_has_seen(config, own, vectors, tmp_path, capsys):
    target = evaluator.open_vectors(config, vectors, compare=str(vectors))
    report = evaluator.evaluate(target._replace(votes_table=str(tmp_path / "tables")))
    assert_every_vote_is_in(tmp_path / "tables" / "mine.csv", own / "triplet_answers.csv")
    for title in ("Triplet accuracy", "Agreement with all votes", "Paired comparison"):
        of_i = [row for row in rows(report, title) if row.setting == "i"]
        assert of_i
        assert {row.seen for row in of_i} == {SEEN_I}
        (section,) = [section for section in report.sections if section.title == title]
        assert section.table.columns[-1] == "seen in training"
    assert {row.seen for row in rows(report, "Triplet accuracy") if row.setting == "test"} == {
        "0 of 1 sources, 2 of 2 targets"  # one of the three triplets has no answers
    }
    assert f"Seen in training: in validation 0 of 2 sources, 7 of 7 targets; in i {SEEN_I}" in " ".join(report.warnings)
    assert "are not a whole grid in a row order that has a name" in " ".join(report.warnings)
    data = report.facts["Data"]
    assert len(data["triplets"]["without answers"]) == 17
    assert "by split.csv: train" in data["division"][0]
    to_terminal(report, tables=True)
    assert SEEN_I in capsys.readouterr().out


def test_without_ids_the_tables_say_that_sources_are_unknown(config, vectors, capsys):
    config.data.ids, config.data.order, config.data.repair = "", "unknown", "none"
    config.batch_size = 1000  # an evaluation of vectors trains nothing
    report = evaluator.evaluate(evaluator.open_vectors(config, vectors, compare=str(vectors)))
    (model,) = [row for row in rows(report, "Triplet accuracy") if (row.setting, row.kind) == ("i", Kind.MODEL)]
    assert (model.seen, model.note, model.sources) == ("unknown", "sources unknown", 0)
    assert np.isfinite(model.accuracy)
    assert np.isnan(model.low)
    (votes,) = [row for row in rows(report, "Agreement with all votes") if (row.setting, row.kind) == ("i", Kind.MODEL)]
    assert votes.note == "sources unknown"
    compared = [row for row in rows(report, "Paired comparison") if row.setting == "i"]
    assert [row.measure for row in compared] == list(evaluation.Measure)
    assert {row.sources for row in compared} == {0}
    assert all(row.note.startswith("sources unknown") or np.isnan(row.difference) for row in compared)
    assert "Sources and targets are unknown" in " ".join(report.warnings)
    to_terminal(report, tables=True)


def test_a_split_without_test_triplets_shows_what_there_is(config, own, vectors, tmp_path, capsys):
    kept = [line for line in (own.parent / "split.csv").read_text().splitlines() if not line.endswith((",i", ",test"))]
    (tmp_path / "split.csv").write_text("\n".join(kept) + "\n")
    config.split.file = str(tmp_path / "split.csv")
    report = evaluator.evaluate(evaluator.open_vectors(config, vectors))
    assert {str(row.setting) for row in rows(report, "Triplet accuracy")} == {"train", "validation"}
    to_terminal(report, tables=True)


def test_a_run_on_own_triplets_is_trained_evaluated_swept_and_compared(config, tmp_path, vectors, monkeypatch):
    two = parallel.make_mesh(2, devices=jax.devices()[:2])
    monkeypatch.setattr(parallel, "choose_mesh", lambda *_, **__: two)
    config.feed, config.sweep.labels = "on_device", ("majority", "unanimous")
    trainer.train(config, tmp_path / "run")
    said = [json.loads(line)["data"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()
            if "data" in line]  # fmt: skip
    assert said[0].startswith("The triplets are divided by split.csv: train")
    assert SEEN_I in said[1]
    report = evaluator.evaluate(evaluator.open_run(config, tmp_path / "run", compare=str(vectors)))
    assert {row.seen for row in rows(report, "Triplet accuracy") if row.setting is Setting.BOTH_UNSEEN} == {SEEN_I}
    assert (tmp_path / "run" / stored.FILE).exists()
    again = evaluator.evaluate(evaluator.open_run(config, tmp_path / "run", compare=str(tmp_path / "run")))
    same = [row for row in rows(again, "Paired comparison") if row.first == row.second.split(" of ")[0]]
    assert {row.difference for row in same if row.measure is not evaluation.Measure.LOG_LIKELIHOOD} == {0}


def assert_every_vote_is_in(file, answers):
    table, answers = evaluation.read_votes_table(file), annotations.read_answers(answers)
    assert table.votes.sum() == np.sum(answers.votes >= 0)
    assert (table.votes_for_a.sum(), set(table.ids)) == (np.sum(answers.votes == 0), set(answers.ids))


def test_annotators_are_named_where_the_answers_name_them(tmp_path):
    answers = tmp_path / "triplet_answers.csv"
    answers.write_text("triplet,annotator,choice\nt0000,ann,a\nt0000,bob,b\nt0001,bob,a\n")
    triplets = types.SimpleNamespace(ids=("t0001", "t0000"), metadata={"release": str(tmp_path), "answers_sha256": "?"})
    assert sim_celeba.annotators(triplets) is None  # the file is another one
    triplets.metadata["answers_sha256"] = files.sha256(answers)
    assert sim_celeba.annotators(triplets).tolist() == [["bob", ""], ["ann", "bob"]]
    answers.write_text("tripletId,ans1\nt0000,a\nt0001,b\n")
    triplets.metadata["answers_sha256"] = files.sha256(answers)
    assert sim_celeba.annotators(triplets) is None  # a column is not a person
