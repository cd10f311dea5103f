"""What annotating cost: time, clicks, and what was taken back."""

from collections.abc import Sequence
from statistics import fmean

from seggroup.server.annotation import replay
from seggroup.server.database import Database, active_ms
from seggroup.server.protocol import (
    Accept,
    Click,
    Entry,
    Import,
    Redo,
    SendBack,
    Stats,
    Submit,
    TrackStats,
    Undo,
)

_NO_EDIT = Undo | Redo | Submit | Accept | SendBack


def stats(database: Database) -> Stats:
    """The costs of all tracks, and their means in minutes over the tracks that have clicks."""
    tracks = [track_stats(*track) for track in database.entries()]
    clicked = [track for track in tracks if track.clicks]
    if not clicked:
        return Stats(tracks, None, None)
    active = fmean(track.active_seconds for track in clicked) / 60
    return Stats(tracks, active, fmean(track.first_click_seconds for track in clicked) / 60)


def track_stats(scene: str, annotator: str, entries: Sequence[Entry]) -> TrackStats:
    """The costs of one track. undone: edits that do not count at its end."""
    state = replay(entries)
    instances = len(state.instances)
    seconds = active_ms(annotator, entries) / 1000
    return TrackStats(
        scene,
        annotator,
        state.status,
        instances,
        sum(len(instance.clicks) for instance in state.instances.values()),
        sum(not isinstance(entry.operation, _NO_EDIT) for entry in entries) - len(state.done),
        seconds,
        _first_click_seconds(annotator, entries),
        seconds / instances if instances else None,
    )


def _first_click_seconds(annotator: str, entries: Sequence[Entry]) -> float:
    """From the annotator's first click to the first submission after it, or the last entry.

    What is done once a scene is sent back is no part of the paper's measure.
    """
    own = [entry for entry in entries if entry.author == annotator]
    is_click = [isinstance(entry.operation, Click | Import) for entry in own]
    if True not in is_click:
        return 0.0
    work = own[is_click.index(True) :]
    submitted = [entry for entry in work if isinstance(entry.operation, Submit)]
    return max(0, (submitted or work[-1:])[0].at - work[0].at) / 1000
