"""One transaction for all votes that arrive while the last one goes to the disk."""

import asyncio
from collections.abc import Callable, Sequence

from starlette.concurrency import run_in_threadpool

from perface_jax.collection.store import Fate
from perface_jax.collection.trials import Vote


class GroupCommit:
    """Calls `write` in a thread with all votes that wait: a flush to the disk takes milliseconds for one as for many.

    A vote whose request was given up is written all the same. Where `write` fails, all of its votes fail.
    """

    def __init__(self, write: Callable[[Sequence[Vote]], Sequence[Fate]]):
        self._write = write
        self._waiting: list[tuple[Vote, asyncio.Future[Fate]]] = []
        self._task: asyncio.Task | None = None

    async def __call__(self, vote: Vote) -> Fate:
        """What became of the vote, once it is written."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((vote, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                results = await run_in_threadpool(self._write, [vote for vote, _ in batch])
            except Exception as error:
                _settle(batch, [error] * len(batch), asyncio.Future.set_exception)
            else:
                _settle(batch, results, asyncio.Future.set_result)


def _settle(batch: Sequence[tuple], values: Sequence, settle: Callable) -> None:
    for (_, future), value in zip(batch, values, strict=True):
        if not future.done():  # its request was given up
            settle(future, value)
