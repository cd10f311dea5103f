"""kill -9 under load: every entry that was acknowledged is there after it, without a gap."""

import os
import signal
import subprocess
import sys
import threading
import time

from seggroup.server.annotation import replay
from seggroup.server.database import Database, ScanKey
from seggroup.server.protocol import Click, Draft, Write

WRITERS, KILLS = 4, 10
KEY = ScanKey("mesh", "segments")


def load(file, life):
    """Append with several threads for ever; tell on stdout what is acknowledged."""
    database = Database(file)

    def write(number):
        annotator, head = f"ann {number}", database.read("room", f"ann {number}").head
        while True:
            drafts = [
                Draft(f"life-{life}-{head + i}", 0, 0, Click("click", i, head + i, i, 5))
                for i in (1, 2)
            ]
            message, now = Write(f"client-{number}", head, drafts), 10**9 * life
            written = database.append("room", annotator, annotator, message, KEY, now)
            head = written.head
            acknowledged = "".join(f"{number} {entry.id}\n" for entry in written.entries)
            os.write(1, acknowledged.encode())  # unbuffered and in one piece

    for number in range(WRITERS):
        threading.Thread(target=write, args=(number,)).start()


def killed(file, life, seconds):
    """Acknowledged (writer, id) of a loading process that is killed after its first and a while."""
    command = [sys.executable, __file__, str(file), str(life)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    first = process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    # A last line that was cut off was not read by a client either.
    lines = (first + rest).decode().splitlines(keepends=True)
    return [line.split() for line in lines if line.endswith("\n")]


def test_kill_minus_nine_loses_nothing_acknowledged(tmp_path):
    file, wanted = tmp_path / "log.sqlite", []
    for life in range(1, KILLS + 1):
        wanted += killed(file, life, seconds=0.03 * (life % 4))
        database = Database(file)
        logs = {a: entries for _, a, entries in database.entries()}
        found = {(a.split()[1], e.id) for a, entries in logs.items() for e in entries}
        lost = [pair for pair in wanted if tuple(pair) not in found]
        assert not lost, f"lost in life {life}"
        for annotator, entries in logs.items():
            assert [e.seq for e in entries] == list(range(1, len(entries) + 1))
            assert database.state("room", annotator) == replay(entries)
        database.close()
    assert len(wanted) >= 2 * KILLS


if __name__ == "__main__":
    load(sys.argv[1], int(sys.argv[2]))
