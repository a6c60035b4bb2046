"""The video and its report as files."""

import json

import pytest

from perface_jax.anonymization import video_file
from perface_jax.anonymization.anonymize import SelectionPolicy
from perface_jax.anonymization.video_choices import Judge
from perface_jax.anonymization.video_inputs import Opened
from tests.anonymization.painted import Painter, score
from tests.video.drawn_clip import Clip


def test_a_video_is_written_with_its_report_and_neither_is_overwritten(tmp_path):
    clip = Clip(6)
    given, out = clip.write(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    video_file.refuse(given, out)
    opened = Opened(Painter(), Judge(score, SelectionPolicy({"green": 0.5})), None)
    video_file.write(given, out, opened, clip.detect, every=5)
    written = json.loads((tmp_path / "out.json").read_text())
    assert [row["replacement"] for row in written["sections"][0]["rows"]] == ["red", "blue"]
    assert written["facts"]["What was anonymized"] == {"video": str(given), "out": str(out), "every": 5}
    with pytest.raises(ValueError, match="out.mp4 exists; remove it, or give another name"):
        video_file.refuse(given, out)
    out.unlink()
    with pytest.raises(ValueError, match="out.json exists"):
        video_file.refuse(given, out)
    with pytest.raises(FileNotFoundError, match="no file .*none.mp4"):
        video_file.refuse(tmp_path / "none.mp4", tmp_path / "a.mp4")
