"""Numbers and names as text.

`form` is a format specification, three decimals by default; an undefined number is NaN.
"""

import math
import textwrap


def number(value: float, form: str = ".3f", *, missing: str = "") -> str:
    """The number, or the text `missing` for NaN."""
    return missing if math.isnan(value) else f"{value:{form}}"


def interval(low: float, high: float, form: str = ".3f") -> str:
    """`[low, high]`; empty without an interval."""
    return "" if math.isnan(low) else f"[{low:{form}}, {high:{form}}]"


def estimate(found: tuple[float, float, float], form: str = ".3f", *, missing: str = "") -> str:
    """(value, low, high) as `value [low, high]`; without an interval the value alone."""
    value, low, high = found
    return missing if math.isnan(value) else f"{value:{form}} {interval(low, high, form)}".strip()


def percent(share: float, form: str = ".0%", *, missing: str = "no data") -> str:
    """A share of 0 to 1 in percent, or the text `missing` for NaN: a share of nothing."""
    return number(share, form, missing=missing)


def p_value(value: float, *, missing: str = "") -> str:
    """Three decimals, or `< .001`."""
    return "< .001" if value < 0.001 else number(value, missing=missing)


def shown(text: str, most: int = 80) -> str:
    """What a message quotes of a file: one line, shortened to about `most` characters, signs that do not print escaped.

    >>> from perface_jax import formatting
    >>> formatting.shown("a" * 50 + "\\n" + "b" * 50, 20)
    'aaaaaaaaa...bbbbbbbb'
    """
    if len(text) > 2 * most:  # what follows is not done to megabytes
        text = text[:most] + text[-most:]
    text = printable(text)
    return text if len(text) <= most else f"{text[: (most - 2) // 2]}...{text[len(text) - (most - 4) // 2 :]}"


def printable(text: str) -> str:
    """The text with signs that do not print, line ends among them, escaped as in Python."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def wrapped(text: str, *, indent: str = "  ", width: int = 80) -> str:
    """Lines of at most `width` columns, broken between words, all but the first indented; a long word stays whole."""
    wrap = textwrap.TextWrapper(width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return wrap.fill(" ".join(text.split()))
