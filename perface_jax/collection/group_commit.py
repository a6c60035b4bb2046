"""One transaction for all votes that arrive while the last one goes to the disk."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

Item, Result = TypeVar("Item"), TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Calls `write` in a thread with all items that wait: a flush to the disk takes milliseconds for one as for many.

    An item whose request was given up is written all the same. Where `write` fails, all of its items fail.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Result]]):
        self._write = write
        self._waiting: list[tuple[Item, asyncio.Future]] = []
        self._task: asyncio.Task | None = None

    async def __call__(self, item: Item) -> Result:
        """The result for this item, once it is written."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                results = await run_in_threadpool(self._write, [item for item, _ in batch])
            except Exception as error:
                _settle(batch, [error] * len(batch), asyncio.Future.set_exception)
            else:
                _settle(batch, results, asyncio.Future.set_result)


def _settle(batch: Sequence[tuple], values: Sequence, settle: Callable) -> None:
    for (_, future), value in zip(batch, values, strict=True):
        if not future.done():  # its request was given up
            settle(future, value)
