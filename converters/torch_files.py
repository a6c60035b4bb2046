"""Reads a .pth, .pt, .ckpt or .safetensors file without executing anything in it, or says what prevents it."""

import pathlib
import pickletools
import re
import warnings
import zipfile
from collections.abc import Mapping
from typing import Any

from perface_jax import extras, formatting

from . import files, statements

# Names of what a pickle would import, and what that is.
FOREIGN = (
    (r"argparse\.Namespace$", "an argparse.Namespace (the arguments of a run)"),
    (r"numpy.*\.(scalar|dtype)$|numpy\.dtypes\.|numpy\.\w*(int|float|bool)\w*$|_codecs\.encode$", "a NumPy scalar"),
    (r"numpy.*\._reconstruct$|numpy\.ndarray$", "a NumPy array"),
)
LIGHTNING = ("pytorch_lightning.", "lightning.", "lightning_fabric.")
ADVICE = "Save the weights alone, where it was made and is trusted: torch.save(model.state_dict(), FILE)"


def read(path: str | pathlib.Path) -> Mapping[str, Any]:
    """The state dict or checkpoint in a file of weights; nothing in it is executed.

    Raises:
      FileNotFoundError, ValueError: not a file of plain weights; the message says what it is.
    """
    path = files.check_file(path)
    if path.suffix == ".onnx":
        raise ValueError(
            f"{path} is an ONNX file: use `python -m perface_jax.converters.arcface_onnx {path} --out DIR`"
        )
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    with extras.explained():
        import torch
    try:
        with warnings.catch_warnings(action="ignore"):  # of pickles that it then refuses
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise nearly anything: OSError, IndexError, struct.error ...
        _refuse_safetensors(path)
        foreign = _foreign_names(path, error)
        if not foreign or not all(name.startswith(LIGHTNING) for name in foreign):
            raise ValueError(f"{path} {_reason(path, error, foreign)}") from error
        loaded = _load_with_blanks(path, foreign)
    if not isinstance(loaded, Mapping):
        raise ValueError(f"{path} holds a {type(loaded).__name__}; wanted a state dict: names to tensors")
    return loaded


def statement(path: str | pathlib.Path) -> statements.Statement | None:
    """What a .safetensors file that this library wrote says of its model; None for every other file.

    Raises:
      ValueError: the statement is damaged.
    """
    if pathlib.Path(path).suffix != ".safetensors":
        return None
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        return statements.read(file.metadata(), str(path))


def _refuse_safetensors(path):
    with path.open("rb") as file:
        length, start = int.from_bytes(file.read(8), "little"), file.read(2)
    if start == b'{"' and length < path.stat().st_size:
        raise ValueError(f"{path} is a safetensors file: rename it to {path.with_suffix('.safetensors').name}")


class Blank:
    """Replaces an object of Lightning beside the weights (callbacks, for instance), so that nothing of it runs."""

    def __init__(self, *_):
        pass


def _load_with_blanks(path, foreign):
    import torch

    blanks: Any = [(type(name.rpartition(".")[2], (Blank,), {}), name) for name in foreign]
    try:
        with torch.serialization.safe_globals(blanks):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} {_reason(path, error, foreign)}") from error


def _foreign_names(path, error) -> list[str]:
    """The names that the pickle in the file would import beyond plain weights."""
    import torch

    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # no archive of this format, or a damaged one
        named = re.findall(r"(?:GLOBAL|class) ([\w.]+) was not an allowed global", str(error))
        return sorted(set(named or _names_in_pickle(path)))


def _names_in_pickle(path) -> list[str]:
    """The names that a plain pickle would import, read from its instructions; none if it is damaged or not a pickle."""
    strings, named = [], []
    try:
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            for instruction, argument, _ in pickletools.genops(file):
                if instruction.name == "GLOBAL":
                    named.append(str(argument).replace(" ", "."))
                elif instruction.name == "STACK_GLOBAL":
                    named.append(".".join(strings[-2:]))
                elif isinstance(argument, str):
                    strings.append(argument)
    except ValueError:
        return []
    return [name for name in named if not name.startswith(("torch._utils.", "collections."))]


def _reason(path, error, foreign):
    if _is_torchscript(path):
        return (
            "is a TorchScript archive, code and weights in one; nothing in it was executed. Save the weights alone:"
            " torch.save(torch.jit.load(FILE).state_dict(), NEW)"
        )
    if foreign:
        return f"holds more than plain weights: {_described(foreign)}; nothing in it was executed. {ADVICE}"
    return f"is damaged, cut off, or no PyTorch file ({type(error).__name__}); download it again"


def _described(foreign):
    found: dict[str, list[str]] = {}
    for name in foreign:
        known = (what for pattern, what in FOREIGN if re.search(pattern, name))
        kind = "a pickled module" if name.startswith("torch.nn.") else "a pickled module or another Python object"
        what = next(known, "")
        found.setdefault(what or kind, []).extend([] if what else [name])
    return ", ".join(what + (f" ({_few(names)})" if names else "") for what, names in [*found.items()][:4])


def _few(names):
    return formatting.shown(", ".join(names[:3]) + (", ..." if len(names) > 3 else ""), 90)


def _is_torchscript(path):
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") or "/code/" in name for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):  # the end of an archive, and no whole one
        return False


def _read_safetensors(path):
    with extras.explained():
        from safetensors import SafetensorError, safe_open
    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no dict)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a whole safetensors file: {formatting.shown(str(error), 120)}") from error
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{path} holds tensors of a kind that NumPy does not have: {error}") from error
