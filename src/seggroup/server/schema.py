"""The tables of the annotation database, and opening it: SQLite in a file, or PostgreSQL by URL.

The operations are the truth and are only ever appended to; everything else about a track is
who may write now and which scan it was made on.
"""

import errno
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError

from seggroup.errors import InputError

VERSION = 1
BUSY_MS = 30_000  # how long a process waits for another's transaction

tables = MetaData()

meta = Table(
    "meta",
    tables,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# mesh, segments: the scan of the first write. The lease: `client` of `holder`, until (ms).
tracks = Table(
    "tracks",
    tables,
    Column("id", Integer, primary_key=True),
    Column("scene", Text, nullable=False),
    Column("annotator", Text, nullable=False),
    Column("head", Integer, nullable=False, default=0),
    Column("mesh", Text),
    Column("segments", Text),
    Column("client", Text),
    Column("holder", Text),
    Column("until", BigInteger, nullable=False, default=0),
    UniqueConstraint("scene", "annotator"),
)

operations = Table(
    "operations",
    tables,
    Column("track", ForeignKey("tracks.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("active_ms", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("operation", Text, nullable=False),
    UniqueConstraint("track", "id"),
)

users = Table(
    "users",
    tables,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password", Text, nullable=False),
)

# No key of `users`: the one person who came by the token has a session and no password.
sessions = Table(
    "sessions",
    tables,
    Column("digest", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

# The database itself refuses to forget, whoever opens it. SQLite's last one also stops INSERT OR
# REPLACE and gaps; in PostgreSQL a gap can only be made by hand.
_REFUSAL = "operations are only appended to"
_ABORT = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
_IN_TRACK = "FROM operations WHERE track = NEW.track"
_SQLITE_GUARDS = (
    f"CREATE TRIGGER operations_update BEFORE UPDATE ON operations {_ABORT}",
    f"CREATE TRIGGER operations_delete BEFORE DELETE ON operations {_ABORT}",
    "CREATE TRIGGER operations_gap BEFORE INSERT ON operations "
    f"WHEN NEW.seq <> 1 + (SELECT COALESCE(MAX(seq), 0) {_IN_TRACK}) "
    f"OR EXISTS (SELECT 1 {_IN_TRACK} AND id = NEW.id) {_ABORT}",
)
_POSTGRESQL_GUARDS = (
    "CREATE OR REPLACE FUNCTION operations_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$",
    "CREATE TRIGGER operations_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON operations "
    "FOR EACH STATEMENT EXECUTE FUNCTION operations_refuse()",
)
for _dialect, _guards in (("sqlite", _SQLITE_GUARDS), ("postgresql", _POSTGRESQL_GUARDS)):
    for _guard in _guards:
        event.listen(operations, "after_create", DDL(_guard).execute_if(dialect=_dialect))


def open_engine(place: str | Path) -> Engine:
    """An engine with all tables. `place`: a file of SQLite (made where there is none) or a URL.

    Raises InputError for a place that cannot be opened, another kind of database, a missing
    driver, or a database of a newer version.
    """
    url = _url(place)
    shown = url.render_as_string(hide_password=True) if "://" in str(place) else str(place)
    try:
        engine = create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite")
        if url.get_backend_name() == "sqlite":
            _make_private(Path(url.database or ""))
            _prepare_sqlite(engine)
        try:
            _make_tables(engine, shown)
        except IntegrityError:  # PostgreSQL: another process made them at the same moment
            _make_tables(engine, shown)
    except ImportError as error:
        raise InputError(
            f"{shown}: the package {error.name} is needed for PostgreSQL; "
            'install it with pip install "psycopg[binary]"'
        ) from error
    except (DatabaseError, OSError) as error:
        reason = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
        raise InputError(
            f"{shown}: cannot be opened as a database ({reason}); name another file or URL"
        ) from error
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: commits at the end, or leaves everything as it was.

    With SQLite it waits in line behind other threads and processes. Left to itself SQLite has
    waiters sleep and try again, some of them for seconds.
    """
    with ExitStack() as stack:
        if engine.dialect.name == "sqlite":
            line = stack.enter_context(open(f"{engine.url.database}-line", "ab"))
            fcntl.flock(line, fcntl.LOCK_EX)  # ours until the file is closed
        yield stack.enter_context(engine.execution_options(writing=True).begin())


def _url(place: str | Path) -> URL:
    if "://" not in str(place):
        return URL.create("sqlite", database=str(Path(place).absolute()))
    try:
        url = make_url(str(place))
    except ArgumentError as error:
        raise InputError(f"{place}: is not a database URL; use postgresql://…") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        raise InputError(
            f"{url.render_as_string(hide_password=True)}: annotations are kept in a file of "
            "SQLite or in PostgreSQL; use sqlite:///FILE or postgresql://…"
        )
    return url.set(database=str(Path(url.database).absolute()))


def _make_private(path: Path) -> None:
    """Make the file where there is none, for its owner's eyes: it will hold hashed passwords."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)


def _prepare_sqlite(engine: Engine) -> None:
    """Durable and concurrent: a write-ahead log, synced at every commit; writers queue up front.

    A file that was removed or replaced while it was open would take writes and lose them: from
    then on every transaction is refused.
    """
    path = Path(engine.url.database or "")
    opened = path.stat()

    def connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin below, not in the driver
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: past the drive's cache
        connection.execute("PRAGMA foreign_keys = ON")

    def begin(connection: Connection) -> None:
        if not (path.exists() and os.path.samestat(path.stat(), opened)):
            raise OSError(errno.ESTALE, "its file was removed or replaced; start the program again")
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)


def _make_tables(engine: Engine, shown: str) -> None:
    with writing(engine) as connection:
        tables.create_all(connection)
        _check_version(connection, shown)


def _check_version(connection: Connection, shown: str) -> None:
    version = connection.scalar(select(meta.c.value).where(meta.c.key == "version"))
    if version is None:
        connection.execute(insert(meta).values(key="version", value=str(VERSION)))
        connection.execute(insert(meta).values(key="name", value=secrets.token_hex(8)))
    elif version != str(VERSION):
        raise InputError(
            f"{shown}: has version {version} of the annotation tables, this program knows "
            f"{VERSION}; update seggroup"
        )


def database_name(engine: Engine) -> str:
    """The name that a database was given when it was made."""
    with engine.begin() as connection:
        return str(connection.scalar(select(meta.c.value).where(meta.c.key == "name")))
