"""The log of every track in a database: appended, never changed, committed when it is said so.

Several threads and several processes write at once. A write runs in one transaction that holds
the track's row from its first statement on (SQLite: the whole file), so that what it checked is
still so when it commits. Sending the same drafts again appends nothing: a client that heard no
answer just asks again.
"""

import secrets
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from seggroup.errors import InputError
from seggroup.server.accounts import (
    Account,
    fit_name,
    hash_password,
    is_password,
    token_digest,
)
from seggroup.server.annotation import Annotation, replay
from seggroup.server.protocol import (
    Draft,
    Entry,
    Lease,
    LeaseRequest,
    Log,
    Role,
    TrackSummary,
    Write,
    Written,
)
from seggroup.server.refusals import (
    AcceptedError,
    FullError,
    LeasedError,
    OtherScanError,
    ScanKey,
    StaleError,
    check_base,
    check_lease,
    check_scan,
    check_status,
    is_free,
    lease_of_another,
)
from seggroup.server.rows import (
    Track,
    all_tracks,
    append_entries,
    change_track,
    find_track,
    hold_track,
    known_entries,
    read_entries,
    release_track,
)
from seggroup.server.schema import database_name, open_engine, sessions, users, writing

__all__ = [
    "AcceptedError",
    "Account",
    "Database",
    "FullError",
    "LeasedError",
    "OtherScanError",
    "ScanKey",
    "StaleError",
]

FOLDS = 64  # states kept in memory; of the other tracks, only what the list of scenes shows


@dataclass(frozen=True)
class _Fold:
    """A track up to its head. active_ms: of its annotator."""

    state: Annotation
    active_ms: int


class Database:
    """The annotations of all scenes. All methods may be called from several threads at once.

    name : made with the database, by chance, and its own ever after

    Times are milliseconds since 1970. All methods raise FullError where the disk fails.
    """

    def __init__(self, url: str | Path, lease_ms: int = 60_000) -> None:
        """Open a file of SQLite or a URL, as `schema.open_engine` says; raises InputError."""
        self._engine = open_engine(url)
        self.name = database_name(self._engine)
        self._lease_ms = lease_ms
        self._cache = Lock()  # for the two below, of which a track's id is the key
        self._folds: OrderedDict[int, _Fold] = OrderedDict()
        self._summaries: dict[int, TrackSummary] = {}

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    # --- tracks -------------------------------------------------------------------------------

    def read(self, scene: str, annotator: str, after: int = 0) -> Log:
        """The entries after `after`; an empty log where there is no such track."""
        with self._reading() as connection:
            track = find_track(connection, scene, annotator)
            if track is None:
                return Log(0, "new", [])
            fold = self._fold(connection, track)
            return Log(track.head, fold.state.status, read_entries(connection, track, after))

    def state(self, scene: str, annotator: str) -> Annotation:
        """The fold of a track's log; an empty one where there is no such track."""
        with self._reading() as connection:
            track = find_track(connection, scene, annotator)
            return Annotation() if track is None else self._fold(connection, track).state

    def append(
        self,
        scene: str,
        annotator: str,
        author: str,
        write: Write,
        key: ScanKey,
        now: int,
        owner: bool = True,
    ) -> Written:
        """Append the drafts that are not in the log yet, all or none; on disk when it returns.

        owner : False for a reviewer's entries, which need neither the lease nor the newest base.
        Raises, in this order, OtherScanError, LeasedError, AcceptedError and StaleError; none of
        them when all drafts were appended before.
        """
        drafts = {draft.id: draft for draft in write.drafts}
        with self._writing() as connection:
            track = hold_track(connection, scene, annotator)
            known = known_entries(connection, track, list(drafts))
            fold = self._fold(connection, track)
            if fresh := [draft for draft in drafts.values() if draft.id not in known]:
                check_scan(track, key)
                if owner:
                    check_lease(track, write.client, now)
                made = _made(fresh, track.head, author, now)
                fold = _extended(fold, annotator, made)
                changes = {"head": fold.state.head, "mesh": key.mesh, "segments": key.segments}
                if owner:
                    check_base(connection, track, write.base, list(known.values()))
                    changes |= self._leased(write.client, author, now)
                append_entries(connection, track, made)
                change_track(connection, track, changes)
                known |= {entry.id: entry for entry in made}
        self._remember(track, fold)  # now that it is committed
        entries = [known[draft_id] for draft_id in drafts]
        return Written(fold.state.head, fold.state.status, entries)

    def lease(
        self, scene: str, annotator: str, author: str, request: LeaseRequest, now: int
    ) -> Lease:
        """Take, renew or take over the lease of a track; else tell who has it."""
        with self._writing() as connection:
            track = hold_track(connection, scene, annotator)
            if not request.take_over and not is_free(track, request.client, now):
                return lease_of_another(track, now)
            change_track(connection, track, self._leased(request.client, author, now))
        return Lease(True, author, self._lease_ms)

    def release(self, scene: str, annotator: str, client: str) -> None:
        """Give the lease back; nothing happens where the client has none."""
        with self._writing() as connection:
            release_track(connection, scene, annotator, client)

    def tracks(self, now: int) -> dict[str, list[TrackSummary]]:
        """By scene, the tracks that have entries or that somebody is working on."""
        found: dict[str, list[TrackSummary]] = {}
        with self._reading() as connection:
            for track in all_tracks(connection):
                holder = track.holder if track.until > now else None
                if track.head or holder is not None:
                    summary = replace(self._summary(connection, track), holder=holder)
                    found.setdefault(track.scene, []).append(summary)
        return found

    def entries(self) -> Iterator[tuple[str, str, list[Entry]]]:
        """Scene, annotator and log of every track that has entries."""
        with self._reading() as connection:
            found = [track for track in all_tracks(connection) if track.head]
        for track in found:
            with self._reading() as connection:
                log = read_entries(connection, track)
            yield track.scene, track.annotator, log

    def _leased(self, client: str, holder: str, now: int) -> dict[str, str | int]:
        return {"client": client, "holder": holder, "until": now + self._lease_ms}

    def _fold(self, connection: Connection, track: Track) -> _Fold:
        """The fold up to the head that `track` tells; kept, as a log's beginning never changes."""
        with self._cache:
            fold = self._folds.get(track.id)
        if fold is None or fold.state.head > track.head:  # another thread has gone on meanwhile
            fold = _Fold(Annotation(), 0)
        if fold.state.head < track.head:
            missing = read_entries(connection, track, fold.state.head)
            active = fold.active_ms + active_ms(track.annotator, missing)
            fold = _Fold(replay(missing, fold.state), active)
            self._remember(track, fold)
        return fold

    def _remember(self, track: Track, fold: _Fold) -> None:
        with self._cache:
            self._folds[track.id] = fold
            self._folds.move_to_end(track.id)
            while len(self._folds) > FOLDS:
                self._folds.popitem(last=False)

    def _summary(self, connection: Connection, track: Track) -> TrackSummary:
        known = self._summaries.get(track.id)
        if known is None or known.head != track.head:
            known = _summary(track.annotator, self._fold(connection, track))
            self._summaries[track.id] = known
        return known

    # --- people -------------------------------------------------------------------------------

    def add_user(self, name: str, password: str, role: Role) -> None:
        """Add somebody who may sign in.

        Raises InputError for a name that is taken or unfit, or a password that is too short.
        """
        name, stored = fit_name(name), hash_password(password)
        try:
            with self._writing() as connection:
                connection.execute(insert(users).values(name=name, role=role, password=stored))
        except IntegrityError as error:
            raise InputError(f"{name}: is a user already; choose another name") from error

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password and end their sessions; raises InputError."""
        self._set(name, password=hash_password(password))

    def set_role(self, name: str, role: Role) -> None:
        """Give a user another role and end their sessions; raises InputError."""
        self._set(name, role=role)

    def remove_user(self, name: str) -> None:
        """Take a user away and end their sessions; what they did stays. Raises InputError."""
        self._set(name)

    def users(self) -> list[Account]:
        """All users, by name."""
        with self._reading() as connection:
            found = connection.execute(select(users).order_by(users.c.name)).all()
        return [Account(user.name, user.role) for user in found]

    def check(self, name: str, password: str) -> Account | None:
        """The user of that name and password; takes as long for a name that is unknown."""
        user = None
        with suppress(InputError), self._reading() as connection:
            query = select(users).where(users.c.name == fit_name(name))
            user = connection.execute(query).one_or_none()
        if not is_password(password, None if user is None else user.password):
            return None
        return None if user is None else Account(user.name, user.role)

    def open_session(self, account: Account, now: int, hours: int) -> str:
        """A new random token that stands for the account; only its hash is stored."""
        token = secrets.token_urlsafe(32)
        row = {"digest": token_digest(token), "name": account.name, "role": account.role}
        with self._writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires <= now))
            connection.execute(insert(sessions).values(**row, expires=now + hours * 3_600_000))
        return token

    def session(self, token: str, now: int) -> Account | None:
        """Whose session it is; None for an unknown or expired token."""
        query = select(sessions).where(sessions.c.digest == token_digest(token))
        with self._reading() as connection:
            found = connection.execute(query.where(sessions.c.expires > now)).one_or_none()
        return None if found is None else Account(found.name, found.role)

    def close_session(self, token: str) -> None:
        """End a session."""
        with self._writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == token_digest(token)))

    def _set(self, name: str, **changes: str) -> None:
        """Change a user, or without changes remove them; either way their sessions end."""
        name = fit_name(name)
        this = users.c.name == name
        with self._writing() as connection:
            change = update(users).values(**changes) if changes else delete(users)
            if connection.execute(change.where(this)).rowcount == 0:
                raise InputError(f"{name}: is no user; see seggroup users list")
            connection.execute(delete(sessions).where(sessions.c.name == name))

    # --- transactions -------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _failing(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _failing(), writing(self._engine) as connection:
            yield connection


def active_ms(annotator: str, entries: Sequence[Entry]) -> int:
    """The active time of a track's annotator; that of reviewers does not count."""
    return sum(entry.active_ms for entry in entries if entry.author == annotator)


@contextmanager
def _failing() -> Iterator[None]:
    """FullError for what the disk, or the way to the database, does not let us do."""
    try:
        yield
    except (OperationalError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.orig
        raise FullError(str(reason)) from error


def _made(drafts: Sequence[Draft], head: int, author: str, now: int) -> list[Entry]:
    return [
        Entry(head + i, draft.id, author, draft.at, draft.active_ms, now, draft.operation)
        for i, draft in enumerate(drafts, 1)
    ]


def _extended(fold: _Fold, annotator: str, entries: Sequence[Entry]) -> _Fold:
    """The fold with new entries; raises AcceptedError where they may not be."""
    check_status(fold.state.status, [entry.operation for entry in entries])
    active = fold.active_ms + active_ms(annotator, entries)
    return _Fold(replay(entries, fold.state), active)


def _summary(annotator: str, fold: _Fold) -> TrackSummary:
    state, instances = fold.state, fold.state.instances.values()
    return TrackSummary(
        annotator,
        state.status,
        state.head,
        len(instances),
        sum(len(instance.clicks) for instance in instances),
        fold.active_ms / 1000,
        None,
        state.review,
    )
