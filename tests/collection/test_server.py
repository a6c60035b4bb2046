"""The requests behind the page: a whole session, repeated and late requests, and the admin."""

import asyncio
import json

import pytest
import sqlalchemy as sa

from perface_jax import collection
from perface_jax.collection import keys, server
from tests.collection.conftest import ANNOTATORS, Session, client_of
from tests.collection.small_study import write_study


def admin_of(session, study):
    return Session(session.client, keys.admin_token(study))


def test_a_whole_session(session, study, store):
    state, pauses, trials = session.begin(), [], collection.plan_trials(study, 0)
    while state["step"] == "trial":
        pauses.append(state["pause"])
        for address in state["trial"]["pictures"] + (state["next"] or {"pictures": []})["pictures"]:
            assert session.get(f"/api/picture/{address}").headers["content-type"] == "image/jpeg"
        trial, side = trials[state["trial"]["index"]], "left" if state["number"] % 3 else "right"
        answer = session.vote(state, side=side)
        assert answer.status_code == 200
        state = answer.json()
        right = {True: "right", False: "wrong"}[trial.choice(side) is trial.expected]
        assert state["feedback"] == (right if trial.kind == "practice" else None)
    assert state["code"] == keys.completion_code(study, "panna")
    assert session.get("/api/state").json() | {"feedback": None} == state
    votes = store.votes()
    assert [vote.trial for vote in votes] == list(range(len(trials)))
    assert [(one.triplet, one.kind, one.repeat_of) for one in votes] == [
        (one.triplet, one.kind, one.repeat_of) for one in trials
    ]
    assert all(vote.choice is trial.choice(vote.side) for vote, trial in zip(votes, trials, strict=True))
    assert {vote.plan for vote in votes} == {collection.plan_hash(trials)}
    assert pauses[:8] == ["instructions", None, "practice_over", None, None, None, None, "break"]


def test_the_pictures_are_those_of_the_trial_at_their_places(tmp_path, store):
    study = write_study(tmp_path / "study", targets=2, spacing=3)
    session = Session(client_of(study, store), keys.link_token(study, "panna"))
    state, trial = session.begin(), collection.plan_trials(study, 0)[0]
    for picture in study.pictures:
        study.picture_path(picture).write_bytes(picture.encode())
    shown = [session.get(f"/api/picture/{address}").text for address in state["trial"]["pictures"]]
    assert shown == list(trial.pictures)


def test_a_vote_that_arrives_again_is_stored_once_and_the_answer_says_what_comes_next(session, store):
    first = session.begin()
    second = session.vote(first, side="left").json()
    again = session.vote(first, side="right")
    assert again.status_code == 409
    assert again.json() == {name: value for name, value in second.items() if name != "feedback"}
    assert [vote.side for vote in store.votes()] == ["left"]


def test_two_tabs_go_on_where_the_other_is(session, store):
    shown_in_both = session.begin()
    ahead = session.vote(session.vote(shown_in_both).json()).json()
    late = session.vote(shown_in_both)
    assert late.status_code == 409
    assert late.json()["trial"] == ahead["trial"]
    assert len(store.votes()) == 2


def test_two_servers_share_a_store(session, study, store):
    elsewhere = Session(client_of(study, store), keys.link_token(study, "panna"))
    state = session.begin()
    here = session.vote(elsewhere.get("/api/state").json()).json()  # `elsewhere` has seen the trial before this vote
    assert elsewhere.vote(state, side="right").status_code == 409
    assert elsewhere.get(f"/api/picture/{here['next']['pictures'][0]}").status_code == 200
    assert session.vote(elsewhere.vote(here).json()).status_code == 200
    assert [vote.trial for vote in store.votes()] == [0, 1, 2]


def test_where_the_store_fails_the_page_is_told_to_try_again(session, store, monkeypatch):
    state = session.begin()

    def fail(votes):
        raise sa.exc.OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr(server.GroupCommit, "__call__", lambda self, vote: fail(vote))
    answer = session.vote(state)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "disk" not in answer.text
    monkeypatch.undo()
    assert session.vote(state).status_code == 200
    assert len(store.votes()) == 1


def test_a_stopped_study_takes_no_votes_and_finished_annotators_keep_their_code(session, other, study, store):
    admin, state, done = admin_of(session, study), session.begin(), other.begin()
    while done["step"] == "trial":
        done = other.vote(done).json()
    before = len(store.votes())
    assert admin.post("/api/admin/stop", stopped=True).json() == {"stopped": True}
    answer = session.vote(state)
    assert (answer.status_code, answer.json()["step"]) == (409, "stopped")
    assert session.get("/api/state").json()["step"] == "stopped"
    assert other.get("/api/state").json()["code"] == done["code"]
    assert len(store.votes()) == before
    admin.post("/api/admin/stop", stopped=False)
    assert session.vote(state).status_code == 200


def test_nobody_begins_a_study_that_is_stopped(session, study, store):
    consent = session.get("/api/state").json()["consent"]["id"]
    store.stop()
    assert session.post("/api/consent", consent=consent).json()["step"] == "stopped"
    assert {one.number for one in store.annotators()} == {None}


def test_the_admin_deletes_an_annotator_and_hears_which_exports_hold_the_votes(session, other, study, store):
    admin, state = admin_of(session, study), session.begin()
    session.vote(state)
    other.vote(other.begin())
    store.record_export("/exports/1", ANNOTATORS)
    store.record_export("/exports/2", ["pberta"])
    answer = admin.post("/api/admin/delete", annotator="panna").json()
    assert [one["place"] for one in answer["exports"]] == ["/exports/1"]
    assert session.vote(state).status_code == 401
    assert session.get("/api/state").status_code == 401
    assert {vote.annotator for vote in store.votes()} == {"pberta"}
    assert admin.post("/api/admin/delete", annotator="nobody").status_code == 404


def test_the_admin_sees_progress_agreement_and_who_fails_dummies(session, other, study, store):
    for one in (session, other):
        state = one.begin()
        while state["step"] == "trial":
            state = one.vote(state, side="left").json()
    seen = admin_of(session, study).get("/api/admin").json()
    trials = {name: collection.plan_trials(study, k) for k, name in enumerate(ANNOTATORS)}
    for row in seen["annotators"]:
        dummies = [trial for trial in trials[row["annotator"]] if trial.kind == "dummy"]
        assert (row["state"], row["given"], row["dummies"]) == ("finished", row["of"], len(dummies))
        assert row["failed"] == sum(trial.left is not trial.expected for trial in dummies)
        assert (row["left"], row["seconds"], row["same"]) == (1.0, 1.5, 0)  # repeats have their sides exchanged
    left = [{t.triplet: t.left for t in of if t.kind == "vote"} for of in trials.values()]
    both = left[0].keys() & left[1].keys()
    same = sum(left[0][triplet] is left[1][triplet] for triplet in both)
    assert seen["agreement"]["pairs"] == len(both)
    assert seen["agreement"]["share"] == pytest.approx(same / len(both))


def test_a_vote_whose_request_was_given_up_is_stored_all_the_same(study, store):
    store.begin("panna", consent="x", plan_of=lambda number: "plan")
    trial = collection.plan_trials(study, 0)[0]
    vote = collection.Vote.on(trial, annotator="panna", choice="a", milliseconds=1, plan="plan", time="t")

    async def give_up():
        add = server.GroupCommit(store.add_votes)
        asking = asyncio.create_task(add(vote))
        await asyncio.sleep(0)
        asking.cancel()
        await add(vote)  # waits for the batch behind

    asyncio.run(give_up())
    assert len(store.votes()) == 1


def test_nothing_tells_dummies_repeats_and_adaptive_trials_from_others(session, study):
    state, trials, addresses, forms, sizes = session.begin(), collection.plan_trials(study, 0), [], set(), set()
    while state["step"] == "trial":
        addresses += state["trial"]["pictures"]
        trial = trials[state["trial"]["index"]]
        text = json.dumps(state)
        assert not any(picture in text for picture in (trial.triplet, *trial.pictures, str(study.folder)))
        for address in state["trial"]["pictures"]:
            sizes.add(tuple(sorted((n, v) for n, v in session.get(f"/api/picture/{address}").headers.items())))
        forms.add((frozenset(state) - {"feedback"}, frozenset(state["trial"]), trial.kind == "practice"))
        state = session.vote(state).json()
    assert len(addresses) == len(set(addresses)) == 3 * len(trials)
    assert len(sizes) == 1
    assert len(forms) == 2
