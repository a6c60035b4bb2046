"""The requests behind the page: a whole session, what is refused, and that nothing refused changes anything."""

import contextlib

import pytest
from starlette.testclient import TestClient

from perface_jax import collection
from perface_jax.collection import keys, server
from perface_jax.collection.store import open_store
from tests.collection.small_study import write_study

FAST = server.Limits(votes=1e6, requests=1e6, strangers=1e6)


class Session:
    """What the page of one annotator asks."""

    def __init__(self, client: TestClient, token: str):
        self._client, self.headers = client, {"Authorization": f"Bearer {token}"}

    def get(self, path):
        return self._client.get(path, headers=self.headers)

    def post(self, path, **fields):
        return self._client.post(path, headers=self.headers, json=fields)

    def begin(self):
        """The first trial."""
        return self.post("/api/consent", consent=self.get("/api/state").json()["consent"]["id"]).json()

    def vote(self, state, side="left", **changed):
        fields = {"plan": state["plan"], "trial": state["trial"]["index"], "side": side, "milliseconds": 1500} | changed
        return self.post("/api/vote", **fields)


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path / "study", targets=2, spacing=3, break_every=5)


@pytest.fixture
def store(study):
    with contextlib.closing(open_store(study)) as opened:
        opened.add_annotators({name: keys.link_token(study, name) for name in ("panna", "pberta")})
        yield opened


@pytest.fixture
def client(study, store):
    return TestClient(server.create_app(study, store, FAST))


@pytest.fixture
def session(client, study):
    return Session(client, keys.link_token(study, "panna"))


def test_a_whole_session(session, study, store):
    state, pauses = session.begin(), []
    while state["step"] == "trial":
        pauses.append(state["pause"])
        for address in state["trial"]["pictures"] + (state["next"] or {"pictures": []})["pictures"]:
            assert session.get(f"/api/picture/{address}").headers["content-type"] == "image/jpeg"
        answer = session.vote(state, side="left" if state["number"] % 3 else "right")
        assert answer.status_code == 200
        state = answer.json()
    trials = collection.plan_trials(study, 0)
    assert state["code"] == keys.completion_code(study, "panna")
    assert session.get("/api/state").json() | {"feedback": None} == state
    assert [vote.trial for vote in store.votes()] == list(range(len(trials)))
    assert [(vote.triplet, vote.kind, vote.repeat_of) for vote in store.votes()] == [
        (trial.triplet, trial.kind, trial.repeat_of) for trial in trials
    ]
    assert all(vote.choice is trial.choice(vote.side) for vote, trial in zip(store.votes(), trials, strict=True))
    assert pauses[:8] == ["instructions", None, "practice_over", None, None, None, None, "break"]
