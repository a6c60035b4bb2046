"""What a file that this library wrote says of the model in it: its `model.json`, as text under `perface_jax`.

A .safetensors file has it in its header, an .onnx file in its metadata. So `perface convert` asks nothing about them.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from perface_jax.network import model_json
from perface_jax.network.model import IResNet

KEY = "perface_jax"


class Statement(NamedTuple):
    """The module without its weights, and their license."""

    model: IResNet
    license: str


def write(record: Mapping[str, Any]) -> dict[str, str]:
    """The metadata of a file, from the record of `model_json.describe`."""
    return {KEY: json.dumps({name: value for name, value in record.items() if name != "hashes"})}


def read(metadata: Mapping[str, str] | None, place: str) -> Statement | None:
    """The statement in the metadata of a file, None if it has none.

    Raises:
      ValueError: it is damaged; the message names the `place`, the file.
    """
    if KEY not in (metadata or {}):
        return None
    place = f"the metadata {KEY} of {place}"
    try:
        record = json.loads(dict(metadata or {})[KEY])
    except ValueError as error:
        raise ValueError(f"{place} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise ValueError(f"{place} is a {type(record).__name__}; wanted an object with the fields of model.json")
    return Statement(model_json.rebuild(place, record), str(record.get("license", "not stated")))
