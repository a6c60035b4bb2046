"""The inputs of the command line: faces by role, their groups and persons."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from perface_jax import groups, images
from perface_jax.datasets import portrait_files, portraits

ROLES = ("originals", "queries", "candidates")  # queries: former name of originals, accepted until version 2


class Inputs(NamedTuple):
    """The inputs of the command line.

    A role is originals, candidates, or the name of a method. Role None: the file for originals and candidates without
    a file of their own.
    """

    originals: str  # folder of pictures
    methods: Mapping[str, str] = {}  # name -> folder of anonymized pictures
    candidates: str = ""  # folder of pictures that may be swapped in
    landmarks: Mapping[str | None, str] = {}  # role -> file
    attributes: Mapping[str | None, str] = {}  # role -> file of the groups; not of methods
    recognizers: Mapping[str, str] = {}  # name -> model folder, or folder of originals.npz and METHOD.npz: vectors
    crop: str = portraits.CELEBA_HQ  # kind of square of pictures without landmarks; or a template of `images`


def name_roles(inputs: Inputs) -> Inputs:
    """The same inputs, with every file under its role: originals, candidates or a method.

    Raises:
      ValueError: a file for an unknown role, or a method named like a role.
    """
    if taken := sorted(set(inputs.methods) & set(ROLES)):
        raise ValueError(f"--anonymized names a method {', '.join(taken)}, which is a role; give it another name")
    roles = ROLES if inputs.candidates else ROLES[:-1]
    landmarks = _by_role("landmarks", inputs.landmarks, (*roles, *inputs.methods))
    return inputs._replace(landmarks=landmarks, attributes=_by_role("attributes", inputs.attributes, roles))


def _by_role(flag, files, roles):
    if unknown := sorted(set(files) - {None, *roles}):
        raise ValueError(f"--{flag} names {', '.join(unknown)}; wanted FILE, or one of {', '.join(roles)} before =")
    if {"originals", "queries"} <= set(files):
        raise ValueError(f"--{flag} names originals and queries, which are the same pictures; wanted one of the two")
    shared = dict.fromkeys(("originals", "candidates"), files[None]) if None in files else {}
    return shared | {"originals" if role == "queries" else role: file for role, file in files.items() if role}


def read_points(role: str, inputs: Inputs) -> dict[str, np.ndarray] | None:
    """Name of a picture -> its landmarks; None without a file."""
    return portrait_files.read_landmarks(file) if (file := inputs.landmarks.get(role)) else None


def read_faces(role: str, config: ConfigDict, inputs: Inputs) -> portraits.Portraits:
    """The originals, or the candidates."""
    folder, options = getattr(inputs, role), {"landmarks": read_points(role, inputs), "crop": inputs.crop}
    names, skipped = images.list_pictures(folder)
    found = portraits.read_portraits(folder, names, size=config.anonymize.size, **options)
    return dataclasses.replace(found, skipped=(*skipped, *found.skipped))


def read_attributes(role: str, names: tuple[str, ...], inputs: Inputs) -> dict[str, np.ndarray]:
    """Attribute -> its value for every picture; empty without a file."""
    return portrait_files.read_attributes(file, names) if (file := inputs.attributes.get(role)) else {}


def read_persons(role: str, names: tuple[str, ...], inputs: Inputs) -> np.ndarray | None:
    """The person in every picture; None without such a column (every picture then counts as another person)."""
    return portrait_files.read_persons(file, names) if (file := inputs.attributes.get(role)) else None


def read_members(
    originals: portraits.Portraits,
    candidates: portraits.Portraits,
    inputs: Inputs,
    *,
    rule: groups.Rule = groups.Rule.CONFIDENCE_LIMIT,
    equalize: bool = False,
) -> tuple[list[str], np.ndarray]:
    """Names of the groups, and their candidates for each original, bool `[N, G, M]`: none of its own person.

    Raises:
      ValueError: a group that has too few members for some original.

    Warns like `groups.check_groups` if group sizes matter for the rule.
    """
    attributes = read_attributes("candidates", candidates.names, inputs)
    labels = [" ".join(values) for values in zip(*attributes.values(), strict=True)] or ["all"] * len(candidates)
    names = sorted(set(labels))
    own = np.asarray(originals.names)[:, None] == np.asarray(candidates.names)[None]
    person = read_persons("originals", originals.names, inputs)
    others = read_persons("candidates", candidates.names, inputs)
    if person is not None and others is not None:
        own |= person[:, None] == others[None]
    members = (np.array(labels)[None] == np.array(names)[:, None])[None] & ~own[:, None]
    groups.check_groups(names, members, rule=rule, equalize=equalize)
    return names, members
