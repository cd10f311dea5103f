"""What a hostile or unlucky client, file or disk does to a running server."""

import contextlib
import http.client
import json
import logging
import os
import shutil
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from raw_http import code, talk
from toy_files import write_toy

from seggroup.errors import InputError
from seggroup.io.classlist import nyu40
from seggroup.io.clicks import write_clicks
from seggroup.io.scenes import find_scenes
from seggroup.pipeline import Loading
from seggroup.server import annotation, security
from seggroup.server.accounts import fit_name
from seggroup.server.catalogue import Catalogue
from seggroup.server.database import Database
from seggroup.server.files import FORMATS
from seggroup.server.uploads import MAX_CLICKS
from seggroup.types import Clicks

ANN = "/api/scenes/a/tracks/ann"
TABS = ("tab-00000001", "tab-00000002")


@pytest.fixture
def scene(catalogue):
    return catalogue.open("a").scene


def status(answer):
    """The status of an answer that is a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:200]
    return answer.status_code


# --- bytes that no browser sends ---


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GET http://evil.example/api/session", 404), ("OPTIONS *", 404), ("TRACE /", 405),
        ("CONNECT 127.0.0.1:22", 404), ("get /api/session", 405), ("PUT /api/session", 405),
        ("HEAD /api/session", 405), ("GET /static/%2e%2e/app.py", 404),
        ("GET /static/%252e%252e%252fapp.py", 404), ("GET //api/session", 404),
        ("GET //evil.example//", 404), ("GET /api/session;x", 404), ("GET /API/session", 404),
        ("GET /api/scenes/a%0d%0aSet-Cookie:%20x=1", 404), ("GET /api/scenes/%ff%fe", 404),
        ("GET /?token=%0d%0aSet-Cookie:%20x=1", 303), ("GET /%61pi/session", 200),
    ],
)  # fmt: skip
def test_odd_requests(live, line, expected):
    port, cookie = live
    answer = talk(port, f"{line} HTTP/1.1", f"Cookie: {cookie}\r\n\r\n".encode())
    assert code(answer) == expected
    assert b"x=1" not in answer.split(b"\r\n\r\n")[0]
    stranger = talk(port, f"{line} HTTP/1.1", b"\r\n")
    assert code(stranger) in (401, expected if expected >= 400 else 401)


@pytest.mark.parametrize(
    "host",
    ["localhost.:{}", "127.1:{}", "2130706433:{}", "0.0.0.0:{}", "127.0.0.1:0{}", "127.0.0.1",
     "user@127.0.0.1:{}", "127.0.0.1.nip.io:{}", "127.0.0.1:{}, evil", "evil.example:{}"],
)  # fmt: skip
def test_other_ways_to_write_this_machines_name(live, host):
    port, cookie = live
    head = f"Cookie: {cookie}\r\nX-Forwarded-Host: 127.0.0.1:{port}\r\n\r\n".encode()
    assert code(talk(port, "GET /api/session HTTP/1.1", head, host=host.format(port))) == 421


def test_requests_in_one_piece_are_judged_one_by_one(live):
    port, cookie = live
    lines = [f"GET /api/session HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n"
             for host in (f"127.0.0.1:{port}", "evil.example", f"127.0.0.1:{port}")]  # fmt: skip
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall("".join(lines).encode())
        answer = b""
        while data := line.recv(65536):
            answer += data
    assert (answer.count(b"HTTP/1.1 200"), answer.count(b"HTTP/1.1 421")) == (1, 1)
    both = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
    assert talk(port, "POST /api/logout HTTP/1.1", both).count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "x" * 999])
def test_what_a_form_sends_is_no_message(client, write, kind):
    headers = {"content-type": kind}
    body = json.dumps(write({"kind": "undo"}))
    assert status(client.request("POST", f"{ANN}/log", content=body, headers=headers)) == 422
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = client.request("POST", f"{ANN}/log", content=b"\x1f\x8b\x08\0", headers=headers)
    assert status(answer) in (400, 422)


@pytest.mark.parametrize(
    "text", [b'"\\ud800"', b'"\xed\xa0\x80"', b'"\xff"', b"1e999", b"[" * 900 + b"]" * 900]
)
def test_texts_that_are_none(client, write, text):
    body = json.dumps(write({"kind": "note", "instance": 0, "text": "HERE"})).encode()
    answer = client.request("POST", f"{ANN}/log", content=body.replace(b'"HERE"', text))
    assert status(answer) in (400, 422)
    assert client.get(f"{ANN}/log").json()["head"] == 0


# --- slow and gone clients ---


def closed(line):
    """Whether the server has hung up, or does within two seconds."""
    line.settimeout(2)
    with contextlib.suppress(ConnectionResetError):
        try:
            while line.recv(65536):
                pass
        except TimeoutError:
            return False
    return True


def test_who_asks_nothing_is_hung_up_on(monkeypatch, live):
    port, cookie = live
    monkeypatch.setattr(security, "HEAD_SECONDS", 0.2)
    whole = f"GET /api/session HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    for sent in (b"", b"GET / HT", whole, whole + b"GET / HT"):
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(sent)
            assert closed(line), sent
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as line:
        line.connect()
        kept = line.sock
        for _ in range(6):  # who goes on asking stays
            line.request("GET", "/api/session", headers={"cookie": cookie})
            answer = line.getresponse()
            assert (answer.read()[:1], answer.status) == (b"{", 200)
            time.sleep(0.1)
        assert line.sock is kept


def test_a_body_that_never_ends(monkeypatch, live, caplog):
    monkeypatch.setattr(security, "BODY_SECONDS", 0.2)
    port, cookie = live
    head = f"Cookie: {cookie}\r\nContent-Length: 99\r\n\r\n".encode()
    for path in (f"{ANN}/log", "/api/scenes/a/clicks", "/api/login"):
        assert code(talk(port, f"POST {path} HTTP/1.1", head, b"{")) == 408
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


def test_who_goes_away_is_no_fault_of_the_program(live, caplog):
    port, cookie = live
    for path in (f"{ANN}/log", "/api/scenes/a/clicks"):
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n"
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(f"{head}Content-Length: 99\r\n\r\n{{".encode())
            time.sleep(0.2)
    assert code(talk(port, "GET / HTTP/1.1", b"\r\n")) == 200
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


# --- floods ---


def test_passwords_are_tried_two_at_a_time_and_others_go_on(monkeypatch, start_live, database):
    _, port = start_live(users=True)
    at_once, most, go = [], [], threading.Event()

    def check(name, password):
        at_once.append(name)
        most.append(len(at_once))
        go.wait(20)
        at_once.pop()

    monkeypatch.setattr(database, "check", check)
    answers = []

    def sign_in(number):
        body = json.dumps({"name": f"user {number}", "password": "x"}).encode()
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        answers.append(code(talk(port, "POST /api/login HTTP/1.1", head, body)))

    threads = [threading.Thread(target=sign_in, args=[number]) for number in range(40)]
    for thread in threads:
        thread.start()
    while answers.count(429) < 10 or len(most) < 2:  # thirty a minute from one address
        time.sleep(0.01)
    assert code(talk(port, "GET /api/session HTTP/1.1", b"\r\n")) == 401  # at once
    go.set()
    for thread in threads:
        thread.join()
    assert max(most) == 2
    assert sorted(answers) == [401] * 30 + [429] * 10


@pytest.mark.parametrize("behind_proxy", [False, True])
def test_nobody_but_a_proxy_says_who_asks(start_live, behind_proxy):
    _, port = start_live(users=True, behind_proxy=behind_proxy)
    answers = []
    for number in range(7):
        body = b'{"name": "nobody", "password": "x"}'
        head = f"X-Forwarded-For: 10.0.0.{number}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        answers.append(code(talk(port, "POST /api/login HTTP/1.1", head.encode(), body)))
    assert answers[-1] == (401 if behind_proxy else 429)


def test_without_users_no_password_is_looked_at(monkeypatch, make_client, database):
    monkeypatch.setattr(database, "check", None)
    browser = make_client(token="first")
    assert status(browser.post("/api/login", {"name": "ann", "password": "x"})) == 401


@pytest.mark.parametrize("faulty", [{}, {"vertex": -1, "segment": "x", "instance": 0}])
def test_of_many_faults_the_first_is_told(client, write, faulty):
    answer = client.post("/api/scenes/a/preview", {"clicks": [faulty] * MAX_CLICKS})
    assert status(answer) == 422
    assert "clicks.0." in answer.text
    assert "clicks.1." not in answer.text
    many = write(*[{"kind": "import", "source": "x", "clicks": [faulty] * 100}] * 100)
    answer = client.post(f"{ANN}/log", many)
    assert status(answer) == 422
    assert "drafts.1." not in answer.text


def test_hundreds_of_undos_make_the_labels_once(monkeypatch, client, scene, write, click):
    operations = [click(scene, vertex, vertex % 9) for vertex in range(400)]
    assert client.post(f"{ANN}/log", write(*operations)).status_code == 200
    made, real = [], annotation._apply
    monkeypatch.setattr(annotation, "_apply", lambda *given: (made.append(1), real(*given)))
    for kind, base in (("undo", 400), ("redo", 900)):
        answer = client.post(f"{ANN}/log", write(*[{"kind": kind}] * 500, base=base))
        assert answer.status_code == 200
    assert len(made) <= 400
    state = client.app.state.services.database.state("a", "ann")
    assert len(state.done) == 400


# --- numbers and names at their ends ---


def test_the_largest_numbers_have_files_too(client, scene, write, click):
    most = 2**31 - 1
    row = click(scene, 3, most, most)
    assert client.post(f"{ANN}/log", write(row, click(scene, 300, 0, -1))).status_code == 200
    for format in FORMATS:
        answer = client.get(f"{ANN}/export/{format}")
        assert answer.status_code in (200, 422), (format, answer.text)
    row.pop("kind")
    assert client.post("/api/scenes/a/preview", {"clicks": [row]}).status_code == 200


def test_names_of_scenes_that_would_break_headers_or_pages(tmp_path, make_client, click, write):
    hostile = "<img src=x onerror=alert(1)>\"';é"
    folder = write_toy(tmp_path / "odd", "plain").parent
    (folder / "plain.ply").rename(folder / f"{hostile}.ply")
    catalogue = Catalogue(find_scenes([folder]), Loading())
    client = make_client(catalogue, token="t", user="ann")
    client.get("/?token=t")
    assert [s["scene"] for s in client.get("/api/scenes").json()] == [hostile]
    track = f"/api/scenes/{hostile.replace('?', '%3f')}/tracks/ann"
    message = write(click(catalogue.open(hostile).scene, 3, 0))
    assert client.post(f"{track}/log", message).status_code == 200
    header = client.get(f"{track}/export/clicks").headers["content-disposition"]
    assert header.count('"') == 2
    assert header.isascii()


@pytest.mark.parametrize("name", [b"a\xff.ply", b"a\r\nX: y.ply", b"a\x1b.ply"])
def test_names_that_cannot_be_sent_are_refused_at_the_start(tmp_path, name):
    write_toy(tmp_path, "a")
    try:
        os.rename(bytes(tmp_path / "a.ply"), bytes(tmp_path) + b"/" + name)
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(InputError, match="rename the file"):
        Catalogue(find_scenes([tmp_path]), Loading())


@pytest.mark.parametrize("name", [".", ".."])
def test_nobody_is_named_as_browsers_take_out_of_addresses(name):
    with pytest.raises(InputError, match="no user's name"):
        fit_name(name)


def test_names_are_data_for_the_database(client, database):
    name = "x'); DROP TABLE operations; --"
    assert client.get(f"/api/scenes/a/tracks/{name}/log").json()["head"] == 0
    assert status(client.get(f"/api/scenes/a' OR 1=1 --/tracks/{name}/log")) == 404
    client_of = "' OR 'a' = 'a"
    assert status(client.request("DELETE", f"{ANN}/lease?client={client_of}")) == 422
    assert database.read("a", "ann").head == 0


# --- click files ---


@pytest.mark.parametrize(
    "value",
    [
        {"version": "x" * 10**6},
        {"version": 1, "mesh": "x", "vertices": "y" * 10**6, "clicks": []},
        {"version": 1, "mesh": "x", "vertices": 576, "segments": "x",
         "clicks": [{"vertex": 0, "position": [10**4000, 0, 0]}]},
        {"version": 1, "mesh": "x", "vertices": 576, "segments": "x",
         "clicks": [{"vertex": 0, "position": [float("nan"), 0, 0]}]},
        {"0": {"1": {"semantic": "x" * 10**6, "pointIndex": 0}}},
        {"0": {"1": -1}}, {"-1": {"1": 0}}, {"9" * 4000: {"1": 0}}, {"²": {"1": 0}},
        {"0": {"1": True}}, {"0": {"1": 1e300}}, {"0": [[[]]]}, [[]], None,
    ],
)  # fmt: skip
def test_hostile_click_files(client, scene, value):
    assert len(scene.scan.vertices) == 576
    answer = client.request("POST", "/api/scenes/a/clicks", content=json.dumps(value))
    assert status(answer) == 422
    assert len(answer.text) < 1000


def test_the_largest_click_file_that_counts_is_taken(tmp_path, scene):
    vertex = np.arange(500, dtype=np.int32)
    clicks = Clicks(vertex, vertex, np.full(500, 5, np.int32))
    write_clicks(tmp_path / "clicks.json", clicks, scene, "A Name of Medium Length", nyu40())
    share = MAX_CLICKS / 500
    assert (tmp_path / "clicks.json").stat().st_size * share < security.MAX_CLICK_FILE


# --- several tabs, several servers ---


def test_a_stolen_lease_and_what_the_first_tab_sends_then(client, scene, write, click):
    one, two = (write(click(scene, 3, 0), client=tab) for tab in TABS)
    assert client.post(f"{ANN}/log", one).json()["head"] == 1
    told = client.post(f"{ANN}/lease", {"client": TABS[1], "take_over": True}).json()
    assert told["yours"]
    late = write(click(scene, 300, 1), base=1, client=TABS[0])
    assert status(client.post(f"{ANN}/log", late)) == 423
    again = client.post(f"{ANN}/log", one)  # what is in the log is told to whoever sent it
    assert (again.status_code, again.json()["head"]) == (200, 1)
    assert status(client.post(f"{ANN}/log", two)) == 409  # stale: base 0
    half = write(click(scene, 300, 1), base=0, client=TABS[1])
    half["drafts"] = one["drafts"] + half["drafts"]
    told = client.post(f"{ANN}/log", half)
    assert [entry["seq"] for entry in told.json()["entries"]] == [1, 2]


@pytest.mark.parametrize("base", [1, 2**31 - 1])
def test_a_base_of_the_future_writes_nothing(client, scene, write, click, base):
    answer = client.post(f"{ANN}/log", write(click(scene, 3, 0), base=base))
    assert (status(answer), answer.json()["type"], answer.json()["missed"]) == (409, "stale", [])
    assert client.get(f"{ANN}/log").json()["head"] == 0


def test_an_id_counts_in_its_own_track_only(make_client, database, scene, write, click):
    message = write(click(scene, 3, 0))
    for name in ("ann", "bob"):
        client = make_client(token="t", user=name)
        client.get("/?token=t")
        told = client.post(f"/api/scenes/a/tracks/{name}/log", message).json()
        assert (told["head"], told["entries"][0]["author"]) == (1, name)


def test_two_servers_on_one_database(tmp_path, make_client, database, scene, write, click):
    other = Database(tmp_path / "annotations.sqlite")
    one = make_client(token="t", user="ann")
    one.get("/?token=t")
    for head in range(4):
        message = write(click(scene, 100 * head, head), base=head)
        assert one.post(f"{ANN}/log", message).json()["head"] == head + 1
        assert other.state("a", "ann") == database.state("a", "ann")
        assert other.read("a", "ann", head).entries[0].seq == head + 1
    other.close()


# --- files that go or change meanwhile ---


@pytest.mark.parametrize("replaced", [False, True])
def test_a_database_that_is_removed_takes_no_writes(
    tmp_path, client, scene, write, click, replaced
):
    place = tmp_path / "annotations.sqlite"
    first, second = write(click(scene, 3, 0)), write(click(scene, 300, 1), base=1)
    assert client.post(f"{ANN}/log", first).status_code == 200
    place.rename(tmp_path / "moved")
    if replaced:
        shutil.copy(tmp_path / "moved", place)
    for answer in (client.post(f"{ANN}/log", second), client.get(f"{ANN}/log")):
        assert (status(answer), answer.json()["type"]) == (507, "full")
        assert "removed or replaced" in answer.json()["detail"]
    (tmp_path / "moved").rename(place)
    assert client.post(f"{ANN}/log", second).json()["head"] == 2


def test_scans_that_go_or_change(tmp_path, make_client, database, write, click):
    folder = tmp_path / "scans"
    for name in "ab":
        write_toy(folder, name)
    catalogue = Catalogue(find_scenes([folder]), Loading())
    client = make_client(catalogue, token="t", user="ann")
    client.get("/?token=t")
    old = catalogue.open("a").scene
    assert client.post(f"{ANN}/log", write(click(old, 3, 0))).status_code == 200
    write_toy(folder, "a", seed=7)
    (folder / "b.ply").unlink()
    assert client.post(f"{ANN}/log", write(click(old, 300, 1), base=1)).json()["head"] == 2
    assert status(client.get("/api/scenes/b")) == 422
    assert status(client.get("/api/scenes/b/geometry")) == 422
    later = make_client(Catalogue(find_scenes([Path(folder / "a.ply")]), Loading()), token="t",
                        user="ann")  # fmt: skip
    later.cookies = client.cookies
    new = later.app.state.services.catalogue.open("a").scene
    answer = later.post(f"{ANN}/log", write(click(new, 3, 2), base=2))
    assert (status(answer), answer.json()["type"]) == (422, "other-segments")
    assert later.get(f"{ANN}/log").json()["head"] == 2


def test_many_tabs_at_once_send_the_same_and_more(client, scene, write, click):
    shared = write(click(scene, 3, 0), click(scene, 300, 1))
    codes = []

    def send(number):
        tab = client.__class__(client.app)
        tab.cookies = client.cookies
        own = write({"kind": "undo"}, base=2, client=TABS[number % 2])
        for message in (shared, own, own, shared):
            codes.append(tab.post(f"{ANN}/log", message).status_code)

    threads = [threading.Thread(target=send, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(codes) <= {200, 409, 423}
    entries = client.get(f"{ANN}/log").json()["entries"]
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert len({entry["id"] for entry in entries}) == len(entries)
    assert [entry["id"] for entry in entries[:2]] == [d["id"] for d in shared["drafts"]]
    assert len(entries) == 3  # of the undos at base 2 one came first
