"""A report as JSON, and its facts as lines of text."""

import collections
import json
from collections.abc import Iterator, Mapping
from typing import Any

from etils import epath

from perface_jax import files
from perface_jax.report.contents import Report


def to_json(report: Report) -> str:
    """A report as strict JSON, see `files.plain`. Of a figure there is the caption: its data are the rows."""
    return files.to_json(report._asdict() | {"sections": [*map(_without_pixels, report.sections)]})


def write_json(file: epath.PathLike, report: Report) -> None:
    """Write `to_json` to a file, which is whole or absent."""
    files.write_text(file, to_json(report))


def _without_pixels(section):
    kept = {name: value for name, value in section._asdict().items() if name != "thumbnails"}
    return kept | {"figures": [picture.caption for picture in section.figures]}


def grouped(facts: Mapping[str, Any]) -> dict[str, list[tuple[str, list[str]]]]:
    """Group -> (name, lines of text); facts without a group say what was run."""
    groups = collections.defaultdict(list)
    for name, value in files.plain(facts).items():
        group, values = (name, value) if isinstance(value, dict) else ("What was run", {name: value})
        groups[group] += _flat(values)
    return dict(groups)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            sentences = isinstance(value, list) and all(isinstance(one, str) for one in value)
            yield prefix + name, [*map(_words, value if sentences else [value])] or ["none"]


def _words(value: Any) -> str:
    if value is None:
        return "n/a"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
