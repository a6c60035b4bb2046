"""What a request brings, read strictly: a small JSON object with the fields that are wanted, of their types."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

MOST_BYTES = 4096
PATIENCE = 10.0  # seconds for a body to arrive


class Refused(Exception):
    """A request that changes nothing; `status` is the answer, `reason` its text."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status, self.reason = status, reason


async def read_fields(request: Request, fields: Mapping[str, type]) -> dict[str, Any]:
    """The fields of a body, exactly these and of exactly these types.

    Raises:
      Refused: 415 for another type than JSON, 413 for more than MOST_BYTES, 408 for a body that does not come, 400 for
        anything else.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "wanted application/json")
    try:
        data = await asyncio.wait_for(_bytes(request), PATIENCE)
        found = json.loads(data.decode(), object_pairs_hook=_once)
    except TimeoutError:
        raise Refused(408, "the body did not come") from None
    except (ValueError, RecursionError):
        raise Refused(400, "no JSON") from None
    if not isinstance(found, dict) or {name: type(value) for name, value in found.items()} != dict(fields):
        raise Refused(
            400, "wanted an object of " + ", ".join(f"{name}: {one.__name__}" for name, one in fields.items())
        )
    return found


async def _bytes(request: Request) -> bytes:
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or int(said[:20]) > MOST_BYTES:
        raise Refused(413, "too large")
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MOST_BYTES:
            raise Refused(413, "too large")
    return bytes(data)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) != len(dict(pairs)):
        raise ValueError("a name twice")
    return dict(pairs)
