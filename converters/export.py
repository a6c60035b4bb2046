"""Exports a model folder as one file that runs, or loads, without this library.

    python -m perface_jax.converters.export models/perface_r50 --out perface_r50.onnx

    .onnx         for ONNX Runtime: uint8 RGB pictures in, embeddings of length 1 and their lengths out
    .stablehlo    the same for JAX alone, on CPUs, NVIDIA GPUs and TPUs
    .safetensors  the state dict of arcface_torch

Beside the file are `FILE.known_answer.npz`, four generated pictures with their embeddings, and `FILE.json`: what goes
in and out, crop, license, SHA-256. The file is run on these pictures before it gets its name. All three are written or
none, and nothing is overwritten.
"""

import hashlib
import io
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath

from perface_jax._version import __version__
from perface_jax.argument_parser import ArgumentParser
from perface_jax.files import to_json
from perface_jax.formatting import wrapped
from perface_jax.network import compilation, model_json
from perface_jax.network.hub import local_folder
from perface_jax.network.known_answer import known_answer, read_known_answer
from perface_jax.network.model import parameter_count
from perface_jax.network.model_folder import load_model
from perface_jax.similarity import length, unit

from . import files, state_dicts
from .formats import FORMATS, Answer

TOLERANCES = {"float32": 1e-5, "bfloat16": 5e-2}  # of the largest value, by the dtype of the convolutions; on CPUs
BESIDE = (".known_answer.npz", ".json")


def export(
    folder: epath.PathLike, out: str | pathlib.Path, *, format: str | None = None, dtype: str | None = None
) -> dict[str, Any]:
    """Writes a model folder as `out`, with its known answer and its record beside it.

    Args:
      folder: the model folder, or `hf://org/name`.
      out: the file; neither it nor what is written beside it may exist.
      format: `stablehlo`, `onnx` or `safetensors`; None: as `out` ends.
      dtype: of the convolutions, `float32` or `bfloat16`; None: the model's.

    Returns:
      The record, as in `FILE.json`.

    Raises:
      FileExistsError, FileNotFoundError: a file is there already; no model folder.
      ValueError: an unknown format; a model that the format cannot hold; an exported file that computes something else.
    """
    out = pathlib.Path(out)
    name = _format(out, format)
    _refuse_existing(out)
    folder = local_folder(folder)
    model, variables = load_model(folder)
    model = model.clone(dtype=jnp.dtype(dtype)) if dtype else model
    record = model_json.read(folder / model_json.NAME)
    record = model_json.describe(model, source=record["source"], license=record["license"], hashes={})
    answer = _known_answer(folder, model, variables)
    data = FORMATS[name].write(model, variables, record)
    error, tolerance = FORMATS[name].error(data, model, variables, answer), TOLERANCES[record["dtype"]]
    if not error <= tolerance:
        raise ValueError(f"the exported file is {error:.1e} of the largest value from the model, over {tolerance:.0e}")
    described = {
        "file": out.name,
        "file_format": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        **FORMATS[name].describe(model),
        "parameters": parameter_count(variables),
        "tolerance": tolerance,
        "error_when_written": error,
        "written_with": {"perface_jax": __version__, "jax": jax.__version__},
        "model": {field: value for field, value in record.items() if field != "hashes"},
    }
    _publish(out, {".known_answer.npz": _npz(answer), ".json": to_json(described).encode(), "": data})
    return described


def _known_answer(folder, model, variables) -> Answer:
    """That of the folder, which was computed when it was written; computed now for folders that have none."""
    try:
        return read_known_answer(folder)
    except FileNotFoundError:
        return known_answer(model, variables)


def _format(out, given):
    if given is not None and given not in FORMATS:
        raise ValueError(f"unknown format {given!r}; wanted one of {', '.join(FORMATS)}")
    ending = out.suffix.removeprefix(".").lower()
    if given is None and ending not in FORMATS:
        other = f"; perface convert FOLDER --out {out}" if ending in ("pth", "pt") else ""
        raise ValueError(f"saw --out {out}, wanted a file that ends in .{', .'.join(FORMATS)}, or --format{other}")
    if given is not None and ending in FORMATS and ending != given:
        raise ValueError(f"--format {given} and a file that ends in .{ending} contradict each other")
    return given or ending


def _refuse_existing(out):
    for there in (out, *(out.with_name(out.name + end) for end in BESIDE)):
        if there.exists():
            raise FileExistsError(f"{there} exists, and nothing is overwritten: remove it or name another")


def _npz(answer: Answer) -> bytes:
    """Pictures, embeddings of length 1 and their lengths, as the bytes of an .npz."""
    embeddings = answer["embeddings"]
    file = io.BytesIO()
    arrays = {"embeddings": np.asarray(unit(embeddings)), "lengths": np.asarray(length(embeddings))[:, None]}
    np.savez_compressed(file, images=answer["images"], **arrays)  # pyright: ignore[reportArgumentType]
    return file.getvalue()


def _publish(out: pathlib.Path, parts: Mapping[str, bytes]) -> None:
    """Write the parts beside each other, then give them their names, the last one last; all of them or none."""
    unfinished = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a process that was killed
    unfinished.mkdir(parents=True)
    placed = []
    try:
        for end, data in parts.items():
            (unfinished / (out.name + end)).write_bytes(data)
        _refuse_existing(out)
        for end in parts:
            placed.append((unfinished / (out.name + end)).rename(out.with_name(out.name + end)))
    except BaseException:
        for file in placed:
            file.unlink()
        raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def main(arguments: list[str] | None = None) -> None:
    """The program; exits with 2 and one line if nothing can be exported."""
    parser = ArgumentParser(
        prog="perface export", arguments="folder --out FILE", description=str(__doc__).splitlines()[0],
        epilog=(
            ".onnx: for ONNX Runtime; .stablehlo: for JAX alone, on CPUs, NVIDIA GPUs and TPUs. Both take uint8 RGB"
            " pictures and return embeddings of length 1 and their lengths. .safetensors: the state dict of"
            " arcface_torch. Beside FILE are FILE.known_answer.npz (pictures and their embeddings) and FILE.json"
            " (what goes in and out, crop, license, SHA-256). Nothing is overwritten."
        ),
    )  # fmt: skip
    parser.add_argument("folder", help="model folder, or hf://org/name")
    parser.add_argument("--out", metavar="FILE", required=True, help="file to write; its ending says the format")
    parser.add_argument("--format", choices=tuple(FORMATS), help="where the ending does not say it")
    parser.add_argument("--dtype", choices=tuple(TOLERANCES), help="compute in this one instead of the model's")
    args = parser.parse_args(arguments)
    compilation.keep_programs()
    with files.user_errors(parser, args.folder, args.out):
        written = export(args.folder, args.out, format=args.format, dtype=args.dtype)
    print("\n".join(wrapped(line, indent="  ") for line in _said(args.out, written)))


def _said(out, written):
    model = model_json.rebuild(out, written["model"])
    ((name, images),) = written["inputs"].items()
    shape = f"{images['dtype']} [{', '.join(map(str, images['shape']))}]"
    yield f"{out}: {state_dicts.title(model)}, {written['parameters']:,} parameters, {written['bytes'] / 1e6:,.1f} MB"
    yield f"in: {name}, {shape} ({images['axes']}); out: {', '.join(written['outputs'])}"
    yield f"run on its known answer: {written['error_when_written']:.1e} of the largest value apart"
    yield f"beside it: {' and '.join(pathlib.Path(out).name + end for end in BESIDE)}"
    yield f"license: {written['model']['license']}"


if __name__ == "__main__":
    main()
