"""The state of a track: the fold of its log. `web/src/annotation.ts` is its twin.

Edits stand on a stack; an undo moves the last to a second stack, a redo moves it back, an edit
empties the second. The state is the edits of the first stack applied in order. Every log has a
state: an edit of an instance that is not there changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from seggroup.server.protocol import (
    Accept,
    Classify,
    Click,
    Delete,
    Edit,
    Entry,
    Import,
    ImportedClick,
    Merge,
    Note,
    Recolor,
    Redo,
    Rename,
    SendBack,
    Status,
    Submit,
    Unclick,
    Undo,
)
from seggroup.types import Clicks


@dataclass(frozen=True)
class Instance:
    """An annotated instance. clicks: segment id -> clicked vertex, in the order of clicking."""

    semantic: int
    clicks: dict[int, int]
    name: str = ""
    color: tuple[int, int, int] | None = None
    note: str = ""


@dataclass(frozen=True)
class Annotation:
    """A track's state: the instances by number, in the order they were made.

    done, undone : the edits that count, and those that a redo brings back (the last first)
    review       : what the reviewer wrote when it was sent back
    """

    head: int = 0
    status: Status = "new"
    review: str = ""
    instances: dict[int, Instance] = field(default_factory=dict)
    done: tuple[Entry, ...] = ()
    undone: tuple[Entry, ...] = ()


def replay(entries: Iterable[Entry], start: Annotation | None = None) -> Annotation:
    """The state after `entries`, from `start` (an empty track)."""
    state = start or Annotation()
    for entry in entries:
        state = replace(_step(state, entry), head=entry.seq)
    return state


def _step(state: Annotation, entry: Entry) -> Annotation:
    match entry.operation:
        case Submit():
            return replace(state, status="submitted")
        case Accept():
            return replace(state, status="accepted", review="")
        case SendBack(text=text):
            return replace(state, status="sent back", review=text)
        case Undo():
            if not state.done:
                return state
            done, undone = state.done[:-1], (*state.undone, state.done[-1])
            return replace(_begun(state), instances=_fold(done), done=done, undone=undone)
        case Redo():
            if not state.undone:
                return state
            last = state.undone[-1]
            instances = apply(state.instances, last.operation)  # type: ignore[arg-type]
            done, undone = (*state.done, last), state.undone[:-1]
            return replace(_begun(state), instances=instances, done=done, undone=undone)
        case edit:
            instances = apply(state.instances, edit)
            done = (*state.done, entry)
            return replace(_begun(state), instances=instances, done=done, undone=())


def _begun(state: Annotation) -> Annotation:
    """A new or submitted track is being worked on again; one sent back stays so."""
    return state if state.status == "sent back" else replace(state, status="started")


def _fold(done: Iterable[Entry]) -> dict[int, Instance]:
    instances: dict[int, Instance] = {}
    for entry in done:
        instances = apply(instances, entry.operation)  # type: ignore[arg-type]
    return instances


def apply(instances: dict[int, Instance], edit: Edit) -> dict[int, Instance]:
    """The instances after one edit; the given ones are left as they are."""
    match edit:
        case Click(vertex=vertex, segment=segment, instance=number, semantic=semantic):
            return _click(instances, number, semantic, segment, vertex)
        case Unclick(segment=segment):
            return _without(instances, segment)
        case Import(clicks=rows):
            return _imported(rows)
        case Delete(instance=number):
            return {n: i for n, i in instances.items() if n != number}
        case Merge(instance=number, into=into):
            if number == into or not {number, into} <= instances.keys():
                return instances
            clicks = instances[into].clicks | instances[number].clicks
            rest = {n: i for n, i in instances.items() if n != number}
            return rest | {into: replace(instances[into], clicks=clicks)}
        case Classify(instance=number, semantic=semantic):
            return _change(instances, number, semantic=semantic)
        case Rename(instance=number, name=name):
            return _change(instances, number, name=name)
        case Recolor(instance=number, color=color):
            return _change(instances, number, color=color)
        case Note(instance=number, text=text):
            return _change(instances, number, note=text)


def _click(
    instances: dict[int, Instance], number: int, semantic: int, segment: int, vertex: int
) -> dict[int, Instance]:
    old = instances.get(number)
    if old is None or segment not in old.clicks:
        instances = _without(instances, segment)
        old = instances.get(number)
    new = old or Instance(semantic, {})
    return instances | {number: replace(new, clicks=new.clicks | {segment: vertex})}


def _imported(rows: list[ImportedClick]) -> dict[int, Instance]:
    """What clicking row after row makes; in one pass, since a file may hold thousands."""
    made: dict[int, Instance] = {}
    owner: dict[int, int] = {}
    for c in rows:
        before = owner.get(c.segment, c.instance)
        if before != c.instance:
            del made[before].clicks[c.segment]
            if not made[before].clicks:
                del made[before]
        made.setdefault(c.instance, Instance(c.semantic, {})).clicks[c.segment] = c.vertex
        owner[c.segment] = c.instance
    return made


def _without(instances: dict[int, Instance], segment: int) -> dict[int, Instance]:
    left = {}
    for number, instance in instances.items():
        clicks = {s: v for s, v in instance.clicks.items() if s != segment}
        if clicks:
            left[number] = (
                instance
                if len(clicks) == len(instance.clicks)
                else replace(instance, clicks=clicks)
            )
    return left


def _change(instances: dict[int, Instance], number: int, **changes) -> dict[int, Instance]:  # type: ignore[no-untyped-def]
    if number not in instances:
        return instances
    return instances | {number: replace(instances[number], **changes)}


def clicks_of(state: Annotation) -> Clicks:
    """The clicks of a track, instance by instance in ascending number, in order of clicking."""
    rows = [
        (vertex, number, instance.semantic)
        for number, instance in sorted(state.instances.items())
        for vertex in instance.clicks.values()
    ]
    vertex, number, semantic = np.array(rows, np.int32).reshape(-1, 3).T.copy()
    return Clicks(vertex, number, semantic)
