"""`seggroup annotate` and the scripts of `browser/` as processes of a benchmark."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seggroup.server.database import Database
from seggroup.server.protocol import Entry

BROWSER = Path(__file__).with_name("browser")
PROGRAM = str(Path(sys.executable).with_name("seggroup"))
DATABASE = "annotations.sqlite"


@dataclass(frozen=True)
class Server:
    """A server that answers. `address`: with the one-time token."""

    process: subprocess.Popen
    address: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rsplit(":", 1)[1].split("/")[0])


def serve(scan: Path, folder: Path, port: int = 0) -> Server:
    """Serve a scan with the database in `folder`; port 0 is any that is free."""
    command = [PROGRAM, "annotate", str(scan), "--no-browser", "--json", "--port", str(port)]
    command += ["--database", str(folder / DATABASE)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True)
    assert process.stdout is not None
    return Server(process, json.loads(process.stdout.readline())["address"])


def kill(server: Server) -> None:
    """End a server as `kill -9` does."""
    server.process.kill()
    server.process.wait()


@contextmanager
def serving(scan: Path, folder: Path) -> Iterator[str]:
    """Serve a scan for a while: its address."""
    server = serve(scan, folder)
    try:
        yield server.address
    finally:
        server.process.terminate()
        server.process.wait()


def read_log(folder: Path) -> list[Entry]:
    """The log of the only track that has entries; empty where there is none."""
    database = Database(folder / DATABASE)
    try:
        logs = [entries for _, _, entries in database.entries()]
    finally:
        database.close()
    assert len(logs) <= 1, "more than one track has entries"
    return logs[0] if logs else []
