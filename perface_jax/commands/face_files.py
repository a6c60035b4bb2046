"""The faces of picture files, ready for a model: what `compare`, `rank` and `embed` share.

Everything wrong with a path, a picture or the model is a ValueError or an OSError that says what was seen, what was
wanted and what to do.
"""

import argparse
import difflib
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from etils import epath
from jaxtyping import Float32, UInt8

from perface_jax import detection, evaluation, images
from perface_jax.detection import Detector
from perface_jax.network import compilation
from perface_jax.network.model import IResNet
from perface_jax.network.model_folder import load_model

BATCH = 16  # of a folder: small ones are common, and a batch is always full
NO_SCALE = (
    "What this means to people is not known: the model folder has no scale.\n"
    "Known: a cosine lies between -1 and 1; higher means more alike to this model."
)


class Opened(NamedTuple):
    """A model, and how it gets its faces."""

    model: IResNet
    variables: Mapping
    crop: str
    detector: Detector | None
    notes: list[str]  # for the user

    def load(self, faces: str) -> Callable[[epath.Path, str], list[UInt8[np.ndarray, "s s 3"]] | str]:
        """(folder, name) -> the faces of a picture; see `evaluation.face_loader`."""
        which = faces if self.detector else "largest"
        return evaluation.face_loader(self.model, crop=self.crop, detector=self.detector, faces=which)


class OneFace(NamedTuple):
    """The largest face of a picture, and of how many."""

    crop: UInt8[np.ndarray, "s s 3"]
    faces: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--model`, `--crop`, `--detector`."""
    parser.add_argument("--model", metavar="DIR", help="the model folder; written by train and convert")
    parser.add_argument(
        "--detector", choices=("mtcnn", "none"), default="mtcnn", help="none: the pictures are crops (default: mtcnn)"
    )
    crops = ", ".join(images.TEMPLATES)
    parser.add_argument("--crop", help=f"{crops}; with --detector none also celeba_hq (default: the model's)")


def open_model(chosen: argparse.Namespace) -> Opened:
    """The model and the detector that were chosen; warnings become notes."""
    if not chosen.model:
        raise ValueError(
            "saw no --model, wanted --model DIR: `perface train` writes WORKDIR/model, and\n"
            "`perface convert FILE --out DIR` makes a model folder of ArcFace weights"
        )
    compilation.keep_programs()
    model, variables = load_model(chosen.model)
    crop, detector = chosen.crop or model.crop or "arcface", None
    notes = [] if chosen.crop or model.crop else [f"the model folder names no crop: {crop} is assumed"]
    if chosen.detector != "none":
        detector = detection.mtcnn()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        evaluation.face_loader(model, crop=crop, detector=detector)
    return Opened(model, variables, crop, detector, notes + [str(one.message) for one in warned])


def require_file(path: epath.PathLike) -> epath.Path:
    """The path, where a file stands there. FileNotFoundError, IsADirectoryError: what to give."""
    path = epath.Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, wanted one picture; `perface rank QUERY {path}` ranks its faces")
    if not path.exists():
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
    close = difflib.get_close_matches(path.name, names, 1)
    if close:
        return f"; did you mean {path.parent / close[0]}?"
    return f"; the pictures there are {', '.join(names[:3])}{', ...' * (len(names) > 3)}" if names else ""


def one_face(opened: Opened, path: epath.PathLike) -> OneFace:
    """The largest face of a picture. ValueError: none, with what was tried; the file cannot be read."""
    path = require_file(path)
    with warnings.catch_warnings():  # they are notes already
        warnings.simplefilter("ignore")
        found = opened.load("all")(path.parent, path.name)
    if not isinstance(found, str):
        return OneFace(found[0], len(found))
    if opened.detector and "no face" in found:
        raise ValueError(_no_face(path))
    raise ValueError(found if path.name in found else f"{path}: {found}")


def embed_folder(
    opened: Opened, folder: epath.PathLike, faces: str
) -> tuple[list[str], Float32[np.ndarray, "n d"], list[tuple[str, str]]]:
    """As `evaluation.embed_folder`, without the warnings that are notes already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return evaluation.embed_folder(
            opened.model,
            opened.variables,
            folder,
            crop=opened.crop,
            detector=opened.detector,
            faces=faces if opened.detector else "largest",
            batch_size=BATCH,
        )


def _no_face(path: epath.Path) -> str:
    height, width = images.read(path).shape[:2]
    return (
        f"{path}: no face found. MTCNN looked at all {width} x {height} pixels upright, with a\n"
        "border, and turned by 90, 180 and 270 degrees. Is the face at least 20 pixels wide and\n"
        "in full view? If the picture is an aligned crop already, give --detector none"
    )


def as_notes(notes: Sequence[str]) -> str:
    """Lines of 80 columns, each note with its word in front."""
    wrap = textwrap.TextWrapper(80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "".join(wrap.fill(f"note: {note}") + "\n" for note in notes)


def one_of(name: str, count: int) -> str:
    """What was taken of a picture with several faces; empty for one face."""
    return f"{name}: {count} faces, the largest is taken" if count > 1 else ""
