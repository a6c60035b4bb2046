"""What is wrong with how a case ended; nothing, if the library kept its word."""

import pathlib
import re

from perface_jax import formatting
from tests.fuzz.case import Case, Expect, Outcome

LONGEST = 300  # characters of an error, without the folder of the case
ANNOUNCED = re.compile(r"(Embedding the faces of|Looking for faces in|Drawing into|note: |warning: |perface_jax: )")
LIST = re.compile(r"(left out: |- |\+ |and \d+ more$)")
INSIDES = (  # what only those who wrote the code understand
    r"Traceback",
    r"\[Errno",
    r"site-packages",
    r"0x[0-9a-f]{6,}",
    r"<class ",
    r"<function ",
    r"<_io",
    r"NoneType",
    r"tensorstore",
    r"TypedDict",
    r"object is not subscriptable",
    r"unhashable",
    r"invalid literal",
    r"could not convert",
    r"not enough values",
    r"must be real number",
    r"buffer size",
    r"allow_pickle",
    r"codec can't",
    r"to unpack",
    r"has no attribute",
    r"list index",
    r"unexpected keyword",
    r"operands could not",
    r"incompatible shapes",
    r"not supported between",
    r"cannot reshape",
    r"zero-size array",
    r"inhomogeneous",
    r"jaxtyping",
    r"beartype",
    r"ufunc",
    r"Cannot load file containing pickled",
)
LOADS = ("dataset_info.json", "model.json", "scale.json")  # what makes a folder one that loads
FEW = 2  # notes and warnings of our own


def faults(case: Case, found: Outcome, folder: pathlib.Path) -> list[str]:
    """What is wrong, in words."""
    return list(_faults(case, found, found.errors.replace(f"{folder}/", "").replace(str(folder), ".")))


def _faults(case, found, errors):
    if found.kind:
        yield f"an exception that is no refusal: {found.kind.strip()}"
        return
    yield from (f"warning of another package: {one}" for one in found.warned)
    if found.code not in (0, 2):
        yield f"exit code {found.code}: {errors or found.output}"
    elif found.code == 0:
        yield from _of_accepted(case, found, errors)
    elif case.expect in (Expect.ACCEPTED, Expect.LISTED):
        yield f"refused: {errors}"
    else:
        harmless = [name for name in found.left if case.writes and name.startswith(tuple(case.writes))]
        if left := [name for name in found.left if name not in harmless or name.endswith(LOADS)]:
            yield f"left behind: {', '.join(left[:5])}"
        yield from _of_refusal(case, errors)


def _of_accepted(case, found, errors):
    said = " ".join((found.output + errors).split())
    if case.expect is Expect.REFUSED:
        yield f"accepted: {said[-300:]!r}"
    if case.expect is Expect.LISTED:
        yield from (f"not listed: {name}: {said[-300:]!r}" for name in case.names if not _is_said(name, said))
    yield from (f"noise on the error stream: {line!r}" for line in _own_lines(errors)[:1])


def _is_said(name, said):
    return " ".join(name.split()) in said or " ".join(formatting.printable(name).split()) in said


def _of_refusal(case, errors):
    if (noted := sum(line.startswith(("note: ", "warning: ")) for line in errors.splitlines())) > FEW:
        yield f"{noted} notes and warnings: {errors!r}"
    lines = _own_lines(errors)
    message = "\n".join(line for line in lines if not LIST.match(line))
    if len(message.splitlines()) != 1:
        yield f"{len(message.splitlines())} lines, wanted one: {errors!r}"
    else:
        yield from _of_message(case, message)


def _own_lines(errors):
    return [line for line in errors.splitlines() if not ANNOUNCED.match(line) and not line.startswith("  ")]


def _of_message(case, message):
    if len(message) > LONGEST:
        yield f"{len(message)} characters: {message[:600]!r}"
    if not any(name in message or formatting.printable(name) in message for name in case.names):
        yield f"names none of {', '.join(case.names)}: {message!r}"
    yield from (f"speaks of insides, {part!r}: {message!r}" for part in INSIDES if re.search(part, message))
    if case.argv and not message.isprintable():
        yield f"characters that do not print: {message!r}"
