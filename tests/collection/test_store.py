"""Votes are stored once, deletions are complete, and a database that cannot be opened is refused in one line."""

import concurrent.futures
import contextlib
import dataclasses

import pytest

from perface_jax import collection
from perface_jax.collection.store import FILE, Fate, open_store
from tests.collection.conftest import ANNOTATORS
from tests.collection.small_study import write_study


def vote_on(study, store, annotator, trial, choice="a", plan=None):
    number = next(one.number for one in store.annotators() if one.annotator == annotator)
    trials = collection.plan_trials(study, number)
    made = {"plan": plan or collection.plan_hash(trials), "time": collection.utc_now(), "milliseconds": 900}
    return collection.Vote.on(trials[trial], annotator=annotator, choice=choice, **made)


def plan_of(study):
    return lambda number: collection.plan_hash(collection.plan_trials(study, number))


@pytest.fixture
def begun(study, store):
    for name in ANNOTATORS:
        store.begin(name, consent="text", plan_of=plan_of(study))
    return store


def test_only_the_vote_on_the_next_trial_is_stored_and_none_is_changed(study, begun):
    first, other = (vote_on(study, begun, "panna", 0, choice) for choice in "ab")
    ahead, behind = vote_on(study, begun, "panna", 2), vote_on(study, begun, "panna", 1)
    assert begun.add_votes([first, other, ahead, behind]) == [Fate.STORED, Fate.NOT_NEXT, Fate.NOT_NEXT, Fate.STORED]
    assert begun.add_votes([other, first]) == [Fate.NOT_NEXT] * 2
    assert begun.add_votes([vote_on(study, begun, "pberta", 0, plan="another")]) == [Fate.NOT_NEXT]
    assert begun.votes() == [first, behind]


def test_a_store_opened_again_has_all_of_it(study, begun, database):
    votes = [vote_on(study, begun, name, k) for name in ANNOTATORS for k in range(5)]
    assert set(begun.add_votes(votes)) == {Fate.STORED}
    again = open_store(study, database)
    assert again.votes() == votes
    assert [(one.annotator, one.number, one.votes) for one in again.annotators()] == [("panna", 0, 5), ("pberta", 1, 5)]
    again.close()


def test_of_one_vote_sent_by_many_at_once_one_is_stored(study, begun):
    votes = [vote_on(study, begun, "panna", 0, "ab"[k % 2]) for k in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        fates = list(pool.map(lambda vote: begun.add_votes([vote])[0], votes))
    assert sorted(fates) == sorted([Fate.STORED] + [Fate.NOT_NEXT] * 7)
    assert len(begun.votes()) == 1


def test_those_who_begin_at_once_get_different_numbers(study, store):
    names = [f"p{k}" for k in range(8)]
    store.add_annotators({name: name for name in names})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.begin(name, consent="", plan_of=str), names))
    found = {one.annotator: (one.number, one.plan) for one in store.annotators() if one.number is not None}
    assert sorted(found.values()) == [(k, str(k)) for k in range(8)]
    store.begin("p3", consent="again", plan_of=str)
    assert {one.annotator: (one.number, one.plan) for one in store.annotators() if one.number is not None} == found


def test_a_deleted_annotator_leaves_no_vote_and_the_number_to_the_next(study, begun):
    begun.add_votes([vote_on(study, begun, "panna", 0)])
    begun.record_export("/one", ["panna", "pberta"])
    begun.record_export("/two", ["pberta"])
    assert [one.place for one in begun.delete("panna")] == ["/one"]
    assert [one.place for one in begun.delete("panna")] == ["/one"]
    assert begun.votes() == []
    assert [one.annotator for one in begun.annotators()] == ["pberta"]
    with pytest.raises(ValueError, match="is or was in use: panna"):
        begun.add_annotators({"panna": "another token"})
    begun.add_annotators({"pclara": "a third"})
    begun.begin("pclara", consent="", plan_of=plan_of(study))
    assert {one.annotator: one.number for one in begun.annotators()} == {"pberta": 1, "pclara": 0}
    with pytest.raises(ValueError, match="no annotator 'nobody'"):
        begun.delete("nobody")


def test_nothing_of_a_deleted_vote_is_left_in_the_files(tmp_path):
    study = write_study(tmp_path / "study", targets=2, spacing=3)
    store = open_store(study)
    store.add_annotators({"panna": "x"})
    store.begin("panna", consent="", plan_of=lambda number: "f" * 16)
    trial = collection.plan_trials(study, 0)[0]
    given = {"choice": "a", "plan": "f" * 16, "time": "2026-11-30T21:24:00.123Z"}
    store.add_votes([collection.Vote.on(trial, annotator="panna", milliseconds=1234, **given)])
    files = sorted(study.folder.glob(f"{FILE}*"))
    assert any(b"21:24:00.123" in path.read_bytes() for path in files)
    store.delete("panna")
    assert not any(b"21:24:00.123" in path.read_bytes() for path in files)
    store.close()


def test_votes_of_those_who_have_not_begun_or_are_gone_are_not_stored(study, store):
    trial = collection.plan_trials(study, 0)[0]
    given = {"choice": "a", "milliseconds": 1, "plan": "", "time": ""}
    votes = [collection.Vote.on(trial, annotator=name, **given) for name in ("panna", "stranger")]
    assert store.add_votes(votes) == [Fate.UNKNOWN] * 2
    store.stop()
    assert store.add_votes(votes) == [Fate.STOPPED] * 2
    assert store.stopped()
    assert store.votes() == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("votes.db", "'votes.db' is no database"),
        ("mysql://u:secret@h/n", r"mysql://u:\*\*\*@h/n: wanted a database such as sqlite:///FILE or postgresql"),
        ("sqlite://", "sqlite://: wanted"),
        ("sqlite:////nowhere/at/all.sqlite", "cannot be opened: unable to open database file"),
    ],
)
def test_a_database_that_cannot_be_opened_is_refused_without_its_password(study, url, message):
    with pytest.raises(ValueError, match=message) as error:
        open_store(study, url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("name", ["why?", "a?mode=ro&b", "100%41 #1"])
def test_the_votes_are_in_the_folder_whatever_its_name_is(study, tmp_path, name):
    there = dataclasses.replace(study, folder=tmp_path / name)
    there.folder.mkdir()
    with contextlib.closing(open_store(there)) as opened:
        opened.add_annotators({"panna": "0" * 32})
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (there.folder / "votes.sqlite").is_file()
