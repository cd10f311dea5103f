"""Random logs and their folds, for the fold's twin in the page: `web/tests/golden-logs.json`.

Run as a program it writes the file; `test_annotation.py` compares it with what is committed.
"""

import json
from pathlib import Path
from random import Random

from pydantic import TypeAdapter

from seggroup.io.files import write_text
from seggroup.server.annotation import Annotation, replay
from seggroup.server.protocol import (
    Accept,
    Classify,
    Click,
    Delete,
    Entry,
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

FILE = Path(__file__).parents[2] / "web/tests/golden-logs.json"
ENTRIES = TypeAdapter(list[Entry])
LOGS = 40
# How often each kind comes; few enough instances and segments that operations meet.
KINDS = {
    "click": 30, "unclick": 6, "classify": 5, "rename": 4, "recolor": 4, "note": 4, "merge": 6,
    "delete": 4, "import": 2, "undo": 16, "redo": 10, "submit": 2, "accept": 1, "send back": 2,
}  # fmt: skip
TEXTS = ["", "chair", "the sofa's left part", "Stuhl № 2 – ¿größer?", "椅子 🪑", '<b>"bold"</b>\n']


def random_operation(rng: Random) -> Operation:
    """An operation of any kind on instances 0 to 4 and segments 0 to 70 in tens."""

    def below(n: int) -> int:  # only `random()` is the same in every version of Python
        return int(rng.random() * n)

    def click() -> dict:
        segment = 10 * below(8)
        return {
            "vertex": segment + below(3), "segment": segment,
            "instance": below(5), "semantic": below(42) - 1,
        }  # fmt: skip

    kinds = [kind for kind, times in KINDS.items() for _ in range(times)]
    match kinds[below(len(kinds))]:
        case "click":
            return Click("click", **click())
        case "unclick":
            return Unclick("unclick", 10 * below(8))
        case "classify":
            return Classify("classify", below(6), below(42) - 1)
        case "rename":
            return Rename("rename", below(6), TEXTS[below(len(TEXTS))])
        case "recolor":
            return Recolor("recolor", below(6), (below(256), below(256), below(256)))
        case "note":
            return Note("note", below(6), TEXTS[below(len(TEXTS))])
        case "merge":
            return Merge("merge", below(6), below(6))
        case "delete":
            return Delete("delete", below(6))
        case "import":
            rows = [ImportedClick(**click()) for _ in range(below(7))]
            return Import("import", TEXTS[below(len(TEXTS))], rows)
        case "undo":
            return Undo("undo")
        case "redo":
            return Redo("redo")
        case "submit":
            return Submit("submit")
        case "accept":
            return Accept("accept")
    return SendBack("send back", TEXTS[below(len(TEXTS))])


def entry(seq: int, operation: Operation) -> Entry:
    """A line of a log with plain times."""
    at = 1_700_000_000_000 + 1500 * seq
    return Entry(seq, f"golden-{seq:04}", "ann", at, 1500, at + 7, operation)


def random_log(seed: int) -> list[Entry]:
    """A log; every eighth has long chains of undo and redo at its end, number 0 is empty."""
    rng = Random(seed)
    operations = [random_operation(rng) for _ in range(int(rng.random() * 45))] if seed else []
    if seed % 8 == 7:
        operations += [Undo("undo")] * 12 + [Redo("redo")] * 8 + [Undo("undo")] * 3
    return [entry(i + 1, operation) for i, operation in enumerate(operations)]


def state_of(state: Annotation) -> dict:
    """A fold as the golden file has it; instances in the order they were made."""
    instances = [
        [
            number,
            {
                "semantic": i.semantic,
                "clicks": [list(click) for click in i.clicks.items()],
                "name": i.name,
                "color": None if i.color is None else list(i.color),
                "note": i.note,
            },
        ]
        for number, i in state.instances.items()
    ]
    return {
        "head": state.head,
        "status": state.status,
        "review": state.review,
        "instances": instances,
        "undoable": len(state.done),
        "redoable": len(state.undone),
    }


def golden() -> list[dict]:
    """All logs with their folds."""
    logs = [random_log(seed) for seed in range(LOGS)]
    dumped = [ENTRIES.dump_python(log, mode="json") for log in logs]
    return [
        {"entries": entries, "state": state_of(replay(log))}
        for entries, log in zip(dumped, logs, strict=True)
    ]


if __name__ == "__main__":
    lines = [json.dumps(log, ensure_ascii=False, separators=(",", ":")) for log in golden()]
    write_text(FILE, "[\n" + ",\n".join(lines) + "\n]\n")
