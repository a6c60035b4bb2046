"""What a video is anonymized with."""

import numpy as np
import pytest

from perface_jax.anonymization import anonymizer, video_inputs
from perface_jax.anonymization.diffusing import Options
from perface_jax.anonymization.inputs import Inputs
from tests.anonymization.test_anonymizer import config, drawn, embedders  # noqa: F401  # fixtures

NOBODY = Inputs(originals="", candidates="")


@pytest.fixture
def opened(config, drawn, embedders, monkeypatch):  # noqa: F811
    monkeypatch.setattr(video_inputs, "open_embedders", anonymizer.open_embedders)
    files = {"landmarks": {None: str(drawn / "landmarks.npz")}, "attributes": {None: str(drawn / "groups.csv")}}
    inputs = Inputs(originals="in.mp4", candidates=str(drawn / "c"), **files)
    return video_inputs.open_video(config, "a run", inputs, lambda picture: [])


@pytest.mark.slow  # draws and compiles; the message of every wrong argument is tested below
def test_a_swap_has_the_candidates_in_their_groups_and_is_judged_by_the_policy(opened, config):  # noqa: F811
    assert (opened.method.size, len(opened.method.candidates), opened.keep) == (48, 16, None)
    assert opened.method.members.shape == (2, 16)
    assert opened.method.looks.turn is not None
    assert list(opened.judge.policy.thresholds) == ["green"]
    faces = opened.method.candidates
    keys = video_inputs.face(faces[np.arange(2)])
    found = opened.method.propose(keys, number=0)
    assert len(found.names) == 2
    axes = opened.judge.score(keys, video_inputs.face(faces)._replace(image=faces.images[None, :2].repeat(2, 0),
                              landmarks=faces.landmarks[None, :2].repeat(2, 0)))  # fmt: skip
    assert axes.perceived.shape == axes.matched["green"].shape == axes.feature_loss.shape == (2, 2)


@pytest.mark.parametrize(
    ("workdir", "candidates", "diffuse", "keep", "said"),
    [
        (None, "", None, "", "--video wants --workdir=RUN --candidates=DIR; --method=diffusion also works without"),
        ("a run", "", None, "", "--video wants --workdir=RUN --candidates=DIR"),
        (None, "x", Options("untrained"), "", "--video wants --workdir=RUN --candidates=DIR"),
        (None, "", Options("untrained"), "keep", "--keep wants --workdir=RUN --candidates=DIR"),
    ],
)
def test_what_is_missing_is_said(config, workdir, candidates, diffuse, keep, said):  # noqa: F811
    inputs = NOBODY._replace(candidates=candidates)
    with pytest.raises(ValueError, match=said):
        video_inputs.open_video(config, workdir, inputs, lambda picture: [], keep=keep, diffuse=diffuse)
