"""`perface compare A B --model DIR`: how alike two faces look to a model, as a cosine, and what that means.

A and B are photographs, whose largest face is found and aligned, or aligned crops (`--detector none`). The meaning
comes from the model folder's `scale.json`; docs/similarity_scale.md explains it. `--html FILE` writes a card with both
crops, `--json` prints the numbers for scripts.
"""

import argparse
from collections.abc import Sequence

from etils import epath

from perface_jax import evaluation, files, outputs
from perface_jax.argument_parser import ArgumentParser, plain
from perface_jax.commands import face_files, picture_page, scale_text
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
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    chosen = parser.parse_args(arguments)
    try:
        _compare(chosen)
    except (OSError, ValueError) as error:
        parser.exit(2, f"{plain(str(error))}\n")


def _compare(chosen: argparse.Namespace) -> None:
    for path in (chosen.a, chosen.b):
        face_files.require_file(path)  # before the model, which takes seconds to load
    outputs.require_files(chosen.html)
    opened = face_files.open_model(chosen)
    faces = {path: face_files.one_face(opened, path) for path in (chosen.a, chosen.b)}
    a, b = faces[chosen.a], faces[chosen.b]
    plain = opened.model.clone(kernels="xla")  # for two faces, kernels are not worth transforming: 3 s for an r50
    vectors = evaluation.Network(plain, opened.variables, batch_size=1).embed(iter([a.crop, b.crop]))
    evaluation.refuse_bad([chosen.a, chosen.b], vectors, chosen.model)
    cosine = float(similarity(*vectors))
    notes = [*opened.notes, *filter(None, (face_files.one_of(path, face.faces) for path, face in faces.items()))]
    meaning = scale_text.sentences(opened.scale, cosine, chosen.model)
    if chosen.html:
        _write_card(chosen, opened, [a, b], cosine, [*meaning, *notes])
    if chosen.json:
        values = {"a": chosen.a, "b": chosen.b, **scale_text.values(opened.scale, cosine)}
        print(files.to_json({**values, "meaning": meaning, "notes": notes}), end="")
        return
    print(face_files.as_notes(notes) + face_files.wrapped([f"cosine {cosine:.3f}", *meaning]), end="")
    if chosen.html:
        print(f"The card is {chosen.html}")


def _write_card(chosen, opened, faces, cosine, text):
    shown = [
        picture_page.Shown(epath.Path(path).name, "", face.crop)
        for path, face in zip((chosen.a, chosen.b), faces, strict=True)
    ]
    page = picture_page.Page(
        title=f"{shown[0].name} and {shown[1].name}",
        cosine=cosine,
        spread=scale_text.spread(opened.scale),
        text=text,
        groups={"": shown},
        facts=picture_page.facts(chosen.model, opened),
    )
    picture_page.write(chosen.html, page)


if __name__ == "__main__":
    main()
