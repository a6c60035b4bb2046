"""The scale of a kept model, from validation data: what its cosines mean. Test data have no part in it.

Of triplets, all that belong to the validation setting count, split votes too. Their pictures show different people
where neither source nor target is the same. Of identities there are no votes, so that only a background is written.
"""

from typing import NamedTuple

import numpy as np
from etils import epath
from jaxtyping import Float

from perface_jax import similarity_scale
from perface_jax.annotations import Setting
from perface_jax.evaluation.inputs import LabeledTriplets
from perface_jax.network.fingerprints import fingerprint
from perface_jax.similarity_scale import Pairs, Slope
from perface_jax.statistics.votes import count_votes
from perface_jax.training.builders import IdentityData


class ScaleParts(NamedTuple):
    """What a scale is made of; in place of pairs or slope, the reason why there is none."""

    pairs: Pairs | str
    slope: Slope | str
    people: int | None = None  # None: as the pairs say
    origin: str = ""


def of_triplets(data: LabeledTriplets, embeddings: Float[np.ndarray, "n 3 d"]) -> ScaleParts:
    """From the embeddings of reference, a and b of every validation triplet; more rows than these are padding."""
    rows = data.split.rows.get(Setting.VALIDATION, np.empty(0, int))
    source, target = (np.asarray(ids)[rows] for ids in (data.triplets.source_id, data.triplets.target_id))
    embeddings = np.asarray(embeddings, np.float64)[: len(rows)]
    if fault := _fault(embeddings) or ("their sources and targets are unknown" if (source < 0).any() else ""):
        return ScaleParts(f"no background: of the validation triplets, {fault}", f"no probability: {fault}")
    origin = f"the validation part of {data.triplets.metadata.get('release', 'the triplets')}"
    pictures = embeddings.reshape(-1, embeddings.shape[-1]), np.repeat(source, 3), np.repeat(target, 3)
    people = 3 * len(np.unique(source))  # each source is three faces
    return ScaleParts(_pairs(*pictures), _slope(data, rows, embeddings, source, target, origin), people, origin)


def of_identities(data: IdentityData, embeddings: Float[np.ndarray, "n 2 d"]) -> ScaleParts:
    """From the embeddings of the validation pairs, whose people are not trained on; more rows are padding."""
    embeddings = np.asarray(embeddings)[: len(data.pairs)]
    without = "no probability: the run is on identities, which have no votes"
    if fault := _fault(embeddings):
        return ScaleParts(f"no background: of the validation pictures, {fault}", without)
    pictures, first = np.unique(data.pairs, return_index=True)
    vectors = embeddings.reshape(-1, embeddings.shape[-1])[first]
    return ScaleParts(_pairs(vectors, data.people.identity[pictures]), without, origin="the validation identities")


def write(folder: epath.Path, parts: ScaleParts, *, crop: str, step: int) -> None:
    """Write `scale.json`, unless the folder has one of the same model, which may be the user's own."""
    model = fingerprint(folder)
    try:
        before = similarity_scale.read(folder)
    except ValueError:  # damaged
        before = None
    if before is not None and before.model == model:
        return
    scale = similarity_scale.fit(
        parts.pairs, parts.slope, model=model, crop=crop, people=parts.people, origin=parts.origin,
        made=similarity_scale.made(f"training, step {step}"),
    )  # fmt: skip
    similarity_scale.write(folder, scale)


def _fault(embeddings) -> str:
    if not len(embeddings):
        return "there are none"
    lengths = np.linalg.norm(embeddings, axis=-1)
    return "" if (np.isfinite(lengths) & (lengths > 0)).all() else "some embeddings have no direction (NaN or zero)"


def _pairs(embeddings, *clusters) -> Pairs | str:
    try:
        return similarity_scale.different_people(embeddings, *clusters)
    except ValueError as error:
        return f"no background: {error}"


def _slope(data, rows, embeddings, source, target, origin) -> Slope | str:
    unit = embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True)
    similarities = np.einsum("td,tkd->tk", unit[:, 0], unit[:, 1:])
    votes_for_a, votes_for_b = count_votes(np.asarray(data.triplets.votes)[rows])
    try:
        return similarity_scale.fit_slope(
            similarities, votes_for_a, votes_for_a + votes_for_b, source, target, origin=origin
        )
    except ValueError as error:
        return f"no probability: {error}"
