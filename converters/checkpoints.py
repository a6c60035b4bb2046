"""Finds the network inside a checkpoint, whatever its nesting, prefixes and neighbors.

A network is recognized by the names of its blocks, `layer1.0.*` or `body.0.*`. Prefixes of these names are removed, and
so are the names that PyTorch's wrappers insert (`module.`, `_orig_mod.`).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from . import other_networks

WRAPPERS = re.compile(r"(?<![^.])(_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
BLOCK = re.compile(rf"((?:[^.]+\.)*?)(?:layer[1-4]|body)\.(?:{WRAPPERS.pattern})*\d+\.")
HEADS = ("head.", "heads.", "classifier.", "margin.", "loss.", "criterion.", "metric_fc.")
SHOWN = 12


class Network(NamedTuple):
    """A network in a checkpoint."""

    path: str  # where it is: names of the mappings and the prefix, joined by dots; "" for the checkpoint itself
    tensors: dict[str, Any]  # bare names to values
    beside: list[str]  # other names in the same mapping


def find(checkpoint: Mapping[str, Any], key: str | None = None) -> Network:
    """The network of a checkpoint (of several, the one at `key`); everything else is in `beside`.

    Args:
      checkpoint: a state dict, or a mapping in which one is nested.
      key: where the network is, for example `state_dict_ema` or `teacher`; `.` is the checkpoint itself.

    Raises:
      TypeError: not a mapping.
      ValueError: another kind of network, which is named; several networks and no key; no network at `key`.
    """
    if not isinstance(checkpoint, Mapping):
        raise TypeError(f"wanted a state dict, names to arrays, got {type(checkpoint).__name__}")
    networks = list(_networks(checkpoint, ""))
    if not networks:
        _refuse_nothing(checkpoint)
    chosen = networks if key is None else _at(networks, key)
    alike = [network for network in chosen if other_networks.name_of(network.tensors) is None] or chosen[:1]
    if len(alike) != 1:
        where = ", ".join(network.path or "." for network in (alike or networks))
        if not alike:
            raise ValueError(f"no network at {key}; there is one at {where} (of --key, . is the file itself)")
        said = f"{len(alike)} networks in one file"
        raise ValueError(f"{said}: {where}. Choose one with --key (in Python key=...); their weights differ")
    if name := other_networks.name_of(alike[0].tensors):
        raise ValueError(other_networks.refusal(name))
    return alike[0]


def listed(lines: list[str]) -> str:
    """The first lines, and how many more there are."""
    more = len(lines) - SHOWN
    return ", ".join(lines[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _refuse_nothing(checkpoint):
    for _, mapping in _mappings(checkpoint, ""):
        if name := other_networks.name_of(mapping):
            raise ValueError(other_networks.refusal(name))
    seen = ", ".join(map(str, list(checkpoint)[:6])) or "nothing"
    raise ValueError(
        "no IR-ResNet in here: no keys conv1.weight and layer1.0.*, or input_layer.0.weight and body.0.*."
        f" Found: {seen}"
    )


def _networks(checkpoint, path) -> Iterator[Network]:
    for place, mapping in _mappings(checkpoint, path):
        leaves = {str(name): value for name, value in mapping.items() if not isinstance(value, Mapping)}
        prefixes = dict.fromkeys(match[1] for match in map(BLOCK.match, leaves) if match)
        if not prefixes and "conv1.weight" in leaves:
            prefixes = {"": None}
        for prefix in prefixes:
            others = [other for other in prefixes if other != prefix and other.startswith(prefix)]
            mine = {name: value for name, value in leaves.items() if _is_mine(name, prefix, others)}
            beside = [name for name in leaves if name not in mine]
            at = ".".join(filter(None, (place, prefix.removesuffix("."))))
            yield Network(at, _bare(mine, prefix), beside)


def _is_mine(name, prefix, others):
    return name.startswith(prefix) and not name.startswith((*others, *(() if prefix else HEADS)))


def _mappings(checkpoint, path) -> Iterator[tuple[str, Mapping]]:
    """Every mapping with names in it, outer before inner, and where it is."""
    yield path, checkpoint
    for name, value in checkpoint.items():
        if isinstance(value, Mapping):
            yield from _mappings(value, f"{path}.{name}" if path else str(name))


def _bare(tensors, prefix):
    """The tensors under their names without the prefix, and without what wrappers add inside."""
    bare = {}
    for name, value in tensors.items():
        short = WRAPPERS.sub("", name.removeprefix(prefix))
        if short in bare:
            raise ValueError(f"the name {short} occurs twice in this checkpoint, the second time as {name}")
        bare[short] = value
    return bare


def _at(networks, key):
    """The networks at this place, else those below it."""
    exact = [network for network in networks if network.path == ("" if key == "." else key)]
    return exact or [network for network in networks if f".{key}." in f".{network.path}."]
