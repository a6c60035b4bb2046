"""A hostile client gets 4xx and changes nothing; its tests share one store, and each looks that it is as it was."""

import dataclasses
import json

import pytest

from perface_jax import collection
from perface_jax.collection import bodies, keys, server
from perface_jax.collection.page_files import FILES, HEADERS, PAGES
from perface_jax.collection.rate_limits import KEPT, RateLimit
from tests.collection.conftest import DATABASES, Session, ballot, client_of, new_database, new_store

TOKENS = {
    "none": {},
    "another scheme": {"Authorization": "Basic {token}"},
    "no scheme": {"Authorization": "{token}"},
    "a short one": {"Authorization": "Bearer abc"},
    "a long one": {"Authorization": "Bearer {token}{token}"},
    "capitals": {"Authorization": "Bearer {TOKEN}"},
    "forged": {"Authorization": "Bearer " + "0" * 32},
    "a pseudonym": {"Authorization": "Bearer panna"},
    "not ASCII": {"Authorization": ("Bearer " + "é" * 32).encode()},
    "an injection": {"Authorization": "Bearer ' OR annotator='panna' -- 123456"},
    "the admin's": {"Authorization": "Bearer {admin}"},
}
PATHS = ("GET /api/state", "POST /api/consent", "POST /api/vote", "GET /api/picture/x", "GET /api/admin",
         "POST /api/admin/stop", "POST /api/admin/delete")  # fmt: skip
WRONG_VOTES = {
    "a later trial": {"trial": 1}, "a far one": {"trial": 10**6}, "a negative one": {"trial": -1},
    "one beyond every integer": {"trial": 10**30}, "a trial of text": {"trial": "0"}, "a logical one": {"trial": False},
    "a trial with a fraction": {"trial": 0.0}, "no trial": {"trial": None}, "a list": {"trial": [0]},
    "another plan": {"plan": "0" * 16}, "no plan": {"plan": None}, "a letter": {"side": "a"}, "no side": {"side": ""},
    "a negative time": {"milliseconds": -1}, "two days": {"milliseconds": 2 * 86_400_000},
    "a time with a fraction": {"milliseconds": 1.5}, "an injection": {"side": "left'; DROP TABLE votes; --"},
    "more": {"annotator": "pberta"}, "a choice": {"choice": "a"}, "another time": {"time": "1999"},
}  # fmt: skip
BODIES = {
    b"": 400, b"null": 400, b"[]": 400, b"{": 400, b"\xff\xfe": 400, b"[" * 3000: 400, b"{}": 400,
    b'{"plan": "x", "plan": "y", "trial": 0, "side": "left", "milliseconds": 1}': 400,
    b'{"plan": "x", "trial": 0, "side": "left", "milliseconds": NaN}': 400,
    b'{"plan": "x", "trial": %s, "side": "left", "milliseconds": 1}' % (b"9" * 4200): 413,
    b" " * (bodies.MOST_BYTES + 1): 413,
}  # fmt: skip


@pytest.fixture(scope="module", params=DATABASES)
def store(request, study, tmp_path_factory):
    """One for all tests: none of them changes it."""
    with new_store(study, new_database(request, request.param, tmp_path_factory.mktemp("hostile"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(study, store):
    return client_of(study, store)


@pytest.fixture(scope="module")
def session(client, study):
    return Session(client, keys.link_token(study, "panna"))


@pytest.fixture(scope="module")
def other(client, study):
    return Session(client, keys.link_token(study, "pberta"))


@pytest.fixture(scope="module")
def state(session):
    return session.begin()


@pytest.fixture(autouse=True)
def _unchanged(store, state):
    """All that is stored is the same after a test."""
    before = store.annotators(), store.votes(), store.stopped()
    yield
    assert (store.annotators(), store.votes(), store.stopped()) == before


@pytest.mark.parametrize("token", TOKENS)
def test_without_the_token_of_a_link_nothing_is_told_or_done(client, study, state, token):
    link, admin = keys.link_token(study, "panna"), keys.admin_token(study)
    headers = {
        name: value if isinstance(value, bytes) else value.format(token=link, TOKEN=link.upper(), admin=admin)
        for name, value in TOKENS[token].items()
    }
    for path in PATHS:
        if "admin" in token and "admin" in path:
            continue
        method, _, address = path.partition(" ")
        body = {"json": ballot(state)} if method == "POST" else {}
        answer = client.request(method, address, headers=headers, **body)
        assert answer.status_code == 401, path
        assert answer.json().keys() == {"error"}


def test_a_link_opens_no_admin_page_and_stops_and_deletes_nothing(session, state):
    assert session.get("/api/admin").status_code == 401
    assert session.post("/api/admin/stop", stopped=True).status_code == 401
    assert session.post("/api/admin/delete", annotator="pberta").status_code == 401


@pytest.mark.parametrize("change", WRONG_VOTES)
def test_a_forged_vote_is_refused(session, state, change):
    answer = session.vote(state, **WRONG_VOTES[change])
    assert answer.status_code in (400, 409)


def test_votes_before_consent_and_another_consent_are_refused(other, state):
    assert other.vote(state).status_code == 409
    assert other.post("/api/consent", consent="0" * 16).status_code == 409
    assert other.post("/api/consent", consent=None).status_code == 400


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:20]))
def test_what_is_no_small_json_object_is_refused(session, state, body):
    headers = session.headers | {"Content-Type": "application/json"}
    assert session.client.post("/api/vote", headers=headers, content=body).status_code == BODIES[body]


def test_an_endless_body_is_cut_off_and_a_slow_one_given_up(session, state, monkeypatch):
    taken = []

    def endless():
        for _ in range(1000):
            taken.append(1)
            yield bytes(1000)

    headers = session.headers | {"Content-Type": "application/json"}
    assert session.client.post("/api/vote", headers=headers, content=endless()).status_code == 413
    monkeypatch.setattr(bodies, "PATIENCE", 0.0)
    monkeypatch.setattr(bodies, "_bytes", lambda request: bodies.asyncio.sleep(1))
    assert session.vote(state).status_code == 408


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_of_another_site_could_send_is_refused(session, state, kind):
    headers = session.headers | {"Content-Type": kind}
    assert session.client.post("/api/vote", headers=headers, content=json.dumps(ballot(state))).status_code == 415


def test_only_the_pictures_of_this_and_the_next_trial_are_served(session, other, study, state):
    shown, foreign = state["trial"]["pictures"] + state["next"]["pictures"], other.get("/api/state")
    assert all(session.get(f"/api/picture/{one}").status_code == 200 for one in shown)
    assert not any(other.get(f"/api/picture/{one}").status_code == 200 for one in shown), foreign
    later = keys.picture_addresses(study, "panna", collection.plan_trials(study, 0)[2])
    for name in (*later, *sorted(study.pictures)[:5], shown[0].upper(), shown[0][:-1], "0" * 32):
        assert session.get(f"/api/picture/{name}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/api/picture/../../secret.txt", "/api/picture/..%2f..%2fsecret.txt", "/page/index.html",
        "/%2e%2e/%2e%2e/etc/passwd", "/api/picture/%2fetc%2fpasswd", "/api/picture/x%00.jpg", "/page.js/../server.py",
        "/votes.sqlite", "/links.csv", "/pictures/", "//etc/passwd", "/api/picture/", "/api", "/api/state/", "/admin/",
        "/api/picture/C:%5Cwindows", "/..\\secret.txt",
    ],
)  # fmt: skip
def test_no_other_file_is_reached(session, study, path):
    answer = session.get(path)
    assert answer.status_code == 404
    assert study.secret not in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST"])
def test_other_methods_are_refused(session, state, method):
    assert session.client.request(method, "/api/state", headers=session.headers).status_code == 405
    assert (
        session.client.request(method.replace("POST", "GET"), "/api/vote", headers=session.headers).status_code == 405
    )


def test_every_answer_has_the_headers_that_keep_a_page_to_itself(session, client, state):
    paths = ["/", "/admin", "/api/state", "/nothing", "/api/admin", f"/api/picture/{state['trial']['pictures'][0]}"]
    for answer in map(session.get, paths):
        assert {name.lower(): value for name, value in HEADERS.items()}.items() <= dict(answer.headers).items()
        assert "server" not in answer.headers
        assert "set-cookie" not in answer.headers


def test_the_pages_name_only_their_own_files(client):
    for path in [*PAGES, *(f"/{name}" for name in FILES)]:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "://" not in answer.text, path


def test_too_many_requests_are_refused_and_others_are_not_disturbed(study, store, state):
    client = client_of(study, store, server.Limits(votes=0.0, requests=0.0, strangers=0.0))
    session, other = (Session(client, keys.link_token(study, name)) for name in ("panna", "pberta"))
    codes = [session.vote(state, trial=99).status_code for _ in range(40)]
    assert codes == [409] * 30 + [429] * 10
    codes = {client.get("/api/state", headers={"Authorization": "Bearer " + "0" * 32}).status_code for _ in range(60)}
    assert codes == {401, 429}
    assert session.get("/api/state").status_code == 200
    assert other.get("/api/state").status_code == 429  # a first request from where the guesses come from
    assert len(store.votes()) == 0


def test_a_rate_limit_refills_and_forgets_the_oldest():
    now = [0.0]
    limit = RateLimit(2.0, 3, clock=lambda: now[0])
    assert [limit.allows("a") for _ in range(5)] == [True] * 3 + [False] * 2
    assert limit.allows("b")
    now[0] = 0.5
    assert [limit.allows("a") for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [limit.allows("a") for _ in range(4)] == [True] * 3 + [False]
    for k in range(KEPT + 5):
        limit.allows(str(k))
    assert len(limit._left) == KEPT


def test_another_secret_gives_other_links_addresses_and_codes(study):
    trial, other = collection.plan_trials(study, 0)[0], dataclasses.replace(study, secret="another")
    for made in (
        keys.admin_token,
        lambda of: keys.link_token(of, "panna"),
        lambda of: keys.completion_code(of, "panna"),
    ):
        assert made(study) == made(study) != made(other)
    assert not {*keys.picture_addresses(study, "panna", trial)} & {*keys.picture_addresses(other, "panna", trial)}
    names = {keys.new_pseudonym() for _ in range(100)}
    assert len(names) > 95
    assert all(name[0] == "p" and len(name) == 5 and name == name.lower() for name in names)
