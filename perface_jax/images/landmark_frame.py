"""Whether landmarks were found in these pictures, not in smaller or larger copies or in crops of them.

One face cannot tell: a small face in a corner is a face. Pictures of CelebA-HQ and FFHQ can, because their squares were
placed around eyes and mouth (`celeba_hq_square`): among 347 realistic faces and 2,000 of the synthetic world, the
square from a face's own points is centered within 0.02 sides of the middle of its picture, and 0.73 to 1.12 sides wide.
Of other pictures, only what all of them show together is certain.
"""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from etils import epath
from jaxtyping import Float, Num
from PIL import ExifTags, Image

MOST = 128  # pictures that are looked at, spread over all
SEVERAL, MANY = 5, 12  # faces that together are certain, or are worth a warning
SHIFT, SCALE = 0.06, 1.4  # of the median face: from the middle of the picture in sides, and of the side as a factor
ONE_SHIFT = 0.2  # of one face
ALIGNED = (178, 218), ((69.5, 111.5), (108.5, 111.5))  # align CelebA: size, and where the eyes lie
REMEDY = "find them in these pictures, or convert them"

Points = Float[np.ndarray, "n 5 2"]
Sizes = Num[np.ndarray, "n 2"]  # width and height


def refuse_misplaced(
    pictures: Sequence[epath.PathLike], points: Mapping[int, Num[np.ndarray, "5 2"]], *, celeba_hq: bool
) -> None:
    """Raise a ValueError if these landmarks belong to copies or crops of these pictures; warn where they may.

    Args:
      pictures: files, of which only the headers are read; those that cannot be read do not count.
      points: by position in `pictures`, where there are any.
      celeba_hq: whether the pictures are known to be those of CelebA-HQ or FFHQ.
    """
    places = sorted(points)
    places = [places[i] for i in np.unique(np.linspace(0, len(places) - 1, MOST).astype(int))] if places else []
    found = [(points[place], size) for place in places if (size := picture_size(pictures[place]))]
    if not found:
        return
    faces, sizes = (np.array(part, np.float64) for part in zip(*found, strict=True))
    if fault := frame_fault(faces, sizes) if celeba_hq else copy_fault(faces, sizes):
        raise ValueError(fault)
    if len(faces) >= MANY and (faces < sizes[:, None] / 2).all():
        warnings.warn(
            f"all landmarks of {len(faces)} faces lie in the upper left quarter of their pictures: were they found in"
            " smaller copies?",
            stacklevel=2,
        )


def picture_size(path: epath.PathLike) -> tuple[int, int] | None:
    """Width and height as shown, from the header; None if the file cannot be read."""
    try:
        with epath.Path(path).open("rb") as file, Image.open(file) as picture:
            turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
            width, height = picture.size
            return (height, width) if turned else (width, height)
    except Exception:  # a damaged file makes Pillow raise any of a dozen types; whoever reads it says so
        return None


def frame_fault(faces: Points, sizes: Sizes) -> str | None:
    """What is wrong with landmarks of CelebA-HQ or FFHQ pictures, by the median face; None if nothing is."""
    middle, side = _squares(faces, sizes)
    (x, y), scale = np.median(middle, 0), float(np.median(side))
    if max(abs(x - 0.5), abs(y - 0.5)) < SHIFT and 1 / SCALE < scale < SCALE:
        return None
    who = "the face has" if len(faces) == 1 else f"the median of {len(faces)} faces has"
    return (
        f"saw landmarks that are not of these CelebA-HQ pictures: {who} the middle of eyes and mouth at ({x:.2f},"
        f" {y:.2f}) of the picture, wanted (0.50, 0.50); they look like those of {_origin(faces, sizes)}: {REMEDY}"
    )


def misplaced_in_frame(face: Float[np.ndarray, "5 2"], size: Sequence[int]) -> str | None:
    """What is wrong with one face of a CelebA-HQ picture: it is another face than the one in the middle."""
    middle, _ = _squares(np.asarray(face, np.float64)[None], np.array([size]))
    if abs(middle - 0.5).max() < ONE_SHIFT:
        return None
    (x, y) = middle[0]
    return (
        f"the middle of eyes and mouth is at ({x:.2f}, {y:.2f}) of the picture, wanted (0.50, 0.50) as in every picture"
        " of CelebA-HQ: another face, or another picture; leave it out"
    )


def copy_fault(faces: Points, sizes: Sizes) -> str | None:
    """What is wrong with landmarks of any pictures, if all of them together say so."""
    beyond = (faces > 1.02 * sizes[:, None]).any((1, 2)) & ~(faces < -0.02 * sizes[:, None]).any((1, 2))
    if len(faces) >= SEVERAL and beyond.mean() > 0.5:
        factor = np.median((faces / sizes[:, None]).max((1, 2)))
        return (
            f"saw landmarks beyond the right or lower edge of their pictures for {beyond.sum()} of {len(faces)} faces:"
            f" they look like those of larger pictures, at least {factor:.2f} times; {REMEDY}"
        )
    if len(faces) < SEVERAL or (sizes[:, 0] != sizes[:, 1]).any():
        return None
    middle, side = _squares(faces, sizes)
    factor = 2 * np.median(middle)
    same = (abs(2 * middle - factor).max(-1) < 0.08 * factor) & (side < SCALE * factor) & (SCALE * side > factor)
    if factor > 0.85 or same.mean() < 0.9:
        return None
    return (
        f"saw landmarks that lie alike in the upper left part of {same.sum()} of {len(faces)} pictures, as those of"
        f" CelebA-HQ or FFHQ do in a whole one: they look like those of {_origin(faces, sizes)}: {REMEDY}"
    )


def _squares(faces, sizes):
    """The squares that CelebA-HQ would cut: middles in shares of the picture, sides in shares of its width."""
    eyes, mouth = faces[:, :2].mean(1), faces[:, 3:].mean(1)
    apart = np.hypot(*(faces[:, 1] - faces[:, 0]).T)
    side = 2 * np.maximum(2.0 * apart, 1.8 * np.hypot(*(mouth - eyes).T))
    return (eyes + 0.1 * (mouth - eyes) + 0.5) / sizes, side / sizes[:, 0]


def _origin(faces, sizes) -> str:
    """The pictures that the landmarks may come from."""
    (width, height), eyes = ALIGNED
    if abs(np.median(faces[:, :2], 0) - eyes).max() < 6:
        return f"the aligned CelebA pictures of {width} x {height} pixels"
    middle, side = _squares(faces, sizes)
    x, y = 2 * np.median(middle, 0)
    scale, (wide, high) = float(np.median(side)), np.median(sizes, 0)
    factor = (x + y) / 2
    if abs(x - y) < 0.1 * abs(factor) and 1 / SCALE < scale / factor < SCALE:
        return f"a picture {factor:.2f} times as large ({factor * wide:.0f} x {factor * high:.0f} pixels)"
    if 1 / SCALE < scale < SCALE:
        left, top = (1 - x) / 2 * wide, (1 - y) / 2 * high
        return f"crops of these pictures (add about {left:.0f} to x and {top:.0f} to y)"
    return "crops of these pictures, or of other ones"
