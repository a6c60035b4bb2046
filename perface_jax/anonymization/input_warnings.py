"""What a reader of the page must know of the inputs: pictures left out, and what could not be measured."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from perface_jax.anonymization import anonymize as pipeline
from perface_jax.anonymization.embedders import Embedders
from perface_jax.datasets.portraits import Portraits

NAMED = 3  # pictures that a warning names; the facts have all


def of_pictures(read: Mapping[str, Portraits], measured: Iterable[Portraits]) -> Iterator[str]:
    """Warnings: pictures left out, role by role, and landmarks that are missing."""
    for role, faces in read.items():
        if faces.skipped:
            first = "; ".join(f"{name}: {reason}" for name, reason in faces.skipped[:NAMED])
            count = f"{len(faces.skipped)} pictures were" if len(faces.skipped) > 1 else "1 picture was"
            yield f"{role}: {count} left out, among them {first}"
    if not all(faces.measured for faces in measured):
        yield "Some pictures have no landmarks: expression and pose are not measured on them."


def of_guard(originals: Portraits, found: pipeline.Anonymized) -> Iterator[str]:
    """A warning: originals for which no candidate is left."""
    (alone,) = np.nonzero((np.asarray(found.proposal.index) < 0).all(axis=1))
    if len(alone):
        first = ", ".join(originals.names[place] for place in alone[:NAMED])
        yield (
            f"{len(alone)} originals have no candidate whose glasses, beard and head turn are like theirs, among them"
            f" {first}. Give more candidates, or raise config.anonymize.turn."
        )


def of_files(embedders: Embedders, made_here: Sequence[str]) -> Iterator[str]:
    """A warning: recognizers that cannot embed what is made here."""
    files = embedders.recognizers.keys() - embedders.for_new_pictures().keys()
    if made_here and files:
        yield (
            f"{', '.join(sorted(files))}: n/a for {', '.join(made_here)}: these pictures are made here, and files have"
            " vectors of other pictures only. A model folder embeds any picture."
        )
