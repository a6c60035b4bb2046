"""`perface compare A B --model DIR`: how alike two faces look to a model, as a cosine.

A and B are photographs, whose largest face is found and aligned, or aligned crops (`--detector none`). `--html FILE`
writes a card with both crops.
"""

import argparse
from collections.abc import Sequence

from etils import epath

from perface_jax import evaluation
from perface_jax.argument_parser import ArgumentParser
from perface_jax.commands import face_files, picture_page
from perface_jax.similarity import similarity


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; what cannot be compared gives exit code 2 and says why."""
    parser = ArgumentParser(
        prog="perface compare", arguments="a b --model DIR", description="How alike do two faces look to a model?"
    )
    parser.add_argument("a", help="a photograph, or an aligned crop")
    parser.add_argument("b", help="another one")
    face_files.add_arguments(parser)
    parser.add_argument("--html", metavar="FILE", help="write a card with both faces")
    chosen = parser.parse_args(arguments)
    try:
        _compare(chosen)
    except (OSError, ValueError) as error:
        parser.exit(2, f"{error}\n")


def _compare(chosen: argparse.Namespace) -> None:
    for path in (chosen.a, chosen.b):
        face_files.require_file(path)  # before the model, which takes seconds to load
    opened = face_files.open_model(chosen)
    faces = {path: face_files.one_face(opened, path) for path in (chosen.a, chosen.b)}
    a, b = faces[chosen.a], faces[chosen.b]
    plain = opened.model.clone(kernels="xla")  # for two faces, kernels are not worth transforming: 3 s for an r50
    vectors = evaluation.Network(plain, opened.variables, batch_size=1).embed(iter([a.crop, b.crop]))
    evaluation.refuse_bad([chosen.a, chosen.b], vectors, chosen.model)
    cosine = float(similarity(*vectors))
    notes = [*opened.notes, *filter(None, (face_files.one_of(path, face.faces) for path, face in faces.items()))]
    print(f"{face_files.as_notes(notes)}cosine {cosine:.3f}\n{face_files.NO_SCALE}")
    if chosen.html:
        _write_card(chosen, opened, [a, b], cosine, notes)
        print(f"The card is {chosen.html}")


def _write_card(chosen, opened, faces, cosine, notes):
    shown = [
        picture_page.Shown(epath.Path(path).name, "", face.crop)
        for path, face in zip((chosen.a, chosen.b), faces, strict=True)
    ]
    page = picture_page.Page(
        title=f"{shown[0].name} and {shown[1].name}",
        cosine=cosine,
        text=[face_files.NO_SCALE.replace("\n", " "), *notes],
        groups={"": shown},
        facts=picture_page.facts(chosen.model, opened),
    )
    picture_page.write(chosen.html, page)


if __name__ == "__main__":
    main()
