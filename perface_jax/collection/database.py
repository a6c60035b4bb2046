"""The tables of a study's votes, and how SQLite and PostgreSQL are opened.

facts               name, value: `stopped`
annotators          one row for each link; a deleted one keeps its pseudonym, so that nobody gets it again
votes               one row for each trial that was answered; none is ever changed
exports, exported   which files were written, and whose votes they hold
"""

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError

SCHEMA = sa.MetaData()
FACTS = sa.Table("facts", SCHEMA, sa.Column("name", sa.String, primary_key=True), sa.Column("value", sa.String))
ANNOTATORS = sa.Table(
    "annotators",
    SCHEMA,
    sa.Column("annotator", sa.String, primary_key=True),
    sa.Column("token", sa.String, unique=True),  # see `keys.stored_form`
    sa.Column("number", sa.Integer, unique=True),  # in the plan; from consent to deletion
    sa.Column("plan", sa.String),
    sa.Column("consent", sa.String),  # which text was agreed to
    sa.Column("consented", sa.String),  # times are in UTC, as in `Vote`
    sa.Column("deleted", sa.String),
)
VOTES = sa.Table(
    "votes",
    SCHEMA,
    sa.Column("annotator", sa.ForeignKey("annotators.annotator"), primary_key=True),
    sa.Column("trial", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("triplet", sa.String, nullable=False),
    sa.Column("choice", sa.String, nullable=False),
    sa.Column("side", sa.String, nullable=False),
    sa.Column("milliseconds", sa.Integer, nullable=False),
    sa.Column("plan", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("share", sa.String, nullable=False),
    sa.Column("expected", sa.String),
    sa.Column("repeat_of", sa.Integer),
    sa.Column("time", sa.String, nullable=False),
)
EXPORTS = sa.Table(
    "exports",
    SCHEMA,
    sa.Column("export", sa.Integer, primary_key=True),
    sa.Column("place", sa.String, nullable=False),
    sa.Column("time", sa.String, nullable=False),
)
EXPORTED = sa.Table(
    "exported",
    SCHEMA,
    sa.Column("export", sa.ForeignKey("exports.export"), primary_key=True),
    sa.Column("annotator", sa.ForeignKey("annotators.annotator"), primary_key=True),
)
PRAGMAS = (
    "journal_mode=WAL",  # readers and the writer do not wait for each other
    "synchronous=FULL",  # a commit is on the disk when it returns
    "foreign_keys=ON",
    "secure_delete=ON",  # what is deleted is overwritten
    "busy_timeout=30000",
)
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
WANTED = "wanted a database such as sqlite:///FILE or postgresql://USER@HOST/NAME"


def open_database(url: str | sa.URL) -> sa.Engine:
    """The database at a URL of SQLAlchemy, with its tables; they are made where they are missing.

    Raises:
      ValueError: no such URL, neither SQLite nor PostgreSQL, or it cannot be opened; the message has no password.
    """
    parsed = _parsed(url)
    engine = sa.create_engine(parsed, pool_pre_ping=parsed.get_backend_name() == "postgresql")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    try:
        SCHEMA.create_all(engine)
    except DBAPIError as error:
        why = " ".join(str(error.orig).split())
        raise ValueError(f"{parsed.render_as_string()} cannot be opened: {why}") from error
    return engine


def writing(engine: sa.Engine) -> sa.Engine:
    """The engine for transactions that write: with SQLite they wait for each other before they read."""
    return engine.execution_options(writes=True)


def _parsed(url: str | sa.URL) -> sa.URL:
    """The URL with the driver that is used, whatever it names."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        raise ValueError(f"{url!r} is no database; {WANTED}") from error
    driver = DRIVERS.get(parsed.get_backend_name())
    if driver is None or not parsed.database:
        raise ValueError(f"{parsed.render_as_string()}: {WANTED}")
    return parsed.set(drivername=driver)


def _prepare(connection, _) -> None:
    connection.isolation_level = None  # transactions begin where we say, and not where the driver thinks they should
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
