"""`--video IN OUT` is two flags."""

import pytest

from perface_jax.commands.evaluate_flags import with_video

WANTED = ["--part=anonymize", "--video=in.mp4", "--out=out.mp4", "--every=3"]


@pytest.mark.parametrize(
    "given",
    [
        ["--part=anonymize", "--video", "in.mp4", "out.mp4", "--every=3"],
        ["--part=anonymize", "--video=in.mp4", "out.mp4", "--every=3"],
        ["--part=anonymize", "--video", "in.mp4", "--out=out.mp4", "--every=3"],
        WANTED,
    ],
)
def test_a_video_and_its_copy_may_be_given_as_two_words(given):
    assert with_video(given) == WANTED


def test_other_arguments_stay_as_they_are():
    assert with_video(["--workdir", "a", "--video"]) == ["--workdir", "a", "--video"]
