"""A server in this process on toy scenes, and what a browser of it does.

The server is imported inside the fixtures: what a conftest imports is not type-checked by the
tests, since pytest reads it before the hook for that is in place.
"""

import asyncio
import itertools
import socket
import threading
import time

import httpx
import pytest
from toy_files import write_toy

HOST = "localhost:8737"
PAGE = "<!doctype html><script type=module src=/static/main.js></script>"
_numbers = itertools.count(1)


class Browser:
    """Sends requests to an application and keeps its cookies, as a page of its origin does."""

    def __init__(self, app, host=HOST):
        self.app, self.cookies = app, httpx.Cookies()
        self.base = f"http://{host}"
        self.headers = {"origin": self.base}

    def request(self, method, path, **options):
        async def send():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url=self.base, cookies=self.cookies,
                headers=self.headers, follow_redirects=True,
            ) as client:  # fmt: skip
                answer = await client.request(method, path, **options)
                self.cookies = client.cookies
                return answer

        return asyncio.run(send())

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, json=None, **options):
        return self.request("POST", path, json=json, **options)


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory):
    """Two toy scans with truth, `a` and `b`."""
    folder = tmp_path_factory.mktemp("scans")
    for seed, name in enumerate("ab"):
        write_toy(folder, name, seed)
    return folder


@pytest.fixture(scope="session")
def catalogue(toy_folder):
    """The catalogue of the toy scans; opened once for all tests."""
    from seggroup.io.scenes import find_scenes
    from seggroup.pipeline import Loading
    from seggroup.server.catalogue import Catalogue

    return Catalogue(find_scenes([toy_folder]), Loading())


@pytest.fixture
def database(tmp_path):
    """An empty database."""
    from seggroup.server.database import Database

    opened = Database(tmp_path / "annotations.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def static(tmp_path):
    """A page as Vite builds it."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "main.js").write_text("export const answer = 42;\n" * 50)
    (folder / "assets" / "style.css").write_text("body { margin: 0 }\n")
    return folder


@pytest.fixture
def make_client(catalogue, database, static):
    """Makes a browser of a new server: `make_client(users=True)`; it is not signed in."""
    from seggroup.io.classlist import nyu40
    from seggroup.server.app import Options, create_app

    def make(scenes=catalogue, **changes):
        options = {"classes": nyu40(), "allowed_hosts": frozenset([HOST]), "static": static}
        return Browser(create_app(scenes, database, Options(**options | changes)))

    return make


@pytest.fixture
def client(make_client):
    """A browser that has opened the printed address, as the one person `ann`."""
    browser = make_client(token="first", user="ann")
    assert browser.get("/?token=first").status_code == 200
    return browser


@pytest.fixture
def write():
    """Makes a message that appends operations, each with an id of its own."""

    def make(*operations, base=0, client="tab-00000001"):
        drafts = [
            {"id": f"draft-{next(_numbers):08}", "at": 1000 * i, "active_ms": 500, "operation": o}
            for i, o in enumerate(operations)
        ]
        return {"client": client, "base": base, "drafts": drafts}

    return make


@pytest.fixture
def click():
    """Makes a click on a vertex of a scene."""

    def make(scene, vertex, instance, semantic=5):
        segment = int(scene.segment_ids[scene.segments[vertex]])
        row = {"vertex": vertex, "segment": segment, "instance": instance, "semantic": semantic}
        return {"kind": "click", **row}

    return make


@pytest.fixture
def start_live(make_client):
    """Starts real servers on free ports: `start_live(users=True)` gives the browser and port."""
    import uvicorn

    from seggroup.server.app import uvicorn_config

    running = []

    def start(behind_proxy=False, **changes):
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        browser = make_client(allowed_hosts=frozenset([f"127.0.0.1:{port}", HOST]), **changes)
        server = uvicorn.Server(uvicorn_config(browser.app, behind_proxy))
        server.install_signal_handlers = lambda: None
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        running.append((server, thread, listener))
        while not server.started:
            time.sleep(0.01)
        return browser, port

    yield start
    for server, thread, listener in running:
        server.should_exit = True
        thread.join(20)
        listener.close()
        assert not thread.is_alive()


@pytest.fixture
def live(start_live):
    """A real server; gives its port and the cookie of a session of `ann`."""
    browser, port = start_live(token="first", user="ann")
    browser.get("/?token=first")
    return port, f"seggroup_{port}={next(iter(browser.cookies.values()))}"
