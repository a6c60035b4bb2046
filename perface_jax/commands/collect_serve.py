"""Serve a study: `perface collect serve DIR [--host HOST] [--port PORT] [--annotators N] [--url URL] [--database URL]`.

Writes the links of the annotators to DIR/links.csv, prints the link of the admin page, and serves until Ctrl-C. Each
vote is on the disk before the page shows the next triplet, so the server may end at any time and in any way.
"""

import argparse
import contextlib
import os
import pathlib
import socket
from collections.abc import Sequence

import uvicorn

from perface_jax import files
from perface_jax.annotations import tables
from perface_jax.argument_parser import ArgumentParser, count
from perface_jax.collection import keys
from perface_jax.collection.plan import plan_hash, plan_trials
from perface_jax.collection.server import Limits, create_app
from perface_jax.collection.store import Store, open_store
from perface_jax.collection.study import Study, open_study

LINKS = "links.csv"
ANYWHERE = ("0.0.0.0", "::", "")
OPTIONS = {
    "access_log": False,  # it would hold the addresses of the annotators
    "server_header": False,
    "log_level": "error",  # below it are requests that are no HTTP, and advice on web sockets
    "http": "h11",  # which limits headers; another one that is installed does not
    "lifespan": "off",
    "ws": "none",
    "timeout_keep_alive": 15,
    "timeout_graceful_shutdown": 5,
    "limit_concurrency": 1000,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; a damaged study, a plan that has changed, or a port in use give exit code 2 and one line."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        study = open_study(chosen.folder)
        store = open_store(study, chosen.database)
        refuse_changed_plan(study, store)
        add_links(study, store, chosen.annotators)
        listening = _listen(chosen.host, chosen.port)
        url = (chosen.url or _own_url(chosen.host, listening)).rstrip("/")
        write_links(study, store, url)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(f"Links of the annotators: {study.folder / LINKS}\nAdmin: {url}/admin#{keys.admin_token(study)}")
    print("Serving until Ctrl-C.", flush=True)
    limits = Limits(votes=chosen.votes_per_second, requests=10 * chosen.votes_per_second)
    try:
        uvicorn.Server(uvicorn.Config(create_app(study, store, limits), **OPTIONS)).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    print(f"Stopped with {len(store.votes()):,} votes. The same command continues.")


def refuse_changed_plan(study: Study, store: Store) -> None:
    """ValueError if the plan does not work, or is not the one under which the annotators have begun."""
    for number in range(study.plan.annotators):
        plan_trials(study, number)
    for one in store.annotators():
        if one.number is not None and plan_hash(plan_trials(study, one.number)) != one.plan:
            raise ValueError(
                f"{one.annotator} has begun under another plan: {study.folder} was changed after its first vote;"
                " put back what was changed, or collect in a new study"
            )


def add_links(study: Study, store: Store, wanted: int | None) -> None:
    """New annotators until there are as many as wanted: by default one wave of the plan, if there is none yet."""
    there = len(store.annotators())
    missing = (wanted if wanted is not None else 0 if there else study.plan.annotators) - there
    names: set[str] = set()
    while len(names) < missing:
        names.add(keys.new_pseudonym())
    if names:
        store.add_annotators({name: keys.link_token(study, name) for name in names})


def write_links(study: Study, store: Store, url: str) -> None:
    """The links of all annotators, in a file that only its owner can read."""
    rows = [(one.annotator, f"{url}/#{keys.link_token(study, one.annotator)}") for one in store.annotators()]
    before = os.umask(0o077)  # so that nobody else can read it while it is written
    try:
        files.write_csv(pathlib.Path(study.folder, LINKS), [("annotator", "link"), *rows])
    finally:
        os.umask(before)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise OSError(f"cannot listen on {host} port {port}: {why.lower()}") from error


def _own_url(host: str, listening: socket.socket) -> str:
    name = "localhost" if host in ANYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{name}:{listening.getsockname()[1]}"


def _rate(text: str) -> float:
    with contextlib.suppress(ValueError):
        if (rate := tables.real(text)) > 0:
            return rate
    raise argparse.ArgumentTypeError(f"saw '{text}', wanted a number above 0")


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="perface collect serve",
        arguments="DIR",
        description="Serve the page of a study, and store the votes in DIR/votes.sqlite.",
    )
    parser.add_argument("folder", metavar="DIR", help="the study, made by perface collect new")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine)")
    parser.add_argument("--port", type=int, default=8000, help="port; 0 = any that is free (default: 8000)")
    parser.add_argument("--url", help="how annotators reach the page, for their links (default: http://HOST:PORT)")
    parser.add_argument(
        "--annotators", type=count, metavar="N", help="how many links there are to be (default: one wave of the plan)"
    )
    database = "another database: postgresql://USER@HOST/NAME"
    parser.add_argument("--database", metavar="URL", help=database)
    parser.add_argument(
        "--votes-per-second", type=_rate, default=5.0, metavar="N", help="most of one annotator (default: 5)"
    )
    return parser


if __name__ == "__main__":
    main()
