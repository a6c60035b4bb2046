import pathlib

import numpy as np
import pytest
from PIL import Image

from perface_jax.annotations import Setting
from perface_jax.commands import demo_results
from perface_jax.evaluation import Kind
from perface_jax.report import Report, Score, Summary
from perface_jax.sections.summaries import ACCURACY, GAIN, SOFT
from perface_jax.training import builders


def report():
    scores = [
        Score(GAIN, "after training", 0.25, 0.05, 0.45, signed=True),
        Score(ACCURACY, "before training", 0.5, 0.4, 0.6),
        Score(ACCURACY, "after training", 0.75, 0.65, 0.85),
        Score(ACCURACY, Kind.BASELINE, 0.85, 0.8, 0.9, own=False),
        Score(ACCURACY, Kind.ACHIEVABLE, 0.95, 0.9, 1.0, own=False),
        Score(SOFT, "after training", 0.6, 0.5, 0.7),
        Score(SOFT, Kind.AGREEMENT, 0.7, 0.6, 0.8, own=False),
    ]
    return Report("", [], {}, [], Summary("", scores, ""))


def test_the_results_fit_the_screen_and_end_in_a_command_to_paste():
    assert (
        demo_results.text(pathlib.Path("runs/demo"), report())
        == """\
Accuracy on new targets 0.50 -> 0.75 [0.65, 0.85], gain +0.25 [+0.05, +0.45];
best achievable 0.95 [0.90, 1.00], image-blind baseline 0.85 [0.80, 0.90].
A demo this small, on drawn faces, says little about new people or photographs.
The report is runs/demo/report/report.html. Next, compare two faces:
perface compare runs/demo/faces/a.png runs/demo/faces/b.png \\
    --model runs/demo/model --detector none
"""
    )


def test_a_report_without_a_summary_is_refused():
    with pytest.raises(ValueError, match="no test triplets"):
        demo_results.text(pathlib.Path("runs/demo"), report()._replace(summary=None))


def test_a_folder_with_a_space_is_quoted():
    assert "--model 'my runs/model'" in demo_results.text(pathlib.Path("my runs"), report())


@pytest.mark.parametrize(
    ("repair", "alarms", "said"),
    [
        (["ans3: target-major to group-major"], [], "ans3 in another row order, repaired"),
        ([], [], "no fault found"),
        ([], ["ans3 is shifted"], "a fault that cannot be repaired"),
    ],
)
def test_the_finding_of_the_audit_in_a_few_words(repair, alarms, said):
    assert demo_results.finding({"repair": repair, "alarms": alarms}) == said


def test_the_faces_are_those_of_test_triplets_the_chosen_one_second(config, release, tmp_path):
    config.split.sources = config.split.targets = (5, 2, 3)
    triplets = builders.open_triplets(config)
    demo_results.write_faces(tmp_path / "faces", triplets, config)
    data = builders.divide(triplets, config, training=False)
    first = data.settings[Setting.TARGET_UNSEEN][0]
    chosen, other = "ab" if data.labels[first] == 0 else "ba"
    for name, role in zip("abc", f"c{chosen}{other}", strict=True):
        with Image.open(release / "triplet" / f"{triplets.ids[first]}_{role}.jpg") as stored:
            expected = np.asarray(stored)
        with Image.open(tmp_path / "faces" / f"{name}.png") as written:
            np.testing.assert_array_equal(np.asarray(written), expected)
