"""What a study has collected: who takes part, every vote, and which files were exported.

    store = open_store(study)
    store.add_annotators({"p3kq": token})
    store.begin("p3kq", consent="…", plan_of=lambda number: plan_hash(plan_trials(study, number)))
    [stored] = store.add_votes([vote])

A vote is stored once and never changed: `add_votes` takes the vote on the next trial of an annotator and no other. It
is on the disk when the call returns. Several threads and processes may use one store.
"""

import dataclasses
import enum
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from perface_jax.collection.database import ANNOTATORS, EXPORTED, EXPORTS, FACTS, VOTES, open_database, writing
from perface_jax.collection.keys import stored_form
from perface_jax.collection.study import Study
from perface_jax.collection.trials import Choice, Kind, Share, Side, Vote, utc_now

FILE = "votes.sqlite"
TRIES = 5  # where two annotators begin in the same moment on two servers
TYPES = {"choice": Choice, "side": Side, "kind": Kind, "share": Share}


class Fate(enum.StrEnum):
    """What became of a vote."""

    STORED = "stored"
    NOT_NEXT = "not next"  # the trial has its vote already, or is not reached yet
    STOPPED = "stopped"
    UNKNOWN = "unknown"  # the annotator was deleted, or has not agreed


@dataclasses.dataclass(frozen=True)
class Annotator:
    """One who has a link.

    Attributes:
      number: in the plan (`plan_trials`); None before consent.
      plan: the hash of the plan that began.
      votes: how many were given, which is the index of the next trial.
    """

    annotator: str
    number: int | None
    plan: str | None
    consent: str | None
    consented: str | None
    votes: int


@dataclasses.dataclass(frozen=True)
class Export:
    """A file or folder that was exported."""

    place: str
    time: str


def open_store(study: Study, url: str | None = None) -> "Store":
    """The store of a study: `votes.sqlite` in its folder, or another database.

    Raises:
      ValueError: see `database.open_database`.
    """
    own = sa.URL.create("sqlite", database=str(study.folder / FILE))  # in a URL as text, ? would end the path
    return Store(open_database(url or own))


class Store:
    """The votes of one study; see the module."""

    def __init__(self, engine: sa.Engine):
        self._engine = engine
        self._writer = writing(engine)

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def add_annotators(self, tokens: Mapping[str, str]) -> None:
        """New annotators, and the tokens of their links. ValueError for a pseudonym that is or was in use."""
        rows = [{"annotator": name, "token": stored_form(token)} for name, token in tokens.items()]
        try:
            with self._writer.begin() as connection:
                connection.execute(sa.insert(ANNOTATORS), rows)
        except IntegrityError as error:
            raise ValueError(f"one of these pseudonyms is or was in use: {', '.join(tokens)}") from error

    def annotators(self) -> list[Annotator]:
        """All that were not deleted, by pseudonym."""
        return self._annotators(ANNOTATORS.c.deleted.is_(None))

    def with_token(self, token: str) -> Annotator | None:
        """Whose link it is; None for an unknown one and for a deleted annotator."""
        found = self._annotators((ANNOTATORS.c.token == stored_form(token)) & ANNOTATORS.c.deleted.is_(None))
        return found[0] if found else None

    def begin(self, annotator: str, *, consent: str, plan_of: Callable[[int], str]) -> None:
        """Note the consent, and give the first number in the plan that is free. No change where this has been done.

        The number of a deleted annotator is free, so that the next one gives the votes that are missing.
        """
        for last in [*[False] * (TRIES - 1), True]:
            try:
                return self._begin(annotator, consent, plan_of)
            except IntegrityError:
                if last:
                    raise
                time.sleep(0.05)

    def add_votes(self, votes: Sequence[Vote]) -> list[Fate]:
        """Store votes in one transaction, each if it is on the next trial of its annotator; what became of each."""
        with self._writer.begin() as connection:
            stopped = _stopped(connection)
            state = {} if stopped else _locked(connection, {vote.annotator for vote in votes})
            fates = [Fate.STOPPED if stopped else _take(state, vote) for vote in votes]
            stored = [vars(vote) for vote, fate in zip(votes, fates, strict=True) if fate is Fate.STORED]
            if stored:
                connection.execute(sa.insert(VOTES), stored)
        return fates

    def votes(self) -> list[Vote]:
        """All votes, by annotator and trial."""
        with self._engine.begin() as connection:
            rows = connection.execute(sa.select(VOTES).order_by(VOTES.c.annotator, VOTES.c.trial)).mappings()
            return [_vote(row) for row in rows]

    def stop(self, stopped: bool = True) -> None:
        """Take no more votes, or take them again."""
        with self._writer.begin() as connection:
            connection.execute(sa.delete(FACTS).where(FACTS.c.name == "stopped"))
            connection.execute(sa.insert(FACTS).values(name="stopped", value="yes" if stopped else "no"))

    def stopped(self) -> bool:
        """Whether votes are refused."""
        with self._engine.begin() as connection:
            return _stopped(connection)

    def delete(self, annotator: str) -> list[Export]:
        """Remove an annotator's votes and link; returns the exports that hold them, oldest first.

        The pseudonym stays, with the time of deletion, and is not given again. Doing it twice changes nothing.

        Raises:
          ValueError: no such annotator.
        """
        with self._writer.begin() as connection:
            row = _locked(connection, [annotator]).get(annotator)
            if row is None:
                raise ValueError(f"no annotator {annotator!r} in this study; links.csv in its folder lists them")
            connection.execute(sa.delete(VOTES).where(VOTES.c.annotator == annotator))
            emptied = {"token": None, "number": None, "plan": None, "consent": None, "consented": None}
            change = sa.update(ANNOTATORS).where(ANNOTATORS.c.annotator == annotator)
            connection.execute(change.values(deleted=row.deleted or utc_now(), **emptied))
            found = connection.execute(_exports_of(annotator)).all()
        self._shrink()
        return [Export(*one) for one in found]

    def record_export(self, place: str, annotators: Iterable[str]) -> None:
        """Note a file or folder that holds votes of these annotators."""
        with self._writer.begin() as connection:
            made = connection.execute(sa.insert(EXPORTS).values(place=place, time=utc_now()))
            [key] = made.inserted_primary_key or (None,)
            if rows := [{"export": key, "annotator": one} for one in sorted(set(annotators))]:
                connection.execute(sa.insert(EXPORTED), rows)

    def _annotators(self, which: sa.ColumnElement[bool]) -> list[Annotator]:
        votes = sa.select(sa.func.count()).where(VOTES.c.annotator == ANNOTATORS.c.annotator).scalar_subquery()
        columns = [ANNOTATORS.c[name] for name in ("annotator", "number", "plan", "consent", "consented")]
        with self._engine.begin() as connection:
            found = connection.execute(sa.select(*columns, votes).where(which).order_by(ANNOTATORS.c.annotator))
            return [Annotator(*row) for row in found]

    def _begin(self, annotator: str, consent: str, plan_of: Callable[[int], str]) -> None:
        with self._writer.begin() as connection:
            row = _locked(connection, [annotator]).get(annotator)
            if row is None or row.deleted or row.number is not None:
                return
            taken = set(connection.scalars(sa.select(ANNOTATORS.c.number)))
            number = next(k for k in range(len(taken) + 1) if k not in taken)
            change = sa.update(ANNOTATORS).where(ANNOTATORS.c.annotator == annotator)
            values = {"number": number, "plan": plan_of(number), "consent": consent, "consented": utc_now()}
            connection.execute(change.values(values))

    def _shrink(self) -> None:
        """With SQLite: empty the log, which still holds what was deleted."""
        if self._engine.dialect.name == "sqlite":
            with self._engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.exec_driver_sql("BEGIN")


@dataclasses.dataclass
class _Locked:
    """An annotator's row, which no other transaction changes until this one ends."""

    number: int | None
    plan: str | None
    deleted: str | None
    votes: int = 0


def _locked(connection: sa.Connection, annotators: Collection[str]) -> dict[str, _Locked]:
    columns = (ANNOTATORS.c.annotator, ANNOTATORS.c.number, ANNOTATORS.c.plan, ANNOTATORS.c.deleted)
    chosen = sa.select(*columns).where(ANNOTATORS.c.annotator.in_(annotators))
    rows = connection.execute(chosen.order_by(ANNOTATORS.c.annotator).with_for_update())  # servers lock in one order
    found = {name: _Locked(*values) for name, *values in rows}
    counts = sa.select(VOTES.c.annotator, sa.func.count()).where(VOTES.c.annotator.in_(annotators))
    for name, count in connection.execute(counts.group_by(VOTES.c.annotator)):
        found[name].votes = count
    return found


def _take(state: Mapping[str, _Locked], vote: Vote) -> Fate:
    """What is to become of a vote; one that is stored is counted."""
    row = state.get(vote.annotator)
    if row is None or row.number is None:
        return Fate.UNKNOWN
    if (vote.trial, vote.plan) != (row.votes, row.plan):
        return Fate.NOT_NEXT
    row.votes += 1
    return Fate.STORED


def _stopped(connection: sa.Connection) -> bool:
    return connection.scalar(sa.select(FACTS.c.value).where(FACTS.c.name == "stopped")) == "yes"


def _exports_of(annotator: str) -> sa.Select:
    joined = sa.join(EXPORTS, EXPORTED)
    wanted = sa.select(EXPORTS.c.place, EXPORTS.c.time).select_from(joined)
    return wanted.where(EXPORTED.c.annotator == annotator).order_by(EXPORTS.c.export)


def _vote(row: Mapping) -> Vote:
    values = {name: TYPES[name](value) if name in TYPES else value for name, value in row.items()}
    return Vote(**{**values, "expected": Choice(row["expected"]) if row["expected"] else None})
