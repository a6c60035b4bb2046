"""Weights and pictures of the golden values, made from a formula so that nothing large is stored.

SOURCE.md beside this file says where the arrays come from and states the formula. As a program it writes the weights
as a PyTorch checkpoint: `python -m tests.golden.formula r18 --out r18.pth`.
"""

import argparse
import json
import pathlib
import zlib

import numpy as np
from flax import traverse_util

from converters import keys

FOLDER = pathlib.Path(__file__).parent


def state_dict(arch: str) -> dict[str, np.ndarray]:
    """The PyTorch state dict of the formula, in its order."""
    rows = json.loads((FOLDER / f"keys_{arch}.json").read_text())
    return {key: tensor(key, tuple(shape)) for key, shape, _ in rows}


def tensor(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """One tensor of the state dict."""
    if key.endswith("num_batches_tracked"):
        return np.asarray(1000, np.int64)
    z = np.random.RandomState(zlib.crc32(key.encode()) & 0xFFFFFFFF).standard_normal(shape)
    if key.endswith("running_mean"):
        z = 0.1 * z
    elif key.endswith("running_var"):
        z = np.exp(0.2 * z)
    elif key == "features.weight":
        z = np.ones(shape)
    elif len(shape) in (2, 4):
        z = z * np.sqrt(1 / np.prod(shape[1:]))
    elif "prelu" in key:
        z = 0.25 + 0.05 * z
    elif key.endswith("bn3.weight"):
        z = 0.3 + 0.03 * z
    elif key.endswith("weight"):
        z = 1 + 0.1 * z
    else:
        z = 0.1 * z
    return z.astype(np.float32)


KINDS = {
    "norm": lambda z: 1 + 0.1 * z,
    "last_of_block": lambda z: 0.3 + 0.03 * z,
    "prelu": lambda z: 0.25 + 0.05 * z,
    "bias": lambda z: 0.1 * z,
    "mean": lambda z: 0.1 * z,
    "var": lambda z: np.exp(0.2 * z),
    "conv": lambda z: z / np.sqrt(np.prod(z.shape[1:])),
    "fc": lambda z: z / np.sqrt(z.shape[1]),
}


def family_state_dict(name: str) -> dict[str, np.ndarray]:
    """The state dict of a network of another family, from the kinds in `families_keys.json`."""
    tensors = {}
    for key, shape, _, kind in json.loads((FOLDER / "families_keys.json").read_text())[name]:
        z = np.random.RandomState(zlib.crc32(key.encode()) & 0xFFFFFFFF).standard_normal(shape)
        tensors[key] = np.asarray(1000) if kind == "counter" else KINDS[kind](z).astype(np.float32)
    return tensors


def variables(model, dtype=np.float32) -> dict:
    """The formula's weights for any IR-ResNet, small ones too; much faster than compiling its initialisation."""
    flat = {
        (twin.collection, *twin.path): twin.to_flax(tensor(twin.key, twin.torch_shape)).astype(dtype)
        for twin in keys.twins(model)
    }
    return traverse_util.unflatten_dict(flat)


def pictures(count: int = 12) -> np.ndarray:
    """The golden inputs, uint8 `[count, 112, 112, 3]`."""
    return np.stack([picture(i) for i in range(count)])


def picture(index: int) -> np.ndarray:
    """Golden input number `index`, uint8 `[112, 112, 3]`."""
    random = np.random.RandomState(1000 + index)
    blocks = random.randint(0, 256, (14, 14, 3))
    noise = random.randint(-20, 21, (112, 112, 3))
    return np.clip(np.kron(blocks, np.ones((8, 8, 1), int)) + noise, 0, 255).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arch", choices=["r18", "r34", "r50", "r100"])
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    import torch

    torch.save({key: torch.from_numpy(np.asarray(value)) for key, value in state_dict(args.arch).items()}, args.out)


if __name__ == "__main__":
    main()
