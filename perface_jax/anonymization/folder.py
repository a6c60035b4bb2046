"""The folder of `--part=anonymize`: anonymized pictures in the frame of their originals, landmarks and scores.

pictures/NAME.png     the whole original picture, with the selected result pasted into its square
landmarks.npz         names and landmarks [n, 59, 2] of these pictures, for `--landmarks=METHOD=FILE`
results.json          all results and scores
sheet.png             all results in one picture
"""

import io

import numpy as np
from etils import epath
from jaxtyping import UInt8
from matplotlib.figure import Figure
from PIL import Image

from perface_jax import files, images, outputs
from perface_jax.anonymization.anonymize import Anonymized
from perface_jax.datasets import portraits
from perface_jax.report import Report, write_json

PICTURES, LANDMARKS, RESULTS, SHEET = "pictures", "landmarks.npz", "results.json", "sheet.png"


def open_folder(path: str) -> epath.Path:
    """The folder, created if needed.

    Raises:
      ValueError: a file, or a folder with an earlier run, whose pictures could be mistaken for those of this one.
    """
    out = epath.Path(path)
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; wanted a folder for the results")
    if old := [name for name in (PICTURES, LANDMARKS, RESULTS, SHEET) if (out / name).exists()]:
        raise ValueError(f"{out} holds {', '.join(old)} of an earlier run; remove them, or give another --out")
    outputs.require_folder(out)
    out.mkdir(parents=True, exist_ok=True)
    return out


def write(
    out: epath.Path, folder: str, originals: portraits.Portraits, found: Anonymized, *, report: Report, sheet: Figure
) -> None:
    """Write the selected results, and all of them with their scores as `report` and `sheet`.

    Args:
      out: from `open_folder`.
      folder: the pictures that the originals were cropped from.
      originals: the faces.
      found: their results; landmarks are written if those of the originals were given.
    """
    paths = {images.stem(name): name for name in images.picture_names(folder)}
    squares, places = found.selected()
    (out / PICTURES).mkdir()
    landmarks = []
    for place, square, points in zip(places, *squares, strict=True):
        name, box = originals.names[place], originals.boxes[place]
        picture = images.read(epath.Path(folder) / paths[name])
        files.write_bytes(out / PICTURES / f"{name}.png", _png(portraits.paste(picture, box, square)))
        landmarks.append(portraits.in_picture(points, box, width=picture.shape[1], size=len(square)))
    if originals.measured and landmarks:
        names = np.array([originals.names[place] for place in places])
        files.write_arrays(out / LANDMARKS, {"names": names, "landmarks": np.stack(landmarks)})
    write_json(out / RESULTS, report)
    drawn = io.BytesIO()
    sheet.savefig(drawn, format="png", dpi=150)
    files.write_bytes(out / SHEET, drawn.getvalue())


def _png(picture: UInt8[np.ndarray, "h w 3"]) -> bytes:
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    return data.getvalue()
