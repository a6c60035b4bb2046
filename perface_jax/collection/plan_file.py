"""plan.yaml: how many people judge how many triplets how often, and what is mixed in.

    annotators: 18        # in one wave; those after them begin another one
    votes: 3              # on every triplet, in one wave
    dummies: 10           # each annotator sees

Everything has a default but `annotators`. The file is read strictly: an unknown or repeated name, and a value of
another type or out of range, are refused.
"""

import dataclasses
import difflib
import os
from typing import Any

import yaml
from etils import epath


@dataclasses.dataclass(frozen=True)
class Plan:
    """The plan of a study.

    Attributes:
      annotators: people in one wave. Later ones begin another wave, with a new draw.
      votes: on every triplet by one wave; at most `annotators`.
      dummies, practice: trials of that kind for each annotator.
      repeats: share of an annotator's votes that are asked for a second time, with exchanged sides.
      spacing: the source of a trial does not appear in this many trials after it.
      adaptive: share of the votes that goes to the most uncertain triplets, once there is a file of them.
      seed: of all draws.
      break_every: the page offers a break after so many trials; 0 = never.
      size: of the pictures of the page, in pixels; smaller ones keep theirs.
      title, consent: shown first; empty: the page's own words.
    """

    annotators: int
    votes: int = 3
    dummies: int = 10
    practice: int = 4
    repeats: float = 0.05
    spacing: int = 10
    adaptive: float = 0.0
    seed: int = 0
    break_every: int = 50
    size: int = 320
    title: str = ""
    consent: str = ""


LIMITS = {  # from, to
    "annotators": (1, 100_000),
    "votes": (1, 100_000),
    "dummies": (0, 1000),
    "practice": (0, 100),
    "repeats": (0.0, 0.5),
    "spacing": (0, 1000),
    "adaptive": (0.0, 0.9),
    "seed": (0, 2**31 - 1),
    "break_every": (0, 100_000),
    "size": (32, 2048),
}
TYPES: dict[type, tuple[type, ...]] = {int: (int,), float: (int, float), str: (str,)}
WORDS = {int: "a whole number", float: "a number", str: "text"}


class _Loader(yaml.SafeLoader):
    """As PyYAML's own, but a repeated name is an error."""

    def construct_mapping(self, node, deep=False):
        names = [self.construct_object(key, deep=True) for key, _ in node.value]  # pyright: ignore[reportArgumentType]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise yaml.MarkedYAMLError(problem=f"{twice} is given twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def read_plan(path: str | os.PathLike) -> Plan:
    """Read plan.yaml.

    Raises:
      ValueError: not YAML, no mapping of names to values, an unknown name, a value of another type or out of range, or
        more votes on a triplet than annotators.
    """
    try:
        values = yaml.load(epath.Path(path).read_text(), _Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        seen = "an empty file" if values is None else type(values).__name__
        raise ValueError(f"{path}: saw {seen}, wanted lines such as 'annotators: 18'")
    fields = {field.name: field for field in dataclasses.fields(Plan)}
    for name, value in values.items():
        if name not in fields:
            raise ValueError(f"{path}: {_unknown(name, list(fields))}")
        if fault := _fault(name, value, fields[name].type):
            raise ValueError(f"{path}: {name} is {value!r}; wanted {fault}")
    if "annotators" not in values:
        raise ValueError(f"{path}: annotators is missing; wanted how many people judge, such as 'annotators: 18'")
    plan = Plan(**{name: _cast(value, fields[name].type) for name, value in values.items()})
    if plan.votes > plan.annotators:
        raise ValueError(
            f"{path}: {plan.votes} votes on every triplet by {plan.annotators} annotators; wanted at most one by each"
        )
    return plan


def _unknown(name: Any, known: list[str]) -> str:
    close = difflib.get_close_matches(str(name), known, 1)
    return f"unknown name {name!r}" + (f"; did you mean {close[0]}?" if close else f"; wanted {', '.join(known)}")


def _fault(name: str, value: Any, kind: Any) -> str:
    """What was wanted instead of a value, or ""."""
    if type(value) not in TYPES[kind]:
        return WORDS[kind]
    least, most = LIMITS.get(name, (value, value))
    return "" if least <= value <= most else f"{WORDS[kind]} from {least} to {most}"  # NaN is in no range


def _cast(value: Any, kind: Any) -> Any:
    return kind(value)
