"""The methods that are judged: those whose pictures are given, and those made here, which stand beside them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from etils import epath
from ml_collections import ConfigDict

from perface_jax import evaluation
from perface_jax.anonymization import baselines, embedders, preservation, proposals, scores
from perface_jax.anonymization.anonymize import Anonymized
from perface_jax.anonymization.baselines import Reference
from perface_jax.anonymization.inputs import Embedders, Inputs
from perface_jax.anonymization.scores import Method
from perface_jax.datasets import portrait_files, portraits
from perface_jax.swap import Face

NOT_ADMITTED = "no result is admitted"


def face(faces: portraits.Portraits) -> Face:
    """Pictures and landmarks."""
    return Face(faces.images, faces.landmarks)


def refuse_clashes(config: ConfigDict, inputs: Inputs) -> None:
    """Raise a ValueError where a given method has the name of one made here."""
    options = config.anonymize
    names = [Reference[name.upper()].value for name in options.references]
    if options.retouch:
        names += [_retouched_name(name, options.retouch) for name in (*names, *inputs.methods)]
    if clash := sorted(set(names) & set(inputs.methods)):
        raise ValueError(
            f"--anonymized names {', '.join(clash)}, which is the name of a method made here; give it another name, or"
            " take that method out of config.anonymize.references"
        )


def read_methods(originals: portraits.Portraits, inputs: Inputs) -> dict[str, Method]:
    """What the methods of the command line made of the originals."""
    found = {}
    for name, folder in inputs.methods.items():
        file = inputs.landmarks.get(name)
        points = portrait_files.read_landmarks(file) if file else None
        names = evaluation.picture_names(epath.Path(folder))
        found[name] = Method(*portraits.read_results(folder, names, originals, landmarks=points))
    return found


def plain(references: list[Reference], originals: portraits.Portraits) -> dict[str, Method]:
    """The references that need the originals only."""
    return {
        one.value: _method(originals, Face(baselines.apply_baseline(one, face(originals)), None))
        for one in references
        if one in baselines.PLAIN
    }


def swaps(
    references: list[Reference],
    originals: portraits.Portraits,
    gallery: portraits.Portraits,
    found: Anonymized,
    *,
    members: np.ndarray,
    machine: embedders.FaceEmbedder,
    seed: int,
) -> dict[str, Method]:
    """The references that swap; without the chosen swap where none is admitted.

    Args:
      references: those that do not swap are left out.
      originals: Q of them.
      gallery: N faces.
      found: what the pipeline made of them.
      members: bool `[Q, G, N]`.
      machine: to which the farthest swap is far.
      seed: of the random swap.
    """
    hidden, shown = face(originals), face(gallery)
    seen, made = (machine(*hidden), machine(*shown)), {}
    for one in references:
        if one is Reference.CHOSEN_SWAP:
            result, places = proposals.given(found)
            if len(places):
                made[one.value] = _method(originals, result, places)
        elif one not in baselines.PLAIN:
            result = baselines.swapped(one, hidden, shown, seen, group=found.offered.group, members=members, seed=seed)
            made[one.value] = _method(originals, result)
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
    return Method(made, places)


def retouched(
    retouches: tuple[str, ...], originals: portraits.Portraits, methods: Mapping[str, Method]
) -> dict[str, Method]:
    """Every method once more, with skin color or light brought back to the original's; none without retouches."""
    retouch = {"skin": preservation.match_skins, "light": preservation.match_lights}
    found = {}
    for name, method in methods.items() if retouches else ():
        faces = face(method.portraits)
        for one in retouches:
            faces = Face(retouch[one](face(originals[method.places]), faces), faces.landmarks)
        made = dataclasses.replace(method.portraits, images=np.asarray(faces.image))
        found[_retouched_name(name, retouches)] = Method(made, method.places)
    return found


def _retouched_name(name, retouches):
    return f"{name} + {' + '.join(retouches)}"


def benchmark(
    originals: portraits.Portraits,
    given: Mapping[str, Method],
    made: Mapping[str, Method],
    *,
    eyes: Embedders,
    **options: Any,
) -> scores.Benchmark:
    """`scores.benchmark` of all methods; vectors from files do not look at those made here, which have none.

    Args:
      originals: N of them.
      given, made: name -> method.
      eyes: who looks; where all machines are files, nothing made here is judged.
      **options: of `scores.benchmark`.
    """
    able = eyes.for_new_pictures()
    asked = [(given, eyes.machines), (made, able)] if len(able) < len(eyes.machines) else [({**given, **made}, able)]
    parts = [
        scores.benchmark(originals, methods, perceive=eyes.perceive, machines=machines, **options)
        for methods, machines in asked
        if methods and machines
    ]
    if len(parts) == 1:
        return parts[0]
    whole = scores.Benchmark(*map(_both, *parts))
    for name in made:  # figures want every machine of every method
        pairs = whole.seen[name].matched
        nothing = np.full(len(made[name].places), np.nan)
        blind = {machine: nothing for machine in eyes.machines if machine not in able}
        whole.seen[name] = whole.seen[name]._replace(matched={**pairs, **blind})
    return whole


def _both(one, other):
    """Rows of both, what is known by name of both; what is no collection is the same in both."""
    if isinstance(one, list):
        return one + other
    return one | other if isinstance(one, dict) else one
