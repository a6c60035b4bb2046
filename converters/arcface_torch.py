"""Converts a PyTorch checkpoint of an IR-ResNet to a model folder.

    python -m perface_jax.converters.arcface_torch ms1mv3_arcface_r50_fp16.pth --out models/arcface_r50
    perface convert adaface_ir50_ms1mv2.ckpt --family=adaface --out models/adaface_r50

Reads .pth, .pt, .ckpt, .tar, .bin and .safetensors; the state dict may be nested in a checkpoint, and its keys may have
prefixes. Torch files are read with `weights_only=True`: a pickle that would execute code is refused. Every key of the
network is used, except the `num_batches_tracked` counters of the norms. Keys beside the network (a classifier, for
instance) are listed. float16 and bfloat16 tensors become float32 of the same values. Only
torch files need torch (the extra `torch`); .safetensors needs the extra `convert`, and `convert` itself neither.

`perface convert` asks for the family if the keys do not determine it. Run as `python -m`, this program assumes weights
of arcface_torch unless `--family` says otherwise.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

from perface_jax.network.model import LAYERS, IResNet, parameter_count
from perface_jax.network.model_folder import save_model

from . import checkpoints, families, files, keys, state_dicts, torch_files
from .torch_files import read

__all__ = ["convert", "main", "read", "recognize"]

FAMILY = "arcface_torch"


def convert(state_dict: Mapping[str, Any], *, arch: str | None = None) -> dict:
    """Variables of the Flax model from an arcface_torch state dict.

    Args:
      state_dict: names to arrays (NumPy, or torch tensors on any device); nested or prefixed as checkpoints are.
      arch: checked against the keys; never chooses.

    Returns:
      `{"params", "batch_stats", "constants"}`, float32.

    Raises:
      ValueError: no IR-ResNet; another architecture than `arch`; missing (`-`), unexpected (`+`) or misshapen (both)
        tensors, each named; NaN, Inf or negative variances; a `features.weight` that is not all ones.
    """
    return state_dicts.from_state_dict(state_dict, family=FAMILY, arch=arch)[1]


def recognize(state_dict: Mapping[str, Any], *, arch: str | None = None) -> IResNet:
    """The model whose weights these are, from the names and shapes alone.

    Raises:
      ValueError: no IR-ResNet, or another architecture than `arch`.
    """
    return state_dicts.recognize(state_dicts.open_checkpoint(state_dict), arch=arch)


def main(arguments: list[str] | None = None, *, family: str = families.AUTO) -> None:
    """The program; exits with 2 and one line if the conversion fails."""
    parser = files.folder_parser(str(__doc__).splitlines()[0], ".pth, .pt, .ckpt, .tar, .bin or .safetensors")
    files.contract_arguments(parser, family=None)
    parser.add_argument("--epsilon", type=float, help="of the norms, where it is not that of the family")
    parser.add_argument(
        "--arch", help=f"confirm the architecture that is recognized: {', '.join(LAYERS)}, or blocks as 3,16,37,3"
    )
    parser.add_argument("--key", help="which network, where the file holds several, for example state_dict_ema")
    args = parser.parse_args(arguments)
    with files.user_errors(parser, args.file, args.out):
        checkpoint = read(args.file)
        stated = torch_files.statement(args.file)
        options = _options(args, stated, family)
        model, variables = state_dicts.from_state_dict(checkpoint, **options)
        crop, license = files.stated_options(args, stated)
        model = _as_stated(model, stated).clone(crop=crop)
        save_model(args.out, model, variables, source=files.provenance(pathlib.Path(args.file)), license=license)
    print(f"{args.out}: {_facts(model, variables, checkpoints.find(checkpoint, args.key))}")
    print(f"Check it: perface selftest {args.out}")


def _options(args, stated, family) -> dict[str, Any]:
    """The options of `from_state_dict`. What is not given is as the file states it, unless a family is given."""
    options = {name: getattr(args, name) for name in ("family", "arch", "key", *families.Contract._fields)}
    if stated is None or args.family is not None:
        return {**options, "family": args.family or family}
    known = {"family": families.AUTO, "arch": stated.model.layers}
    known |= {name: getattr(stated.model, name) for name in families.Contract._fields}
    return {name: known.get(name) if value is None else value for name, value in options.items()}


def _as_stated(model, stated):
    """With what the tensors do not show: the dtype, and that norms had been folded."""
    if stated is None:
        return model
    return model.clone(dtype=stated.model.dtype, folded_norms=model.folded_norms or stated.model.folded_norms)


def _facts(model, variables, network):
    contract = families.Contract(model.color_order, model.input_range, model.epsilon)
    counters = sum(name.endswith(keys.COUNTER) for name in network.tensors)
    facts = [
        f"{state_dicts.title(model)}, {parameter_count(variables):,} parameters from {len(network.tensors)} keys"
        + (f" at {network.path}" if network.path else ""),
        f"its weights expect {contract}",
        f"dropped {counters} num_batches_tracked counters",
        *([f"not of the network: {checkpoints.listed(network.beside)}"] if network.beside else []),
        *(["norms that it lacks are identities, so train with frozen statistics"] if model.folded_norms else []),
    ]
    return "; ".join(facts)


if __name__ == "__main__":
    main(family=FAMILY)
