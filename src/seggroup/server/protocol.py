"""The messages between page and server, as dataclasses; `web/src/protocol.ts` is made from them.

``python -m seggroup.server.typescript`` writes the TypeScript; a test compares it with what is
committed.

Conventions: a *segment* is the segment's id in files (that of `segs.json`), never its dense
number; a *vertex* is its index in the scan's file; an *instance* counts from 0; a *semantic* is
the id of a class in the session's class list, -1 for none; times are milliseconds since 1970 by
the clock of who says it; durations in milliseconds end in ``_ms``, in seconds in ``seconds``.

A *track* is what one annotator does on one scene: an append-only log of entries. The state is
the fold of the log (`seggroup.server.annotation` here, `annotation.ts` in the page).
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

# Bounds of what a client may send; checked before anything is done with it. Long lists fail fast:
# to list the faults of each of their items would take seconds.
Name = Annotated[str, Field(max_length=80)]
Text = Annotated[str, Field(max_length=2000)]
Id = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]
Index = Annotated[int, Field(ge=0, lt=2**31)]
Semantic = Annotated[int, Field(ge=-1, lt=2**31)]
Time = Annotated[int, Field(ge=0, lt=2**53)]
Byte = Annotated[int, Field(ge=0, le=255)]

Role = Literal["annotator", "reviewer", "admin"]
Method = Literal["assign", "walk", "network"]  # of a preview
Status = Literal["new", "started", "submitted", "accepted", "sent back"]


# --- operations: what a log holds -------------------------------------------------------------


@dataclass(frozen=True)
class Click:
    """Label a segment: makes the instance, or adds the segment to it.

    A segment of another instance passes over to this one; a second click in a segment of the
    same instance moves the clicked vertex. The class is that of the instance once it exists.
    """

    kind: Literal["click"]
    vertex: Index
    segment: Index
    instance: Index
    semantic: Semantic


@dataclass(frozen=True)
class Unclick:
    """Take a segment's click away; an instance without clicks is gone."""

    kind: Literal["unclick"]
    segment: Index


@dataclass(frozen=True)
class Classify:
    """Give an instance another class."""

    kind: Literal["classify"]
    instance: Index
    semantic: Semantic


@dataclass(frozen=True)
class Rename:
    """Name an instance; an empty name takes its name away."""

    kind: Literal["rename"]
    instance: Index
    name: Name


@dataclass(frozen=True)
class Recolor:
    """Give an instance a colour (sRGB) in place of its own."""

    kind: Literal["recolor"]
    instance: Index
    color: tuple[Byte, Byte, Byte]


@dataclass(frozen=True)
class Note:
    """Write a note on an instance; an empty text takes it away."""

    kind: Literal["note"]
    instance: Index
    text: Text


@dataclass(frozen=True)
class Merge:
    """Give the clicks of an instance to another, which keeps its class, name and colour."""

    kind: Literal["merge"]
    instance: Index
    into: Index


@dataclass(frozen=True)
class Delete:
    """Take all clicks of an instance away."""

    kind: Literal["delete"]
    instance: Index


@dataclass(frozen=True)
class ImportedClick:
    """A click of an imported file."""

    vertex: Index
    segment: Index
    instance: Index
    semantic: Semantic


@dataclass(frozen=True)
class Import:
    """Take over the clicks of a file, in place of what is there."""

    kind: Literal["import"]
    source: Name
    clicks: Annotated[list[ImportedClick], Field(max_length=20000, fail_fast=True)]


@dataclass(frozen=True)
class Undo:
    """Take back the last edit that is not taken back."""

    kind: Literal["undo"]


@dataclass(frozen=True)
class Redo:
    """Do again the edit that was taken back last; any edit in between ends this."""

    kind: Literal["redo"]


@dataclass(frozen=True)
class Submit:
    """The annotator has finished the scene."""

    kind: Literal["submit"]


@dataclass(frozen=True)
class Accept:
    """A reviewer accepts the track; it takes no edits until it is sent back."""

    kind: Literal["accept"]


@dataclass(frozen=True)
class SendBack:
    """A reviewer asks for more work, and says which."""

    kind: Literal["send back"]
    text: Text


Edit = Click | Unclick | Classify | Rename | Recolor | Note | Merge | Delete | Import
Operation = Annotated[Edit | Undo | Redo | Submit | Accept | SendBack, Field(discriminator="kind")]


@dataclass(frozen=True)
class Draft:
    """An operation as a client sends it.

    id        : made by the client; the same id twice is one entry, so that resending is safe
    at        : when it was done, by the client's clock
    active_ms : active time since the client's previous operation on this track: pauses longer
                than the session's `idle_ms` count as `idle_ms`
    """

    id: Id
    at: Time
    active_ms: Time
    operation: Operation


@dataclass(frozen=True)
class Entry:
    """A line of a track's log. `seq` counts from 1 without gaps; `received`: server's clock."""

    seq: int
    id: str
    author: str
    at: int
    active_ms: int
    received: int
    operation: Operation


# --- reading and writing a track --------------------------------------------------------------


@dataclass(frozen=True)
class Log:
    """Entries after the asked-for one. `head`: seq of the last; 0 for an empty track."""

    head: int
    status: Status
    entries: list[Entry]


@dataclass(frozen=True)
class Write:
    """Append drafts. `client`: the tab that holds the lease; `base`: the head it has seen."""

    client: Id
    base: Index
    drafts: Annotated[list[Draft], Field(min_length=1, max_length=500, fail_fast=True)]


@dataclass(frozen=True)
class Written:
    """Committed: the entries the server made of the drafts, in their order."""

    head: int
    status: Status
    entries: list[Entry]


@dataclass(frozen=True)
class LeaseRequest:
    """Ask for, or go on with, the lease of a track. `take_over` ends another tab's lease."""

    client: Id
    take_over: bool = False


@dataclass(frozen=True)
class Lease:
    """Who may write. `holder`: None when nobody; `expires_in_ms`: asked again well before."""

    yours: bool
    holder: str | None
    expires_in_ms: int


# --- scenes -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClassItem:
    """A class of the list: `color` is sRGB; `synonyms` are for the search."""

    id: int
    name: str
    color: tuple[int, int, int]
    synonyms: list[str]


@dataclass(frozen=True)
class Session:
    """Who is signed in, and what the page needs everywhere.

    users    : whether people sign in by name (several people); else one person by the token
    method   : of a preview that names none
    database : its own name, so that what a browser keeps unsent never reaches another one
    """

    user: str
    role: Role
    users: bool
    classes: list[ClassItem]
    idle_ms: int
    lease_ms: int
    method: Method
    network: bool
    version: str
    database: str


@dataclass(frozen=True)
class Credentials:
    """What a person signs in with."""

    name: Name
    password: Annotated[str, Field(max_length=200)]


@dataclass(frozen=True)
class TrackSummary:
    """A track in the list of scenes. `holder`: who has the lease now."""

    annotator: str
    status: Status
    head: int
    instances: int
    clicks: int
    active_seconds: float
    holder: str | None
    review: str


@dataclass(frozen=True)
class SceneSummary:
    """A scene in the list. `instances`: in the truth, None where there is none."""

    scene: str
    tracks: list[TrackSummary]
    instances: int | None


@dataclass(frozen=True)
class SceneInfo:
    """A scan, opened. `layers`: names of labels that can be shown; "truth" is one of them.

    up : the axis that points up in the file
    """

    scene: str
    vertices: int
    faces: int
    segments: int
    instances: int | None
    layers: list[str]
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    notes: list[str]


@dataclass(frozen=True)
class Part:
    """A connected part of a true instance: its segments, the largest first."""

    segments: list[int]
    vertices: int


@dataclass(frozen=True)
class TrueInstance:
    """A true instance. `largest`: vertices of its largest segment; parts: largest first."""

    instance: int
    semantic: int
    vertices: int
    largest: int
    parts: list[Part]


@dataclass(frozen=True)
class Truth:
    """The true instances; a segment counts for the instance most of its vertices have."""

    instances: list[TrueInstance]


# --- live propagation -------------------------------------------------------------------------


@dataclass(frozen=True)
class PreviewRequest:
    """Spread these clicks; nothing is saved. `method`: the session's where none is named; the
    network takes longer.

    declined : segments that are not to be suggested, nor what they stand for
    doubts   : whether to say which clicks are probably wrong, which takes longer; assign alone can
    """

    clicks: Annotated[list[ImportedClick], Field(max_length=20000, fail_fast=True)]
    method: Method | None = None
    declined: Annotated[list[Index], Field(max_length=20000, fail_fast=True)] | None = None
    doubts: bool = False


@dataclass(frozen=True)
class Suggestion:
    """A place to click next.

    gain   : expected share of the scan's vertices whose label this click settles
    reason : in words, for the annotator
    """

    vertex: int
    segment: int
    gain: float
    reason: str


@dataclass(frozen=True)
class DoubtfulClick:
    """A click that is probably wrong, and why, in words; nothing was overruled."""

    vertex: int
    segment: int
    instance: int
    reason: str


@dataclass(frozen=True)
class PreviewHead:
    """What comes with a preview's arrays (`arrays.ts`): `instance` int32 and `confidence` uint8
    (255 = sure), one a segment in dense order; -1 where nothing is known.

    doubtful : where they were asked for, the likeliest first
    """

    method: Method
    milliseconds: float
    suggestions: list[Suggestion]
    doubtful: list[DoubtfulClick]


@dataclass(frozen=True)
class LayerHead:
    """What comes with a layer's arrays: `instance` int32, `semantic` int32, one a vertex."""

    layer: str


# --- files, agreement, statistics -------------------------------------------------------------


@dataclass(frozen=True)
class ReadClicks:
    """The clicks of an uploaded file, to be imported by an operation; nothing is saved yet."""

    clicks: list[ImportedClick]
    notes: list[str]


@dataclass(frozen=True)
class AgreementPair:
    """Two tracks of a scene compared.

    instances : adjusted Rand index of the spread labels' instances over the vertices
    classes   : share of vertices with one class in both
    """

    first: str
    second: str
    instances: float
    classes: float


@dataclass(frozen=True)
class Agreement:
    """All pairs of tracks of a scene that have clicks."""

    scene: str
    pairs: list[AgreementPair]


@dataclass(frozen=True)
class TrackStats:
    """How long a track took.

    active_seconds       : by the idle rule
    first_click_seconds  : the paper's: from the first click to the submission (or last entry)
    seconds_per_instance : active seconds / instances; None without instances
    """

    scene: str
    annotator: str
    status: Status
    instances: int
    clicks: int
    undone: int
    active_seconds: float
    first_click_seconds: float
    seconds_per_instance: float | None


@dataclass(frozen=True)
class Stats:
    """Of all tracks; minutes per scene are means over tracks with clicks."""

    tracks: list[TrackStats]
    minutes_per_scene: float | None
    paper_minutes_per_scene: float | None


@dataclass(frozen=True)
class Problem:
    """An error by RFC 9457 (`application/problem+json`), with our extensions.

    type   : "about:blank", or one of "stale", "leased", "accepted", "other-segments", "full",
             "token" (not signed in, where one comes in by a printed address and not by name)
    missed : for "stale": the entries after the client's base
    lease  : for "leased": who has it
    """

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    missed: list[Entry] | None = None
    lease: Lease | None = None
