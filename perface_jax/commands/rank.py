"""`perface rank QUERY DIR --model DIR`: who in a folder looks most, and who least, like the query to a model.

Prints both ends of the ranking, with what each cosine means where the model folder has a `scale.json`. `--html FILE`
and `--sheet FILE.png` show the faces, `--csv FILE` has all of them, and `--json` prints them for scripts.
"""

import argparse
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from etils import epath
from jaxtyping import Float, UInt8

from perface_jax import evaluation, extras, files, outputs
from perface_jax.argument_parser import ArgumentParser, plain
from perface_jax.commands import face_files, picture_page, scale_text
from perface_jax.similarity import similarity


class Ranking(NamedTuple):
    """The faces of a folder, the most similar first."""

    names: list[str]
    cosines: Float[np.ndarray, " n"]
    skipped: list[tuple[str, str]]
    summary: str = ""  # how many pictures were embedded and skipped

    def ends(self, top: int) -> dict[str, range]:
        """Heading -> places, up to `top` from either end, none twice; those of the second the least similar first."""
        first = range(min(top, len(self.names)))
        last = range(len(self.names) - 1, max(len(self.names) - top, len(first)) - 1, -1)
        return {"Most alike": first, **({"Least alike": last} if last else {})}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; what cannot be ranked gives exit code 2 and says why."""
    parser = ArgumentParser(
        prog="perface rank",
        arguments="query folder --model DIR",
        description="Who looks most and least like the query?",
    )
    parser.add_argument("query", help="a photograph, or an aligned crop")
    parser.add_argument("folder", help="pictures, also in subfolders")
    face_files.add_arguments(parser)
    parser.add_argument("--top", type=int, default=5, metavar="N", help="at each end of the ranking (default: 5)")
    parser.add_argument("--faces", choices=("largest", "all"), default="largest", help="of each picture in the folder")
    parser.add_argument("--html", metavar="FILE", help="write a page of the faces")
    parser.add_argument("--sheet", metavar="FILE", help="write a contact sheet, .png or .pdf")
    parser.add_argument("--csv", metavar="FILE", help="write the whole ranking")
    parser.add_argument("--json", action="store_true", help="print the whole ranking as JSON, for scripts")
    chosen = parser.parse_args(arguments)
    if chosen.top < 1:
        parser.error(f"saw --top {chosen.top}, wanted at least 1")
    if chosen.sheet and not chosen.sheet.lower().endswith((".png", ".pdf")):
        parser.error(f"saw --sheet {chosen.sheet}, wanted a file that ends in .png or .pdf")
    try:
        _rank(chosen)
    except (OSError, ValueError) as error:
        parser.exit(2, f"{plain(str(error))}\n")


def _rank(chosen: argparse.Namespace) -> None:
    query_path, folder = face_files.require_file(chosen.query), face_files.require_folder(chosen.folder)
    outputs.require_files(chosen.html, chosen.sheet, chosen.csv)
    opened = face_files.open_model(chosen)
    query = face_files.one_face(opened, query_path)
    found = _ranking(chosen, opened, query.crop)
    notes = [*opened.notes, *filter(None, [face_files.one_of(chosen.query, query.faces)])]
    if chosen.json:
        print(files.to_json(_record(chosen, opened, found, notes)), end="")
    else:
        print(face_files.as_notes(notes) + _lines(chosen, opened, found), end="")
    say = (lambda line: None) if chosen.json else print
    if chosen.csv:
        _write_csv(chosen.csv, found, opened.scale)
        say(f"The whole ranking is {chosen.csv}")
    if not (chosen.html or chosen.sheet):
        return
    load = opened.load(chosen.faces)
    shown = {name: _crop(load, folder, name, chosen) for places in found.ends(chosen.top).values() for name in
             (found.names[place] for place in places)}  # fmt: skip
    if chosen.html:
        _write_page(chosen, opened, query.crop, found, shown, notes)
        say(f"The page is {chosen.html}")
    if chosen.sheet:
        _write_sheet(chosen, query.crop, found, shown)
        say(f"The contact sheet is {chosen.sheet}")


def _ranking(chosen, opened, query) -> Ranking:
    network = evaluation.Network(opened.model, opened.variables, batch_size=face_files.BATCH)
    names, vectors, skipped, summary = face_files.embed_folder(opened, chosen.folder, chosen.faces)
    own = epath.Path(chosen.query).resolve()
    others = [i for i, name in enumerate(names) if (epath.Path(chosen.folder) / _file(name, chosen)).resolve() != own]
    if not others:
        raise ValueError(f"{chosen.folder}: no face to rank besides the query ({summary})")
    reference = network.embed(iter([query]))
    evaluation.refuse_bad([chosen.query, *names], np.concatenate([reference, vectors]), chosen.model)
    cosines = np.asarray(similarity(jnp.asarray(vectors[others]), jnp.asarray(reference)))
    order = np.argsort(-cosines, kind="stable")
    return Ranking([names[others[i]] for i in order], cosines[order], skipped, summary)


def _file(name: str, chosen: argparse.Namespace) -> str:
    """The picture of a face: `a.jpg#1` is one of `a.jpg`."""
    return name.rpartition("#")[0] if chosen.faces == "all" and chosen.detector != "none" else name


def _crop(load, folder, name, chosen) -> UInt8[np.ndarray, "s s 3"]:
    file = _file(name, chosen)
    return load(folder, file)[int(name[len(file) + 1 :] or 0)]


def _lines(chosen: argparse.Namespace, opened: face_files.Opened, found: Ranking) -> str:
    which = "all faces" if chosen.faces == "all" else "the largest face of each picture"
    lines = [f"{len(found.names)} faces ranked by their cosine to {chosen.query} ({which})"]
    head = scale_text.heading(opened.scale)
    for heading, places in found.ends(chosen.top).items():
        lines += ["", heading] + [f" rank  cosine{head}  name"] * bool(head)
        lines += [_line(opened, found, place) for place in places]
    lines += [""] + [f"left out: {name}: {why}" for name, why in found.skipped]
    lines += [found.summary, ""] if found.skipped else []
    return face_files.wrapped([*lines, *scale_text.legend(opened.scale, chosen.model)])


def _line(opened, found, place) -> str:
    cosine = float(found.cosines[place])
    return f"{place + 1:5}  {cosine:6.3f}{scale_text.columns(opened.scale, cosine)}  {found.names[place]}"


def _record(chosen, opened, found, notes) -> dict[str, Any]:
    ranking = [
        {"rank": rank, "name": name, **scale_text.values(opened.scale, float(cosine))}
        for rank, (name, cosine) in enumerate(zip(found.names, found.cosines, strict=True), 1)
    ]
    skipped = [{"name": name, "reason": why} for name, why in found.skipped]
    return {"query": chosen.query, "ranking": ranking, "left_out": skipped, "notes": notes}


def _write_csv(file, found, scale):
    rows: list[tuple] = [("rank", "name", *scale_text.values(scale, 0))]
    for rank, (name, cosine) in enumerate(zip(found.names, found.cosines, strict=True), 1):
        values = scale_text.values(scale, float(cosine))
        rows.append((rank, name, f"{cosine:.6f}", *list(values.values())[1:]))
    files.write_csv(file, rows)


def _write_page(chosen, opened, query, found, shown, notes):
    name = epath.Path(chosen.query).name
    groups = {"": [picture_page.Shown(name, "query", query)]}
    for heading, places in found.ends(chosen.top).items():
        groups[heading] = [
            picture_page.Shown(
                found.names[place],
                f"{found.cosines[place]:.3f}",
                shown[found.names[place]],
                scale_text.caption(opened.scale, float(found.cosines[place])),
            )
            for place in places
        ]
    page = picture_page.Page(
        title=f"Who of {len(found.names)} looks like {name}?",
        text=[
            *scale_text.legend(opened.scale, chosen.model),
            *notes,
            *(f"Left out: {who}: {why}" for who, why in found.skipped),
        ],
        groups=groups,
        facts={**picture_page.facts(chosen.model, opened), "Folder": str(chosen.folder)},
    )
    picture_page.write(chosen.html, page)


def _write_sheet(chosen, query, found, shown):
    with extras.explained():
        from perface_jax import figures
    groups = {
        heading: [
            figures.Candidate(shown[found.names[place]], float(found.cosines[place]), found.names[place])
            for place in places
        ]
        for heading, places in found.ends(chosen.top).items()
    }
    drawn = figures.ranked(epath.Path(chosen.query).name, query, groups)
    data = io.BytesIO()
    drawn.savefig(data, format=chosen.sheet[-3:].lower(), dpi=200)
    files.write_bytes(chosen.sheet, data.getvalue())


if __name__ == "__main__":
    main()
