"""`python -m perface_jax.detection DIR --out landmarks.csv`: find the faces of a folder of photographs.

Writes five points per face, and beside that file a contact sheet with boxes and points. Lists pictures without a face.
"""

import io
import pathlib
import sys

import numpy as np
from PIL import Image

from perface_jax import detection, extras, files, images, outputs, progress_bar
from perface_jax.argument_parser import ArgumentParser, plain
from perface_jax.detection.folder import detect_folder, write_landmarks
from perface_jax.network import compilation

SHEET, SIDE = 100, 320  # pictures on the contact sheet, and pixels of their longer side


def main(arguments: list[str] | None = None) -> None:
    """Exits with 0 if any face is found, 1 if none is, 2 if no picture could be read."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    out = pathlib.Path(chosen.out)
    if out.suffix != ".csv":
        parser.error(f"saw --out {out}, wanted a file that ends in .csv")
    sheet = _Sheet()
    try:
        outputs.require_files(out, out.with_suffix(".png"))
        total = sum(map(len, images.list_pictures(chosen.folder)))
        detector = detection.mtcnn(smallest=chosen.smallest)
        with extras.explained():
            from perface_jax import figures
        compilation.keep_programs()
        print(f"Looking for faces in {total:,} pictures of {chosen.folder}", file=sys.stderr, flush=True)
        looked = detect_folder(chosen.folder, detector, seen=sheet.add)
        found = dict(progress_bar.over(looked, "looking for faces", "pictures", total=total))
        faces = _chosen(found, chosen.faces)
        write_landmarks(out, faces)
        if sheet.pictures:
            shown = [sheet.pictures[name] for name in sorted(sheet.pictures)[:SHEET]]
            data = io.BytesIO()
            figures.photographs(shown).savefig(data, format="png", dpi=150)
            files.write_bytes(out.with_suffix(".png"), data.getvalue())
    except (OSError, ValueError, extras.MissingExtra) as error:
        parser.exit(2, f"{plain(str(error))}\n")
    print(_report(found, len(faces), out, len(sheet.pictures)))
    raise SystemExit(0 if faces else 1)


def _parser():
    parser = ArgumentParser(
        prog="perface detect",
        arguments="folder --out FILE.csv",
        description="Find the faces of photographs with MTCNN: five points a face, and a contact sheet.",
    )
    parser.add_argument("folder", help="pictures, also in subfolders")
    parser.add_argument(
        "--out", metavar="FILE", required=True, help="the .csv to write; the contact sheet has its name with .png"
    )
    parser.add_argument(
        "--faces", choices=("largest", "all"), default="largest", help="of several faces; all: name#0, name#1, ..."
    )
    parser.add_argument(
        "--smallest", metavar="PIXELS", type=float, default=20.0, help="pixels of the smallest face (default: 20)"
    )
    return parser


class _Sheet:
    """Small copies of the first pictures, for the contact sheet."""

    def __init__(self):
        self.pictures = {}

    def add(self, name, picture, faces):
        if len(self.pictures) >= 2 * SHEET:  # threads may be ahead of the order of names
            return
        from perface_jax.figures import Photograph

        small = Image.fromarray(picture)
        small.thumbnail((SIDE, SIDE))
        scale = np.array(small.size) / picture.shape[1::-1]
        boxes = np.array([face.box for face in faces]).reshape(-1, 2, 2)
        points = np.array([face.landmarks for face in faces]).reshape(-1, 5, 2)
        boxes, points = ((part + 0.5) * scale - 0.5 for part in (boxes, points))
        self.pictures[name] = Photograph(name, np.asarray(small), boxes.reshape(-1, 4), points)


def _chosen(found, which):
    """name -> face, in order."""
    lists = {name: faces for name, faces in found.items() if not isinstance(faces, str)}
    if which == "largest":
        return {name: faces[0] for name, faces in lists.items() if faces}
    return {f"{name}#{number}": face for name, faces in lists.items() for number, face in enumerate(faces)}


def _report(found, written, out, drawn):
    unread = {name: why for name, why in found.items() if isinstance(why, str)}
    empty = [name for name, faces in found.items() if not faces]
    several = sum(len(faces) > 1 for name, faces in found.items() if name not in unread)
    some = len(found) - len(unread) - len(empty)
    lines = [f"{some} of {len(found)} pictures show a face, {several} of them several; {written} faces in {out}"]
    if drawn:
        what = f"the first {SHEET} pictures" if drawn > SHEET else "all pictures"
        lines.append(f"{what} with boxes and points: {out.with_suffix('.png')}")
    lines += [f"no face found in {len(empty)}: {', '.join(empty)}"] if empty else []
    lines += [f"cannot be read: {name}: {why}" for name, why in unread.items()]
    lines += [f"{len(unread)} cannot be read: {images.count_reasons([*unread.items()])}"] if len(unread) > 1 else []
    return "\n".join(lines)


if __name__ == "__main__":
    main()
