"""The folder of `--part=anonymize`: pictures in the frame of their originals, where their features lie, and why.

pictures/NAME.png     the whole picture of a query, the result set in where its square was cut out
landmarks.npz         names, landmarks [n, 59, 2] of these pictures, as `--landmarks=METHOD=FILE` takes them
results.json          all results and scores
sheet.png             all results in one picture
"""

import numpy as np
from etils import epath
from PIL import Image

from perface_jax import evaluation, images, report
from perface_jax.anonymization import proposals
from perface_jax.anonymization.anonymize import Anonymized
from perface_jax.datasets import portraits

PICTURES, LANDMARKS, RESULTS, SHEET = "pictures", "landmarks.npz", "results.json", "sheet.png"


def open_folder(path: str) -> epath.Path:
    """The folder, made if it does not exist.

    Raises:
      ValueError: a file, or a folder with an earlier run: its pictures would be taken for those of this one.
    """
    out = epath.Path(path)
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; wanted a folder for the results")
    if old := [name for name in (PICTURES, LANDMARKS, RESULTS, SHEET) if (out / name).exists()]:
        raise ValueError(f"{out} holds {', '.join(old)} of an earlier run; remove them, or give another --out")
    out.mkdir(parents=True, exist_ok=True)
    return out


def write(out: epath.Path, folder: str, queries: portraits.Portraits, found: Anonymized, said: report.Report) -> None:
    """Write the results that are given, and the report.

    Args:
      out: of `open_folder`.
      folder: of the pictures that the queries were cut out of.
      queries: the originals.
      found: their results; landmarks are written if those of the queries are measured.
      said: whose first section has the sheet.
    """
    files = {images.stem(name): name for name in evaluation.picture_names(epath.Path(folder))}
    squares, places = proposals.given(found)
    (out / PICTURES).mkdir()
    landmarks = []
    for place, square, points in zip(places, *squares, strict=True):
        name, box = queries.names[place], queries.boxes[place]
        picture = images.read(epath.Path(folder) / files[name])
        with (out / PICTURES / f"{name}.png").open("wb") as file:
            Image.fromarray(portraits.paste(picture, box, square)).save(file, "PNG")
        landmarks.append(portraits.in_picture(points, box, width=picture.shape[1], size=len(square)))
    if queries.measured and landmarks:
        with (out / LANDMARKS).open("wb") as file:
            np.savez(file, names=[queries.names[place] for place in places], landmarks=landmarks)
    report.write_json(out / RESULTS, said)
    said.sections[0].figures[0].figure.savefig(out / SHEET, dpi=150)
