"""`perface scale --model DIR --pictures DIR --people CSV`: what the cosines of a model mean, from your own pictures.

The CSV has the columns `picture,person`: which person is on each picture of the folder. The cosines of pictures of
different people become the background in `scale.json` of the model folder. `--answers CSV`, with the columns
`reference,a,b,votes_a,votes_b`, fits how votes follow the cosine; without it the fit of the present scale is kept.
"""

import argparse
import collections
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from perface_jax import evaluation, outputs, similarity_scale
from perface_jax.annotations import spellings, tables
from perface_jax.argument_parser import ArgumentParser, plain
from perface_jax.commands import face_files, scale_text
from perface_jax.images import stem
from perface_jax.network.fingerprints import fingerprint
from perface_jax.network.hub import is_address
from perface_jax.similarity_scale import SimilarityScale, Slope

SHOWN = (0.5, 0.9, 0.99)  # shares of the background at which the summary gives the cosine and p


class People(NamedTuple):
    """The faces that can be used, and who they show; what could not be used, with reasons."""

    names: list[str]
    embeddings: Float[np.ndarray, "n d"]
    person: Shaped[np.ndarray, " n"]
    left_out: list[str]


class Places:
    """Finds pictures by their names in a folder, or by these without folder and suffix, where only one has it."""

    def __init__(self, names: Sequence[str]):
        self._exact = {name: place for place, name in enumerate(names)}
        counts = collections.Counter(map(stem, names))
        self._by_stem = {stem(name): place for place, name in enumerate(names) if counts[stem(name)] == 1}

    def get(self, name: str) -> int | None:
        """The place of a picture among the names; None where there is none, or several that it may be."""
        return self._exact.get(name, self._by_stem.get(stem(name)))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; exits with 2 and says why where no scale can be made."""
    parser = ArgumentParser(
        prog="perface scale",
        arguments="--model DIR --pictures DIR --people CSV",
        description="What do the cosines of a model mean?",
    )
    parser.add_argument("folder", metavar="MODEL", nargs="?", help="the model folder, in place of --model")
    face_files.add_arguments(parser)
    parser.add_argument("--pictures", metavar="DIR", required=True, help="pictures of people, also in subfolders")
    parser.add_argument("--people", metavar="CSV", required=True, help="columns picture,person")
    parser.add_argument("--answers", metavar="CSV", help="columns reference,a,b,votes_a,votes_b")
    chosen = parser.parse_args(arguments)
    if chosen.folder and chosen.model:
        parser.error(f"saw {chosen.folder} and --model {chosen.model}, wanted one of the two")
    chosen.model = chosen.model or chosen.folder
    try:
        _scale(chosen)
    except (OSError, ValueError) as error:
        parser.exit(2, f"{plain(str(error))}\n")


def read_people(file: str) -> dict[str, str]:
    """The person on each picture.

    Raises:
      ValueError: with the line: an empty cell, a picture twice, a person without a name or with two spellings of it;
        fewer than two people.
    """
    found, first = {}, {}
    path, columns = _table(file, ("picture", "person"))
    rows = tables.read_rows(path, columns, one="picture")
    spellings.refuse_unclear(path, "person", ((line, row["person"]) for line, row in rows))
    for line, row in rows:
        if (name := row["picture"]) in found:
            raise tables.wrong(path, line, f"{name}, which is also on line {first[name]}", "every picture once")
        found[name], first[name] = row["person"], line
    if len(set(found.values())) < 2:
        raise ValueError(f"{file}: all pictures are of {next(iter(found.values()))}, wanted at least two people")
    return found


class Answer(NamedTuple):
    """One triplet: the names of its pictures, and the votes for a and for b."""

    reference: str
    a: str
    b: str
    votes_a: int
    votes_b: int


def read_answers(file: str) -> list[Answer]:
    """The triplets of a file. ValueError with the line: an empty cell, a triplet twice, votes that are no numbers."""
    (path, columns), found, first = _table(file, Answer._fields), [], {}
    for line, row in tables.read_rows(path, columns, one="triplet"):
        for column in ("votes_a", "votes_b"):
            if not re.fullmatch(r"\d{1,6}", row[column], re.ASCII):
                raise tables.wrong(path, line, f"'{row[column]}' in column {column}", "a whole number of votes")
        pictures = row["reference"], row["a"], row["b"]
        if (before := first.setdefault(pictures, line)) != line:
            raise tables.wrong(
                path, line, f"{', '.join(pictures)}, which are also on line {before}", "every triplet once"
            )
        found.append(Answer(*pictures, int(row["votes_a"]), int(row["votes_b"])))
    return found


def _table(file: str, columns: tuple[str, ...]) -> tuple[pathlib.Path, tuple[str, ...]]:
    if not pathlib.Path(file).is_file():
        raise FileNotFoundError(f"no file {file}; wanted a CSV with the columns {','.join(columns)}")
    return pathlib.Path(file), columns


def _scale(chosen: argparse.Namespace) -> None:
    face_files.require_folder(chosen.pictures)
    people = read_people(chosen.people)
    answers = read_answers(chosen.answers) if chosen.answers else []
    if chosen.model and pathlib.Path(chosen.model).is_dir():
        outputs.require_files(pathlib.Path(chosen.model) / similarity_scale.NAME)
    if chosen.model and is_address(chosen.model):
        raise ValueError(
            f"saw {chosen.model}, wanted a folder, because the scale is written into it:\n"
            f"`hf download {chosen.model.partition('://')[2]} --local-dir DIR` copies the model"
        )
    opened = face_files.open_model(chosen)
    found = _embed(opened, chosen.pictures, people)
    pairs = similarity_scale.different_people(found.embeddings, found.person)
    before = opened.scale
    slope, lines = _slope(chosen, found, answers, before)
    scale = similarity_scale.fit(
        pairs,
        slope,
        model=fingerprint(chosen.model),
        crop=opened.crop,
        origin=str(chosen.pictures),
        made=similarity_scale.made("perface scale"),
    )
    replaced = (pathlib.Path(chosen.model) / similarity_scale.NAME).exists()
    file = similarity_scale.write(chosen.model, scale)
    print(face_files.as_notes(opened.notes) + face_files.wrapped([*found.left_out, *lines, *_summary(scale)]), end="")
    print(face_files.wrapped([f"The scale is {file}", *([_replaced(before)] if replaced else [])]), end="")


def _embed(opened: face_files.Opened, folder: str, people: Mapping[str, str]) -> People:
    """The faces of the pictures that the CSV names."""
    names, vectors, skipped, _ = face_files.embed_folder(opened, folder, "largest")
    here, unusable, rows, left_out = Places(names), Places([name for name, _ in skipped]), [], []
    for name, person in people.items():
        if (place := here.get(name)) is not None:
            rows.append((place, person))
        elif (place := unusable.get(name)) is not None:
            left_out.append(f"left out: {name}: {skipped[place][1]}")
        else:
            left_out.append(f"left out: {name}: no such picture in {folder}, or several of this name")
    if twice := [names[place] for place, count in collections.Counter(p for p, _ in rows).items() if count > 1]:
        raise ValueError(f"{folder}/{twice[0]} is named twice by the CSV of people, wanted every picture once")
    if len({person for _, person in rows}) < 2:
        raise ValueError("\n".join([*left_out, f"no faces of two different people in {folder}: nothing to compare"]))
    places = [place for place, _ in rows]
    evaluation.refuse_bad([names[place] for place in places], vectors[places], "the model")
    spare = len(names) + len(skipped) - len(people) + sum("no such picture" in line for line in left_out)
    left_out += [f"{spare} other pictures of {folder} are not named by the CSV of people"] * (spare > 0)
    return People([names[place] for place in places], vectors[places], np.array([who for _, who in rows]), left_out)


def _slope(chosen, found: People, answers: list[Answer], before: SimilarityScale | None) -> tuple[Slope | str, list]:
    """The slope, and what to say of it."""
    if not chosen.answers:
        if before is None or before.slope is None:
            return "no probability: there are no answers (--answers CSV), and no earlier scale to take them from", []
        return before.slope, [f"The slope of the present scale is kept: {scale_text.votes(before)}."]
    here = Places(found.names)
    rows = [[here.get(name) for name in answer[:3]] for answer in answers]
    usable = [i for i, row in enumerate(rows) if None not in row]
    lines = [
        f"left out: the triplet {', '.join(answers[i][:3])}: not all three faces are there"
        for i in sorted({*range(len(rows))} - {*usable})
    ]
    if not usable:
        raise ValueError("\n".join([*lines[:5], f"no triplet of {chosen.answers} can be used"]))
    try:
        return _fit(chosen, found, [rows[i] for i in usable], [answers[i] for i in usable]), lines
    except ValueError as error:
        raise ValueError(f"{chosen.answers}: no slope can be fitted: {error}") from error


def _fit(chosen, found, rows, answers) -> Slope:
    """The clusters are the people of the references, and the pairs of people of a and b."""
    places = np.array(rows)
    unit = np.asarray(found.embeddings, np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    similarities = np.einsum("td,tkd->tk", unit[places[:, 0]], unit[places[:, 1:]])
    pair = np.array([repr(sorted(found.person[row[1:]].tolist())) for row in places])
    votes_for_a, votes_for_b = (np.array([answer[column] for answer in answers]) for column in (3, 4))
    given, reference = votes_for_a + votes_for_b, found.person[places[:, 0]]
    words = {"origin": chosen.answers, "clusters": "people as references, pairs of people"}
    return similarity_scale.fit_slope(similarities, votes_for_a, given, reference, pair, **words)


def _summary(scale: SimilarityScale) -> list[str]:
    if (held := scale.background) is None:
        return []
    low, middle, high = similarity_scale.cosines_at(scale, (0.025, 0.5, 0.975))
    lines = [
        f"{held.pictures:,} pictures of {held.people:,} people make {held.pairs:,} pairs of different people. Their"
        f" cosine has the median {middle:.2f}; 95% lie from {low:.2f} to {high:.2f}.",
    ]
    if scale.slope is None:
        return [*lines, *(f"The scale has {reason}." for reason in scale.missing)]
    k = scale.slope.value
    slope = f"{k.value:.1f} [{k.low:.1f}, {k.high:.1f}]"
    lines += [f"The slope is {slope} per unit of cosine, from {scale_text.votes(scale)}.", "", "cosine   above      p"]
    lines += [f"{c:6.2f}{scale_text.columns(scale, c)}" for c in similarity_scale.cosines_at(scale, SHOWN)]
    return [*lines, "", *scale_text.legend(scale, "")[:-1]]


def _replaced(before: SimilarityScale | None) -> str:
    if before is None:
        return "It replaces a file that could not be used."
    made = dict(before.made)
    return f"It replaces the scale of {made.get('date', 'unknown date')} ({made.get('by', 'unknown origin')})."


if __name__ == "__main__":
    main()
