"""`seggroup click --database`: the clicks that people made in the annotator, as files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seggroup.cli.people import open_database
from seggroup.errors import InputError

if TYPE_CHECKING:
    from seggroup.io.reading import Reading
    from seggroup.server.protocol import TrackSummary

_BEST = ("accepted", "submitted")  # whose track is taken where nobody is named, in this order


def export_tracks(
    scenes: Sequence[Path],
    out: Path,
    database: str,
    annotator: str | None,
    authors: bool,
    reading: "Reading",
) -> list[dict[str, Any]]:
    """Write the click file of every scene that somebody has clicked in; a row for each.

    Raises InputError where a scene has several tracks and nothing says which, and where no scene
    has any.
    """
    from seggroup.io.classlist import nyu40
    from seggroup.io.files import atomic
    from seggroup.io.scenes import find_scenes
    from seggroup.io.store import authors_clicks_file, clicks_file
    from seggroup.labels.budget import click_statistics
    from seggroup.pipeline import Loading, load_scene
    from seggroup.server.annotation import clicks_of
    from seggroup.server.files import Made, export

    opened = open_database(database)
    tracks = opened.tracks(now=0)
    listed = reading.classes or nyu40()
    rows: list[dict[str, Any]] = []
    for source in find_scenes(scenes, reading):
        clicked = [track for track in tracks.get(source.name, []) if track.clicks]
        who = chosen(source.name, clicked, annotator)
        if who is None:
            continue
        scene, state = load_scene(source, Loading(truth=False)), opened.state(source.name, who)
        made = export(Made(scene, state, who, listed), "authors" if authors else "clicks")
        name = authors_clicks_file if authors else clicks_file
        with atomic(name(out, source.name)) as file:
            file.write(made.data)
        counts = click_statistics(clicks_of(state), scene)
        rows.append({"scene": source.name, "annotator": who, **counts, "notes": []})
    if not rows:
        whose = f"{annotator} has" if annotator else "nobody has"
        raise InputError(f"{database}: {whose} clicked in these scenes; see seggroup stats")
    return rows


def chosen(scene: str, tracks: Sequence["TrackSummary"], annotator: str | None) -> str | None:
    """Whose track is taken: the named one's, else an accepted, else a submitted, else the only.

    None where there is no such track. Raises InputError where several are equally good.
    """
    if annotator is not None:
        return next((t.annotator for t in tracks if t.annotator == annotator), None)
    best: Sequence[TrackSummary] = tracks
    for status in reversed(_BEST):
        best = [track for track in tracks if track.status == status] or best
    if len(best) > 1:
        names = ", ".join(track.annotator for track in best)
        raise InputError(f"{scene}: several people have clicked ({names}); name one by --annotator")
    return best[0].annotator if best else None
