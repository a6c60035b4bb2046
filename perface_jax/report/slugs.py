"""Names for files and addresses."""

import itertools
import re
from collections.abc import Iterable


def slugs(names: Iterable[str]) -> list[str]:
    """Short names of letters, digits and hyphens, each one once: `Fig. 4: before` -> `fig-4-before`."""
    found = []
    for name in names:
        slug = re.sub(r"\W+", "-", name.lower()).strip("-") or "part"
        if len(slug) > 60:
            slug = slug[:60].rpartition("-")[0] or slug[:60]
        same = itertools.chain([slug], (f"{slug}-{number}" for number in itertools.count(2)))
        found.append(next(one for one in same if one not in found))
    return found
