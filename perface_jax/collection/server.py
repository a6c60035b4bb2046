"""The page of a study as an ASGI application, and the requests behind it.

    GET  api/state             what comes next (`steps`)
    POST api/consent           {"consent": ID}
    POST api/vote              {"plan": HASH, "trial": INDEX, "side": "left" | "right", "milliseconds": N}
    GET  api/picture/ADDRESS   a picture of the trial to be answered, or of the one after it
    GET  api/admin             how the study stands (`progress`); POST api/admin/stop, api/admin/delete

Every request has the token of a link, or that of the admin page, in its header: `Authorization: Bearer TOKEN`. A vote
that is not on the next trial changes nothing and gets 409, with the state in which the annotator is; so a request may
be repeated until it is answered.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from perface_jax.collection import keys
from perface_jax.collection.bodies import Refused, read_fields
from perface_jax.collection.group_commit import GroupCommit
from perface_jax.collection.page_files import page_routes, secured
from perface_jax.collection.progress import progress
from perface_jax.collection.rate_limits import RateLimit
from perface_jax.collection.sessions import Sessions
from perface_jax.collection.steps import Steps
from perface_jax.collection.store import Annotator, Fate, Store
from perface_jax.collection.study import Study
from perface_jax.collection.trials import Side, Vote, utc_now

LONGEST = 24 * 60 * 60 * 1000  # milliseconds; nobody looks at one triplet for longer
VOTE = {"plan": str, "trial": int, "side": str, "milliseconds": int}


@dataclasses.dataclass(frozen=True)
class Limits:
    """Requests per second: votes and all requests of an annotator, and requests of a host that have no valid token."""

    votes: float = 5.0
    requests: float = 50.0
    strangers: float = 5.0


def create_app(study: Study, store: Store, limits: Limits | None = None) -> ASGIApp:
    """The application that serves a study."""
    server = _Server(study, store, limits or Limits())
    routes = [
        Route("/api/picture/{address}", server.picture),
        Route("/api/vote", server.vote, methods=["POST"]),
        Route("/api/state", server.state),
        Route("/api/consent", server.consent, methods=["POST"]),
        Route("/api/admin", server.admin),
        Route("/api/admin/stop", server.stop, methods=["POST"]),
        Route("/api/admin/delete", server.delete, methods=["POST"]),
        *page_routes(),
    ]
    handlers: Mapping[Any, Any] = {Refused: _refused, HTTPException: _wrong, SQLAlchemyError: _unavailable}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return secured(app)


class _Server:
    def __init__(self, study: Study, store: Store, limits: Limits):
        self._study, self._store, self._steps = study, store, Steps(study)
        self._add_vote = GroupCommit(store.add_votes)
        self._votes, self._requests = RateLimit(limits.votes, 30), RateLimit(limits.requests, 300)
        self._strangers = RateLimit(limits.strangers, 50)
        self._sessions = Sessions(store)

    async def state(self, request: Request) -> Response:
        await self._recent(request)
        return await self._answer(await self._annotator(request))

    async def consent(self, request: Request) -> Response:
        _, annotator = await self._recent(request)
        given = (await read_fields(request, {"consent": str}))["consent"]
        if given != self._steps.consent:
            raise Refused(409, "another text")
        if await run_in_threadpool(self._store.stopped):
            return await self._answer(annotator, 409)
        await run_in_threadpool(self._begin, annotator.annotator, given)
        return await self._answer(await self._annotator(request))

    async def vote(self, request: Request) -> Response:
        token, annotator = await self._recent(request)
        if not self._votes.allows(annotator.annotator):
            raise Refused(429, "slower")
        fields = await read_fields(request, VOTE)
        if fields["side"] not in tuple(Side) or not 0 <= fields["milliseconds"] <= LONGEST:
            raise Refused(400, "no side, or no time")
        if not self._is_next(annotator, fields):
            annotator = await self._annotator(request)
        if not self._is_next(annotator, fields):
            return await self._answer(annotator, 409)
        trial = self._steps.trials(annotator)[annotator.votes]
        values = {
            "choice": trial.choice(fields["side"]),
            "milliseconds": fields["milliseconds"],
            "plan": fields["plan"],
        }
        fate = await self._add_vote(Vote.on(trial, annotator=annotator.annotator, time=utc_now(), **values))
        if fate is not Fate.STORED:
            return await self._answer(await self._annotator(request), 409)
        after = dataclasses.replace(annotator, votes=annotator.votes + 1)
        self._sessions.note(token, after)
        feedback = {"feedback": self._steps.feedback(trial, fields["side"])}
        return JSONResponse(self._steps.after(after, stopped=False) | feedback)

    async def picture(self, request: Request) -> Response:
        _, annotator = await self._recent(request)
        address = request.path_params["address"]
        found = self._steps.picture(annotator, address) or self._steps.picture(await self._annotator(request), address)
        if found is None:
            raise Refused(404, "not found")
        data = self._study.picture_path(found).read_bytes()  # a small local file: a thread would take longer
        return Response(data, media_type="image/jpeg")

    async def admin(self, request: Request) -> Response:
        self._require_admin(request)
        return JSONResponse(await run_in_threadpool(progress, self._steps, self._store))

    async def stop(self, request: Request) -> Response:
        self._require_admin(request)
        wanted = (await read_fields(request, {"stopped": bool}))["stopped"]
        await run_in_threadpool(self._store.stop, wanted)
        return JSONResponse({"stopped": wanted})

    async def delete(self, request: Request) -> Response:
        self._require_admin(request)
        name = (await read_fields(request, {"annotator": str}))["annotator"]
        try:
            exports = await run_in_threadpool(self._store.delete, name)
        except ValueError:
            raise Refused(404, "no such annotator") from None
        return JSONResponse({"deleted": name, "exports": [dataclasses.asdict(one) for one in exports]})

    async def _recent(self, request: Request) -> tuple[str, Annotator]:
        """The token of a request and its annotator, as they were some seconds ago or less."""
        token = _token(request)
        found = self._sessions.recent(token) or await self._annotator(request)
        if not self._requests.allows(found.annotator):
            raise Refused(429, "slower")
        return token, found

    async def _annotator(self, request: Request) -> Annotator:
        """The annotator of a request, as the store knows it now."""
        token = _token(request)
        if not self._sessions.known(token):
            self._admit(request)
        found = await run_in_threadpool(self._sessions.fresh, token)
        if found is None:
            raise Refused(401, "no valid link")
        return found

    def _is_next(self, annotator: Annotator, fields: Mapping[str, Any]) -> bool:
        """Whether a vote is on the trial that is to be answered."""
        is_next = (fields["trial"], fields["plan"]) == (annotator.votes, annotator.plan)
        return is_next and annotator.votes < len(self._steps.trials(annotator))

    def _require_admin(self, request: Request) -> None:
        if not keys.equal(_token(request), keys.admin_token(self._study)):
            self._admit(request)
            raise Refused(401, "no valid token")

    def _admit(self, request: Request) -> None:
        """Counts a request without a token that is known to be valid."""
        if not self._strangers.allows(request.client.host if request.client else ""):
            raise Refused(429, "slower")

    def _begin(self, annotator: str, consent: str) -> None:
        self._store.begin(annotator, consent=consent, plan_of=lambda number: self._steps.plan(number)[1])

    async def _answer(self, annotator: Annotator, status: int = 200) -> Response:
        stopped = await run_in_threadpool(self._store.stopped)
        return JSONResponse(self._steps.after(annotator, stopped=stopped), status)


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or len(token) != keys.LENGTH or not token.isascii():
        raise Refused(401, "no valid link")
    return token


async def _refused(request: Request, error: Refused) -> Response:
    headers = {429: {"Retry-After": "1"}, 401: {"WWW-Authenticate": "Bearer"}}.get(error.status)
    return JSONResponse({"error": error.reason}, error.status, headers)


async def _wrong(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail.lower()}, error.status_code, error.headers)


async def _unavailable(request: Request, error: Exception) -> Response:
    """The page tries again; nothing was stored that was not confirmed."""
    return JSONResponse({"error": "the votes cannot be stored now"}, 503, {"Retry-After": "1"})
