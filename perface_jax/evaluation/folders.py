"""From a folder of pictures to embeddings: every picture is embedded, or listed with the reason why it is not."""

import collections
import concurrent.futures
import functools
import warnings
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np
from etils import epath
from jaxtyping import Float32, Num, UInt8

from perface_jax import detection, parallel, progress_bar
from perface_jax import images as pictures
from perface_jax.detection import Detector
from perface_jax.evaluation.embedding import THREADS, Network, ahead
from perface_jax.evaluation.landmark_places import refuse_misplaced
from perface_jax.landmarks import five_points
from perface_jax.network.model import IResNet

LARGE = 512  # pixels of the side of a square that is hardly an aligned crop


def embed_folder(
    model: IResNet,
    variables: Mapping,
    folder: epath.PathLike,
    *,
    crop: str,
    batch_size: int = 64,
    landmarks: Mapping[str, Num[np.ndarray, "points 2"]] | None = None,
    detector: str | Detector | None = None,
    faces: str = "largest",
) -> tuple[list[str], Float32[np.ndarray, "n d"], list[tuple[str, str]]]:
    """Embed every picture of a folder and its subfolders, in the order of their names.

    Threads decode ahead; memory does not grow with the number of pictures. A progress bar shows the rate.

    Args:
      folder: searched for what looks like a picture, see `images.list_pictures`.
      crop: how the pictures were cropped. A template of `images` (`arcface`, `simswap`, `simswap_ffhq`) means squares
        of that kind, which are only resized. `celeba_hq` means squares as in CelebA-HQ and FFHQ, which are cropped to
        the model's crop by a fixed box. With `landmarks` or a `detector`, it is the template to align the faces to.
      landmarks: five points in pixels of the picture (or another number of `landmarks.COUNTS`), by name as returned or
        without folder and suffix, if one picture has that name; a picture without landmarks is skipped.
      detector: finds the faces of whole photographs: "mtcnn", or any `detection.Detector`. A picture without a face is
        skipped.
      faces: which of several faces: the "largest", or "all", returned as `name#0`, `name#1`, the largest first.

    Returns:
      (names, embeddings, skipped): paths relative to `folder`; row i for `names[i]`; and (name, reason) of each picture
      that could not be used. Every file that looks like a picture is in one of the two lists.

    Warns how many were skipped, by reason, and of large squares without landmarks, which are hardly crops.

    Raises:
      FileNotFoundError: no such folder.
      ValueError: no picture in it, an unknown crop, or landmarks of copies or crops of these pictures.
    """
    large: dict[str, int] = {}
    load = functools.partial(
        face_loader(model, crop=crop, landmarks=landmarks, detector=detector, faces=faces, large=large),
        epath.Path(folder),
    )
    network = Network(model, variables, batch_size=batch_size)
    names, unread = pictures.list_pictures(folder)
    names, doubtful = _by_doubtful_name(names, landmarks)
    if landmarks is not None:
        refuse_misplaced(folder, names, landmarks, crop=crop)
    kept, skipped = [], [*unread, *doubtful] if jax.process_index() == 0 else []

    def usable(loaded):
        for name, found in loaded:
            if isinstance(found, str):
                skipped.append((name, found))
                continue
            for number, picture in enumerate(found):
                kept.append((name, number))
                yield picture

    mine = names[jax.process_index() :: jax.process_count()]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        loaded = ahead(pool, load, mine, window=2 * network.batch_size)
        vectors = network.embed(usable(progress_bar.over(loaded, "embedding", "pictures", total=len(mine))))
    parts = parallel.gather_objects((kept, vectors, skipped))
    kept, skipped = [face for part in parts for face in part[0]], sorted(pair for part in parts for pair in part[2])
    if large:
        warnings.warn(f"{folder}: {large_squares(large, crop)}", stacklevel=2)
    if skipped and jax.process_index() == 0:
        warnings.warn(f"{folder}: {folder_summary([name for name, _ in kept], skipped)}", stacklevel=2)
    order = sorted(range(len(kept)), key=kept.__getitem__)
    named = [f"{name}#{number}" if faces == "all" else name for name, number in map(kept.__getitem__, order)]
    return named, np.concatenate([part[1] for part in parts])[order], skipped


def folder_summary(names: Sequence[str], skipped: Sequence[tuple[str, str]]) -> str:
    """How many pictures of a folder were embedded, and how many not, by reason. A name may be there for each face."""
    count = len(set(names))
    told = f"embedded {count:,} of {count + len(skipped):,} pictures"
    return f"{told}; {len(skipped):,} skipped: {pictures.count_reasons(skipped)}" if skipped else told


def large_squares(large: Mapping[str, int], crop: str) -> str:
    """What to say of pictures, by name and side, that are taken for aligned crops and are hardly any."""
    name = min(large)
    return (
        f"squares of {LARGE} pixels or more without landmarks, {len(large):,} in all, such as {name} ({large[name]} x"
        f" {large[name]}), are taken for aligned {crop!r} crops, which are rarely so large. Pictures like those of"
        " CelebA-HQ and FFHQ want the crop celeba_hq, other photographs a detector or landmarks."
    )


def face_loader(
    model: IResNet,
    *,
    crop: str,
    landmarks: Mapping[str, Num[np.ndarray, "points 2"]] | None = None,
    detector: str | Detector | None = None,
    faces: str = "largest",
    large: dict[str, int] | None = None,
) -> Callable[[epath.Path, str], list[UInt8[np.ndarray, "s s 3"]] | str]:
    """(folder, name of a picture in it) -> its faces, ready for the model; or the reason why there is none.

    Arguments, warnings and errors are those of `embed_folder`, which embeds the faces that this loads. Into `large` go
    name and side of large squares that are taken for crops.
    """
    find = _finder(landmarks, detector, faces, crop)
    _warn_of_other_crop(model, crop)

    def load(folder: epath.Path, name: str) -> list[UInt8[np.ndarray, "s s 3"]] | str:
        return _load(folder, model, crop, find, name, large)

    return load


def _load(folder, model, crop, find, name, large):
    """The faces of a picture ready for the model, or the reason why there is none."""
    template = model.crop if crop == "celeba_hq" else None
    try:
        picture = pictures.read_as(folder / name, name)
        places = find(name, picture)
        height, width = picture.shape[:2]
        if large is not None and places[0] is None and crop != "celeba_hq" and height == width >= LARGE:
            large[name] = width
        fit = functools.partial(pictures.fit, picture, crop=crop, size=model.image_size, template=template)
        return places if isinstance(places, str) else [fit(landmarks=points) for points in places]
    except (ValueError, TypeError, OSError) as error:
        return pictures.reason_of(error, name)  # whoever shows the reason names the picture


def _finder(landmarks, detector, faces, crop):
    """(name, picture) -> five points of each wanted face, None for a crop; or the reason why there is none."""
    if faces not in ("largest", "all"):
        raise ValueError(f"saw faces {faces!r}, wanted 'largest' or 'all'")
    if landmarks is None and detector is None:
        if faces == "all":
            raise ValueError("saw faces 'all' without a detector, wanted detector='mtcnn' or a function")
        return lambda name, picture: [None]
    if landmarks is not None and detector is not None:
        raise ValueError("saw landmarks and a detector, wanted one of the two")
    if detector is not None:
        if crop == "celeba_hq":
            raise ValueError(f"saw crop 'celeba_hq' with a detector, wanted one of {', '.join(pictures.TEMPLATES)}")
        return functools.partial(_detected, detection.named(detector), faces)
    if not isinstance(landmarks, Mapping):
        raise TypeError(f"landmarks must map names to five points [5, 2], got {type(landmarks).__name__}")
    return functools.partial(_looked_up, landmarks)


def _detected(detect, faces, name, picture):
    found = [face.landmarks for face in detection.by_size(detect(picture))]
    return found[: 1 if faces == "largest" else None] or "no face found in this picture"


def _looked_up(landmarks, name, picture):
    points = landmarks.get(name, landmarks.get(pictures.stem(name)))
    return "no landmarks for this picture" if points is None else [five_points(points)]


def _by_doubtful_name(names, landmarks):
    """The names without those whose landmarks may be another picture's; and these with the reason."""
    if not isinstance(landmarks, Mapping):
        return names, []
    counts = collections.Counter(map(pictures.stem, names))
    doubtful = {
        name for name in names if counts[pictures.stem(name)] > 1 and name not in landmarks
        and pictures.stem(name) in landmarks
    }  # fmt: skip
    why = "landmarks of a name that several pictures have: give them by the path in the folder"
    return [name for name in names if name not in doubtful], [(name, why) for name in doubtful]


def _warn_of_other_crop(model, crop):
    known = (*pictures.TEMPLATES, "celeba_hq")
    if crop not in known:
        raise ValueError(f"unknown crop {crop!r}; wanted one of {', '.join(known)}")
    if model.crop not in (None, crop) and crop != "celeba_hq":
        warnings.warn(
            f"the model was trained on {model.crop!r} crops, these pictures are {crop!r} crops: it was not trained for"
            " similarities between them. Align the pictures to the model's crop (images.align).",
            stacklevel=4,
        )
