"""What a track cost, on logs whose times can be read off."""

import pytest

from seggroup.server.database import Database, ScanKey
from seggroup.server.protocol import (
    Accept,
    Click,
    Delete,
    Draft,
    Entry,
    Import,
    ImportedClick,
    Note,
    Redo,
    Rename,
    SendBack,
    Submit,
    Undo,
    Write,
)
from seggroup.server.stats import stats, track_stats

START = 1_700_000_000_000
undo = Undo("undo")


def click(segment, instance=0):
    return Click("click", segment, segment, instance, 5)


def log(*rows):
    """Entries from (seconds since the start, active seconds, operation[, author])."""
    return [
        Entry(seq, f"entry-{seq:04}", (*row[3:], "ann")[0], START + int(1000 * row[0]),
              int(1000 * row[1]), START, row[2])
        for seq, row in enumerate(rows, 1)
    ]  # fmt: skip


def test_times_and_counts():
    entries = log(
        (10, 10, Rename("rename", 0, "looked around first")),
        (12, 2, click(1)),
        (15, 3, click(2)),
        (300, 30, click(3, 1)),  # a pause, counted by the idle rule
        (312, 12, Submit("submit")),
    )
    found = track_stats("room", "ann", entries)
    assert (found.scene, found.annotator, found.status) == ("room", "ann", "submitted")
    assert (found.instances, found.clicks, found.undone) == (2, 3, 0)
    assert (found.active_seconds, found.first_click_seconds) == (57, 300)
    assert found.seconds_per_instance == 28.5


def test_what_reviewers_do_and_what_follows_is_not_in_the_paper_s_measure():
    entries = log(
        (0, 1, click(1)),
        (60, 9, Submit("submit")),
        (900, 400, SendBack("send back", "legs"), "rev"),
        (950, 10, Note("note", 0, "legs"), "rev"),
        (2000, 5, click(2)),
        (2010, 5, Submit("submit")),
        (9000, 100, Accept("accept"), "rev"),
    )
    found = track_stats("room", "ann", entries)
    assert (found.active_seconds, found.first_click_seconds) == (20, 60)
    assert found.status == "accepted"


def test_without_submission_the_last_entry_counts():
    found = track_stats("room", "ann", log((0, 0, click(1)), (40, 5, Delete("delete", 0))))
    assert (found.first_click_seconds, found.instances, found.seconds_per_instance) == (40, 0, None)


def test_an_import_is_a_first_click():
    imported = Import("import", "f", [ImportedClick(1, 1, 0, 5)])
    found = track_stats("room", "ann", log((5, 5, imported), (9, 4, Submit("submit"))))
    assert (found.first_click_seconds, found.clicks) == (4, 1)


def test_a_clock_that_went_back_gives_no_negative_time():
    assert track_stats("r", "ann", log((9, 0, click(1)), (1, 0, click(2)))).first_click_seconds == 0


def test_nothing_clicked():
    found = track_stats("room", "ann", log((5, 5, undo)))
    assert (found.first_click_seconds, found.active_seconds, found.undone) == (0, 5, 0)
    assert track_stats("room", "ann", []).status == "new"


@pytest.mark.parametrize(
    ("operations", "undone"),
    [
        ([click(1), click(2), undo], 1),
        ([click(1), click(2), undo, Redo("redo")], 0),
        ([click(1), click(2), undo, click(3)], 1),  # cannot be brought back any more
        ([click(1), undo, undo, undo], 1),
        ([click(1), undo, click(1), undo, click(1)], 2),
        ([click(1), Submit("submit"), undo], 1),
    ],
)
def test_undone_edits(operations, undone):
    found = track_stats("room", "ann", log(*[(i, 1, o) for i, o in enumerate(operations)]))
    assert found.undone == undone


def test_means_over_tracks_with_clicks(tmp_path):
    database = Database(tmp_path / "log.sqlite")
    assert stats(database).minutes_per_scene is None

    def add(scene, *rows):
        drafts = [Draft(e.id, e.at, e.active_ms, e.operation) for e in log(*rows)]
        write = Write("tab-00001", 0, drafts)
        database.append(scene, "ann", "ann", write, ScanKey("m", "s"), START)

    add("a", (0, 60, click(1)), (240, 60, Submit("submit")))
    add("b", (0, 240, click(1)), (120, 0, click(2, 3)))
    add("c", (0, 999, undo))
    found = stats(database)
    assert [track.scene for track in found.tracks] == ["a", "b", "c"]
    assert found.minutes_per_scene == 3
    assert found.paper_minutes_per_scene == 3
    listed = database.tracks(START)
    assert [listed[t.scene][0].active_seconds for t in found.tracks] == [120, 240, 999]
    database.close()
