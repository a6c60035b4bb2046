"""Why pictures were skipped, in a sentence. A reason is `KIND (details): what to do`, and is counted by its kind."""

import re
from collections.abc import Sequence

SHOWN = 5  # kinds


def reason_of(error: Exception, name: str) -> str:
    """What an error says of the picture `name`, without the name, which stands beside it."""
    said = error.strerror if isinstance(error, OSError) else None
    return said or str(error).removeprefix(f"{name}: ")


def count_reasons(skipped: Sequence[tuple[str, str]]) -> str:
    """How many (name, reason) there are of each kind, the most frequent first, each with its first name.

    >>> from perface_jax import images
    >>> images.count_reasons([("b.jpg", "an empty file (0 bytes)"), ("c.jpg", "no face"), ("d.jpg", "no face")])
    '2 no face (c.jpg, ...), 1 an empty file (b.jpg)'
    """
    kinds: dict[str, tuple[str, list[str]]] = {}
    for name, reason in skipped:
        kind = re.split(r" \(|: |; ", reason, maxsplit=1)[0]
        kinds.setdefault(re.sub(r"\d[\d.,]*", "0", kind), (kind, []))[1].append(name)
    by_count = sorted(kinds.values(), key=lambda found: -len(found[1]))
    parts = [f"{len(n):,} {kind} ({n[0]}{', ...' * (len(n) > 1)})" for kind, n in by_count[:SHOWN]]
    rest = sum(len(names) for _, names in by_count[SHOWN:])
    return ", ".join(parts) + (f", {rest:,} for other reasons" if rest else "")
