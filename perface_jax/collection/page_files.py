"""The files of the page, all of them read once, and the headers of every answer."""

import importlib.resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json"}
PAGES = {"/": "index.html", "/admin": "admin.html"}
FILES = (
    "page.css", "page.js", "connection.js", "pictures.js", "words.js", "strings.en.json", "strings.de.json",
    "admin.css", "admin.js",
)  # fmt: skip
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def page_routes() -> list[Route]:
    """A route for each file; no other file can be reached."""
    return [_route(path, name) for path, name in {**PAGES, **{f"/{name}": name for name in FILES}}.items()]


def secured(app: ASGIApp) -> ASGIApp:
    """The application with HEADERS on every answer, also on those to errors."""
    added = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        await app(scope, receive, with_headers)

    return wrapped


def _route(path: str, name: str) -> Route:
    data = importlib.resources.files("perface_jax.collection").joinpath("page", name).read_bytes()
    kind = TYPES[name[name.rindex(".") :]]

    async def answer(request: Request) -> Response:
        return Response(data, media_type=kind)

    return Route(path, answer)
