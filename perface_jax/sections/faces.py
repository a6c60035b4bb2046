"""Sections on faces with attributes: STEP 1 and STEP 2."""

import collections
from collections.abc import Mapping, Sequence

import numpy as np

from perface_jax import figures
from perface_jax.evaluation import Embedded, Faces, GroupRow, Ranked, SelectionRow
from perface_jax.evaluation.groups import ALL
from perface_jax.evaluation.selection import Method
from perface_jax.formatting import estimate, number, p_value
from perface_jax.report import Picture, Section, Strip, Table, Tile
from perface_jax.sections.captions import readable, why, with_notes


def group_table(rows: Sequence[GroupRow]) -> Section:
    """STEP 1: the paper's Table 4."""
    lines = [
        (
            row.task,
            readable(row.model),
            row.group,
            str(row.queries),
            *("" if row.group == ALL else number(one.value, missing=why(row)) for one in (row.precision, row.recall)),
            estimate(row.top1 if row.group == ALL else row.accuracy),
            estimate(row.balanced_accuracy),
            estimate(row.ranking_auc),
            estimate(row.gain, "+.3f"),
            p_value(row.p),
            row.note,
        )
        for row in rows
    ]
    columns = (
        "task", "model", "group", "queries", "precision", "recall", "accuracy", "balanced", "ranking AUC", "gain", "p",
        "note",
    )  # fmt: skip
    caption = (
        "STEP 1: the group whose distance limit is smallest. Accuracy: one against the rest; in rows named all, the"
        " share of queries whose group was chosen (top-1). Balanced: (TPR + TNR) / 2,"
        " which the paper's Table 4 calls AUC; ranking AUC is the area under a curve. In brackets: 95% interval,"
        " queries and the members of each group resampled. Gain: top-1 minus that of the model before training, on the"
        " same queries and members, with its p by the paired bootstrap, which is not corrected for several tests."
    )
    return Section("STEP 1: groups", caption, with_notes(columns, lines), rows)


def selection_table(
    rows: Sequence[SelectionRow],
    ranked: Mapping[str, Ranked],
    embedded: Mapping[str, Embedded],
    gallery: Faces,
    queries: Faces,
) -> Section:
    """STEP 2: the candidates, with the strips of Fig. 7 and, for the first query, the distributions of Fig. 6."""
    most = max(row.rank for row in rows)
    proposed = collections.defaultdict(list)
    for row in rows:
        proposed[row.query, readable(row.model), row.group, row.truth, row.method].append(row)
    lines = [
        (*key, *(f"{row.candidate} ({row.similarity:+.3f})" for row in of_key), *[""] * (most - len(of_key)))
        for key, of_key in proposed.items()
    ]
    columns = ("query", "model", "group", "true group", "method", *(f"candidate {rank}" for rank in range(1, most + 1)))
    pictures = [_strips(ranked, gallery, queries)]
    for model, one in ranked.items():
        chosen, truth = one.names[one.group[0]], one.names[int(queries.group[one.places[0]])]
        caption = (
            f"Similarity of query {queries.names[one.places[0]]}, {readable(model)}, to the members of each group, with"
            f" the limit that decided (Fig. 6 of the paper). Chosen: {chosen}; true: {truth}"
        )
        pictures.append(Picture(caption, _distributions(one, embedded[model], gallery)))
    caption = (
        "STEP 2: candidates of the chosen group, with their similarity to the query, in the order proposed. Diverse: no"
        " two candidates are more similar than the limit. In the band: the extreme quantiles are left out. Ranking by a"
        " recognizer's similarity is the method of My Face My Choice (WACV 2023)."
    )
    thumbnails = _thumbnails(list(proposed.values()), len(columns) - most, gallery, queries)
    return Section("STEP 2: selection", caption, Table(columns, lines), rows, pictures, thumbnails=thumbnails)


def _thumbnails(lines, start, gallery, queries):
    """The query and the candidates of every line, by line and column."""
    members, asked = ({name: i for i, name in enumerate(faces.names)} for faces in (gallery, queries))
    found = {}
    for place, line in enumerate(lines):
        found[place, 0] = queries[asked[line[0].query]]
        found |= {(place, start + row.rank - 1): gallery[members[row.candidate]] for row in line}
    return found


def _strips(ranked, gallery, queries) -> Picture:
    """Fig. 7 of the paper: for every query a strip of every model, so that models stand below each other."""
    caption = (
        "Faces that STEP 2 proposes: the most and the least similar ones of the chosen group (Fig. 7 of the paper)"
    )
    drawn, strips = [], []
    for i in range(len(next(iter(ranked.values())).places)):
        for model, one in ranked.items():
            strip, truth = _strip(one, i, gallery, queries), one.names[int(queries.group[one.places[i]])]
            right = "which is right" if strip.group == truth else f"the true group is {truth}"
            name = f"{strip.name}, {readable(model)}"
            drawn.append(strip._replace(name=name, group=f"{strip.group} (true: {truth})"))
            tiles = [Tile(strip.query, strip.name, "query")]
            for end, candidates in (("most similar", strip.most), ("least similar", strip.least)):
                tiles += [
                    Tile(face.picture, face.name, f"{end} {face.score:+.3f}", apart=place == 0)
                    for place, face in enumerate(candidates)
                ]
            strips.append(Strip(f"{name}: STEP 1 chose {strip.group}, {right}", tiles))
    return Picture(caption, figures.strips(drawn), strips)


def _distributions(ranked, embedded, gallery):
    similarities = 1 - embedded.distances[ranked.places[0]]
    groups = {name: similarities[gallery.group == i] for i, name in enumerate(ranked.names)}
    limits = dict(zip(ranked.names, 1 - np.asarray(ranked.limits[0]), strict=True))
    return figures.group_distributions(groups, ranked.names[ranked.group[0]], limits=limits)


def _strip(ranked, i, gallery, queries):
    def candidates(chosen):
        pairs = zip(chosen.index[i], chosen.similarity[i], strict=True)
        return [figures.Candidate(gallery[int(j)], float(s), gallery.names[j]) for j, s in pairs if j >= 0]

    place = int(ranked.places[i])
    return figures.Strip(
        name=queries.names[place],
        query=queries[place],
        group=ranked.names[ranked.group[i]],
        most=candidates(ranked.most),
        least=candidates(ranked.proposed[Method.LEAST]),
    )
