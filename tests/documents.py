"""The fenced blocks of the documentation, its commands, and what is written between backticks in a sentence."""

import pathlib
import re
import shlex
from typing import NamedTuple

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELL, PYTHON = "bash", "python"
LANGUAGES = (SHELL, PYTHON, "text", "r", "yaml")  # text: layouts of folders and files
_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_PROGRAMS = r"python3?|perface|make|pip|pytest|\.venv/bin/\w+|\.ci/run"
_INLINE = re.compile(rf"`(?:[A-Z_]+=\S+ )?((?:{_PROGRAMS})(?: [^`]*)?)`")


class Block(NamedTuple):
    """A fenced block: where it stands, its language, its text without the indent."""

    page: pathlib.Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: pathlib.Path) -> list[Block]:
    """The fenced blocks of a page, in their order."""
    text = page.read_text()
    return [
        Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            found[2],
            re.sub(f"^{found[1]}", "", found[3], flags=re.MULTILINE),
        )
        for found in _FENCE.finditer(text)
    ]


def commands(text: str) -> list[list[str]]:
    """The words of every command of a shell script, without comments, variables set for it, and what `>` takes.

    A word that is a script itself, as for `ssh --command="..."`, is followed by its commands.
    """
    text = re.sub(r"(^|\s)#(?!!).*$", "", text.replace("\\\n", " ").replace("2>&1", ""), flags=re.MULTILINE)
    reader = shlex.shlex(text, posix=True, punctuation_chars="\n;&|()")
    reader.whitespace, reader.whitespace_split, reader.commenters = " \t", True, ""
    found: list[list[str]] = [[]]
    for word in reader:
        if set(word) <= set("\n;&|()"):
            found.append([])
        else:
            found[-1].append(word)
    lines = [line[: line.index(">")] if ">" in line else line for line in found if line]
    return [kept for line in lines for kept in (_without_variables(line), *_inside(line)) if kept]


def mentions(page: pathlib.Path) -> list[list[str]]:
    """The words of every command between backticks outside of the blocks; `[--option]` counts as `--option`."""
    text = re.sub(r"\s+", " ", _FENCE.sub("", page.read_text()))
    return [shlex.split(re.sub(r"\[(-[^\]]*)\]", r"\1", said)) for said in _INLINE.findall(text)]


def _without_variables(line):
    start = next((i for i, word in enumerate(line) if not re.match(r"(\w+=|do$|then$)", word)), len(line))
    return line[start:]


def _inside(line):
    return [inner for word in line if " " in word.strip() and "\n" not in word[:1] and ".py" in word
            for inner in commands(word)]  # fmt: skip
