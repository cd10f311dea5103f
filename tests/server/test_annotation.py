"""The fold of a log: laws, and the golden logs that the page's twin is tested with."""

import json

import make_golden_logs as logs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from seggroup.server.annotation import Annotation, clicks_of, fold, replay
from seggroup.server.protocol import (
    Accept,
    Classify,
    Click,
    Delete,
    Import,
    ImportedClick,
    Merge,
    Note,
    Operation,
    Recolor,
    Redo,
    Rename,
    SendBack,
    Submit,
    Unclick,
    Undo,
)

laws = settings(deadline=None, max_examples=60)
OPERATION = TypeAdapter(Operation)
few = st.integers(0, 4)
semantic = st.integers(-1, 40)
words = st.text(max_size=8)
color = st.tuples(*[st.integers(0, 255)] * 3)
rows = st.fixed_dictionaries(
    {"vertex": st.integers(0, 9), "segment": few, "instance": few, "semantic": semantic}
)


def kind(name, /, **fields):
    return st.fixed_dictionaries({"kind": st.just(name), **fields})


# Plain values first, which pydantic makes operations of: the run-time type checker draws random
# numbers of its own, which Hypothesis does not want where it makes examples.
edits = st.one_of(
    rows.map(lambda row: {"kind": "click", **row}),
    kind("unclick", segment=few),
    kind("classify", instance=few, semantic=semantic),
    kind("rename", instance=few, name=words),
    kind("recolor", instance=few, color=color),
    kind("note", instance=few, text=words),
    kind("merge", instance=few, into=few),
    kind("delete", instance=few),
    kind("import", source=words, clicks=st.lists(rows, max_size=6)),
).map(OPERATION.validate_python)
undo, redo = Undo("undo"), Redo("redo")
reviews = st.one_of(kind("submit"), kind("accept"), kind("send back", text=words)).map(
    OPERATION.validate_python
)
operations = st.lists(st.one_of(edits, st.just(undo), st.just(redo), reviews), max_size=30)


def log(*chosen):
    return [logs.entry(i, operation) for i, operation in enumerate(chosen, 1)]


def click(segment, instance, vertex=0, semantic=5):
    return Click("click", vertex, segment, instance, semantic)


def instances(*chosen):
    """What the instances are after some operations: number -> {segment: vertex}."""
    return {number: i.clicks for number, i in replay(log(*chosen)).instances.items()}


def slow_replay(entries):
    """Slow twin: which edits count is found first, by their places; then all of them again."""
    done, undone = [], []
    for entry in entries:
        if entry.operation == undo:
            undone += done[-1:]
            done = done[:-1]
        elif entry.operation == redo:
            done += undone[-1:]
            undone = undone[:-1]
        elif not isinstance(entry.operation, Submit | Accept | SendBack):
            done, undone = [*done, entry], []
    owner, made = {}, {}  # segment -> (instance, vertex, when); instance -> class, name, …
    for when, entry in enumerate(done):
        slow_apply(owner, made, entry.operation, when)
    return owner, made, len(done), len(undone)


def slow_apply(owner, made, edit, when):
    """One edit on a table of segments, in place of instances that hold their clicks."""

    def add(vertex, segment, instance, semantic):
        owner[segment] = (instance, vertex)
        made.setdefault(instance, [semantic, "", None, ""])

    match edit:
        case Click():
            add(edit.vertex, edit.segment, edit.instance, edit.semantic)
        case Unclick():
            owner.pop(edit.segment, None)
        case Import():
            owner.clear()
            made.clear()
            for c in edit.clicks:
                add(c.vertex, c.segment, c.instance, c.semantic)
                forget(owner, made)
        case Delete():
            for segment in [s for s, (i, _) in owner.items() if i == edit.instance]:
                del owner[segment]
        case Merge() if {edit.instance, edit.into} <= made.keys():
            for segment, (instance, vertex) in owner.items():
                if instance == edit.instance:
                    owner[segment] = (edit.into, vertex)
        case Classify() | Rename() | Recolor() | Note() if edit.instance in made:
            column, value = {
                "classify": lambda e: (0, e.semantic),
                "rename": lambda e: (1, e.name),
                "recolor": lambda e: (2, e.color),
                "note": lambda e: (3, e.text),
            }[edit.kind](edit)
            made[edit.instance][column] = value
    forget(owner, made)


def forget(owner, made):
    """An instance without clicks is gone."""
    for instance in made.keys() - {i for i, _ in owner.values()}:
        del made[instance]


@laws
@given(operations)
def test_the_fold_agrees_with_its_slow_twin(chosen):
    state = replay(log(*chosen))
    owner, made, done, undone = slow_replay(log(*chosen))
    found = {s: (n, v) for n, i in state.instances.items() for s, v in i.clicks.items()}
    assert found == owner
    columns = {n: [i.semantic, i.name, i.color, i.note] for n, i in state.instances.items()}
    assert columns == made
    assert (len(state.done), len(state.undone)) == (done, undone)


@laws
@given(operations, st.integers(0, 30))
def test_folding_on_is_folding_all(chosen, cut):
    entries = log(*chosen)
    assert replay(entries[cut:], replay(entries[:cut])) == replay(entries) == replay(entries)
    assert replay(entries).head == len(entries)


@laws
@given(operations)
def test_a_segment_belongs_to_one_instance_and_no_instance_is_empty(chosen):
    state = replay(log(*chosen))
    segments = [segment for i in state.instances.values() for segment in i.clicks]
    assert len(segments) == len(set(segments))
    assert all(i.clicks for i in state.instances.values())


@laws
@given(operations, edits)
def test_undo_takes_back_the_last_edit_and_redo_brings_it_again(chosen, edit):
    before, after = replay(log(*chosen)), replay(log(*chosen, edit))
    undone, redone = replay(log(*chosen, edit, undo)), replay(log(*chosen, edit, undo, redo))
    assert undone.instances == before.instances
    assert list(undone.instances) == list(before.instances)
    assert (redone.instances, redone.done) == (after.instances, after.done)
    assert list(redone.instances) == list(after.instances)
    assert redone.undone == ()


@laws
@given(st.lists(edits, max_size=12), st.integers(0, 5))
def test_as_many_undos_as_edits_leave_nothing_and_redos_bring_all(chosen, more):
    undos, redos = [undo] * (len(chosen) + more), [redo] * (len(chosen) + more)
    assert replay(log(*chosen, *undos)).instances == {}
    again = replay(log(*chosen, *undos, *redos))
    assert again.instances == replay(log(*chosen)).instances


@laws
@given(operations, edits)
def test_an_edit_ends_redoing(chosen, edit):
    assert replay(log(*chosen, edit, redo)).instances == replay(log(*chosen, edit)).instances


@laws
@given(operations, edits)
def test_applying_leaves_the_given_instances_alone(chosen, edit):
    state = replay(log(*chosen))
    before = repr(state)
    fold([edit], state.instances)
    assert repr(state) == before


@laws
@given(st.lists(rows, max_size=12, unique_by=lambda row: row["segment"]))
def test_what_is_imported_comes_out_again(chosen):
    classes = {}
    for row in chosen:
        row["semantic"] = classes.setdefault(row["instance"], row["semantic"])
    imported = Import("import", "f", [ImportedClick(**row) for row in chosen])
    clicks = clicks_of(replay(log(click(0, 9), imported)))
    found = zip(clicks.vertex, clicks.instance, clicks.semantic, strict=True)
    assert sorted(found) == sorted((r["vertex"], r["instance"], r["semantic"]) for r in chosen)
    assert (np.diff(clicks.instance) >= 0).all()


@laws
@given(st.lists(rows, max_size=12))
def test_an_import_is_clicking_row_after_row(chosen):
    """In the order of the instances and of their clicks, too."""
    imported = Import("import", "f", [ImportedClick(**row) for row in chosen])
    clicks = [Click("click", **row) for row in chosen]
    one, other = replay(log(click(0, 9), imported)), replay(log(*clicks))
    assert logs.state_of(one)["instances"] == logs.state_of(other)["instances"]


def test_a_click_on_another_instance_s_segment_passes_it_over():
    assert instances(click(1, 0), click(2, 0), click(1, 3)) == {0: {2: 0}, 3: {1: 0}}
    assert instances(click(1, 0), click(1, 3)) == {3: {1: 0}}
    assert instances(click(1, 0, vertex=4), click(1, 0, vertex=6)) == {0: {1: 6}}


def test_a_merged_instance_keeps_the_other_s_class_name_and_colour():
    chair, part = click(1, 0, semantic=5), click(2, 1, semantic=7)
    state = replay(log(chair, part, Rename("rename", 0, "a"), Merge("merge", 1, 0)))
    assert list(state.instances) == [0]
    assert (state.instances[0].semantic, state.instances[0].name) == (5, "a")
    assert state.instances[0].clicks == {1: 0, 2: 0}
    assert instances(chair, Merge("merge", 0, 8)) == {0: {1: 0}}
    assert instances(chair, Merge("merge", 8, 0)) == {0: {1: 0}}


@pytest.mark.parametrize(
    ("chosen", "status", "review"),
    [
        ([], "new", ""),
        ([undo, redo], "new", ""),
        ([click(1, 0)], "started", ""),
        ([click(1, 0), Submit("submit")], "submitted", ""),
        ([click(1, 0), Submit("submit"), click(2, 0)], "started", ""),
        ([Submit("submit"), SendBack("send back", "legs")], "sent back", "legs"),
        ([SendBack("send back", "legs"), click(1, 0)], "sent back", "legs"),
        ([SendBack("send back", "legs"), Submit("submit"), Accept("accept")], "accepted", ""),
    ],
)
def test_status(chosen, status, review):
    state = replay(log(*chosen))
    assert (state.status, state.review) == (status, review)


def test_clicks_of_nothing():
    assert len(clicks_of(Annotation())) == 0


def test_the_golden_logs_are_current():
    committed = json.loads(logs.FILE.read_text(encoding="utf-8"))
    assert committed == logs.golden(), "run python tests/server/make_golden_logs.py"


def test_the_golden_states_are_the_folds_of_the_golden_logs():
    for golden in json.loads(logs.FILE.read_text(encoding="utf-8")):
        entries = logs.ENTRIES.validate_python(golden["entries"])
        assert logs.state_of(replay(entries)) == golden["state"]
