"""One input, what is done with it, and what must come of it."""

import enum
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Expect(enum.StrEnum):
    """What must come of an input."""

    REFUSED = "refused"  # one line on the error stream and exit code 2, or an exception whose message is one line
    LISTED = "listed"  # the rest is used, and the output names what is not
    EITHER = "either"  # a fault that need not make the file unusable: refused or accepted
    ACCEPTED = "accepted"  # nothing is wrong with it


class Case(NamedTuple):
    """A command (`argv`, behind `perface`) or a call of a public function, on files that the generator has written.

    What is refused or listed must name one of `names`, the files (or what else) that are at fault; of what is `LISTED`,
    all of them.
    """

    what: str
    names: Sequence[str]
    argv: Sequence[str] = ()
    call: Callable[[], Any] | None = None
    expect: Expect = Expect.REFUSED
    writes: Sequence[str] = ()  # folders (relative) that a refusal may leave, such as a data set that does not load


class Outcome(NamedTuple):
    """How a case ended."""

    code: int
    output: str
    errors: str  # the error stream, or the message of the exception
    kind: str  # of an exception that is no refusal, else ""
    warned: Sequence[str]  # of other packages, in a call
    left: Sequence[str]  # files that are there now and were not before
    seconds: float
