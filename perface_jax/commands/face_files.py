"""The faces of picture files, ready for a model: what `compare`, `rank` and `embed` share.

Everything wrong with a path, a picture or the model is a ValueError or an OSError that says what was seen, what was
wanted and what to do.
"""

import argparse
import difflib
import importlib
import os
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from etils import epath
from jaxtyping import Float32, UInt8

from perface_jax import detection, evaluation, images, similarity_scale
from perface_jax.datasets import portrait_files
from perface_jax.detection import Detector, adapters
from perface_jax.network import compilation
from perface_jax.network.fingerprints import has_fingerprint
from perface_jax.network.hub import local_folder
from perface_jax.network.model import IResNet
from perface_jax.network.model_folder import load_model
from perface_jax.similarity_scale import SimilarityScale

BATCH = 16  # of a folder: small ones are common, and a batch is always full
DETECTORS = "mtcnn, none, mediapipe=FILE.task or dlib=FILE.dat"


class Opened(NamedTuple):
    """A model, and how it gets its faces."""

    model: IResNet
    variables: Mapping
    crop: str
    finder: str  # "mtcnn", "mediapipe", "dlib", "landmarks" or "none"
    detector: Detector | None
    landmarks: Mapping | None
    scale: SimilarityScale | None  # of this model, and readable
    notes: list[str]  # for the user

    def load(
        self, faces: str, large: dict[str, int] | None = None
    ) -> Callable[[epath.Path, str], list[UInt8[np.ndarray, "s s 3"]] | str]:
        """(folder, name) -> the faces of a picture; see `evaluation.face_loader`."""
        return evaluation.face_loader(self.model, **self.options(faces), large=large)

    def options(self, faces: str) -> dict[str, Any]:
        """Of `evaluation.embed_folder`."""
        which = faces if self.detector else "largest"
        return {"crop": self.crop, "detector": self.detector, "landmarks": self.landmarks, "faces": which}

    @property
    def how(self) -> str:
        """How the faces are found."""
        without = {"landmarks": "aligned by landmarks from a file", "none": "given as crops"}
        return without.get(self.finder, f"found with {self.finder.replace('mtcnn', 'MTCNN')}, then aligned")


class OneFace(NamedTuple):
    """The largest face of a picture, and of how many."""

    crop: UInt8[np.ndarray, "s s 3"]
    faces: int


class Embedded(NamedTuple):
    """What `evaluation.embed_folder` returns of a folder, and how many pictures that are, in words."""

    names: list[str]
    embeddings: Float32[np.ndarray, "n d"]
    skipped: list[tuple[str, str]]
    summary: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--model`, `--crop`, `--detector`, `--landmarks`."""
    parser.add_argument(
        "--model", metavar="DIR", help="the model folder; written by train and convert; or hf://org/name"
    )
    parser.add_argument(
        "--detector", metavar="NAME", help=f"{DETECTORS}; none: the pictures are crops (default: mtcnn)"
    )
    parser.add_argument("--landmarks", metavar="FILE", help=".csv or .npz: points of the faces, in place of a detector")
    crops = ", ".join(images.TEMPLATES)
    parser.add_argument("--crop", help=f"{crops}; with --detector none also celeba_hq (default: the model's)")


def open_model(chosen: argparse.Namespace) -> Opened:
    """The model, its scale, and what finds the faces; warnings become notes."""
    if not chosen.model:
        raise ValueError(
            "saw no --model, wanted --model DIR: `perface train` writes WORKDIR/model, and"
            " `perface convert FILE --out DIR` makes a model folder of ArcFace weights"
        )
    compilation.keep_programs()
    folder = local_folder(chosen.model)
    model, variables = load_model(folder)
    crop = chosen.crop or model.crop or "arcface"
    notes = [] if chosen.crop or model.crop else [f"the model folder names no crop: {crop} is assumed"]
    landmarks, detector = _finders(chosen)
    finder = "landmarks" if chosen.landmarks else (chosen.detector or "mtcnn").partition("=")[0]
    scale, of_scale = _scale(folder, crop)
    opened = Opened(model, variables, crop, finder, detector, landmarks, scale, notes)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        opened.load("largest")
    notes += [str(one.message) for one in warned] + of_scale
    return opened


def _finders(chosen: argparse.Namespace) -> tuple[Mapping | None, Detector | None]:
    """Landmarks or a detector; neither for crops."""
    if chosen.landmarks:
        if chosen.detector:
            raise ValueError(f"saw --landmarks and --detector {chosen.detector}, wanted one of the two")
        if not epath.Path(chosen.landmarks).is_file():
            raise FileNotFoundError(f"no file {chosen.landmarks}; wanted landmarks as .csv or .npz (docs/detection.md)")
        return portrait_files.read_landmarks(chosen.landmarks), None
    name, _, file = (chosen.detector or "mtcnn").partition("=")
    try:
        match name, bool(file):
            case "none", False:
                return None, None
            case "mtcnn", False:
                return None, detection.mtcnn()
            case "mediapipe", True:
                return None, adapters.from_mediapipe(file)
            case "dlib", True:
                return None, _dlib(file)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{error}; without a detector: --detector none takes aligned crops, and --landmarks FILE"
            " takes the points of faces that another program found"
        ) from error
    raise ValueError(f"saw --detector {chosen.detector}, wanted {DETECTORS}")


def _dlib(predictor: str) -> Detector:
    if not epath.Path(predictor).is_file():
        raise FileNotFoundError(f"no file {predictor}; wanted dlib's shape predictor of 68 points")
    try:
        dlib: Any = importlib.import_module("dlib")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("dlib is not installed; run: python -m pip install dlib") from error
    return adapters.from_dlib(dlib.get_frontal_face_detector(), dlib.shape_predictor(predictor))


def _scale(folder: epath.PathLike, crop: str) -> tuple[SimilarityScale | None, list[str]]:
    """The scale of a model folder, and what to know of it; None where it cannot be used."""
    try:
        scale = similarity_scale.read(folder)
    except ValueError as error:
        return None, [str(error)]
    if scale is None:
        return None, []
    if not has_fingerprint(folder, scale.model):
        return None, [f"{folder}/scale.json is not used: it was made for another model than the one in this folder"]
    if scale.crop != crop:
        return scale, [f"the scale was made from {scale.crop!r} crops, these are {crop!r} crops: it may not hold"]
    return scale, []


def require_file(path: epath.PathLike) -> epath.Path:
    """The path, where a file stands there. FileNotFoundError, IsADirectoryError: what to give."""
    path = epath.Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, wanted one picture; `perface rank QUERY FOLDER` ranks its faces")
    if not path.exists():
        if os.path.islink(path):
            raise FileNotFoundError(f"{path} is a link to nothing, or to itself; wanted a picture")
        raise FileNotFoundError(f"no file {path}{_near(path)}")
    return path


def require_folder(path: epath.PathLike) -> epath.Path:
    """The path, where a folder stands there. FileNotFoundError, NotADirectoryError: what to give."""
    path = epath.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no folder {path}")
    if not path.is_dir():
        raise NotADirectoryError(f"{path} is a file, wanted a folder of pictures; `perface compare A B` compares two")
    return path


def _near(path: epath.Path) -> str:
    """What else is in the folder, for a message."""
    if not path.parent.is_dir():
        return f": there is no folder {path.parent}"
    names = sorted(other.name for other in path.parent.iterdir() if other.suffix.lower() in images.SUFFIXES)
    close = difflib.get_close_matches(path.name, names, 1, cutoff=0.7)
    if close:
        return f"; did you mean {path.parent / close[0]}?"
    return f"; the pictures there are {', '.join(names[:3])}{', ...' * (len(names) > 3)}" if names else ""


def one_face(opened: Opened, path: epath.PathLike) -> OneFace:
    """The largest face of a picture. ValueError: none, with what was tried; the file cannot be read."""
    path, large = require_file(path), {}
    if opened.landmarks is not None:  # one face may lie anywhere; those of all pictures beside it tell more
        beside = sorted(other.name for other in path.parent.iterdir() if other.suffix.lower() in images.SUFFIXES)
        evaluation.refuse_misplaced(path.parent, beside, opened.landmarks, crop=opened.crop)
    with warnings.catch_warnings():  # they are notes already
        warnings.simplefilter("ignore")
        found = opened.load("all", large)(path.parent, path.name)
    if large:
        opened.notes.append(evaluation.large_squares(large, opened.crop))
    if not isinstance(found, str):
        return OneFace(found[0], len(found))
    if opened.detector and "no face" in found:
        raise ValueError(_no_face(path, opened.finder == "mtcnn"))
    raise ValueError(found if path.name in found else f"{path}: {found}")


def embed_folder(opened: Opened, folder: epath.PathLike, faces: str) -> Embedded:
    """As `evaluation.embed_folder`; its warnings become notes, where they are none yet, and the summary."""
    options = opened.options(faces)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = evaluation.embed_folder(opened.model, opened.variables, folder, batch_size=BATCH, **options)
    names, _, skipped = found
    pictures = [name.rpartition("#")[0] for name in names] if options["faces"] == "all" else names
    summary = evaluation.folder_summary(pictures, skipped)
    said = [str(one.message) for one in warned]
    opened.notes.extend(text for text in said if text not in opened.notes and not text.endswith(summary))
    return Embedded(*found, summary)


def _no_face(path: epath.Path, mtcnn: bool) -> str:
    height, width = images.read(path).shape[:2]
    tried = (
        f"MTCNN looked at all {width} x {height} pixels upright, with a border, and turned by 90, 180 and 270 degrees. "
    )
    return (
        f"{path}: no face found. {tried if mtcnn else ''}Is the face at least 20 pixels wide and"
        " in full view? If the picture is an aligned crop already, give --detector none"
    )


def as_notes(notes: Sequence[str]) -> str:
    """Lines of 80 columns, each note with its word in front."""
    return wrapped([f"note: {note}" for note in notes])


def wrapped(lines: Sequence[str]) -> str:
    """Lines of at most 80 columns; a line that does not fit goes on, indented."""
    wrap = textwrap.TextWrapper(80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "".join((wrap.fill(line) if len(line) > 80 else line) + "\n" for line in lines)


def one_of(name: str, count: int) -> str:
    """What was taken of a picture with several faces; empty for one face."""
    return f"{name}: {count} faces, the largest is taken" if count > 1 else ""
