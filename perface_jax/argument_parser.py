"""Arguments of a command: `~` in paths, help of 80 columns, and what is wrong with them in one line."""

import argparse
import functools
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from perface_jax import formatting


class ArgumentParser(argparse.ArgumentParser):
    """As argparse's own. Wrong arguments end with 2 and one line; the usage is short, since the options are listed."""

    def __init__(self, *, prog: str, description: str, arguments: str = "", **options):
        usage = f"{prog} {arguments} [options]".replace("  ", " ")
        form = functools.partial(argparse.HelpFormatter, max_help_position=22, width=80)
        super().__init__(prog=prog, usage=usage, description=description, formatter_class=form, **options)

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None):  # pyright: ignore  # overloads
        """As argparse's own, with `at_home`."""
        return super().parse_known_args([*map(at_home, sys.argv[1:] if args is None else args)], namespace)

    def error(self, message: str) -> NoReturn:
        """End with 2."""
        self.exit(2, f"{self.prog}: {plain(message)}; the options: {self.prog} --help\n")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """As argparse's own; the message is `plain`."""
        super().exit(status, message and plain(message.rstrip("\n")) + "\n")


def at_home(argument: str) -> str:
    """`~` and `~user` at the beginning of a path as that folder, also behind `=` and `,`, where shells leave it."""
    return re.sub(r"(^|[=,])(~[^/,=]*)", lambda found: found[1] + os.path.expanduser(found[2]), argument)


def count(text: str) -> int:
    """For `type=`: a whole number, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"saw {text!r}, wanted a whole number, at least 1")
    return int(text)


def plain(message: str) -> str:
    """A message without Python's number of an error, and with signs that do not print escaped, but for line ends.

    Of `[Errno 2] No such file: 'a'` the file comes first.
    """
    message = "\n".join(map(formatting.printable, message.split("\n")))
    found = re.fullmatch(r"""\[Errno \d+\] ([^:]*): (["'])(.*?)\2(?: -> .*)?""", message)
    return f"{found[3]}: {found[1][0].lower()}{found[1][1:]}" if found else message
