"""Memory that is used up, as XLA, NumPy and Python say it, as one error that says what to make smaller."""

import contextlib
import re
from collections.abc import Iterator

XLA = ("JaxRuntimeError", "XlaRuntimeError")  # jaxlib's names; it need not be imported here
GENERAL = "Close other programs, or take a smaller model, smaller batches or fewer pictures"


class OutOfMemory(MemoryError):
    """What is used up, and what to make smaller; one line."""


def is_exhausted(error: BaseException) -> bool:
    """Whether an error says that the memory of the host or of a device is used up."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(is_exhausted, error.exceptions))
    if isinstance(error, MemoryError) or "std::bad_alloc" in str(error):  # as C++ says it, in errors of many types
        return True
    return type(error).__name__ in XLA and "RESOURCE_EXHAUSTED" in str(error)


@contextlib.contextmanager
def explained(advice: str = GENERAL) -> Iterator[None]:
    """Raise an `OutOfMemory` for every error of the block that says so.

    Args:
      advice: what to make smaller, a sentence without its dot.
    """
    try:
        yield
    except OutOfMemory:
        raise
    except Exception as error:
        if not is_exhausted(error):
            raise
        raise OutOfMemory(f"out of memory{_wanted(str(error))}. {advice}") from error


def _wanted(message: str) -> str:
    """How much could not be allocated, where the error says it."""
    found = re.search(r"allocat\w* ([\d.]+)\s*([KMGTPE]?i?B|bytes)", message)
    if not found:
        return ""
    amount = f"{int(found[1]) / 2**20:,.0f} MiB" if found[2] == "bytes" else f"{found[1]} {found[2]}"
    return f": {amount} more could not be allocated"
