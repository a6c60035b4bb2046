"""Shared by the converters: recognizes files that are not weights, and records where a model came from."""

import argparse
import contextlib
import hashlib
import pathlib
from collections.abc import Iterator

from perface_jax import disk_space, extras, images, outputs
from perface_jax.argument_parser import ArgumentParser
from perface_jax.files import sha256
from perface_jax.network import input_contract

from . import families, statements

LICENSE = (
    "The license of the source file applies. The models published by insightface are for non-commercial research only."
)


def check_file(path: str | pathlib.Path) -> pathlib.Path:
    """The path, if it can be a file of weights.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: a folder, an empty file, an HTML page, or a Git LFS pointer.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no file {path}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; wanted one file of weights")
    with path.open("rb") as file:
        head = file.read(512).lstrip()
    if not head:
        raise ValueError(f"{path} is empty; download it again")
    if head.startswith(b"version https://git-lfs"):
        raise ValueError(f"{path} is a Git LFS pointer, not the weights; fetch them with `git lfs pull`")
    if head.lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise ValueError(
            f"{path} is an HTML page saved under the name of the weights; the link asked for a login or a"
            " confirmation. Download it again in a browser"
        )
    return path


def folder_parser(description: str, file_help: str) -> argparse.ArgumentParser:
    """The arguments of every command that converts a file of weights to a model folder."""
    parser = ArgumentParser(prog="perface convert", arguments="file --out DIR", description=description)
    parser.add_argument("file", help=file_help)
    parser.add_argument("--out", required=True, help="model folder to write; must not exist")
    parser.add_argument(
        "--crop", choices=list(images.TEMPLATES), help="crop the weights have learned from; arcface if nothing says it"
    )
    parser.add_argument("--license", help="license note for model.json")
    parser.add_argument("--licence", dest="license", default=argparse.SUPPRESS, help=argparse.SUPPRESS)  # until 0.3
    return parser


def stated_options(args: argparse.Namespace, stated: statements.Statement | None) -> tuple[str | None, str]:
    """Crop and license: as given, else as the file states them, else those of most published weights."""
    crop, license = ("arcface", LICENSE) if stated is None else (stated.model.crop, stated.license)
    return args.crop or crop, args.license or license


def contract_arguments(parser: argparse.ArgumentParser, *, family: str | None = families.AUTO) -> None:
    """The arguments that say on which pictures the weights were trained; `family` is the default."""
    known = ", ".join(families.FAMILIES)
    parser.add_argument("--family", default=family, help=f"whose weights these are: {families.AUTO}, {known}")
    parser.add_argument("--color_order", choices=input_contract.COLOR_ORDERS, help="where it is not the family's")
    parser.add_argument(
        "--input_range",
        type=_range,
        metavar="BLACK,WHITE",
        help="what black and white are for the weights, where it is not the family's, as --input_range=0,1",
    )


def _range(text: str) -> tuple[float, float]:
    """`-1,1` or `-127.5/128,127.5/128`."""
    try:
        parts = [part.partition("/") for part in text.split(",")]
        black, white = (float(number) / float(over or 1) for number, _, over in parts)
    except (ValueError, ZeroDivisionError) as error:
        raise argparse.ArgumentTypeError(f"saw {text!r}, wanted two numbers, as --input_range=-1,1") from error
    return black, white


@contextlib.contextmanager
def user_errors(parser: argparse.ArgumentParser, file: str, out: str) -> Iterator[None]:
    """Ends the program with code 2 and one line if a file or an argument is at fault.

    The line names `file`, which is read, or what else is at fault; `out` will be written.
    """
    try:
        _require_new(pathlib.Path(out))
        with disk_space.explained(out):
            yield
    except (ValueError, OSError, extras.MissingExtra) as error:
        named = isinstance(error, OSError | extras.MissingExtra) or str(file) in str(error)
        parser.exit(2, f"{error}\n" if named else f"{file}: {error}\n")


def _require_new(out: pathlib.Path) -> None:
    if out.exists():
        raise FileExistsError(f"{out} exists, and nothing is overwritten: remove it or name another")
    outputs.require_files(out)


def provenance(path: pathlib.Path, *beside: pathlib.Path) -> dict[str, str]:
    """Name and SHA-256 of the source file, for model.json.

    Of a file that keeps weights in others `beside` it, the digest is that of all of them, one after the other (`cat`).
    """
    if not beside:
        return {"file": path.name, "sha256": sha256(path)}
    digest = hashlib.sha256()
    for part in (path, *beside):
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    names = ", ".join(part.name for part in beside)
    return {"file": path.name, "beside": names, "sha256": digest.hexdigest()}
