"""Rows of the tables `tracks` and `operations`, as entries of the log and back."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from seggroup.errors import InputError
from seggroup.server.protocol import Entry, Operation
from seggroup.server.schema import operations, tracks

_OPERATION: TypeAdapter[Operation] = TypeAdapter(Operation)

# Made once: making a statement takes longer than running it.
_TRACK = select(tracks).where(
    tracks.c.scene == bindparam("scene"), tracks.c.annotator == bindparam("annotator")
)
_HELD = _TRACK.with_for_update()
_ALL = select(tracks).order_by(tracks.c.scene, tracks.c.annotator)
_CHANGE = update(tracks).where(tracks.c.id == bindparam("track"))
_RELEASE = (
    update(tracks)
    .where(
        tracks.c.scene == bindparam("of_scene"),
        tracks.c.annotator == bindparam("of_annotator"),
        tracks.c.client == bindparam("former"),
    )
    .values(client=None, holder=None, until=0)
)
_LOG = (
    select(operations)
    .where(operations.c.track == bindparam("track"))
    .where(operations.c.seq > bindparam("after"), operations.c.seq <= bindparam("head"))
    .order_by(operations.c.seq)
)
_KNOWN = _LOG.where(operations.c.id.in_(bindparam("ids", expanding=True)))
_APPEND = insert(operations)


@dataclass(frozen=True)
class Track:
    """A row of `tracks`. mesh, segments: None before the first write.

    client, holder, until : the tab and the person that have the lease, and how long
    """

    id: int
    scene: str
    annotator: str
    head: int
    mesh: str | None
    segments: str | None
    client: str | None
    holder: str | None
    until: int


def find_track(connection: Connection, scene: str, annotator: str) -> Track | None:
    """The track's row, None where there is none."""
    row = connection.execute(_TRACK, {"scene": scene, "annotator": annotator}).one_or_none()
    return None if row is None else Track(*row)


def hold_track(connection: Connection, scene: str, annotator: str) -> Track:
    """The track's row, made where there is none; nobody else changes it until we commit."""
    names = {"scene": scene, "annotator": annotator}
    row = connection.execute(_HELD, names).one_or_none()
    if row is None:
        with suppress(IntegrityError), connection.begin_nested():  # another may make it now, too
            connection.execute(insert(tracks), names)
        row = connection.execute(_HELD, names).one()
    return Track(*row)


def all_tracks(connection: Connection) -> list[Track]:
    """The rows of all tracks, by scene and annotator."""
    return [Track(*row) for row in connection.execute(_ALL)]


def change_track(connection: Connection, track: Track, changes: dict[str, Any]) -> None:
    """Give columns of a track's row other values."""
    connection.execute(_CHANGE, {"track": track.id} | changes)


def release_track(connection: Connection, scene: str, annotator: str, client: str) -> None:
    """End the client's lease of a track, where it has it."""
    connection.execute(_RELEASE, {"of_scene": scene, "of_annotator": annotator, "former": client})


def read_entries(connection: Connection, track: Track, after: int = 0) -> list[Entry]:
    """The entries after `after` up to the head that the row tells.

    Raises InputError where the table holds something else than operations.
    """
    values = {"track": track.id, "after": after, "head": track.head}
    return [_entry(track, row) for row in connection.execute(_LOG, values)]


def known_entries(connection: Connection, track: Track, ids: Sequence[str]) -> dict[str, Entry]:
    """Those of the ids that are in the log, with their entries."""
    values = {"track": track.id, "after": 0, "head": track.head, "ids": ids}
    entries = [_entry(track, row) for row in connection.execute(_KNOWN, values)]
    return {entry.id: entry for entry in entries}


def append_entries(connection: Connection, track: Track, entries: Sequence[Entry]) -> None:
    """Append entries; the head in the track's row is changed by who calls this."""
    rows = [
        {
            "track": track.id,
            "seq": entry.seq,
            "id": entry.id,
            "author": entry.author,
            "at": entry.at,
            "active_ms": entry.active_ms,
            "received": entry.received,
            "operation": _OPERATION.dump_json(entry.operation).decode(),
        }
        for entry in entries
    ]
    connection.execute(_APPEND, rows)


def _entry(track: Track, row: Any) -> Entry:
    try:
        operation = _OPERATION.validate_json(row.operation)
    except ValidationError as error:
        raise InputError(
            f"{track.scene}: entry {row.seq} of {track.annotator} in the database is no "
            "operation; restore the database from a copy"
        ) from error
    return Entry(row.seq, row.id, row.author, row.at, row.active_ms, row.received, operation)
