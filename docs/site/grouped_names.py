"""Attributes that share a line of a docstring, `low, high: its interval`, stay together when Griffe parses it."""

import re

import griffe

GROUPED = re.compile(r"^( +\w+(?:, \w+)+:)(?= )", re.MULTILINE)


class GroupedNames(griffe.Extension):
    """Griffe takes what follows the first blank of such a line for a type: the blanks become ones that do not break."""

    def on_class(self, *, cls: griffe.Class, **_) -> None:
        if cls.docstring:
            cls.docstring.value = GROUPED.sub(
                lambda found: found[0].replace(", ", ",\N{NO-BREAK SPACE}"), cls.docstring.value
            )
