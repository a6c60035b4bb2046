"""What the pipeline proposes for every original, row by row, and how both axes change with the degree of a swap."""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from perface_jax import figures
from perface_jax.anonymization.anonymize import Anonymized, Embed, swap_all
from perface_jax.anonymization.benchmark import mean
from perface_jax.datasets.portraits import Portraits
from perface_jax.formatting import estimate
from perface_jax.report import Picture, Section, Strip, Table, Tile
from perface_jax.similarity import similarity
from perface_jax.statistics.estimates import Estimate
from perface_jax.swap import Face, swap_face

PERCEIVED = "perceived"  # the curve of the perceptual model, among those of the recognizers
SWAPPED = "STEP 1 chose the group, STEP 2 the candidates"
Curve = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # degrees, mean, low, high, float `[d]` each


class ProposalRow(NamedTuple):
    """One result of one original."""

    original: str
    group: str  # the one that STEP 1 chose
    rank: int  # from 1, in the order of the policy
    candidate: str  # the face that was swapped in
    perceived: float  # similarity of original and result
    matched: dict[str, float]  # the same under each recognizer
    feature_loss: float
    admitted: bool  # no recognizer matches it, it is in the band and not below the floor
    selected: bool  # replaces the original
    naturalness: float | None = None  # how untouched it looks; None without a model


def proposal_rows(
    found: Anonymized, originals: Sequence[str], candidates: Sequence[str], groups: Sequence[str]
) -> list[ProposalRow]:
    """Every result, original by original in the order of the policy; names of originals, candidates and groups."""
    rows, (perceived, matched, losses, natural) = [], found.axes
    for i, name in enumerate(originals):
        for rank, place in enumerate(found.choice.order[i], 1):
            candidate = int(found.proposal.index[i, place])
            if candidate < 0:
                break  # missing ones come last
            rows.append(
                ProposalRow(
                    name,
                    groups[int(found.proposal.group[i])],
                    rank,
                    candidates[candidate],
                    float(perceived[i, place]),
                    {recognizer: float(values[i, place]) for recognizer, values in matched.items()},
                    float(losses[i, place]),
                    bool(found.choice.admitted[i, place]),
                    bool(found.choice.chosen[i] == place),
                    None if natural is None else float(natural[i, place]),
                )
            )
    return rows


def degree_curves(
    originals: Face,
    candidates: Face,
    found: Anonymized,
    degrees: Sequence[float],
    *,
    perceive: Embed,
    recognizers: Mapping[str, Embed],
) -> dict[str, Curve]:
    """PERCEIVED and every recognizer -> similarity to the original by the degree of the classical swap.

    Swaps every original with the candidate of its best result, admitted or not; the mean is over the originals with a
    candidate. Degrees go from 0 (no change) to 1 (full swap).
    """
    best = np.take_along_axis(np.asarray(found.proposal.index), np.asarray(found.choice.order)[:, :1], axis=1)
    there = best[:, 0] >= 0
    own = Face(*(part[there] for part in originals))
    results = [
        swap_all(own, candidates, best[there], functools.partial(swap_face, degree=degree)) for degree in degrees
    ]
    return score_curves(own, results, degrees, perceive=perceive, recognizers=recognizers)


def score_curves(
    own: Face,
    results: Sequence[Face],
    degrees: Sequence[float],
    *,
    perceive: Embed,
    recognizers: Mapping[str, Embed],
) -> dict[str, Curve]:
    """The curves of results `[n, 1, ...]`, one for each degree, against their originals `[n, ...]`."""
    curves = {}
    for name, embed in {PERCEIVED: perceive, **recognizers}.items():
        vectors = embed(*own)
        values = [np.asarray(similarity(vectors, embed(*(part[:, 0] for part in one)))) for one in results]
        means, low, high = np.array([tuple(mean(one, np.arange(len(one)))) for one in values]).T
        curves[name] = np.asarray(degrees, np.float64), means, low, high
    return curves


def sheet_rows(
    rows: Sequence[ProposalRow], found: Anonymized, originals: Portraits, groups: Sequence[str]
) -> list[figures.ResultsRow]:
    """Every original with its results, the best first."""
    sheet = []
    for i, name in enumerate(originals.names):
        own = [row for row in rows if row.original == name]
        results = [
            figures.Result(picture, row.candidate, row.perceived, max(row.matched.values()), row.admitted)
            for picture, row in zip(found.images[i, found.choice.order[i]], own, strict=False)
        ]
        selected = next((place for place, row in enumerate(own) if row.selected), -1)
        group = groups[int(found.proposal.group[i])]
        sheet.append(figures.ResultsRow(name, originals.images[i], group, results, selected))
    return sheet


def _strip(row: figures.ResultsRow) -> Strip:
    """The same row for a page."""
    tiles = [Tile(row.original, row.name, "original")]
    for place, one in enumerate(row.results):
        status = "selected" if place == row.chosen else "admitted" if one.admitted else "not admitted"
        said = f"from {one.name}: perceived {one.perceived:+.3f}, recognizer {one.matched:+.3f}"
        tiles.append(Tile(one.picture, said, status, framed=place == row.chosen))
    return Strip(f"{row.name}: {row.group}", tiles)


def section(
    rows: Sequence[ProposalRow],
    thresholds: Mapping[str, Estimate],
    *,
    sheet: Figure,
    drawn: Sequence[figures.ResultsRow],
    curves: Mapping[str, Curve],
    how: str = SWAPPED,
    natural: str = "",
) -> Section:
    """The results of every original, in the order of the policy, the contact sheet and the curves by degree.

    `how` says where the results came from, `natural` what is known of the model of naturalness, if there is one.
    """
    measured = ["naturalness"] if natural else []
    lines = [
        (
            row.original,
            row.group,
            str(row.rank),
            row.candidate,
            f"{row.perceived:+.3f}",
            *(f"{row.matched[name]:+.3f}" for name in thresholds),
            f"{row.feature_loss:.4f}",
            *([] if row.naturalness is None else [f"{row.naturalness:+.2f}"]),
            "selected" if row.selected else "admitted" if row.admitted else "",
        )
        for row in rows
    ]
    caption = (
        f"Original against result. {how}, the policy of config.anonymize the order: a result is admitted if no"
        f" recognizer matches it{', it is not below the floor of naturalness,' if natural else ''} and its perceived"
        " similarity is in the band. Where no result is admitted, none is selected. Thresholds:"
        f" {list_thresholds(thresholds)}. {natural}".rstrip()
    )
    columns = ("original", "group", "rank", "candidate", "perceived", *thresholds, "feature loss", *measured, "status")
    by_degree = "Similarity to the original by degree, mean over the originals"
    pictures = [
        Picture("Originals and their results, the best first", sheet, [*map(_strip, drawn)]),
        Picture(by_degree, figures.degrees(curves, thresholds=thresholds)),
    ]
    return Section("Anonymized faces", caption, Table(columns, lines), rows, pictures)


def list_thresholds(thresholds: Mapping[str, Estimate]) -> str:
    """Every recognizer with its threshold, in one line."""
    return "; ".join(f"{name} {estimate(threshold)}" for name, threshold in thresholds.items())
