"""What `perface demo` says in the end: the audit's finding, the scores, the next command; and the pictures for that."""

import pathlib
import shlex
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict
from PIL import Image

from perface_jax.annotations import Setting
from perface_jax.datasets import release, sim_celeba
from perface_jax.evaluation import Kind
from perface_jax.formatting import estimate
from perface_jax.report import Report, Score
from perface_jax.sections.summaries import ACCURACY, GAIN
from perface_jax.training import builders

SHOWN = 4  # triplets of faces
NAMES = "abcdefghijkl"


def finding(metadata: Mapping[str, Any]) -> str:
    """What the audit of a data set found and repaired, in a few words."""
    if not metadata["repair"]:
        return "no fault found" if not metadata["alarms"] else "a fault that cannot be repaired"
    columns = [line.partition(":")[0] for line in metadata["repair"]]
    return f"{', '.join(columns)} in another row order, repaired"


def text(out: pathlib.Path, found: Report) -> str:
    """The results in lines of 80 columns, as long as the folder's name is short.

    ValueError where the report has no summary: nothing was tested.
    """
    if found.summary is None:
        raise ValueError("the evaluation found no test triplets; wanted test targets in config.split")
    scores = {(score.measure, score.name): score for score in found.summary.scores}
    before, after = (scores[ACCURACY, f"{when} training"] for when in ("before", "after"))
    best, blind = scores[ACCURACY, Kind.ACHIEVABLE], scores[ACCURACY, Kind.BASELINE]
    model, a, b = (shlex.quote(str(out / name)) for name in ("model", "faces/a.png", "faces/b.png"))
    return f"""\
Accuracy on new targets {before.value:.2f} -> {_said(after)}, gain {_said(scores[GAIN, after.name], "+.2f")};
best achievable {_said(best)}, image-blind baseline {_said(blind)}.
A demo this small, on drawn faces, says little about new people or photographs.
The report is {out / "report" / "report.html"}. Next, compare two faces:
perface compare {a} {b} \\
    --model {model} --detector none
"""


def _said(score: Score, form: str = ".2f") -> str:
    return estimate(score[2:5], form)


def write_faces(folder: pathlib.Path, triplets: sim_celeba.Triplets, config: ConfigDict) -> None:
    """Save a few test triplets as PNG: the reference, the face that all three people chose, the other one.

    a, b and c are the first triplet, d, e and f the second. They are spread over the triplets of targets that training
    has not seen, among those on which people agree.
    """
    data = builders.divide(triplets, config, training=False)
    rows = data.settings[Setting.TARGET_UNSEEN]
    rows = rows[:: -(-len(rows) // SHOWN)]
    roles = [f"c{chosen}{other}" for chosen, other in (("ab", "ba")[int(label)] for label in data.labels[rows])]
    folder.mkdir(parents=True, exist_ok=True)
    places = [(triplets.ids[row], role) for row, three in zip(rows, roles, strict=True) for role in three]
    for name, (triplet, role) in zip(NAMES, places, strict=False):
        with Image.open(release.picture_path(pathlib.Path(config.data.release), triplet, role)) as picture:
            picture.save(folder / f"{name}.png")
