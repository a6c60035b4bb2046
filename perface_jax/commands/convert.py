"""`perface convert FILE --out DIR`: the converter follows from what is given.

    .pth .pt .ckpt .tar .bin .safetensors
                      weights of an IR-ResNet: to a model folder
    .onnx             the same, exported: to a model folder
    a model folder    to a .pth for PyTorch: --out FILE.pth
    a folder with unet, referencenet and conditioning_referencenet
                      the diffusion anonymizer: to its model folder

IR-ResNets of ArcFace, AdaFace, MagFace and other code bases are understood.
Where their keys cannot tell them apart, the command asks for --family.

`perface convert FILE --help` shows the options of that converter.
"""

import importlib
import pathlib
import sys
from collections.abc import Sequence

from perface_jax.network.hub import is_address

TORCH = (".pth", ".pt", ".safetensors", ".ckpt", ".tar", ".bin")
CONVERTERS = {**dict.fromkeys(TORCH, "arcface_torch"), ".onnx": "arcface_onnx"}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; see the docstring of the module."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    path = _path(given)
    if path is None and {"-h", "--help"} & {*given}:
        print(str(__doc__).rstrip())
        raise SystemExit(0)
    if path is None:
        raise SystemExit("perface convert: saw no file, wanted weights or a model folder; perface convert --help")
    diffusion = "--vae" in (argument.partition("=")[0] for argument in given)  # its converter says what is missing
    name = "face_anon_simple" if diffusion else _converter(path)
    importlib.import_module(f"perface_jax.converters.{name}").main(given)


def _path(given: list[str]) -> pathlib.Path | None:
    """The first argument that is neither an option nor the value of one."""
    for argument, last in zip(given, ["", *given], strict=False):
        takes_value = last.startswith("--") and "=" not in last and last != "--help"
        if not argument.startswith("-") and not takes_value:
            return pathlib.Path(argument)
    return None


def _converter(path: pathlib.Path) -> str:
    if path.is_dir() and {"unet", "referencenet"} <= {part.name for part in path.iterdir()}:
        return "face_anon_simple"
    if not (path.exists() or path.suffix or is_address(path)):
        raise SystemExit(
            f"perface convert: there is no folder {str(path)!r}; wanted one with weights, or a model folder"
        )
    held = {part.name for part in path.iterdir()} if path.is_dir() else {"model.json"}
    if not {"model.json", "model"} & held:  # of a workdir, which has a model, to_torch says more
        raise SystemExit(
            f"{path} is a folder without model.json; wanted a file of weights, or a model folder, "
            "or the networks of the diffusion anonymizer: folders unet, referencenet and conditioning_referencenet"
        )
    if path.is_dir() or is_address(path):
        return "to_torch"
    if path.suffix.lower() not in CONVERTERS:
        wanted = f"a file that ends in {', '.join(CONVERTERS)}, or a model folder"
        raise SystemExit(f"perface convert: saw {str(path)!r}, wanted {wanted}")
    return CONVERTERS[path.suffix.lower()]


if __name__ == "__main__":
    main()
