"""The ground truth beside the synthetic pictures, unknown for real data: ids, votes, landmarks, every parameter.

    ids.csv           tripletId,source_id,target_id
    answers.csv       triplet,annotator,choice,is_dummy,expected      all answers, including dummies and dropped people
    annotators.csv    annotator,kept,sensitivity,bias,lapse,weight_...
    landmarks.csv     name,left_eye_x,...                             portraits only
    truth.npz         ids, noise-free choice, features, 59 landmarks a picture, and the fields of `faces.Source` and
                      `faces.Target` of everybody, with gender and age

Everything is numbered from 0.
"""

import csv
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from perface_jax.annotations import Kind, cells
from perface_jax.datasets.celeba_files import LANDMARKS
from perface_jax.datasets.release import ROLES
from perface_jax.synthetic.annotators import Answers
from perface_jax.synthetic.world import FEATURES, People, Survey, World

Points = Float[np.ndarray, "pictures 59 2"]


class Rows(NamedTuple):
    """The triplets of a release in the order of their numbers."""

    ids: list[str]
    source_id: Int[np.ndarray, " t"]
    target_id: Int[np.ndarray, " t"]
    cell: Int[np.ndarray, " t"]  # place in the survey, sources * target + source


def default_block(count: int) -> int:
    """The largest group of at most ten, and not of all, that divides `count`: the released file has ten of 80."""
    return max((block for block in range(1, min(11, count)) if count % block == 0), default=1)


def number_rows(sources: int, targets: int, *, order: str = "group_major", block: int | None = None) -> Rows:
    """The triplets of a grid, numbered in an order of `annotations.grid_order`; block as for `write_release`."""
    if block is None:
        block = default_block(targets if order == Kind.TARGET_GROUP_MAJOR else sources)
    source_id, target_id = cells(Kind(order), sources, targets, block=block)
    cell = sources * target_id + source_id
    return Rows([f"t{number:04d}" for number in range(len(cell))], source_id, target_id, cell)


def write_csv(path: pathlib.Path, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    """A header and rows, lines ending as they do in the real files."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_release_truth(folder: pathlib.Path, rows: Rows, world: World, asked: Survey, points: Points) -> None:
    """Write the truth of a release; `points` are the landmarks of every picture, in pixels."""
    folder.mkdir()
    write_csv(folder / "ids.csv", ["tripletId", "source_id", "target_id"], zip(*rows[:3], strict=True))
    header = ["triplet", "annotator", "choice", "is_dummy", "expected"]
    write_csv(folder / "answers.csv", header, _answers(rows, asked.answers))
    weights = [f"weight_{name}" for name, _ in FEATURES]
    header = ["annotator", "kept", "sensitivity", "bias", "lapse", *weights]
    write_csv(folder / "annotators.csv", header, _annotators(asked))
    np.savez_compressed(
        folder / "truth.npz",
        source_id=rows.source_id,
        target_id=rows.target_id,
        choice_noise_free=asked.answers.noise_free[rows.cell],
        features=asked.features[rows.cell],
        feature_names=np.array([name for name, _ in FEATURES]),
        landmarks=points.reshape(len(rows.ids), 3, *points.shape[1:]),
        **_parameters("source", world.sources),
        **_parameters("target", world.targets),
    )


def write_portrait_truth(folder: pathlib.Path, sources: People, targets: People, points: Points) -> None:
    """Write the truth of portraits."""
    folder.mkdir()
    five = ([f"{i}.jpg", *(f"{x:.3f}" for x in face[:5].ravel())] for i, face in enumerate(points))
    write_csv(folder / "landmarks.csv", ["name", *LANDMARKS], five)
    parameters = _parameters("source", sources) | _parameters("target", targets)
    names = np.array([str(i) for i in range(len(points))])
    np.savez_compressed(folder / "truth.npz", names=names, landmarks=points, **parameters)


def _answers(rows: Rows, said: Answers) -> Iterator[tuple]:
    """Valid votes in the order of the release, then those of dropped annotators, then those on dummies."""
    name_of = dict(zip(rows.cell, rows.ids, strict=True))
    for cell, name in name_of.items():
        for who, vote in zip(said.annotator[cell], said.votes[cell], strict=True):
            yield name, who, ROLES[vote], 0, ""
    for cell, who, vote in said.discarded:
        yield name_of[cell], who, ROLES[vote], 0, ""
    for number, (who, expected, vote) in enumerate(said.dummies):
        yield f"d{number:04d}", who, ROLES[vote], 1, ROLES[expected]


def _annotators(asked: Survey) -> Iterator[list]:
    people = asked.people
    for i, kept in enumerate(asked.answers.kept):
        numbers = people.sensitivity[i], people.bias[i], people.lapse[i], *people.weights[i]
        yield [i, int(kept), *(f"{number:.5f}" for number in numbers)]


def _parameters(prefix: str, people: People) -> dict[str, Any]:
    fields = {f"{prefix}_{name}": np.asarray(value) for name, value in people.faces._asdict().items()}
    return fields | {f"{prefix}_female": people.female, f"{prefix}_age": people.age}
