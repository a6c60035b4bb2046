"""Simulated annotators who use the page of a study as its own JavaScript does: over HTTP, one picture at a time.

An annotator sees a picture as the perceptual features from which it was drawn, and answers as `synthetic.annotators`
says. What a dummy shows is not in the list of drawn pictures, so its candidates are compared pixel by pixel.
"""

import concurrent.futures
import hashlib
import http.client
import io
import json
import pathlib
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from perface_jax.annotations import tables
from perface_jax.collection import Kind, Study
from perface_jax.synthetic import annotators

TRIES = 200  # of a request that the server does not answer, or refuses because it is too fast


class Habits(NamedTuple):
    """How one annotator answers, beside `Annotators`: milliseconds, and the share of trials that get the left."""

    milliseconds: float = 2500.0
    left: float = 0.0


class World:
    """What the annotators of a study see and how they judge it.

    Args:
      truth: truth.npz of the release that the study was made of, with `names` of its triplets.
    """

    def __init__(self, study: Study, truth: pathlib.Path, names: Sequence[str], people: annotators.Annotators):
        features = np.load(truth)["features"].astype(np.float64)
        row = {name: k for k, name in enumerate(names)}
        self.people, self._features = people, {}
        for one in study.of_kind(Kind.VOTE):
            for picture, value in zip((one.a, one.b, one.reference), features[row[one.name]], strict=True):
                self._features[_digest(study.picture_path(picture).read_bytes())] = value
        careful = people.lapse < 0.5
        margin = annotators.margins(people, features)[:, careful]
        self._gain = annotators.calibrate(annotators.Annotators(*(one[careful] for one in people)), margin)

    def side(self, random: np.random.Generator, who: int, habits: Habits, pictures: Sequence[bytes]) -> str:
        """The side that an annotator chooses; pictures are reference, left, right."""
        if random.random() < habits.left:
            return "left"
        if random.random() < self.people.lapse[who]:
            return ("left", "right")[int(random.random() < 0.5)]
        seen = [self._features.get(_digest(data)) for data in pictures]
        if any(value is None for value in seen):  # a dummy: one candidate is the reference
            reference, *shown = (np.asarray(Image.open(io.BytesIO(data)), float) for data in pictures)
            return ("left", "right")[int(np.argmin([np.abs(one - reference).mean() for one in shown]))]
        reference, left, right = np.array(seen)
        far = [np.sqrt((one - reference) ** 2 @ self.people.weights[who]) for one in (left, right)]
        logit = self._gain * self.people.sensitivity[who] * (far[1] - far[0]) + self.people.bias[who]
        return "left" if random.random() < 0.5 * (1 + np.tanh(0.5 * logit)) else "right"


class Client:
    """One annotator's connection: each request is repeated until the server answers it."""

    def __init__(self, link: str):
        parts = urllib.parse.urlsplit(link)
        self._host, self._token = parts.netloc, parts.fragment
        self._connection = http.client.HTTPConnection(self._host, timeout=60)

    def get(self, path: str) -> bytes:
        """The body of an answer."""
        return self._ask("GET", path, None)

    def post(self, path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request with JSON fields."""
        return json.loads(self._ask("POST", path, json.dumps(fields)))

    def _ask(self, method: str, path: str, body: str | None) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        for _ in range(TRIES):
            try:
                self._connection.request(method, path, body, headers)
                answer = self._connection.getresponse()
                data = answer.read()
            except (OSError, http.client.HTTPException):
                self._connection.close()
                time.sleep(0.05)
                continue
            if answer.status in (200, 409):  # 409: a repeated vote, with the state in which the annotator is
                return data
            if answer.status not in (429, 503):
                raise RuntimeError(f"{method} {path}: {answer.status} {data[:200]!r}")
            time.sleep(0.1)
        raise RuntimeError(f"{method} {path}: no answer in {TRIES} tries")


def take_part(link: str, who: int, world: World, habits: Habits, *, seed: int = 0) -> int:
    """A whole session of one annotator; the number of votes, practice included."""
    client, random, votes = Client(link), np.random.default_rng((seed, who)), 0
    state = json.loads(client.get("/api/state"))
    while state["step"] != "finished":
        if state["step"] == "consent":
            state = client.post("/api/consent", {"consent": state["consent"]["id"]})
            continue
        trial = state["trial"]
        pictures = [client.get(f"/api/picture/{address}") for address in trial["pictures"]]
        side = world.side(random, who, habits, pictures)
        milliseconds = int(habits.milliseconds * np.exp(0.4 * random.standard_normal()))
        fields = {"plan": state["plan"], "trial": trial["index"], "side": side, "milliseconds": milliseconds}
        state, votes = client.post("/api/vote", fields), votes + 1
    return votes


def answer_all(links: pathlib.Path, world: World, habits: Sequence[Habits]) -> dict[str, int]:
    """All annotators of a file of links at once; the number in `World.people` of each pseudonym."""
    rows = tables.read_rows(links, ("annotator", "link"), one="annotator")
    with concurrent.futures.ThreadPoolExecutor(len(habits)) as pool:
        jobs = [pool.submit(take_part, rows[who][1]["link"], who, world, one) for who, one in enumerate(habits)]
        for job in jobs:
            job.result()
    return {cells["annotator"]: who for who, (_, cells) in enumerate(rows)}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
