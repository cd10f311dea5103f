"""Why a write to a track is refused, and the checks that refuse it."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from seggroup.server.protocol import Accept, Entry, Lease, Operation, SendBack, Status
from seggroup.server.rows import Track, read_entries


class StaleError(Exception):
    """The log has entries after the client's base: `missed`, the last of which is `head`."""

    def __init__(self, missed: list[Entry], head: int) -> None:
        super().__init__(f"the track has gone on to entry {head}")
        self.missed, self.head = missed, head


class LeasedError(Exception):
    """Somebody else, or another tab, holds the track's lease."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(f"{lease.holder} is writing to the track")
        self.lease = lease


class AcceptedError(Exception):
    """The track is accepted: it takes no edits until it is sent back."""


class OtherScanError(Exception):
    """The track was made on another mesh or on other segments."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class FullError(Exception):
    """The database could not be written or read (disk full, read-only, I/O): nothing was saved."""


@dataclass(frozen=True)
class ScanKey:
    """The scan a track is made on: `mesh_hash` and `segments_hash` of seggroup.io.clicks."""

    mesh: str
    segments: str


def check_scan(track: Track, key: ScanKey) -> None:
    """OtherScanError unless the track's first write was made on this scan."""
    pairs = (("mesh", track.mesh, key.mesh), ("segments", track.segments, key.segments))
    for what, then, now in pairs:
        if then is not None and then != now:
            raise OtherScanError(
                f"{track.scene}: {track.annotator} began it on other {what} than it has now; "
                "bring the scan's files back, or export these clicks and import them elsewhere"
            )


def is_free(track: Track, client: str, now: int) -> bool:
    """Whether the client may write: it has the lease, or nobody has one that still runs."""
    return track.client in (None, client) or track.until <= now


def lease_of_another(track: Track, now: int) -> Lease:
    """The lease that keeps a client from writing."""
    return Lease(False, track.holder, track.until - now)


def check_lease(track: Track, client: str, now: int) -> None:
    """LeasedError unless the client may write."""
    if not is_free(track, client, now):
        raise LeasedError(lease_of_another(track, now))


def check_status(status: Status, operations: Iterable[Operation]) -> None:
    """AcceptedError for a change of a track that is accepted when the change comes."""
    accepted = status == "accepted"
    for operation in operations:
        if isinstance(operation, Accept | SendBack):
            accepted = isinstance(operation, Accept)
        elif accepted:
            raise AcceptedError("the track is accepted; it must be sent back before it is changed")


def check_base(connection: Connection, track: Track, base: int, known: list[Entry]) -> None:
    """StaleError unless every entry after the client's base is one that it sends again."""
    resent = sum(entry.seq > base for entry in known)
    if base + resent != track.head:
        raise StaleError(read_entries(connection, track, base), track.head)
