"""A study, its store and its server; the store in SQLite, and in slow tests in PostgreSQL, too."""

import contextlib
import itertools

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from perface_jax.collection import keys, server
from perface_jax.collection.store import open_store
from tests import postgres
from tests.collection.small_study import write_study

ANNOTATORS = ("panna", "pberta")
FAST = server.Limits(votes=1e6, requests=1e6, strangers=1e6)
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_url():
    """The start of a URL; a database of its own for each test is made in it."""
    with postgres.serving() as url:
        yield url


def new_database(request, kind, folder):
    """The URL of an empty database."""
    if kind == "sqlite":
        return f"sqlite:///{folder}/votes.sqlite"
    url, name = request.getfixturevalue("postgres_url"), f"study{next(_numbers)}"
    engine = sa.create_engine(url.format("postgres"), isolation_level="AUTOCOMMIT")
    with contextlib.closing(engine.connect()) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return url.format(name)


@contextlib.contextmanager
def new_store(study, url):
    """A store with two annotators who have not begun."""
    with contextlib.closing(open_store(study, url)) as opened:
        opened.add_annotators({name: keys.link_token(study, name) for name in ANNOTATORS})
        yield opened


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Small enough for a session of a second; nobody changes it."""
    return write_study(tmp_path_factory.mktemp("study") / "study", targets=2, spacing=3, break_every=5)


@pytest.fixture(params=DATABASES)
def database(request, tmp_path):
    """The URL of an empty database."""
    return new_database(request, request.param, tmp_path)


@pytest.fixture
def store(study, database):
    """With two annotators who have not begun."""
    with new_store(study, database) as opened:
        yield opened


def client_of(study, store, limits=FAST):
    """Asks a server; errors of it are answers, as they are for a page."""
    return TestClient(server.create_app(study, store, limits), raise_server_exceptions=False)


@pytest.fixture
def client(study, store):
    """Asks a server without limits of requests."""
    return client_of(study, store)


@pytest.fixture
def session(client, study):
    """What the page of the first annotator asks."""
    return Session(client, keys.link_token(study, ANNOTATORS[0]))


@pytest.fixture
def other(client, study):
    """What the page of the second annotator asks."""
    return Session(client, keys.link_token(study, ANNOTATORS[1]))


class Session:
    """What a page asks with the token of a link."""

    def __init__(self, client: TestClient, token: str):
        self.client, self.headers = client, {"Authorization": f"Bearer {token}"}

    def get(self, path):
        return self.client.get(path, headers=self.headers)

    def post(self, path, **fields):
        return self.client.post(path, headers=self.headers, json=fields)

    def begin(self):
        """The first trial."""
        return self.post("/api/consent", consent=self.get("/api/state").json()["consent"]["id"]).json()

    def vote(self, state, side="left", **changed):
        return self.post("/api/vote", **ballot(state, side) | changed)


def ballot(state, side="left"):
    """A vote on the trial that a state shows."""
    return {"plan": state["plan"], "trial": state["trial"]["index"], "side": side, "milliseconds": 1500}
