"""The routes, as the page uses them: messages, roles, leases, errors as problems."""

import json

import httpx
import numpy as np
import pytest

from seggroup.classes import NYU40
from seggroup.errors import InputError
from seggroup.server import database as store
from seggroup.server.binary import unpack
from seggroup.server.live import PREVIEW_METHOD

ANN = "/api/scenes/a/tracks/ann"
PAGE_TABS = ("tab-00000001", "tab-00000002")


@pytest.fixture
def scene(catalogue):
    return catalogue.open("a").scene


@pytest.fixture
def people(make_client, database):
    """A server with an annotator, a reviewer and an admin: their browsers, signed in."""
    roles = {"ann": "annotator", "bob": "annotator", "rita": "reviewer", "ada": "admin"}
    browsers = {}
    first = make_client(users=True)
    for name, role in roles.items():
        database.add_user(name, "correct horse", role)
        browsers[name] = type(first)(first.app)
        answer = browsers[name].post("/api/login", {"name": name, "password": "correct horse"})
        assert answer.status_code == 200
    return browsers


def problem(answer, status, type="about:blank"):
    """The problem an answer holds; it must have this status and type."""
    assert answer.headers["content-type"] == "application/problem+json"
    value = answer.json()
    assert (answer.status_code, value["status"], value["type"]) == (status, status, type), value
    return value


# --- the page ---


def test_the_page_and_its_files(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-store"
    plain = client.get("/static/main.js", headers={"accept-encoding": "identity"})
    packed = client.get("/static/main.js")
    assert plain.text == packed.text
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-type"].startswith("text/javascript")
    assert client.get("/static/assets/style.css").headers["content-type"].startswith("text/css")
    again = client.get("/static/main.js", headers={"if-none-match": packed.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_package_without_the_page_is_told(make_client, tmp_path):
    with pytest.raises(InputError, match="holds no built page"):
        make_client(static=tmp_path / "nothing")


def test_session(client):
    session = client.get("/api/session").json()
    assert (session["user"], session["role"], session["users"]) == ("ann", "admin", False)
    assert {c["id"]: c["name"] for c in session["classes"]} == NYU40
    assert (session["idle_ms"], session["lease_ms"], session["network"]) == (30_000, 60_000, False)


def test_openapi_lists_every_route(client):
    told = client.get("/api/openapi.json").json()["paths"]
    routes = {
        route.path.replace(":path}", "}")
        for route in client.app.routes
        if getattr(route, "include_in_schema", False)
    }
    expected = [
        "session", "login", "logout", "scenes", "scenes/{scene}", "scenes/{scene}/geometry",
        "scenes/{scene}/truth", "scenes/{scene}/layers/{layer}", "scenes/{scene}/preview",
        "scenes/{scene}/clicks", "scenes/{scene}/labels", "scenes/{scene}/agreement",
        "scenes/{scene}/tracks/{annotator}/log", "scenes/{scene}/tracks/{annotator}/lease",
        "scenes/{scene}/tracks/{annotator}/export/{format}", "stats",
    ]  # fmt: skip
    assert set(told) == {f"/api/{path}" for path in expected}
    assert routes <= set(told)
    assert "http" not in json.dumps(list(told))


# --- scenes ---


def test_scenes_and_what_one_is(client, scene):
    assert [s["scene"] for s in client.get("/api/scenes").json()] == ["a", "b"]
    told = client.get("/api/scenes/a").json()
    assert (told["vertices"], told["faces"]) == (len(scene.scan.vertices), len(scene.scan.faces))
    assert told["segments"] == len(scene.segment_ids)
    assert told["layers"] == ["truth"]
    np.testing.assert_array_equal(np.float32(told["low"]), scene.scan.vertices.min(axis=0))
    truth = client.get("/api/scenes/a/truth").json()["instances"]
    assert len(truth) == told["instances"] == 4
    assert client.get("/api/scenes").json()[0]["instances"] == 4


def test_geometry_is_kept_by_the_browser(client):
    answer = client.get("/api/scenes/a/geometry")
    assert answer.headers["content-encoding"] == "gzip"
    assert unpack(answer.content)
    plain = client.get("/api/scenes/a/geometry", headers={"accept-encoding": "identity"})
    assert plain.content == answer.content
    kept = client.get("/api/scenes/a/geometry", headers={"if-none-match": answer.headers["etag"]})
    assert kept.status_code == 304


def test_layers(client, scene):
    head, arrays = unpack(client.get("/api/scenes/a/layers/truth").content)
    assert head == {"layer": "truth"}
    np.testing.assert_array_equal(arrays["instance"], scene.truth.instance)
    np.testing.assert_array_equal(arrays["semantic"], scene.truth.semantic)
    problem(client.get("/api/scenes/a/layers/none"), 404)


def test_preview_saves_nothing(client, scene, click):
    row = click(scene, 3, 0)
    row.pop("kind")
    head, _ = unpack(client.post("/api/scenes/a/preview", {"clicks": [row]}).content)
    assert head["method"] == PREVIEW_METHOD == client.get("/api/session").json()["method"]
    answer = client.post("/api/scenes/a/preview", {"clicks": [row], "method": "walk"})
    head, arrays = unpack(answer.content)
    assert head["method"] == "walk"
    assert arrays["instance"].shape == arrays["confidence"].shape == scene.segment_ids.shape
    assert arrays["confidence"][scene.segments[3]] == 255
    assert client.get(f"{ANN}/log").json()["head"] == 0
    problem(client.post("/api/scenes/a/preview", {"clicks": [], "method": "network"}), 422)
    wrong = {"clicks": [row | {"vertex": 10**6}]}
    problem(client.post("/api/scenes/a/preview", wrong), 422, "other-segments")


def test_a_click_file_is_read_and_imported(client, scene, write):
    segment = str(scene.segment_ids[scene.segments[3]])
    file = json.dumps({"4": {segment: 3}}).encode()
    for kind in ("application/octet-stream", "application/json", None):
        headers = {"content-type": kind} if kind else {}
        answer = client.request("POST", "/api/scenes/a/clicks", content=file, headers=headers)
        (row,) = answer.json()["clicks"]
        assert (row["vertex"], row["segment"], row["instance"]) == (3, int(segment), 4)
    clicks = answer.json()["clicks"]
    client.post(f"{ANN}/log", write({"kind": "import", "source": "f", "clicks": clicks}))
    assert (
        client.get(f"{ANN}/export/authors").content.split()
        == json.dumps({"4": {segment: 3}}, indent=1).encode().split()
    )
    problem(client.request("POST", "/api/scenes/a/clicks", content=b"{"), 422)


def test_unknown_scenes(client, write):
    for path in ("", "/geometry", "/truth", "/layers/truth", "/agreement", "/tracks/ann/log",
                 "/tracks/ann/export/ply"):  # fmt: skip
        problem(client.get(f"/api/scenes/zz{path}"), 404)
    for path in ("/preview", "/tracks/ann/log", "/tracks/ann/lease"):
        body = {"clicks": [], **write({"kind": "undo"}), "take_over": False}
        problem(client.post(f"/api/scenes/zz{path}", body), 404)


# --- writing ---


def test_operations_are_saved_once_and_read_again(client, scene, write, click):
    message = write(click(scene, 3, 0), click(scene, 300, 1), {"kind": "undo"})
    first = client.post(f"{ANN}/log", message).json()
    assert (first["head"], first["status"]) == (3, "started")
    assert client.post(f"{ANN}/log", message).json() == first
    read = client.get(f"{ANN}/log?after=1").json()
    assert [entry["seq"] for entry in read["entries"]] == [2, 3]
    assert read["entries"] == first["entries"][1:]
    assert {entry["author"] for entry in read["entries"]} == {"ann"}
    track = client.get("/api/scenes").json()[0]["tracks"][0]
    assert (track["annotator"], track["instances"], track["holder"]) == ("ann", 1, "ann")
    stats = client.get("/api/stats").json()
    assert stats["tracks"][0]["undone"] == 1


def test_the_clicked_segment_is_that_of_the_vertex(client, scene, write, click):
    right = click(scene, 3, 0)
    for changes in ({"segment": right["segment"] + 1}, {"vertex": 10**6}):
        answer = client.post(f"{ANN}/log", write(right | changes))
        assert str(next(iter(changes.values()))) in problem(answer, 422, "other-segments")["detail"]
        row = {k: v for k, v in (right | changes).items() if k != "kind"}
        answer = client.post(
            f"{ANN}/log", write({"kind": "import", "source": "x", "clicks": [row]})
        )
        problem(answer, 422, "other-segments")
    assert client.get(f"{ANN}/log").json()["head"] == 0


def test_stale_leased_accepted(client, scene, write, click):
    one, two = PAGE_TABS
    client.post(f"{ANN}/log", write(click(scene, 3, 0), client=one))
    told = problem(client.post(f"{ANN}/log", write({"kind": "undo"}, client=two)), 423, "leased")
    assert (told["lease"]["holder"], told["lease"]["yours"]) == ("ann", False)
    assert client.post(f"{ANN}/lease", {"client": two}).json()["yours"] is False
    assert client.post(f"{ANN}/lease", {"client": two, "take_over": True}).json()["yours"] is True
    told = problem(client.post(f"{ANN}/log", write({"kind": "undo"}, client=two)), 409, "stale")
    assert [entry["operation"]["kind"] for entry in told["missed"]] == ["click"]
    assert client.post(f"{ANN}/log", write({"kind": "accept"}, base=1)).status_code == 200
    told = client.post(f"{ANN}/log", write({"kind": "undo"}, client=two, base=2))
    problem(told, 409, "accepted")
    assert client.request("DELETE", f"{ANN}/lease?client={two}").status_code == 204
    assert client.get("/api/scenes").json()[0]["tracks"][0]["holder"] is None


def test_another_scan_and_a_full_disk(client, scene, write, click, database, monkeypatch):
    key = store.ScanKey("another", "scan")
    message = write(click(scene, 3, 0))
    client.post(f"{ANN}/log", message)

    def fail(error):
        def append(*_, **__):
            raise error

        return append

    monkeypatch.setattr(database, "append", fail(store.FullError("disk is full")))
    assert "nothing was saved" in problem(client.post(f"{ANN}/log", message), 507, "full")["detail"]
    monkeypatch.setattr(database, "append", fail(store.OtherScanError(f"not {key.mesh}")))
    problem(client.post(f"{ANN}/log", message), 422, "other-segments")
    monkeypatch.setattr(database, "append", fail(RuntimeError("secret")))
    told = problem(client.post(f"{ANN}/log", message), 500)
    assert "secret" not in json.dumps(told)
    assert client.post(f"{ANN}/log", message).headers["x-content-type-options"] == "nosniff"


BROKEN = [
    {},
    {"client": "short", "base": 0, "drafts": []},
    {"client": "tab-00000001", "base": -1},
    [],
    None,
    "x",
    {"client": "tab-00000001", "base": 0, "drafts": [{"id": "draft-x"}]},
]


@pytest.mark.parametrize("body", BROKEN)
def test_messages_that_do_not_fit(client, body):
    told = problem(client.request("POST", f"{ANN}/log", content=json.dumps(body)), 422)
    assert told["detail"]
    assert len(told["detail"]) < 2000


def test_operations_that_do_not_fit(client, scene, write, click):
    good = click(scene, 3, 0)
    for changes in [
        {"kind": "fly"}, {"vertex": -1}, {"instance": 2**31}, {"semantic": -2}, {"vertex": "?"},
        {"vertex": 1e300}, {"segment": None},
    ]:  # fmt: skip
        problem(client.post(f"{ANN}/log", write(good | changes)), 422)
    too_long = {"kind": "note", "instance": 0, "text": "x" * 2001}
    problem(client.post(f"{ANN}/log", write(too_long)), 422)
    many = [{"kind": "undo"}] * 501
    problem(client.post(f"{ANN}/log", write(*many)), 422)
    text = json.dumps(write(good)).replace('"vertex": 3', '"vertex": NaN')
    problem(client.request("POST", f"{ANN}/log", content=text), 422)


# --- several people ---


def test_everyone_writes_to_their_own_track(people, scene, write, click):
    ann, bob, rita, ada = (people[name] for name in ("ann", "bob", "rita", "ada"))
    assert ann.post(f"{ANN}/log", write(click(scene, 3, 0))).status_code == 200
    assert bob.get(f"{ANN}/log").json()["head"] == 1
    for other in (bob, rita, ada):
        problem(other.post(f"{ANN}/log", write(click(scene, 3, 0), base=1)), 403)
        problem(other.post(f"{ANN}/lease", {"client": "tab-00000009"}), 403)
        problem(other.request("DELETE", f"{ANN}/lease?client=tab-00000001"), 403)
    for kind in ("accept", "send back", "submit"):
        operation = {"kind": kind, "text": "more"} if kind == "send back" else {"kind": kind}
        problem(bob.post(f"{ANN}/log", write(operation, base=1)), 403)
        if kind != "submit":
            problem(ann.post(f"{ANN}/log", write(operation, base=1)), 403)
    assert ann.post(f"{ANN}/log", write({"kind": "submit"}, base=1)).json()["status"] == "submitted"
    review = {"kind": "send back", "text": "the lamp"}
    told = rita.post(f"{ANN}/log", write(review, client="tab-00000009")).json()
    assert (told["status"], told["entries"][0]["author"]) == ("sent back", "rita")
    note = {"kind": "note", "instance": 0, "text": "which chair?"}
    for operations in (
        [note],
        [note, {"kind": "accept"}],
        [{"kind": "submit"}],
        [{"kind": "undo"}],
    ):
        problem(ada.post(f"{ANN}/log", write(*operations, client="tab-00000008")), 403)
    problem(rita.post("/api/scenes/b/tracks/ann/log", write({"kind": "accept"})), 404)
    track = ann.get("/api/scenes").json()[0]["tracks"][0]
    assert (track["status"], track["review"]) == ("sent back", "the lamp")


def test_agreement_and_export_of_others(people, scene, write, click, monkeypatch):
    monkeypatch.setattr("seggroup.server.live.DEFAULT_METHOD", "walk")  # classes move no instance
    ann, bob = people["ann"], people["bob"]
    assert ann.get("/api/scenes/a/agreement").json() == {"scene": "a", "pairs": []}
    operations = [click(scene, 3, 0), click(scene, 300, 1)]
    ann.post(f"{ANN}/log", write(*operations))
    bob.post("/api/scenes/a/tracks/bob/log", write(*operations))
    (pair,) = bob.get("/api/scenes/a/agreement").json()["pairs"]
    assert pair == {"first": "ann", "second": "bob", "instances": 1.0, "classes": 1.0}
    bob.post("/api/scenes/a/tracks/bob/log", write({"kind": "classify", "instance": 0,
                                                    "semantic": 9}, base=2))  # fmt: skip
    (pair,) = bob.get("/api/scenes/a/agreement").json()["pairs"]
    assert pair["instances"] == 1.0
    assert pair["classes"] < 1.0
    answer = bob.get(f"{ANN}/export/labels")
    assert answer.headers["content-disposition"].startswith('attachment; filename="a.npz"')
    problem(bob.get(f"{ANN}/export/exe"), 404)
    problem(bob.get("/api/scenes/b/tracks/bob/export/clicks"), 409)


def test_names_in_any_script(make_client, scene, write, click):
    client = make_client(token="t", user="Жанна/ö")
    client.get("/?token=t")
    path = f"/api/scenes/a/tracks/{httpx.QueryParams({'n': 'Жанна/ö'})}".replace("n=", "")
    assert client.post(f"{path}/log", write(click(scene, 3, 0))).status_code == 200
    assert client.get(f"{path}/log").json()["head"] == 1
    assert client.get(f"{path}/export/clicks").json()["clicks"][0]["annotator"] == "Жанна/ö"


def test_stored_script_comes_back_as_data(client, scene, write, click):
    script = "<script>alert(1)</script>"
    client.post(
        f"{ANN}/log",
        write(
            click(scene, 3, 0),
            {"kind": "rename", "instance": 0, "name": script},
            {"kind": "note", "instance": 0, "text": script},
        ),
    )
    answer = client.get(f"{ANN}/log")
    assert script in answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    lost = client.get(f"/api/scenes/{script}")
    assert lost.headers["content-type"] == "application/problem+json"
