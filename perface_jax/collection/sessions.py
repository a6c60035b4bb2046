"""Where each annotator is, as last read, so that most requests need not ask the store."""

import time
from collections.abc import Callable

from perface_jax.collection.store import Annotator, Store

KEPT = 5.0  # seconds


class Sessions:
    """What the store says of the holder of a link.

    It may be a few seconds old: another server may have stored a vote, or the annotator may have been deleted. Whoever
    refuses a request for what is said here asks `fresh` first, and the store checks every vote itself.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic):
        self._store, self._clock = store, clock
        self._read: dict[str, tuple[Annotator, float]] = {}

    def recent(self, token: str) -> Annotator | None:
        """What was read within the last seconds, if anything was."""
        found, at = self._read.get(token, (None, 0.0))
        return found if found and self._clock() - at < KEPT else None

    def fresh(self, token: str) -> Annotator | None:
        """What the store says now; None for a link that is not valid."""
        found = self._store.with_token(token)
        if found is None:
            self._read.pop(token, None)
        else:
            self.note(token, found)
        return found

    def note(self, token: str, annotator: Annotator) -> None:
        """What is known after a vote."""
        self._read[token] = annotator, self._clock()

    def known(self, token: str) -> bool:
        """Whether the link was valid when it was last read."""
        return token in self._read
