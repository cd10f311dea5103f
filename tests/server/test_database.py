"""The log in a database: what it takes, what it refuses, and what it does when the disk fails."""

import os
import resource
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.schema import CreateTable

from seggroup.errors import InputError
from seggroup.server import accounts, rows, schema
from seggroup.server.annotation import replay
from seggroup.server.database import (
    AcceptedError,
    Account,
    Database,
    FullError,
    LeasedError,
    OtherScanError,
    ScanKey,
    StaleError,
)
from seggroup.server.protocol import (
    Accept,
    Click,
    Draft,
    Import,
    ImportedClick,
    Lease,
    LeaseRequest,
    Note,
    SendBack,
    Submit,
    Undo,
    Write,
)

KEY = ScanKey("mesh", "segments")
TAB, OTHER = "tab-00001", "tab-00002"
NOW = 1_700_000_000_000
HOUR = 3_600_000
POSTGRESQL = "SEGGROUP_POSTGRESQL"


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "log.sqlite")
    yield opened
    opened.close()


def draft(number, operation=None):
    click = Click("click", number, number, number % 5, 3)
    return Draft(f"draft-{number:05}", NOW + number, 100, operation or click)


def add(database, base, *drafts, client=TAB, now=NOW, scene="room", key=KEY):
    return database.append(scene, "ann", "ann", Write(client, base, list(drafts)), key, now)


def review(database, number, operation):
    write = Write(OTHER, 0, [draft(number, operation)])
    return database.append("room", "ann", "rev", write, KEY, NOW, owner=False)


def request(client=TAB, take_over=False):
    return LeaseRequest(client, take_over)


# --- appending --------------------------------------------------------------------------------


def test_what_is_appended_is_read_again(database, tmp_path):
    written = add(database, 0, draft(1), draft(2))
    assert [(e.seq, e.id, e.author) for e in written.entries] == [
        (1, "draft-00001", "ann"),
        (2, "draft-00002", "ann"),
    ]
    assert (written.head, written.status) == (2, "started")
    log = database.read("room", "ann")
    assert (log.head, log.status, log.entries) == (2, "started", written.entries)
    assert database.read("room", "ann", after=1).entries == written.entries[1:]
    assert database.state("room", "ann") == replay(written.entries)
    database.close()
    assert Database(tmp_path / "log.sqlite").read("room", "ann") == log


def test_a_track_that_is_not_there_is_empty(database):
    assert database.read("room", "ann", after=7).entries == []
    assert database.state("room", "ann").head == 0
    assert database.tracks(NOW) == {}
    database.release("room", "ann", TAB)


def test_sending_again_appends_nothing(database):
    first = add(database, 0, draft(1), draft(2))
    assert add(database, 0, draft(1), draft(2)) == first
    assert add(database, 99, draft(2), client=OTHER, key=ScanKey("x", "y")).head == 2
    more = add(database, 0, draft(1), draft(2), draft(3))
    assert [e.seq for e in more.entries] == [1, 2, 3]
    assert [e.seq for e in add(database, 3, draft(4), draft(4)).entries] == [4]


def test_a_stale_write_is_told_what_it_missed(database):
    add(database, 0, draft(1), draft(2))
    with pytest.raises(StaleError) as stale:
        add(database, 1, draft(3))
    assert stale.value.head == 2
    assert [e.id for e in stale.value.missed] == ["draft-00002"]
    with pytest.raises(StaleError) as ahead:
        add(database, 5, draft(3))
    assert (ahead.value.missed, ahead.value.head) == ([], 2)
    assert add(database, stale.value.head, draft(3)).head == 3


def test_a_write_that_is_partly_known_is_stale_only_for_what_others_wrote(database):
    add(database, 0, draft(1))
    review(database, 2, Note("note", 1, "look"))
    add(database, 2, draft(3))
    with pytest.raises(StaleError) as stale:
        add(database, 1, draft(3), draft(4))
    assert [e.id for e in stale.value.missed] == ["draft-00002", "draft-00003"]
    assert add(database, 2, draft(3), draft(4)).head == 4


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(1, 4), max_size=6), lost=st.lists(st.booleans(), min_size=6))
def test_a_client_that_rebases_and_resends_loses_and_doubles_nothing(sizes, lost, tmp_path_factory):
    """Answers get lost, another client writes in between: all arrives once and in order."""
    database = Database(tmp_path_factory.mktemp("law") / "log.sqlite")
    wanted, base, number = [], 0, 0
    for size, gone in zip(sizes, lost, strict=False):
        drafts = [draft(number + i) for i in range(size)]
        number += size
        wanted += [d.id for d in drafts]
        if gone:
            add(database, database.read("room", "ann").head, drafts[0])  # its answer never came
            review(database, 1000 + number, Note("note", 1, ""))
        try:
            base = add(database, base, *drafts).head
        except StaleError as stale:
            base = add(database, stale.head, *drafts).head
    entries = database.read("room", "ann").entries
    assert [e.id for e in entries if e.author == "ann"] == wanted
    assert [e.seq for e in entries] == list(range(1, len(entries) + 1))
    database.close()


@pytest.mark.parametrize("key", [ScanKey("other", "segments"), ScanKey("mesh", "other")])
def test_another_scan_is_refused(database, key):
    add(database, 0, draft(1))
    with pytest.raises(OtherScanError, match="room: ann began it on other"):
        add(database, 1, draft(2), key=key)
    assert database.read("room", "ann").head == 1


def test_an_accepted_track_takes_no_edits_until_it_is_sent_back(database):
    add(database, 0, draft(1), draft(2, Submit("submit")))
    assert review(database, 3, Accept("accept")).status == "accepted"
    for operation in (None, Undo("undo"), Submit("submit")):
        with pytest.raises(AcceptedError):
            add(database, 3, draft(4, operation))
    with pytest.raises(AcceptedError):
        review(database, 4, Note("note", 1, "late"))
    assert review(database, 5, SendBack("send back", "legs")).status == "sent back"
    assert add(database, 4, draft(6)).head == 5


def test_a_write_is_taken_whole_or_not_at_all(database):
    drafts = [draft(1), draft(2, Accept("accept")), draft(3)]
    with pytest.raises(AcceptedError):
        database.append("room", "ann", "rev", Write(TAB, 0, drafts), KEY, NOW, owner=False)
    assert database.read("room", "ann").entries == []
    assert add(database, 0, draft(1)).head == 1


def test_a_reviewer_needs_neither_lease_nor_base(database):
    add(database, 0, draft(1))
    assert review(database, 2, Note("note", 1, "look")).head == 2
    assert add(database, 2, draft(3)).head == 3  # the annotator's lease still runs


@pytest.mark.parametrize(
    "name",
    ["", "../../etc", "'; DROP TABLE tracks; --", "Büro № 2", "a\nb", "%s {0} :x ?", "x" * 999],
)
def test_names_are_data(database, name):
    assert add(database, 0, draft(1), scene=name).head == 1
    database.append(name, name, name, Write(TAB, 0, [draft(1)]), KEY, NOW)
    assert {track.annotator for track in database.tracks(NOW)[name]} == {"ann", name}
    assert database.tracks(NOW)[name][0].holder in (name, "ann")


def test_a_large_import_comes_back(database):
    clicks = [ImportedClick(i, i, i % 50, 2**31 - 1) for i in range(20_000)]
    add(database, 0, draft(1, Import("import", "f\0\x7f", clicks)))
    assert database.read("room", "ann").entries[0].operation.clicks == clicks


# --- leases -----------------------------------------------------------------------------------


def test_one_tab_has_the_lease_until_it_times_out(database):
    assert database.lease("room", "ann", "ann", request(), NOW) == Lease(True, "ann", 60_000)
    refused = database.lease("room", "ann", "bob", request(OTHER), NOW + 20_000)
    assert refused == Lease(False, "ann", 40_000)
    with pytest.raises(LeasedError) as leased:
        add(database, 0, draft(1), client=OTHER, now=NOW + 59_999)
    assert leased.value.lease == Lease(False, "ann", 1)
    assert add(database, 0, draft(1), client=OTHER, now=NOW + 60_000).head == 1
    with pytest.raises(LeasedError):
        add(database, 1, draft(2), now=NOW + 60_001)


def test_a_write_takes_a_free_lease_and_renews_its_own(database):
    add(database, 0, draft(1))
    add(database, 1, draft(2), now=NOW + 50_000)
    assert not database.lease("room", "ann", "ann", request(OTHER), NOW + 109_999).yours
    assert database.lease("room", "ann", "ann", request(OTHER), NOW + 110_000).yours


def test_a_lease_can_be_taken_over_and_given_back(database):
    add(database, 0, draft(1))
    assert database.lease("room", "ann", "bob", request(OTHER, take_over=True), NOW).yours
    with pytest.raises(LeasedError, match="bob is writing"):
        add(database, 1, draft(2))
    database.release("room", "ann", TAB)  # has none: nothing happens
    assert not database.lease("room", "ann", "ann", request(), NOW).yours
    database.release("room", "ann", OTHER)
    assert add(database, 1, draft(2)).head == 2


# --- the list of scenes -----------------------------------------------------------------------


def test_the_list_of_tracks(database):
    add(database, 0, draft(1), draft(2), draft(6))
    database.append("room", "bob", "bob", Write(OTHER, 0, [draft(1)]), KEY, NOW - 90_000)
    database.append("room", "bob", "rev", Write(OTHER, 0, [draft(2, SendBack("send back", "no"))]),
                    KEY, NOW, owner=False)  # fmt: skip
    database.lease("attic", "cho", "cho", request(), NOW)
    found = database.tracks(NOW)
    assert list(found) == ["attic", "room"]
    ann, bob = found["room"]
    assert (ann.annotator, ann.head, ann.instances, ann.clicks) == ("ann", 3, 2, 3)
    assert (ann.active_seconds, ann.holder, ann.status) == (0.3, "ann", "started")
    assert (bob.holder, bob.review, bob.status, bob.active_seconds) == (
        None,
        "no",
        "sent back",
        0.1,
    )
    assert (found["attic"][0].head, found["attic"][0].holder) == (0, "cho")
    assert "attic" not in database.tracks(NOW + HOUR)


def test_the_list_follows_what_other_processes_write(database, tmp_path):
    add(database, 0, draft(1))
    assert database.tracks(NOW)["room"][0].clicks == 1
    with_other = Database(tmp_path / "log.sqlite")
    add(with_other, 1, draft(2))
    assert database.tracks(NOW)["room"][0].clicks == 2
    assert database.state("room", "ann") == with_other.state("room", "ann")
    with_other.close()


def test_entries_are_those_of_all_tracks(database):
    add(database, 0, draft(1))
    add(database, 0, draft(1), draft(2), scene="attic")
    database.lease("empty", "ann", "ann", request(), NOW)
    assert [(s, a, len(log)) for s, a, log in database.entries()] == [
        ("attic", "ann", 2),
        ("room", "ann", 1),
    ]


def test_more_tracks_than_are_kept_in_memory(database, monkeypatch):
    monkeypatch.setattr("seggroup.server.database.FOLDS", 2)
    for turn in range(3):
        for scene in "abcd":
            add(database, turn, draft(turn), scene=scene)
    assert all(len(database.state(scene, "ann").done) == 3 for scene in "abcd")


# --- several threads and processes ------------------------------------------------------------


def in_threads(count, work):
    failures = []

    def run(number):
        try:
            work(number)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def push(database, numbers):
    """Append to one track beside others, rebasing as a client does."""
    base = 0
    for number in numbers:
        while True:
            try:
                base = add(database, base, draft(number)).head
                break
            except StaleError as stale:
                base = stale.head


def test_eight_threads_on_one_track_leave_no_gap(database):
    work = lambda number: push(database, range(100 * number, 100 * number + 15))  # noqa: E731
    assert in_threads(8, work) == []
    entries = database.read("room", "ann").entries
    assert [e.seq for e in entries] == list(range(1, 121))
    for number in range(8):  # each thread's own are in its order
        own = [e.id for e in entries if int(e.id[6:]) // 100 == number]
        assert own == [f"draft-{i:05}" for i in range(100 * number, 100 * number + 15)]
    assert database.state("room", "ann") == replay(entries)


def test_two_processes_on_one_new_file(tmp_path):
    code = (
        "import sys; from pathlib import Path; sys.path.append(sys.argv[3]);"
        "from test_database import *; database = Database(Path(sys.argv[1]));"
        "push(database, range(int(sys.argv[2]), int(sys.argv[2]) + 40)); database.close()"
    )
    file, here = tmp_path / "log.sqlite", os.path.dirname(__file__)
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(file), str(start), here])
        for start in (0, 100)
    ]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    database = Database(file)
    entries = database.read("room", "ann").entries
    assert [e.seq for e in entries] == list(range(1, 81))
    assert len({e.id for e in entries}) == 80
    database.close()


# --- the file itself --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE operations SET author = 'eve'",
        "DELETE FROM operations",
        "INSERT OR REPLACE INTO operations SELECT * FROM operations",
        "INSERT OR REPLACE INTO operations SELECT track, 2, id, author, at, active_ms, received, "
        "operation FROM operations",
        "INSERT INTO operations SELECT track, 3, 'x', author, at, active_ms, received, operation "
        "FROM operations",
    ],
)
def test_the_file_refuses_to_forget(database, tmp_path, statement):
    add(database, 0, draft(1))
    connection = sqlite3.connect(tmp_path / "log.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="only appended to"):
        connection.execute(statement)
    connection.close()


def test_every_connection_syncs_each_commit(database, tmp_path):
    with database._engine.connect() as connection:
        values = {
            pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": schema.BUSY_MS,
    }
    assert (tmp_path / "log.sqlite").stat().st_mode & 0o077 == 0


def test_a_newer_version_is_refused_and_left_alone(database, tmp_path):
    database.close()
    connection = sqlite3.connect(tmp_path / "log.sqlite")
    connection.execute("UPDATE meta SET value = '2'")
    connection.execute("DROP TABLE sessions")
    connection.commit()
    with pytest.raises(InputError, match=r"log\.sqlite: has version 2 .* update seggroup"):
        Database(tmp_path / "log.sqlite")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "sessions" not in tables
    connection.close()


def test_what_is_no_database_is_refused(tmp_path):
    (tmp_path / "text").write_text("no database at all" * 100)
    with pytest.raises(InputError, match="text: cannot be opened as a database"):
        Database(tmp_path / "text")
    with pytest.raises(InputError, match="cannot be opened as a database"):
        Database(tmp_path)
    with pytest.raises(InputError, match="cannot be opened as a database"):
        Database(tmp_path / "text" / "log.sqlite")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "a file of SQLite"),
        ("sqlite:///:memory:", "a file of SQLite"),
        ("mysql://me:secret@host/x", r"mysql://me:\*\*\*@host/x: annotations are kept in"),
        ("nonsense://", "a file of SQLite"),
        ("://", "is not a database URL"),
    ],
)
def test_other_databases_are_refused(url, message):
    with pytest.raises(InputError, match=message):
        Database(url)


def test_postgresql_without_its_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match=r'\*\*\*@host.* psycopg .* pip install "psycopg'):
        Database("postgresql://me:secret@host/annotations")


def test_folders_are_made_and_urls_name_files(tmp_path):
    Database(tmp_path / "a/b/log.sqlite").close()
    database = Database(f"sqlite:///{tmp_path}/a/b/log.sqlite")
    assert add(database, 0, draft(1)).head == 1
    database.close()


def test_the_tables_and_statements_are_postgresql_s_too():
    dialect = postgresql.dialect()
    made = [
        str(CreateTable(table).compile(dialect=dialect)) for table in schema.tables.sorted_tables
    ]
    assert len(made) == 5
    assert any("id SERIAL NOT NULL" in sql and "until BIGINT" in sql for sql in made)
    assert "FOR UPDATE" in str(rows._HELD.compile(dialect=dialect))
    for statement in (rows._TRACK, rows._ALL, rows._LOG, rows._KNOWN, rows._APPEND, rows._CHANGE):
        assert statement.compile(dialect=dialect)


def test_a_postgresql_takes_the_same_log():
    """Where SEGGROUP_POSTGRESQL names an empty database and psycopg is installed."""
    if POSTGRESQL not in os.environ:
        pytest.skip(f"{POSTGRESQL} names no database")
    opened = []
    assert in_threads(4, lambda _: opened.append(Database(os.environ[POSTGRESQL]))) == []
    assert in_threads(4, lambda n: push(opened[n], range(100 * n, 100 * n + 15))) == []
    entries = opened[0].read("room", "ann").entries
    assert [e.seq for e in entries] == list(range(1, 61))
    assert all(database.state("room", "ann") == replay(entries) for database in opened)
    for statement in ("DELETE FROM operations", "UPDATE operations SET seq = 0"):
        with pytest.raises(DBAPIError, match="only appended to"), opened[0]._engine.begin() as c:
            c.exec_driver_sql(statement)
    for database in opened:
        database.close()


def test_an_entry_that_is_no_operation_is_named(database):
    add(database, 0, draft(1))
    with schema.writing(database._engine) as connection:
        row = {"track": 1, "seq": 2, "id": "x", "author": "a", "at": 0, "active_ms": 0}
        connection.execute(rows._APPEND, row | {"received": 0, "operation": '{"kind": "nonsense"}'})
        connection.execute(schema.tracks.update().values(head=2))
    with pytest.raises(InputError, match="room: entry 2 of ann"):
        database.read("room", "ann")


# --- failing disks ----------------------------------------------------------------------------


@contextmanager
def files_no_larger_than(size):
    """What a full disk does to a process: the system refuses to let its files grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more(database, tmp_path):
    add(database, 0, draft(1))
    room = (tmp_path / "log.sqlite-wal").stat().st_size
    import_ = Import("import", "f", [ImportedClick(i, i, 1, 1) for i in range(2000)])
    with files_no_larger_than(room + 5000), pytest.raises(FullError):
        add(database, 1, draft(2, import_))
    assert database.read("room", "ann").head == 1
    assert database.state("room", "ann").head == 1
    assert add(database, 1, draft(2, import_)).head == 2
    database.close()
    again = Database(tmp_path / "log.sqlite")
    assert [e.id for e in again.read("room", "ann").entries] == ["draft-00001", "draft-00002"]
    again.close()


def test_a_full_database(database):
    add(database, 0, draft(1))
    with database._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(FullError, match="full"):
        push(database, range(2, 500))
    head = database.read("room", "ann").head
    assert 1 < head < 499
    with database._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert add(database, head, draft(500)).head == head + 1


def test_a_read_only_database(database):
    add(database, 0, draft(1))
    with database._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(FullError, match="readonly"):
        add(database, 1, draft(2))
    assert database.read("room", "ann").head == 1


# --- people -----------------------------------------------------------------------------------


@pytest.fixture
def cheap(monkeypatch):
    monkeypatch.setattr(accounts, "COST", 16)


def test_the_cost_of_a_password_stands_with_it():
    stored = accounts.hash_password("long enough")
    assert stored.startswith("scrypt$32768$8$3$")
    assert accounts.is_password("long enough", stored)


@pytest.mark.usefixtures("cheap")
class TestPeople:
    def test_users(self, database):
        database.add_user("Zoë", "correct horse", "reviewer")
        database.add_user("ann", "battery staple", "annotator")
        assert database.users() == [Account("Zoë", "reviewer"), Account("ann", "annotator")]
        assert database.check("Zoë", "correct horse") == Account("Zoë", "reviewer")
        assert database.check("Zoe\u0308", "correct horse") == Account("Zoë", "reviewer")
        assert database.check("Zoë", "battery staple") is None
        assert database.check("nobody", "correct horse") is None
        assert database.check("\ud800", "\ud800") is None

    def test_no_password_is_stored(self, database):
        database.add_user("ann", "battery staple", "annotator")
        database.add_user("bob", "battery staple", "annotator")
        with database._engine.connect() as connection:
            stored = connection.scalars(select(schema.users.c.password)).all()
        assert len(set(stored)) == 2  # salted
        assert "battery" not in "".join(stored)

    @pytest.mark.parametrize("name", ["", " ann", "a\nb", "a\x00", "x" * 81, "\u202eann", "\ud800"])
    def test_unfit_names(self, database, name):
        with pytest.raises(InputError, match="is no user's name"):
            database.add_user(name, "long enough", "admin")

    def test_short_passwords_and_taken_names(self, database):
        with pytest.raises(InputError, match="7 characters; use at least 8"):
            database.add_user("ann", "1234567", "admin")
        database.add_user("ann", "12345678", "annotator")
        with pytest.raises(InputError, match="ann: is a user already"):
            database.add_user("ann", "87654321", "admin")
        with pytest.raises(InputError, match="use at least 8"):
            database.set_password("ann", "")
        assert database.check("ann", "12345678") == Account("ann", "annotator")

    def test_who_is_no_user_cannot_be_changed(self, database):
        for change in (
            lambda: database.set_password("ann", "12345678"),
            lambda: database.set_role("ann", "admin"),
            lambda: database.remove_user("ann"),
        ):
            with pytest.raises(InputError, match="ann: is no user"):
                change()

    def test_sessions_expire_and_close(self, database):
        account = Account("ann", "annotator")
        token = database.open_session(account, NOW, hours=2)
        assert database.session(token, NOW + 2 * HOUR - 1) == account
        assert database.session(token, NOW + 2 * HOUR) is None
        assert database.session("x", NOW) is None
        assert database.session("\ud800", NOW) is None
        other = database.open_session(account, NOW + 3 * HOUR, hours=2)
        assert database.session(token, NOW) is None  # the expired one is gone
        database.close_session(other)
        assert database.session(other, NOW) is None

    def test_only_a_token_s_hash_is_stored(self, database, tmp_path):
        token = database.open_session(Account("ann", "admin"), NOW, hours=2)
        assert len(token) >= 40
        stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert b"ann" in stored
        assert token.encode() not in stored

    def test_another_role_or_password_ends_sessions(self, database):
        database.add_user("ann", "12345678", "annotator")
        database.add_user("bob", "12345678", "annotator")
        for change in (
            lambda: database.set_role("ann", "reviewer"),
            lambda: database.set_password("ann", "87654321"),
            lambda: database.remove_user("ann"),
        ):
            token = database.open_session(Account("ann", "annotator"), NOW, hours=2)
            kept = database.open_session(Account("bob", "annotator"), NOW, hours=2)
            change()
            assert database.session(token, NOW) is None
            assert database.session(kept, NOW) is not None
        assert database.users() == [Account("bob", "annotator")]
        assert database.check("ann", "87654321") is None


def test_foreign_keys_hold(database):
    row = {"track": 7, "seq": 1, "id": "x", "author": "a", "at": 0, "active_ms": 0}
    with pytest.raises(IntegrityError), schema.writing(database._engine) as connection:
        connection.execute(rows._APPEND, row | {"received": 0, "operation": "{}"})
