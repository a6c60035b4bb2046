"""A study with drawn pictures, its server in a thread or in a process, and a page of it in a browser."""

import contextlib
import io
import pathlib
import socket
import threading

import numpy as np
import uvicorn
from PIL import Image

from perface_jax.collection import Study, keys, server
from perface_jax.collection.store import Store
from tests.collection.conftest import FAST
from tests.collection.small_study import write_study

SERVED = {"log_level": "error", "lifespan": "off", "ws": "none"}
SHOWN = "#faces:not(.busy):visible, #go:visible, #code:visible"


def drawn_study(folder: pathlib.Path, **plan) -> Study:
    """A study whose pictures are JPEG files of one size."""
    study = write_study(folder, **{"targets": 2, "spacing": 3} | plan)
    for k, picture in enumerate(sorted(study.pictures)):
        pixels = np.full((64, 64, 3), np.random.default_rng(k).integers(40, 220, 3), np.uint8)
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "JPEG")
        study.picture_path(picture).write_bytes(data.getvalue().ljust(4000, b"\0"))
    return study


@contextlib.contextmanager
def serving(study: Study, store: Store):
    """A server in a thread; its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    made = uvicorn.Server(uvicorn.Config(server.create_app(study, store, FAST), **SERVED))
    made.install_signal_handlers = lambda: None
    thread = threading.Thread(target=made.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        made.should_exit = True
        thread.join(10)


def link(url: str, study: Study, annotator: str = "panna") -> str:
    """The link of an annotator."""
    return f"{url}/#{keys.link_token(study, annotator)}"


def shown(page) -> str:
    """What the page shows: `faces`, `text` with a button, or `code`, once it is there."""
    page.wait_for_selector(SHOWN)
    return next(name for name in ("faces", "go", "code") if page.is_visible(f"#{name}"))


def until_faces(page) -> bool:
    """Press the buttons up to the next trial, and wait until it takes an answer; False at the end."""
    while (now := shown(page)) == "go":
        heading = page.inner_text("#heading")
        page.locator("#go").focus()
        page.keyboard.press("Enter")
        page.wait_for_function("old => document.getElementById('heading').textContent !== old", arg=heading)
    if now == "faces":
        page.wait_for_timeout(360)  # longer than the page's dead time
    return now == "faces"
