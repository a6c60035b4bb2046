"""What a video is anonymized with, from the arguments of the command line: the method, the judge, who stays visible."""

import functools
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from perface_jax import groups
from perface_jax.anonymization import diffusing, kept_people, preservation
from perface_jax.anonymization.anonymize import score
from perface_jax.anonymization.attribute_guard import read_looks
from perface_jax.anonymization.embedders import Embedders, open_embedders
from perface_jax.anonymization.inputs import Inputs, name_roles, read_persons
from perface_jax.anonymization.kept_people import KeptPeople
from perface_jax.anonymization.methods import face
from perface_jax.anonymization.natural import open_floor
from perface_jax.anonymization.pool import Pool, make_policy, match_thresholds, open_pool
from perface_jax.anonymization.video_choices import Judge
from perface_jax.anonymization.video_methods import Diffusion, Method, Swap
from perface_jax.datasets.portraits import Portraits
from perface_jax.detection import Detector

LOOSE = 0.05  # false accept rate below which a frame of somebody who stays visible shows somebody else
NOBODY = Portraits(
    ("",),
    np.zeros((1, 1, 1, 3), np.uint8),
    np.zeros((1, 5, 2), np.float32),
    False,
    np.zeros((1, 3)),
    np.ones((1, 2), int),
)  # in place of the original, who is in the video


class Opened(NamedTuple):
    """Arguments of `videos.anonymize_video`."""

    method: Method
    judge: Judge | None
    keep: KeptPeople | None


def open_video(
    config: ConfigDict,
    workdir: str | None,
    inputs: Inputs,
    detector: Detector,
    *,
    keep: str = "",
    diffuse: diffusing.Options | None = None,
) -> Opened:
    """Open the networks and read the pictures.

    Args:
      config, workdir, inputs: as for `anonymizer.anonymize`; the candidates are needed for swaps and for scores.
      detector: finds the faces in the pictures of `keep`.
      keep: folder of pictures of the people who stay visible; "" = nobody.
      diffuse: None = the classical swap. Diffusion goes without a workdir and candidates, then without scores.

    Raises:
      FileNotFoundError, ValueError: something is missing; the message says what.
    """
    if bool(workdir) != bool(inputs.candidates) or not (workdir or diffuse):
        raise ValueError("--video wants --workdir=RUN --candidates=DIR; --method=diffusion also works without both")
    if not workdir:
        if keep:
            raise ValueError("--keep wants --workdir=RUN --candidates=DIR, to recognize who stays visible")
        return Opened(_diffusion(diffuse), None, None)
    inputs = name_roles(inputs._replace(methods={}))
    inputs = inputs._replace(attributes={role: one for role, one in inputs.attributes.items() if role == "candidates"})
    embedders = open_embedders(config, workdir, inputs.recognizers)
    pool = open_pool(config, inputs, embedders, NOBODY, open_floor(config))
    functions = embedders.functions()
    feature_loss = functools.partial(preservation.in_batches, preservation.feature_loss)
    scored = functools.partial(score, **functions, feature_loss=feature_loss, natural=pool.natural.measure)
    judge = Judge(scored, make_policy(config, pool))
    method = _diffusion(diffuse) if diffuse else _swap(config, inputs, embedders, pool)
    return Opened(method, judge, _keep(config, inputs, keep, pool, functions["recognizers"], detector, method.size))


def _diffusion(options):
    return Diffusion(diffusing.open_anonymizer(options), options.degree, options.seeds)


def _swap(config: ConfigDict, inputs: Inputs, embedders: Embedders, pool: Pool) -> Swap:
    rule, equalize = groups.Rule[config.groups.rule.upper()], groups.Equalize(config.groups.equalize)
    perceive = embedders.functions()["perceive"]
    return Swap(
        size=config.anonymize.size,
        candidates=pool.faces,
        looks=read_looks("candidates", pool.faces, inputs),
        members=pool.members[0],
        vectors=np.asarray(perceive(*face(pool.faces))),
        perceive=perceive,
        options={"k": config.anonymize.candidates, "rule": rule, "factor": config.groups.factor, "equalize": equalize},
        turn=config.anonymize.turn,
    )


def _keep(config, inputs, folder, pool, recognizers, detector, size):
    if not folder:
        return None
    people = kept_people.read_faces(folder, detector, size=size)
    own = {name: np.asarray(embed(*people)) for name, embed in recognizers.items()}
    persons = read_persons("candidates", pool.faces.names, inputs)
    loose = match_thresholds(pool.vectors, persons, max(LOOSE, config.anonymize.false_accept_rate))
    limits = ({name: one.value for name, one in found.items()} for found in (pool.thresholds, loose))
    return KeptPeople(recognizers, own, *limits)
