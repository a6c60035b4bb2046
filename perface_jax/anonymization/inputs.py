"""What the command line names, opened: faces by role, their groups and persons, and who looks at them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from etils import epath
from ml_collections import ConfigDict

from perface_jax import evaluation, evaluator, groups
from perface_jax.anonymization import embedders
from perface_jax.datasets import portrait_files, portraits
from perface_jax.network.model_folder import load_model

ALL = ""  # the role of a file that holds for those without one of their own
ROLES = ("originals", "queries", "candidates")


class Inputs(NamedTuple):
    """What the command line names.

    Attributes:
      originals: folder of the pictures to hide, or that were hidden; their role is also called queries.
      methods: name -> folder of anonymized pictures.
      candidates: folder of pictures that may be swapped in; "" = none.
      landmarks: role -> file; the roles are originals, candidates and the methods, ALL is for the first two.
      attributes: role -> file of the groups; the roles are originals and candidates, ALL is for both.
      embedders: name -> model folder, or folder of vectors: originals.npz, and METHOD.npz for every method.
      crop: which squares pictures without landmarks are: celeba_hq, or a template of `images`.
    """

    originals: str
    methods: Mapping[str, str] = {}
    candidates: str = ""
    landmarks: Mapping[str, str] = {}
    attributes: Mapping[str, str] = {}
    embedders: Mapping[str, str] = {}
    crop: str = portraits.CELEBA_HQ


class Embedders(NamedTuple):
    """Who looks: what people see, and machines by name."""

    perceive: embedders.FaceEmbedder | None
    machines: dict[str, embedders.FaceEmbedder]

    def for_new_pictures(self) -> dict[str, embedders.FaceEmbedder]:
        """The machines that can look at any picture: all but vectors from files."""
        return {name: eye for name, eye in self.machines.items() if not isinstance(eye, embedders.FileEmbedder)}


def name_roles(inputs: Inputs) -> Inputs:
    """The same with queries called originals.

    Raises:
      ValueError: a file of a role that nobody has, or a method that is called like a role.
    """
    if taken := sorted(set(inputs.methods) & set(ROLES)):
        raise ValueError(f"--anonymized names a method {', '.join(taken)}, which is a role; give it another name")
    roles = ROLES if inputs.candidates else ROLES[:2]
    landmarks = _by_role("landmarks", inputs.landmarks, (*roles, *inputs.methods))
    return inputs._replace(landmarks=landmarks, attributes=_by_role("attributes", inputs.attributes, roles))


def _by_role(flag, files, roles):
    if unknown := sorted(set(files) - {ALL, *roles}):
        raise ValueError(f"--{flag} names {', '.join(unknown)}; wanted FILE, or one of {', '.join(roles)} before =")
    if {"originals", "queries"} <= set(files):
        raise ValueError(f"--{flag} names originals and queries, which are the same pictures; wanted one of the two")
    return {"originals" if role == "queries" else role: file for role, file in files.items()}


def open_eyes(config: ConfigDict, workdir: str | None, inputs: Inputs) -> Embedders:
    """What people see, where there is a run, and the machines: the run before training and the embedders.

    Raises:
      FileNotFoundError, ValueError: no run, no model, no vectors, or no machine at all.
    """
    machines, perceive = {}, None
    if workdir:
        models = evaluator.open_run(config, workdir).models[0]
        machines["before training"], perceive = (
            embedders.NetworkEmbedder(opener(), crop=config.crop) for opener in models.values()
        )
    machines |= {name: _embedder(name, path, config) for name, path in inputs.embedders.items()}
    if not machines:
        raise ValueError("no machine that could match faces: give --workdir=RUN, or --embedder=NAME=FOLDER")
    return Embedders(perceive, machines)


def _embedder(name, path, config):
    folder = epath.Path(path)
    if (folder / "originals.npz").exists():
        files = {file.stem: evaluation.read_vectors(file) for file in sorted(folder.glob("*.npz"))}
        return embedders.FileEmbedder(files, name)
    network = evaluation.Network(*load_model(folder), batch_size=config.evaluation_batch_size)
    return embedders.NetworkEmbedder(network, crop=config.crop)


def read_faces(role: str, config: ConfigDict, inputs: Inputs) -> portraits.Portraits:
    """The originals, or the candidates."""
    folder, file = getattr(inputs, role), _file(inputs.landmarks, role)
    points = portrait_files.read_landmarks(file) if file else None
    names = evaluation.picture_names(epath.Path(folder))
    return portraits.read_portraits(folder, names, size=config.anonymize.size, landmarks=points, crop=inputs.crop)


def read_attributes(role: str, names: tuple[str, ...], inputs: Inputs) -> dict[str, np.ndarray]:
    """Attribute -> its value for every picture; none without a file."""
    return portrait_files.read_attributes(file, names) if (file := _file(inputs.attributes, role)) else {}


def read_persons(role: str, names: tuple[str, ...], inputs: Inputs) -> np.ndarray | None:
    """Who is on every picture; None where no file says so, then all are different people."""
    return portrait_files.read_persons(file, names) if (file := _file(inputs.attributes, role)) else None


def _file(files, role):
    return files.get(role, files.get(ALL))


def read_members(
    queries: portraits.Portraits, gallery: portraits.Portraits, inputs: Inputs
) -> tuple[list[str], np.ndarray]:
    """Names of the groups, and who of the gallery is in which, bool `[Q, G, N]`; the query's own person is in none.

    Raises:
      ValueError: a group that has too few members for some query.
    """
    attributes = read_attributes("candidates", gallery.names, inputs)
    labels = [" ".join(values) for values in zip(*attributes.values(), strict=True)] or ["everybody"] * len(gallery)
    names = sorted(set(labels))
    own = np.asarray(queries.names)[:, None] == np.asarray(gallery.names)[None]
    persons = [read_persons(*one, inputs) for one in (("originals", queries.names), ("candidates", gallery.names))]
    if all(one is not None for one in persons):
        own |= persons[0][:, None] == persons[1][None]
    members = (np.array(labels)[None] == np.array(names)[:, None])[None] & ~own[:, None]
    groups.check_groups(names, members)
    return names, members
