"""The log of operations under load: writers at once, kill -9 at random moments, and a naive peer.

    python benchmarks/annotation_log.py [--operations 10000] [--kills 200] [--folder DIR]

Targets: 8 writers, 10,000 operations, 99 of 100 answered within 50 ms, no error; no acknowledged
operation lost in 200 kills under the load of 8 writers. The peer writes the same rows as scripts
often do, with a connection of its own and the default journal for each row, and checks nothing
(a fifth of the operations, as it is slow).
A commit that is only synced (the last row of the table) tells what the disk gives at best.

The folder should be on a disk: in memory every sync is free.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from common import Table, options, output

from seggroup.server.database import Database, ScanKey
from seggroup.server.protocol import Click, Draft, Write

WRITERS = 8
KEY = ScanKey("mesh", "segments")
SCHEMA = "CREATE TABLE IF NOT EXISTS log (track, seq, id, operation, UNIQUE(track, seq))"
Times = list[float]


def draft(name: str, number: int) -> Draft:
    """A click as a page sends it."""
    now = int(time.time() * 1000)
    segment = number % 400
    click = Click("click", 9 * segment, segment, segment % 40, 5)
    return Draft(f"{name}-{number:07}", now, 1500, click)


def append(database: Database, writer: int, number: int, name: str = "operation") -> list[str]:
    """One operation on the writer's own track; the ids that were acknowledged."""
    annotator, now = f"annotator {writer}", int(time.time() * 1000)
    write = Write(f"client-{writer:03}", number, [draft(name, number)])
    written = database.append("scene", annotator, annotator, write, KEY, now)
    return [entry.id for entry in written.entries]


def insert(file: Path, writer: int, number: int) -> None:
    """The naive peer's write."""
    connection = sqlite3.connect(file)
    with connection:
        row = (writer, number, f"operation-{number:07}", json.dumps({"kind": "click"}))
        connection.execute("INSERT INTO log VALUES (?, ?, ?, ?)", row)
    connection.close()


def timed(write: Callable[[int], object], count: int) -> tuple[Times, list[str]]:
    """Seconds of every write, and the errors."""
    times, errors = [], []
    for number in range(count):
        start = time.perf_counter()
        try:
            write(number)
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}"[:60])
        times.append(time.perf_counter() - start)
    return times, errors


def in_threads(work: Callable[[int], tuple[Times, list[str]]]) -> list[tuple[Times, list[str]]]:
    """The work of 8 writers in threads of this process."""
    results: list[tuple[Times, list[str]]] = []
    threads = [
        threading.Thread(target=lambda w=writer: results.append(work(w)))
        for writer in range(WRITERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def log_process(file: Path, writer: int, count: int) -> tuple[Times, list[str]]:
    """One of several processes that share the file."""
    database = Database(file)
    result = timed(lambda number: append(database, writer, number), count)
    database.close()
    return result


def peer_process(file: Path, writer: int, count: int) -> tuple[Times, list[str]]:
    """The same of the naive peer."""
    return timed(lambda number: insert(file, writer, number), count)


def in_processes(work: Callable, file: Path, count: int) -> list[tuple[Times, list[str]]]:
    """The work of 8 writers in a process each, which are all there before one begins."""
    with ProcessPoolExecutor(WRITERS, get_context("spawn")) as pool:
        list(pool.map(time.sleep, [0.5] * WRITERS))
        return list(pool.map(work, *zip(*[(file, w, count) for w in range(WRITERS)], strict=True)))


def row(name: str, run: Callable[[], Sequence[tuple[Times, list[str]]]]) -> tuple:
    """A row of the table: operations a second, milliseconds, errors."""
    results = run()
    times = sorted(t for result in results for t in result[0])
    errors = [error for result in results for error in result[1]]
    milliseconds = [1000 * times[int(share * (len(times) - 1))] for share in (0.5, 0.99, 1)]
    # Each writer is never idle: the longest of them says how long the run took.
    seconds = max(sum(result[0]) for result in results)
    return (name, len(times), len(times) / seconds, *milliseconds, len(errors))


def only_sync(file: Path, count: int) -> tuple[Times, list[str]]:
    """Append a line to a file and sync it."""
    with open(file, "ab") as handle:

        def write(number: int) -> None:
            handle.write(b"x" * 200)
            handle.flush()
            os.fdatasync(handle.fileno())

        return timed(write, count)


def load(folder: str, life: str) -> None:
    """Append with 8 threads for ever; tell on stdout what is acknowledged. For `kills`."""
    database = Database(Path(folder) / "killed.sqlite")

    def work(writer: int) -> None:
        head = database.read("scene", f"annotator {writer}").head
        while True:
            ids = append(database, writer, head, f"life-{life}")
            os.write(1, "".join(f"{writer} {i}\n" for i in ids).encode())
            head += 1

    for writer in range(WRITERS):
        threading.Thread(target=work, args=(writer,)).start()


def kills(folder: Path, count: int) -> tuple[int, int, int]:
    """Kill a loading process so often; how many operations were acknowledged, lost, in gaps."""
    moments, told = random.Random(0), set[tuple[str, str]]()
    for life in range(count):
        command = [sys.executable, __file__, "load", str(folder), str(life)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(moments.uniform(0, 0.4))
        process.send_signal(signal.SIGKILL)
        lines = (first + process.stdout.read()).decode().splitlines(keepends=True)
        process.wait()
        process.stdout.close()
        told |= {tuple(line.split()) for line in lines if line.endswith("\n")}  # type: ignore[misc]
    database = Database(folder / "killed.sqlite")
    found, gaps = set(), 0
    for _, annotator, entries in database.entries():
        found |= {(annotator.split()[1], entry.id) for entry in entries}
        gaps += [entry.seq for entry in entries] != list(range(1, len(entries) + 1))
    database.close()
    return len(told), len(told - found), gaps


def main() -> None:
    """Measure and print."""
    number = {"type": int}
    given = options(
        __doc__,
        operations=number | {"default": 10_000},
        kills=number | {"default": 200},
        folder={"type": Path, "default": None, "help": "where to write, on a disk"},
    )
    each = given.operations // WRITERS
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        folder = Path(temporary)
        database, peer = Database(folder / "threads.sqlite"), folder / "peer.sqlite"
        Database(folder / "processes.sqlite").close()
        sqlite3.connect(peer).execute(SCHEMA).connection.close()
        peer_processes = folder / "peers.sqlite"
        sqlite3.connect(peer_processes).execute(SCHEMA).connection.close()
        rows = [
            row(
                "8 threads, a track each",
                lambda: in_threads(lambda w: timed(lambda n: append(database, w, n), each)),
            ),
            row(
                "8 processes, a track each",
                lambda: in_processes(log_process, folder / "processes.sqlite", each),
            ),
            row(
                "peer: sqlite3, a connection an INSERT, 8 threads",
                lambda: in_threads(lambda w: peer_process(peer, w, each // 5)),
            ),
            row(
                "peer: the same, 8 processes",
                lambda: in_processes(peer_process, peer_processes, each // 5),
            ),
            row("a line in a file, synced, 1 writer", lambda: [only_sync(folder / "line", each)]),
        ]
        database.close()
        header = ("", "operations", "a second", "median ms", "99 % ms", "longest ms", "errors")
        found = [Table("Writing to the log", header, rows)]
        if given.kills:
            killed = [(given.kills, *kills(folder, given.kills))]
            header = ("kill -9", "acknowledged", "lost", "tracks with gaps")
            found.append(Table("Killed under the load of 8 writers", header, killed))
    output(found, given.json)


if __name__ == "__main__":
    if sys.argv[1:2] == ["load"]:
        load(*sys.argv[2:])
    else:
        main()
