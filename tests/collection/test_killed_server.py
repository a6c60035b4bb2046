"""The server is killed (SIGKILL) twenty times in a session; the page goes on, and no vote is lost or doubled."""

import contextlib
import csv
import random
import socket
import time

import pytest

from perface_jax.collection.store import open_store
from tests import browser, processes
from tests.collection.served_page import drawn_study, shown, until_faces

KILLS = 20


@contextlib.contextmanager
def server_of(study, folder):
    """A function that starts the server in a process, on the same port each time; what it started is killed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = []

    def start():
        command = ["-m", "perface_jax", "collect", "serve", study.folder, "--port", port, "--votes-per-second", "100"]
        started.append(processes.start(command, (folder / "output", folder / "errors")))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.join()


def link_of(study):
    """The first link, once the server has written it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError, StopIteration), open(study.folder / "links.csv") as file:
            return next(csv.DictReader(file))["link"]
        time.sleep(0.1)
    raise TimeoutError("no links")


@pytest.mark.slow
def test_no_vote_is_lost_or_doubled_where_the_server_is_killed(tmp_path):
    study = drawn_study(tmp_path / "study", sources=30, targets=1, practice=1, break_every=0, annotators=3)
    chance, pressed, kills = random.Random(0), [], 0
    with browser.opened() as chromium, server_of(study, tmp_path) as start:
        server = start()
        page = chromium.new_page()
        while not page.url.startswith("http"):
            with contextlib.suppress(Exception):  # until the server listens
                page.goto(link_of(study))
        while until_faces(page):
            pressed.append(chance.choice(["left", "right"]))
            if before := kills < KILLS and kills % 2:
                server.kill()
            page.keyboard.press(f"Arrow{pressed[-1].title()}")
            if kills < KILLS and not before:  # while the vote is on its way, or is stored, or is answered
                page.wait_for_timeout(chance.random() * 25)
                server.kill()
            if kills < KILLS:
                server.join()
                server, kills = start(), kills + 1
            page.set_default_timeout(60_000)
            shown(page)
        assert page.inner_text("#code")
    store = open_store(study)
    votes = store.votes()
    store.close()
    assert kills == KILLS
    assert [vote.trial for vote in votes] == list(range(len(pressed)))
    assert [vote.side for vote in votes] == pressed
