"""The methods to compare: those whose pictures are given, and the baselines and retouches made here.

The baselines are blur, pixelate, black box, and swaps with a candidate of the same group (STEP 1), all by one swapper:

    random_swap     a random member of the group
    farthest_swap   the member that a recognizer finds least similar to the original: My Face My Choice (WACV 2023)
    chosen_swap     of the members with the lowest perceived similarity (STEP 2), the one whose RESULT is selected
"""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from perface_jax import images, selection, swap
from perface_jax.anonymization.anonymize import Anonymized, swap_all
from perface_jax.anonymization.inputs import Inputs, read_points
from perface_jax.anonymization.preservation import RETOUCHES, in_batches
from perface_jax.datasets.portraits import Portraits, read_results
from perface_jax.swap import Face, swap_face

NOT_ADMITTED = "no result is admitted"


class Baseline(enum.Enum):
    """A baseline anonymizer and its name in tables."""

    BLUR = "blur"
    PIXELATE = "pixelate"
    BLACK_BOX = "black box"
    RANDOM_SWAP = "random swap"
    FARTHEST_SWAP = "recognizer-farthest swap"
    CHOSEN_SWAP = "chosen swap"


WITHOUT_SWAP = {Baseline.BLUR: swap.blur, Baseline.PIXELATE: swap.pixelate, Baseline.BLACK_BOX: swap.black_box}


class Method(NamedTuple):
    """The results of one anonymizer."""

    portraits: Portraits  # the results, n of them
    places: np.ndarray  # int `[n]`, of their originals
    made_here: bool  # if made here, no file has vectors of the pictures


def face(portraits: Portraits) -> Face:
    """Pictures and landmarks."""
    return Face(portraits.images, portraits.landmarks)


def wanted_baselines(config: ConfigDict) -> list[Baseline]:
    """The baselines that the config names."""
    return [Baseline[name.upper()] for name in config.anonymize.references]


def refuse_clashes(config: ConfigDict, inputs: Inputs) -> None:
    """Raise a ValueError if a given method has the name of one made here."""
    names = [one.value for one in wanted_baselines(config)]
    if retouches := config.anonymize.retouch:
        names += [_retouched_name(name, retouches) for name in (*names, *inputs.methods)]
    if clash := sorted(set(names) & set(inputs.methods)):
        raise ValueError(
            f"--anonymized names {', '.join(clash)}, which is the name of a method made here; give it another name, or"
            " take that method out of config.anonymize.references"
        )


def read_methods(originals: Portraits, inputs: Inputs) -> dict[str, Method]:
    """The methods of the command line, with their results for the originals."""
    found = {}
    for name, folder in inputs.methods.items():
        pictures, unread = images.list_pictures(folder)
        results, places = read_results(folder, pictures, originals, landmarks=read_points(name, inputs))
        why = {images.stem(file): reason for file, reason in unread}  # in place of "no result"
        skipped = tuple((one, why.get(one, reason)) for one, reason in results.skipped)
        found[name] = Method(dataclasses.replace(results, skipped=skipped), places, made_here=False)
    return found


def without_swap(baselines: Sequence[Baseline], originals: Portraits) -> dict[str, Method]:
    """The baselines that need nothing but the originals."""
    every = np.arange(len(originals))
    return {
        one.value: _method(originals, every, in_batches(WITHOUT_SWAP[one], *face(originals)))
        for one in baselines
        if one in WITHOUT_SWAP
    }


def with_swap(
    baselines: Sequence[Baseline],
    originals: Portraits,
    candidates: Portraits,
    found: Anonymized,
    *,
    members: np.ndarray,
    vectors: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> dict[str, Method]:
    """The baselines that swap; no chosen swap for originals without an admitted result.

    Args:
      baselines: those that do not swap are left out.
      originals, candidates: N and M faces.
      found: the results of the pipeline.
      members: bool `[N, G, M]`.
      vectors: of originals and candidates, by the recognizer of the farthest swap.
      seed: of the random swap.
    """
    every = np.arange(len(originals))
    inside = members[every, found.proposal.group]
    drawn = {
        Baseline.RANDOM_SWAP: lambda: selection.random_choice(jax.random.key(seed), *vectors, k=1, where=inside),
        Baseline.FARTHEST_SWAP: lambda: selection.least_similar(*vectors, k=1, where=inside),
    }
    result, places = found.selected()
    made = {}
    for one in baselines:
        if one in drawn:
            swapped = swap_all(face(originals), face(candidates), np.asarray(drawn[one]().index), swap_face)
            made[one.value] = _method(originals, every, *(part[:, 0] for part in swapped))
        elif one is Baseline.CHOSEN_SWAP and len(places):
            made[one.value] = _method(originals, places, *result)
    return made


def _method(originals, places, pictures, landmarks=None):
    """Results of the originals at `places`; without landmarks of their own, they get those of the originals."""
    own = originals[places]
    points = own.landmarks if landmarks is None else np.asarray(landmarks)
    skipped = tuple((name, NOT_ADMITTED) for i, name in enumerate(originals.names) if i not in places)
    measured = own.measured and landmarks is not None
    made = dataclasses.replace(own, images=np.asarray(pictures), landmarks=points, measured=measured, skipped=skipped)
    return Method(made, places, made_here=True)


def retouched(retouches: Sequence[str], originals: Portraits, methods: Mapping[str, Method]) -> dict[str, Method]:
    """Every method again, with the original's skin color or light; none without retouches."""
    found = {}
    for name, method in methods.items() if retouches else ():
        own, made = face(originals[method.places]), method.portraits
        for one in retouches:
            made = dataclasses.replace(made, images=in_batches(RETOUCHES[one], own, face(made)))
        found[_retouched_name(name, retouches)] = Method(made, method.places, made_here=True)
    return found


def _retouched_name(name, retouches):
    return f"{name} + {' + '.join(retouches)}"
