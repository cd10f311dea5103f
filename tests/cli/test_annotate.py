"""`seggroup annotate`, `users` and `stats`: the program as people start it."""

import json
import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from toy_files import write_toy

from seggroup.cli.annotating import (
    PORT,
    allowed_hosts,
    bind,
    is_loopback,
    label_layers,
    user_name,
)
from seggroup.errors import InputError
from seggroup.server.app import STATIC
from seggroup.server.database import Database


@pytest.fixture
def run(seggroup, monkeypatch, tmp_path):
    """Runs the program in an empty folder with a line of input: its code, output and messages."""
    monkeypatch.chdir(tmp_path)

    def go(*words, typed=""):
        read, write = os.pipe()
        os.write(write, typed.encode())
        os.close(write)
        with os.fdopen(read) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            done = seggroup(*words)
        return done.code, done.out, " ".join(done.err.split())

    return go


@pytest.fixture
def start(tmp_path):
    """Starts `seggroup annotate` as a process of its own; gives it and what it first says."""
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built into the package (make web)")
    processes = []

    def go(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "seggroup.cli", "annotate", *map(str, words), "--no-browser"],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        return process, process.stdout.readline()

    yield go
    for process in processes:
        process.kill()
        process.communicate()


def test_annotating_a_mesh(tmp_path, start):
    write_toy(tmp_path / "scans", "room")
    process, line = start("scans", "--port", 0, "--json")
    told = json.loads(line)
    assert (told["database"], told["scenes"]) == ("annotations.sqlite", 1)
    with httpx.Client(follow_redirects=True, timeout=60) as page:
        assert page.get(told["address"]).status_code == 200
        base = told["address"].split("?")[0]
        session = page.get(f"{base}api/session").json()
        assert (session["user"], session["role"]) == (user_name(), "admin")
        assert page.get(f"{base}api/scenes/room").json()["vertices"] == 576
        track = f"{base}api/scenes/room/tracks/{session['user']}"
        truth = page.get(f"{base}api/scenes/room/truth").json()["instances"][0]
        segment = truth["parts"][0]["segments"][0]
        click = {
            "kind": "click",
            "vertex": segment,
            "segment": segment,
            "instance": 0,
            "semantic": truth["semantic"],
        }  # fmt: skip - a segment's id is that of one of its vertices
        draft = {"id": "draft-0001", "at": 5, "active_ms": 3, "operation": click}
        message = {"client": "tab-00001", "base": 0, "drafts": [draft]}
        assert page.post(f"{track}/log", json=message).json()["head"] == 1
        assert page.get(f"{track}/export/authors").json() == {"0": {str(segment): segment}}
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert out == ""
    assert "for another browser: http://127.0.0.1:" in err
    assert "Traceback" not in err
    database = Database(tmp_path / "annotations.sqlite")
    assert database.read("room", user_name()).head == 1
    database.close()


def test_the_address_stands_alone_on_a_line(tmp_path, start):
    write_toy(tmp_path, "room")
    process, line = start("room.ply", "--database", "mine.sqlite", "--no-truth")
    assert line.startswith("http://127.0.0.1:")
    assert "/?token=" in line
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert "mine.sqlite" in err
    assert (tmp_path / "mine.sqlite").exists()


def test_people_sign_in(tmp_path, start):
    write_toy(tmp_path, "room")
    database = Database(tmp_path / "annotations.sqlite")
    database.add_user("ann", "correct horse", "annotator")
    database.close()
    process, line = start("room.ply", "--users", "--port", 0)
    base = line.strip()
    assert "token" not in base
    with httpx.Client(timeout=60) as page:
        assert page.get(f"{base}?token=").status_code == 401
        assert page.get(f"{base}api/scenes").status_code == 401
        right = {"name": "ann", "password": "correct horse"}
        assert page.post(f"{base}api/login", json=right).json()["user"] == "ann"
        assert page.get(f"{base}api/scenes").json()[0]["scene"] == "room"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0


# --- what is refused ---


def test_other_machines_need_users(tmp_path, run):
    write_toy(tmp_path, "room")
    for words in (["--host", "0.0.0.0"], ["--users"], ["--host", "192.0.2.1"]):
        code, out, err = run("annotate", "room.ply", "--no-browser", *words)
        assert (code, out) == (2, "")
        assert "seggroup users add NAME --role admin --database annotations.sqlite" in err


def test_a_port_that_is_taken(tmp_path, run):
    write_toy(tmp_path, "room")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = run("annotate", "room.ply", "--no-browser", "--port", port)
        assert (code, out) == (2, "")
        assert f"127.0.0.1:{port}: cannot listen there" in err
    with bind("127.0.0.1", None) as first, bind("127.0.0.1", None) as second:
        ports = [listener.getsockname()[1] for listener in (first, second)]
        assert ports[0] != ports[1]
        assert min(ports) >= PORT
        with socket.create_connection(first.getsockname()) as caller:
            answering, _ = first.accept()
            assert answering.proto == socket.IPPROTO_TCP  # asyncio's condition for TCP_NODELAY
            answering.close()
            caller.close()
    with pytest.raises(InputError, match="cannot listen there"):
        bind("192.0.2.1", None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "does not exist"),
        (["room.ply", "--weights", "nothing"], "name a checkpoint"),
        (["room.ply", "--classes", "nothing"], "does not exist"),
        (["room.ply", "--labels", "room.ply"], "is no folder"),
        (["room.ply", "--labels", "x", "--labels", "y/x"], "two layers"),
        (["room.ply", "--database", "room.ply"], "cannot be opened as a database"),
        (["room.ply", "--database", "mysql://x"], "SQLite or in PostgreSQL"),
        (["room.ply", "--port", "70000"], "65535"),
    ],
)
def test_bad_options(tmp_path, run, words, message):
    write_toy(tmp_path, "room")
    for folder in ("x", "y/x"):
        (tmp_path / folder).mkdir(parents=True)
    code, out, err = run("annotate", *words, "--no-browser")
    assert (code, out) == (2, ""), err
    assert message in err
    assert "Traceback" not in err


# --- parts ---


def test_hosts_that_are_answered():
    own = allowed_hosts("127.0.0.1", 8737, [])
    assert own == {"127.0.0.1:8737", "localhost:8737", "[::1]:8737"}
    named = allowed_hosts("192.0.2.7", 8737, ["Scan.Example"])
    assert named == {"192.0.2.7:8737", "scan.example", "scan.example:8737"}
    everywhere = allowed_hosts("0.0.0.0", 8737, [])
    assert {f"{socket.gethostname().lower()}:8737", "localhost:8737"} <= everywhere
    assert "localhost" in allowed_hosts("localhost", 80, [])


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.9.9.9", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("example.org", False), ("", False)],
)  # fmt: skip
def test_loopback(host, expected):
    assert is_loopback(host) is expected


def test_layers_are_named_by_their_folders(tmp_path):
    (tmp_path / "spread").mkdir()
    assert label_layers([tmp_path / "spread"]) == {"spread": tmp_path / "spread"}
    (tmp_path / "truth").mkdir()
    with pytest.raises(InputError, match="two layers would be named 'truth'"):
        label_layers([tmp_path / "truth"])


# --- people and figures ---


def test_users(run):
    add = ["users", "add", "ann", "--role", "reviewer"]
    assert run("users", "list")[0] == 2  # there is no database yet
    assert run(*add, typed="short\n")[0] == 2
    assert run(*add, typed="correct horse\n")[:2] == (0, "ann may sign in (reviewer)\n")
    assert "ann" in run(*add, typed="correct horse\n")[2]
    assert json.loads(run("users", "list", "--json")[1]) == {
        "users": [{"name": "ann", "role": "reviewer"}]
    }
    assert run("users", "role", "ann", "--role", "admin")[0] == 0
    assert run("users", "role", "ann")[0] == 2
    assert run("users", "password", "ann", typed="battery staple\n")[0] == 0
    assert "admin" in run("users", "list")[1]
    assert run("users", "remove", "ann")[0] == 0
    for words in (["remove", "ann"], ["role", "ann", "--role", "admin"]):
        code, out, err = run("users", *words)
        assert (code, out) == (2, "")
        assert "ann" in err


def test_stats(tmp_path, run):
    assert run("stats")[0] == 2
    Database(tmp_path / "annotations.sqlite").close()
    assert "minutes per scene: –" in run("stats")[1]
    assert json.loads(run("stats", "--json")[1])["tracks"] == []
    assert run("stats", "--database", "nothing.sqlite")[0] == 2


def test_a_databases_password_is_not_printed(run, tmp_path):
    write_toy(tmp_path, "room")
    address = "postgresql://me:secret@localhost/x"
    _, out, err = run("annotate", "room.ply", "--no-browser", "--database", address)
    assert "secret" not in out + err


def test_a_preview_has_one_thread_to_itself():
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "import seggroup.cli.app\n"
        "from seggroup.cli.annotating import Serving, serve\n"
        "from seggroup.errors import InputError\n"
        "assert 'numpy' not in sys.modules  # which reads it when it is first imported\n"
        "try:\n"
        "    serve(Serving([Path('none.ply')]))\n"
        "except InputError:\n"
        "    print(os.environ['OPENBLAS_NUM_THREADS'])\n"
    )
    for given, expected in ({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3"):
        environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
        words = [sys.executable, "-c", program]
        done = subprocess.run(words, env=environment | given, capture_output=True, check=True)
        assert done.stdout.decode().strip() == expected
