"""The state of a track: the fold of its log. `web/src/annotation.ts` is its twin.

Edits stand on a stack; an undo moves the last to a second stack, a redo moves it back, an edit
empties the second. The state is the edits of the first stack applied in order. Every log has a
state: an edit of an instance that is not there changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import cast

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
    """The state after `entries`, from `start` (an empty track).

    The stacks are settled first and the instances made once, so that any number of undos costs
    no more than one.
    """
    state = start or Annotation()
    head, status, review = state.head, state.status, state.review
    done, undone = list(state.done), list(state.undone)
    kept = len(done)  # of the edits that `state.instances` is made of, those never taken back
    for entry in entries:
        head = entry.seq
        match entry.operation:
            case Submit():
                status = "submitted"
            case Accept():
                status, review = "accepted", ""
            case SendBack(text=text):
                status, review = "sent back", text
            case _:  # a new or submitted track is begun again; one sent back stays so
                if _settle(done, undone, entry) and status != "sent back":
                    status = "started"
        kept = min(kept, len(done))
    whole = kept < len(state.done)
    edits = [cast(Edit, entry.operation) for entry in (done if whole else done[kept:])]
    instances = fold(edits, {} if whole else state.instances)
    return Annotation(head, status, review, instances, tuple(done), tuple(undone))


def _settle(done: list[Entry], undone: list[Entry], entry: Entry) -> bool:
    """Move the stacks on; False for an undo or redo that has nothing to move."""
    match entry.operation:
        case Undo():
            if not done:
                return False
            undone.append(done.pop())
        case Redo():
            if not undone:
                return False
            done.append(undone.pop())
        case _:
            done.append(entry)
            undone.clear()
    return True


def fold(edits: Iterable[Edit], instances: dict[int, Instance]) -> dict[int, Instance]:
    """The instances after some edits; the given ones are left as they are."""
    made = {n: replace(i, clicks=dict(i.clicks)) for n, i in instances.items()}
    owner = {segment: n for n, i in made.items() for segment in i.clicks}
    for edit in edits:
        _apply(made, owner, edit)
    return made


def _apply(made: dict[int, Instance], owner: dict[int, int], edit: Edit) -> None:
    """One edit, in place. owner: of every clicked segment, the instance; always a mirror."""
    match edit:
        case Click():
            _click(made, owner, edit)
        case Unclick(segment=segment):
            _unclick(made, owner, segment)
        case Import(clicks=rows):
            made.clear()
            owner.clear()
            for row in rows:
                _click(made, owner, row)
        case Delete(instance=number) if number in made:
            for segment in made.pop(number).clicks:
                del owner[segment]
        case Merge(instance=number, into=into) if number != into and {number, into} <= made.keys():
            moved = made.pop(number).clicks
            made[into].clicks.update(moved)
            owner.update(dict.fromkeys(moved, into))
        case Classify(instance=number, semantic=semantic) if number in made:
            made[number] = replace(made[number], semantic=semantic)
        case Rename(instance=number, name=name) if number in made:
            made[number] = replace(made[number], name=name)
        case Recolor(instance=number, color=color) if number in made:
            made[number] = replace(made[number], color=color)
        case Note(instance=number, text=text) if number in made:
            made[number] = replace(made[number], note=text)


def _click(made: dict[int, Instance], owner: dict[int, int], click: Click | ImportedClick) -> None:
    if owner.get(click.segment) != click.instance:
        _unclick(made, owner, click.segment)
    if click.instance not in made:
        made[click.instance] = Instance(click.semantic, {})
    made[click.instance].clicks[click.segment] = click.vertex
    owner[click.segment] = click.instance


def _unclick(made: dict[int, Instance], owner: dict[int, int], segment: int) -> None:
    number = owner.pop(segment, None)
    if number is not None:
        del made[number].clicks[segment]
        if not made[number].clicks:
            del made[number]


def clicks_of(state: Annotation) -> Clicks:
    """The clicks of a track, instance by instance in ascending number, in order of clicking."""
    rows = [
        (vertex, number, instance.semantic)
        for number, instance in sorted(state.instances.items())
        for vertex in instance.clicks.values()
    ]
    vertex, number, semantic = np.array(rows, np.int32).reshape(-1, 3).T.copy()
    return Clicks(vertex, number, semantic)
