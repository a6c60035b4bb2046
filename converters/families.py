"""Families of IR-ResNet weights: their tensor names, and the pictures they were trained on.

Families of one layout share their keys, so a state dict alone does not distinguish them, and a wrong choice gives wrong
embeddings without an error. `choose` therefore chooses only if all remaining families use the same pictures, or if
something in the file is unique to one of them.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from perface_jax.network import input_contract

from . import keys

AUTO = "auto"


class Contract(NamedTuple):
    """The pixels that a network expects, and the epsilon of its norms."""

    color_order: str = "rgb"
    input_range: tuple[float, float] = input_contract.INPUT_RANGE
    epsilon: float = 1e-5

    def __str__(self):
        low, high = self.input_range
        return f"{self.color_order.upper()} in [{low:g}, {high:g}], epsilon {self.epsilon:g}"


class Family(NamedTuple):
    """Weights of one code base."""

    layouts: tuple[str, ...]
    contract: Contract
    fixed_scale: bool = False  # the scale of the last norm is all ones


BY_128 = (-127.5 / 128, 127.5 / 128)  # (x - 127.5) / 128
FAMILIES = {
    "arcface_torch": Family((keys.ARCFACE,), Contract(), fixed_scale=True),
    "blendface": Family((keys.ARCFACE,), Contract(), fixed_scale=True),
    "magface": Family((keys.ARCFACE,), Contract("bgr", (0.0, 1.0), 2e-5)),
    "pytorch_insightface": Family((keys.ARCFACE,), Contract("rgb", BY_128, 2e-5)),
    "adaface": Family((keys.IR,), Contract("bgr")),
    "tface": Family((keys.IR, keys.IR_PLAIN), Contract()),
    "cvlface": Family((keys.IR,), Contract()),
    "face_evolve": Family((keys.IR_PLAIN,), Contract()),
    "curricularface": Family((keys.IR_PLAIN,), Contract()),
    "insightface_pytorch": Family((keys.IR_PLAIN,), Contract()),
}


def named(name: str) -> str:
    """The family of this name, in any spelling: `face.evoLVe` is `face_evolve`.

    Raises:
      ValueError: there is no such family.
    """
    spelled = {_letters(family): family for family in (AUTO, *FAMILIES)}
    if _letters(name) not in spelled:
        raise ValueError(f"unknown family {name!r}; wanted {AUTO} or one of {', '.join(FAMILIES)}")
    return spelled[_letters(name)]


def choose(name: str, tensors: Mapping[str, np.ndarray], layout: str, hints: set[str], **given: Any) -> Contract:
    """The input contract of these weights.

    Args:
      name: of a family, or `auto`.
      tensors: under the names of arcface_torch.
      layout: of their keys, see `keys.layout`.
      hints: families that the checkpoint shows signs of, see `marks`.
      **given: fields of the contract that the caller knows; None for the others.

    Raises:
      ValueError: no such family, a family with other keys, or several families that use different pictures.
    """
    name = named(name)
    if name != AUTO:
        _refuse_other(name, tensors, layout)
        return contract_of(name, **given)
    given = _checked(given)
    fits = [family for family in FAMILIES if _fits(family, tensors, layout)]
    fits = [family for family in fits if family in hints] or fits
    contracts = {family: FAMILIES[family].contract._replace(**given) for family in fits}
    if len({*contracts.values()}) == 1:
        return contracts[fits[0]]
    raise ValueError(_question(contracts))


def contract_of(name: str, **given: Any) -> Contract:
    """The contract of a family, RGB in [-1, 1] for `auto`, with the fields that the caller knows in its place."""
    name = named(name)
    return (Contract() if name == AUTO else FAMILIES[name].contract)._replace(**_checked(given))


def marks(tensors: Mapping[str, np.ndarray], checkpoint: Mapping[str, Any], beside: list[str]) -> set[str]:
    """The families that alone could have produced something in the checkpoint.

    - arcface_torch and what is trained with its code: PyTorch has counted the batches, and the scale of the last norm
      is still exactly 1. Code with another epsilon trains it; weights from MXNet have counters of 0.
    - AdaFace: a checkpoint of Lightning with the `head.kernel` of its trainer.
    """
    counted = any(np.any(array) for name, array in tensors.items() if name.endswith(keys.COUNTER))
    if counted and not _has_free_scale(tensors):
        found = {name for name, family in FAMILIES.items() if family.fixed_scale}
    else:
        found = set()
    lightning = any(str(name) in ("hyper_parameters", "pytorch-lightning_version") for name in checkpoint)
    return found | ({"adaface"} if lightning and "head.kernel" in beside else set())


def _checked(given):
    given = {name: value for name, value in given.items() if value is not None}
    if "input_range" in given:
        given["input_range"] = tuple(map(float, given["input_range"]))
    if "epsilon" in given:
        given["epsilon"] = float(given["epsilon"])
    if "color_order" in given:
        given["color_order"] = str(given["color_order"]).lower()
    input_contract.check(**Contract()._replace(**given)._asdict())
    return given


def _fits(name, tensors, layout):
    family = FAMILIES[name]
    return layout in family.layouts and not (family.fixed_scale and _has_free_scale(tensors))


def _has_free_scale(tensors):
    return bool((tensors.get("features.weight", np.ones(1)) != 1).any())


def _refuse_other(name, tensors, layout):
    family = FAMILIES[name]
    if layout not in family.layouts:
        likely = ", ".join(other for other, row in FAMILIES.items() if layout in row.layouts)
        raise ValueError(f"these are not the keys of {name}; families with such keys: {likely} (--family)")
    if family.fixed_scale and _has_free_scale(tensors):
        others = [other for other, row in FAMILIES.items() if layout in row.layouts and not row.fixed_scale]
        raise ValueError(
            f"features.weight must be all ones, as {name} fixes it: this is another network. "
            f"Families with these keys: {', '.join(others)} (--family)"
        )


def _question(contracts):
    same = {contract: [name for name in contracts if contracts[name] == contract] for contract in contracts.values()}
    rows = "; ".join(f"{', '.join(names)}: {contract}" for contract, names in same.items())
    differ = [field for field in Contract._fields if len({getattr(contract, field) for contract in same}) > 1]
    return (
        f"several families have these keys and see different pictures ({rows}). Nothing in the file tells which, and"
        f" a wrong guess gives wrong embeddings without an error. Say --family={next(iter(contracts))} or another"
        f" (in Python family=...), or give {', '.join(f'--{field}' for field in differ)}"
    )


def _letters(name):
    return re.sub(r"[^a-z0-9]", "", str(name).lower())
