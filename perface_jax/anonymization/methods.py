"""The methods that are compared: those whose pictures are given, and the baselines and retouches made here."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from etils import epath
from ml_collections import ConfigDict

from perface_jax import evaluation, selection
from perface_jax.anonymization.anonymize import Anonymized, swap_all
from perface_jax.anonymization.baselines import WITHOUT_SWAP, Baseline, apply_baseline
from perface_jax.anonymization.inputs import Inputs
from perface_jax.anonymization.preservation import RETOUCHES
from perface_jax.datasets import portrait_files
from perface_jax.datasets.portraits import Portraits, read_results
from perface_jax.swap import Face, swap_face

NOT_ADMITTED = "no result is admitted"


class Method(NamedTuple):
    """What one anonymizer made.

    Attributes:
      portraits: the results, n of them.
      places: int `[n]`, of their originals.
      made_here: whether the pictures are new: no file has vectors of them.
    """

    portraits: Portraits
    places: np.ndarray
    made_here: bool


def face(portraits: Portraits) -> Face:
    """Pictures and landmarks."""
    return Face(portraits.images, portraits.landmarks)


def wanted_baselines(config: ConfigDict) -> list[Baseline]:
    """Those that the config names."""
    return [Baseline[name.upper()] for name in config.anonymize.references]


def refuse_clashes(config: ConfigDict, inputs: Inputs) -> None:
    """Raise a ValueError where a given method has the name of one made here."""
    names = [one.value for one in wanted_baselines(config)]
    if retouches := config.anonymize.retouch:
        names += [_retouched_name(name, retouches) for name in (*names, *inputs.methods)]
    if clash := sorted(set(names) & set(inputs.methods)):
        raise ValueError(
            f"--anonymized names {', '.join(clash)}, which is the name of a method made here; give it another name, or"
            " take that method out of config.anonymize.references"
        )


def read_methods(originals: Portraits, inputs: Inputs) -> dict[str, Method]:
    """The methods of the command line: what they made of the originals."""
    found = {}
    for name, folder in inputs.methods.items():
        file = inputs.landmarks.get(name)
        points = portrait_files.read_landmarks(file) if file else None
        names = evaluation.picture_names(epath.Path(folder))
        found[name] = Method(*read_results(folder, names, originals, landmarks=points), made_here=False)
    return found


def without_swap(baselines: Sequence[Baseline], originals: Portraits) -> dict[str, Method]:
    """The baselines that need nothing but the originals."""
    return {
        one.value: _method(originals, Face(apply_baseline(one, face(originals)), None))
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
    """The baselines that swap; without the chosen swap where no result is admitted.

    Args:
      baselines: those that do not swap are left out.
      originals: N of them.
      candidates: M faces.
      found: what the pipeline made of them.
      members: bool `[N, G, M]`.
      vectors: of originals and candidates, by the recognizer of the farthest swap.
      seed: of the random swap.
    """
    inside = members[np.arange(len(originals)), found.proposal.group]
    drawn = {
        Baseline.RANDOM_SWAP: lambda: selection.random_choice(jax.random.key(seed), *vectors, k=1, where=inside),
        Baseline.FARTHEST_SWAP: lambda: selection.least_similar(*vectors, k=1, where=inside),
    }
    result, places = found.selected()
    made = {}
    for one in baselines:
        if one in drawn:
            swapped = swap_all(face(originals), face(candidates), np.asarray(drawn[one]().index), swap_face)
            made[one.value] = _method(originals, Face(*(part[:, 0] for part in swapped)))
        elif one is Baseline.CHOSEN_SWAP and len(places):
            made[one.value] = _method(originals, result, places)
    return made


def _method(originals, result, places=None):
    """Results of originals, with landmarks or without; no places = all."""
    places = np.arange(len(originals)) if places is None else places
    own = originals[places]
    points = own.landmarks if result.landmarks is None else np.asarray(result.landmarks)
    skipped = tuple((name, NOT_ADMITTED) for i, name in enumerate(originals.names) if i not in places)
    measured = own.measured and result.landmarks is not None
    pictures = np.asarray(result.image)
    made = dataclasses.replace(own, images=pictures, landmarks=points, measured=measured, skipped=skipped)
    return Method(made, places, made_here=True)


def retouched(retouches: Sequence[str], originals: Portraits, methods: Mapping[str, Method]) -> dict[str, Method]:
    """Every method once more, with the original's skin color or light; none without retouches."""
    found = {}
    for name, method in methods.items() if retouches else ():
        faces = face(method.portraits)
        for one in retouches:
            faces = Face(RETOUCHES[one](face(originals[method.places]), faces), faces.landmarks)
        made = dataclasses.replace(method.portraits, images=np.asarray(faces.image))
        found[_retouched_name(name, retouches)] = Method(made, method.places, made_here=True)
    return found


def _retouched_name(name, retouches):
    return f"{name} + {' + '.join(retouches)}"
