"""A scripted annotator at the real page while the server, the network and the disk fail.

    python benchmarks/annotator_faults.py [--times 20] [--minutes 10] [--kills 20]

In headless Chromium the toy room of the tests (tests/toy_rooms.py) is clicked with mouse and keys:

runs    : all 31 instances are labelled, so many times; the export must equal the golden file
network : 100 clicks without a network, over so many minutes
kills   : the page clicks on while the server is killed with -9 at random moments and restarted
disk    : from a moment on no file of the server may grow; then it is started again with room

In the end the log must hold what was clicked, each once and in order. A test of 0 is left out
(and the runs below 2). Needs `make setup`, and Chromium (SEGGROUP_CHROMIUM,
else /usr/bin/chromium); the last test needs Linux.
"""

import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from subprocess import PIPE, STDOUT

from common import Table, options, output
from serving import BROWSER, Server, kill, read_log, serve

from seggroup.server.protocol import Click

ROOT = Path(__file__).parents[1]
OFFLINE = 100  # clicks without a network
WITHIN = 5.0  # seconds after its start in which the server is killed
PACE = 100  # milliseconds between two clicks

Operations = list[tuple[str, int]]  # kind and vertex


@dataclass
class Desk:
    """A scan, its server (another one after a restart), and the page at which somebody works."""

    scan: Path
    server: Server
    page: subprocess.Popen

    def tell(self, line: str) -> None:
        """Give the page a command of browser/faults.mjs."""
        assert self.page.stdin is not None
        self.page.stdin.write(f"{line}\n")
        self.page.stdin.flush()

    def ask(self, line: str) -> dict:
        """Give a command and wait for its answer."""
        self.tell(line)
        assert self.page.stdout is not None
        return json.loads(self.page.stdout.readline())

    def restart(self) -> None:
        """Kill the server and start it again in its place."""
        kill(self.server)
        self.server = serve(self.scan, self.scan.parent, self.server.port)


@contextmanager
def desk() -> Iterator[Desk]:
    """A server on the toy room, and a page."""
    with tempfile.TemporaryDirectory() as temporary:
        scan, targets = Path(temporary) / "boxes.ply", Path(temporary) / "targets.json"
        room = [sys.executable, str(ROOT / "tests/toy_rooms.py"), str(scan)]
        targets.write_bytes(subprocess.run(room, check=True, stdout=PIPE).stdout)
        server = serve(scan, scan.parent)
        command = ["node", str(BROWSER / "faults.mjs"), server.address, str(targets)]
        with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as page:
            at = Desk(scan, server, page)
            try:
                at.ask("rest")  # answered when the page is there
                yield at
            finally:
                assert page.stdin is not None
                page.stdin.close()
                page.wait()
                kill(at.server)


def without_network(at: Desk, minutes: float) -> str:
    """Click without a network."""
    at.ask("network off")
    at.ask(f"click {OFFLINE} {round(60_000 * minutes / OFFLINE)}")
    text = at.ask("banner offline")["text"]
    at.ask("network on")
    return text


def killed(at: Desk, kills: int) -> str:
    """Click on while the server is killed again and again."""
    moments, heads = random.Random(0), {0}
    at.tell(f"work {PACE}")
    for _ in range(kills):
        time.sleep(moments.uniform(0, WITHIN))
        at.restart()
        heads.add(len(read_log(at.scan.parent)))
    at.ask("rest")
    return f"{len(heads) - 1} of the killed servers had saved something"


def on_a_full_disk(at: Desk) -> str:
    """Click while the server's files cannot grow, as a full disk refuses to let them."""
    at.ask(f"click 10 {PACE}")
    at.ask("saved")
    sizes = [path.stat().st_size for path in at.scan.parent.glob("*.sqlite*")]
    resource.prlimit(at.server.process.pid, resource.RLIMIT_FSIZE, (max(sizes), -1))
    at.ask(f"click 20 {PACE}")
    text = at.ask("banner full")["text"]
    at.ask(f"click 20 {PACE}")
    at.restart()
    return text


def tested(name: str, fail: Callable[[Desk], str]) -> list:
    """A row of the table: what was clicked in a test, and what of it the log has in the end."""
    with desk() as at:
        start = time.monotonic()
        said = fail(at)
        seconds = time.monotonic() - start
        last = at.ask("saved")
        waited = time.monotonic() - start - seconds
        clicked, saved = [(kind, vertex) for kind, vertex in last["log"]], logged(at.scan.parent)
    lost, more = (Counter(a) - Counter(b) for a, b in ((clicked, saved), (saved, clicked)))
    in_order = "yes" if clicked == saved else "no"
    counts = [len(clicked), last["unsent"], lost.total(), more.total(), in_order]
    return [name, *counts, seconds, waited, said]


def logged(folder: Path) -> Operations:
    """The log's operations as the page's script notes them."""
    log = read_log(folder)
    assert [entry.seq for entry in log] == list(range(1, len(log) + 1)), "the log has gaps"
    vertex_of: dict[int, int] = {}
    found: Operations = []
    for operation in (entry.operation for entry in log):
        if isinstance(operation, Click):
            vertex_of[operation.segment] = operation.vertex
        found.append((operation.kind, vertex_of[operation.segment]))  # type: ignore[union-attr]
    return found


def runs(times: int) -> Table:
    """The browser test that labels the whole room, so many times."""
    command = ["npm", "run", "e2e", "--silent", "--", "-t", "a scripted annotator"]
    environment = os.environ | {"SEGGROUP_TIMES": str(times), "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=ROOT / "web", env=environment, stdout=PIPE, stderr=STDOUT, text=True
    )
    seconds = [float(s) for s in re.findall(r"labelled in ([\d.]+) s", done.stdout)]
    passed = re.search(r"Tests .*?(\d+) passed", done.stdout)
    assert seconds, done.stdout
    figures = [times, int(passed[1]) if passed else 0, median(seconds), max(seconds)]
    header = ("runs", "equal to the golden file", "median s", "longest s")
    return Table("31 instances labelled through the page", header, [figures])


def main() -> None:
    """Test and print."""
    times, minutes = {"type": int, "default": 20}, {"type": float, "default": 10}
    given = options(__doc__, times=times, minutes=minutes, kills=times)
    tables = [runs(given.times)] if given.times > 1 else []
    rows = []
    if given.minutes:
        fail = partial(without_network, minutes=given.minutes)
        rows.append(tested(f"no network, {given.minutes:g} min", fail))
    if given.kills:
        rows.append(tested(f"kill -9, {given.kills} times", partial(killed, kills=given.kills)))
    rows.append(tested("full disk", on_a_full_disk))
    header = ("", "clicks", "most unsent", "lost", "too many", "in order")
    times_of = ("s of failure", "s until all had arrived", "what was said")
    faults = Table("Clicks through failures", (*header, *times_of), rows)
    output([*tables, faults], given.json)


if __name__ == "__main__":
    main()
