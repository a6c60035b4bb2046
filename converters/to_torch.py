"""Converts a model folder to a PyTorch state dict, which `load_state_dict(strict=True)` of arcface_torch accepts.

    python -m perface_jax.converters.to_torch models/perface_r50 --out perface_r50.pth

`perface export` writes the same tensors as .safetensors, with known answers beside them.

The inverse of `arcface_torch`, for fine-tuned models too: bit-identical in every floating-point tensor. The
counters `num_batches_tracked`, which Flax does not have, are written as 0. Weights of other families are written under
the names of arcface_torch, too; the command says where they expect other pictures or another epsilon.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import traverse_util

from perface_jax import extras
from perface_jax.argument_parser import ArgumentParser
from perface_jax.files import replacing
from perface_jax.network.model import IResNet
from perface_jax.network.model_folder import check_variables, load_model

from . import families, files, keys, statements

EXPORTED = (".onnx", ".safetensors", ".stablehlo")  # by `perface export`


def to_state_dict(model: IResNet, variables: Mapping) -> dict[str, np.ndarray]:
    """The PyTorch state dict as NumPy arrays, in PyTorch's order.

    Args:
      model: the module; folded norms are written as identity norms.
      variables: its `params`, `batch_stats` and `constants`.

    Returns:
      Names to arrays in the dtype of the variables; counters are int64 zeros.

    Raises:
      ValueError: the variables are not those of the model, or hold NaN or Inf.
    """
    check_variables(model, variables)
    flat = traverse_util.flatten_dict(dict(variables))
    tensors = {
        twin.key: np.ascontiguousarray(twin.to_torch(np.asarray(flat[(twin.collection, *twin.path)])))
        for twin in keys.twins(model)
    }
    tensors |= {name: np.zeros((), np.int64) for name in keys.counters(model)}
    return {name: tensors[name] for name in keys.ordered(tensors)}


def to_safetensors(model: IResNet, variables: Mapping, *, record: Mapping[str, Any]) -> bytes:
    """The state dict as a .safetensors file. Its header states the model, so `perface convert` reads it unasked.

    Args:
      model, variables: see `to_state_dict`.
      record: of `model_json.describe`.

    Raises:
      ValueError: see `to_state_dict`.
    """
    with extras.explained():
        from safetensors.numpy import save
    return save(to_state_dict(model, variables), {"format": "pt", **statements.write(record)})


def main(arguments: list[str] | None = None) -> None:
    """The program; exits with 2 and one line if the conversion fails."""
    parser = ArgumentParser(
        prog="perface convert", arguments="folder --out FILE.pth", description=str(__doc__).splitlines()[0]
    )
    parser.add_argument("folder", help="model folder")
    parser.add_argument("--out", required=True, help=".pth file to write; must not exist")
    args = parser.parse_args(arguments)
    out = pathlib.Path(args.out)
    if out.suffix not in (".pth", ".pt"):
        other = f"; perface export {args.folder} --out {out}" if out.suffix in EXPORTED else ""
        parser.exit(2, f"saw --out {out}, wanted a file that ends in .pth or .pt{other}\n")
    with files.user_errors(parser, args.folder, args.out):
        with extras.explained():
            import torch
        model, variables = load_model(args.folder)
        tensors = to_state_dict(model, variables)
        with replacing(out) as unfinished:
            # np.copy: JAX hands out read-only memory, which torch.from_numpy warns about.
            torch.save({name: torch.from_numpy(np.copy(array)) for name, array in tensors.items()}, unfinished)
    print(f"{out}: {len(tensors)} keys{_contract(model)}")


def _contract(model):
    """What the PyTorch network must be given, if that is not what arcface_torch is."""
    contract = families.Contract(model.color_order, model.input_range, model.epsilon)
    usual = families.Contract()
    return "" if contract == usual else f"; unlike arcface_torch, these weights expect {contract}"


if __name__ == "__main__":
    main()
