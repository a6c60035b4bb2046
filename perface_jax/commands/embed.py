"""`perface embed DIR --model DIR --out FILE.npz`: the embeddings of a folder of pictures, in a file.

The file has `names` [N] and `embeddings` [N, D], not of unit length; `perface evaluate --embeddings=FILE.npz` reads it.
Pictures that cannot be used are listed.
"""

import argparse
import sys
from collections.abc import Sequence

from perface_jax import evaluation, files, images, outputs
from perface_jax.argument_parser import ArgumentParser, plain
from perface_jax.commands import face_files


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; exits with 2 and says why where nothing can be embedded."""
    parser = ArgumentParser(
        prog="perface embed", arguments="folder --model DIR --out FILE.npz", description="Embed a folder of pictures."
    )
    parser.add_argument("folder", help="pictures, also in subfolders")
    face_files.add_arguments(parser)
    parser.add_argument("--faces", choices=("largest", "all"), default="largest", help="all: name#0, name#1, ...")
    parser.add_argument("--out", metavar="FILE", required=True, help="the .npz to write")
    parser.add_argument("--json", action="store_true", help="print what was embedded as JSON, for scripts")
    chosen = parser.parse_args(arguments)
    try:
        _embed(chosen)
    except (OSError, ValueError) as error:
        parser.exit(2, f"{plain(str(error))}\n")


def _embed(chosen: argparse.Namespace) -> None:
    if not chosen.out.endswith(".npz"):
        raise ValueError(f"saw --out {chosen.out}, wanted a file that ends in .npz")
    outputs.require_files(chosen.out)
    evaluation.require_different_names(face_files.require_folder(chosen.folder))
    opened = face_files.open_model(chosen)
    count = len(images.picture_names(chosen.folder))
    print(
        f"Embedding the faces of {count:,} pictures of {chosen.folder} with {chosen.model}", file=sys.stderr, flush=True
    )
    names, embeddings, skipped, summary = face_files.embed_folder(opened, chosen.folder, chosen.faces)
    left_out = face_files.wrapped([f"left out: {name}: {why}" for name, why in skipped])
    if not names:
        raise ValueError(left_out + face_files.wrapped([f"no picture of {chosen.folder} can be used: {summary}"])[:-1])
    vectors = evaluation.Vectors(tuple(names), embeddings, chosen.folder)  # refuses NaN
    evaluation.write_vectors(chosen.out, names, vectors.embeddings)
    if chosen.json:
        reasons = [{"name": name, "reason": why} for name, why in skipped]
        print(files.to_json({"file": chosen.out, "faces": names, "left_out": reasons, "notes": opened.notes}), end="")
        return
    print(face_files.as_notes(opened.notes) + left_out, end="")
    print(face_files.wrapped([f"{len(names)} faces, {embeddings.shape[1]} numbers each: {summary}"]), end="")
    print(f"The file is {chosen.out}")


if __name__ == "__main__":
    main()
