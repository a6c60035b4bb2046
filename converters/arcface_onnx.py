"""Converts an ONNX export of an ArcFace IR-ResNet to a model folder.

    python -m perface_jax.converters.arcface_onnx w600k_r50.onnx --out models/arcface_r50

The graph is followed from its output back to its input; the names of its nodes and tensors do not matter. Supported:

- Norms folded, all or some, into the convolution (or the `fc`) before them. A folded norm becomes an identity norm:
  scale 1, mean 0, variance 1 - eps, and the convolution's bias. The model then says `folded_norms`.
- Tensors as initializers or Constant nodes, shared, cast, unsqueezed or transposed, of any floating type.
- Identity, Dropout and Cast on the way; Flatten or Reshape; any Gemm, or MatMul and Add; slopes [C] or [C, 1, 1].
- An epsilon other than 1e-5 in a norm: the difference moves into its running variance.
- A max-pool of size 1 as shortcut: a 1x1 convolution that copies every channel, and an identity norm.
- A division of the embeddings by their length, and an output with the lengths: dropped.
- A normalization of the pictures around the middle of 0..255 or 0..1: dropped, because `images.normalize` does it here.
  A remaining factor (1/128 is common, ours is 1/127.5) moves into the first convolution.
- Pictures of uint8, rows and columns before the colors, as `perface export` writes them: the nodes that prepare them
  say colors and range. Its metadata say crop and license.

Anything else is an error that names the node, so that no other network passes for this one. Initializers that are not
weights of the network (the shape of a Reshape, leftovers) are dropped by name. A graph cannot say which colors and
range its pictures must have: RGB in [-1, 1], unless `--family`, `--color_order` or `--input_range` says otherwise.
Needs the extra `convert`, but not torch.
"""

import pathlib
from collections.abc import Sequence

from perface_jax import extras
from perface_jax.network.model import IResNet, parameter_count
from perface_jax.network.model_folder import save_model

from . import families, files, state_dicts, statements

with extras.explained(program=__name__ == "__main__"):
    import onnx

    from . import onnx_graphs

from .onnx_graphs import read
from .onnx_walk import Walk


def convert(
    source: onnx.ModelProto | str | pathlib.Path,
    *,
    family: str = families.AUTO,
    color_order: str | None = None,
    input_range: Sequence[float] | None = None,
) -> tuple[IResNet, dict]:
    """The Flax model and its variables from an ONNX export.

    Args:
      source: the export or its path.
      family: whose pictures the graph wants, see `families.FAMILIES`; `auto`: RGB in [-1, 1].
      color_order, input_range: replace those of the family.

    Returns:
      (model, variables), float32; `model.folded_norms` says whether a norm had been folded.

    Raises:
      FileNotFoundError, ValueError: no ONNX file; a quantized model; no IR-ResNet (names the node where the graph
        differs); tensors that do not fit (by PyTorch name); NaN or Inf.
    """
    proto = source if isinstance(source, onnx.ModelProto) else read(source)
    return _convert(proto, family=family, color_order=color_order, input_range=input_range)[:2]


def _convert(proto, *, family, **given):
    """Model, variables, and notes for the user: a phrase for each thing that was folded, moved or dropped."""
    contract = families.contract_of(family, **given)
    walk = Walk(onnx_graphs.checked(proto).graph)
    source = state_dicts.open_checkpoint(walk.state_dict())
    model, variables = state_dicts.fill(state_dicts.recognize(source, arch=walk.depths), source)
    shown = walk.shown
    if shown and (family, *given.values()) != (families.AUTO, None, None):
        raise ValueError(f"the graph takes uint8 pictures and shows its contract, {shown}: there is nothing to choose")
    contract = shown or contract
    model = model.clone(
        folded_norms=walk.folded > 0, color_order=contract.color_order, input_range=contract.input_range
    )
    wanted = [3, model.image_size, model.image_size]
    if any(seen not in (0, side) for seen, side in zip(walk.picture_shape(), wanted, strict=False)):
        raise ValueError(f"the graph takes pictures {walk.picture_shape()}, but its fc belongs to {wanted}")
    if walk.normalizes and model.input_range != families.Contract().input_range:
        raise ValueError("the graph normalizes its pictures itself, so there is no input range to choose")
    return model, variables, walk.notes()


def main(arguments: list[str] | None = None) -> None:
    """The program; exits with 2 and one line if the conversion fails."""
    parser = files.folder_parser(str(__doc__).splitlines()[0], ".onnx")
    files.contract_arguments(parser)
    args = parser.parse_args(arguments)
    options = {name: getattr(args, name) for name in ("family", "color_order", "input_range")}
    with files.user_errors(parser, args.file, args.out):
        proto = read(args.file)
        model, variables, notes = _convert(proto, **options)
        metadata = {entry.key: entry.value for entry in proto.metadata_props}
        crop, license = files.stated_options(args, statements.read(metadata, args.file))
        source = files.provenance(pathlib.Path(args.file), *onnx_graphs.files_beside(args.file))
        save_model(args.out, model.clone(crop=crop), variables, source=source, license=license)
    contract = families.Contract(model.color_order, model.input_range, model.epsilon)
    parameters = f"{state_dicts.title(model)}, {parameter_count(variables):,} parameters"
    facts = "; ".join([parameters, f"its weights expect {contract}", *notes])
    print(f"{args.out}: {facts}. Check it: perface selftest {args.out}")


if __name__ == "__main__":
    main()
