"""The application: the page, sessions, and the routes of `seggroup.server.routes`."""

import asyncio
import gzip
import mimetypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic

import uvicorn
from fastapi import FastAPI, HTTPException
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

import seggroup
from seggroup.errors import InputError
from seggroup.io.classlist import ClassList
from seggroup.server.accounts import composed
from seggroup.server.catalogue import Catalogue
from seggroup.server.database import Account, Database
from seggroup.server.live import PREVIEW_METHOD
from seggroup.server.problems import handle
from seggroup.server.protocol import ClassItem, Credentials, Session
from seggroup.server.routes import Services, Signed, cached, router
from seggroup.server.security import (
    Door,
    Guard,
    Impatient,
    Sessions,
    Throttle,
    cookie_name,
    set_cookie,
)

STATIC = Path(__file__).parent / "static"
_USED = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>SegGroup</title>"
    "<h1>This address does not open the program</h1>"
    "<p>Each printed address works once. Use the newest one that the program printed.</p></html>"
)


@dataclass(frozen=True)
class Options:
    """How the server behaves.

    allowed_hosts : values of the Host header that are answered: names with the port
    token         : opens the page once; None where people sign in by name (`users`)
    announce      : told the next token, when one was used
    user          : the one person's name where there are no users
    """

    classes: ClassList
    allowed_hosts: frozenset[str]
    users: bool = False
    token: str | None = None
    announce: Callable[[str], None] = lambda token: None
    user: str = "annotator"
    idle_ms: int = 30_000
    lease_ms: int = 60_000
    network: bool = False
    version: str = seggroup.__version__
    static: Path = STATIC


@dataclass(frozen=True)
class Asset:
    """A file of the page, in memory."""

    data: bytes
    gzipped: bytes
    tag: str
    media_type: str


def create_app(catalogue: Catalogue, database: Database, options: Options) -> FastAPI:
    """The application as ASGI. Raises InputError where the page was not built."""
    assets = read_assets(options.static)
    alone = None if options.users else Account(options.user, "admin")
    sessions = Sessions(database, alone)
    app = FastAPI(
        title="SegGroup annotator",
        version=options.version,
        openapi_url="/api/openapi.json",
        docs_url=None,  # those pages load their code from elsewhere
        redoc_url=None,
    )
    app.state.services = Services(catalogue, database, options.classes)
    app.add_middleware(Guard, sessions=sessions, hosts=options.allowed_hosts)
    handle(app)
    _add_pages(app, assets, sessions, options)
    _add_sessions(app, database, sessions, options)
    app.include_router(router)
    return app


def uvicorn_config(app: FastAPI, behind_proxy: bool = False) -> uvicorn.Config:
    """How uvicorn serves the application: 16 KB of header at most, no web sockets, no log.

    behind_proxy : believe a proxy on this machine who asks and by which scheme; without one,
                   any program here could give itself another address at every attempt
    """
    return uvicorn.Config(
        app,
        http=Impatient,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=behind_proxy,
        limit_concurrency=256,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=16_384,
    )


def read_assets(folder: Path) -> dict[str, Asset]:
    """Every file of the built page by its path, with its gzipped bytes."""
    if not (folder / "index.html").is_file():
        raise InputError(
            f"{folder}: holds no built page (index.html); install the released package, or "
            "run make web in a checkout"
        )
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _asset(path) for path in files}


def _asset(path: Path) -> Asset:
    data = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind in ("application/javascript", "text/javascript"):
        kind = "text/javascript"  # systems differ in what they call it
    tag = f'"{sha256(data).hexdigest()[:32]}"'
    return Asset(data, gzip.compress(data, 9, mtime=0), tag, kind)


def _add_pages(
    app: FastAPI, assets: dict[str, Asset], sessions: Sessions, options: Options
) -> None:
    door = Door(options.token, options.announce)

    @app.get("/", include_in_schema=False)
    def page(request: Request, token: str | None = None) -> Response:
        if token is None:
            return HTMLResponse(assets["index.html"].data)
        answer = RedirectResponse("/", 303)
        if sessions.find(request.cookies.get(cookie_name(request.scope))):
            return answer  # an address opened again by a browser that is signed in
        if not door.enter(token):
            return HTMLResponse(_USED, 401)
        set_cookie(answer, request, sessions.open(Account(options.user, "admin")))
        return answer

    @app.get("/static/{name:path}", include_in_schema=False)
    def static(request: Request, name: str) -> Response:
        asset = assets.get(name)
        if asset is None:
            raise HTTPException(404, "There is no such file.")
        return cached(request, asset.gzipped, asset.tag, asset.media_type, asset.data)


def _add_sessions(app: FastAPI, database: Database, sessions: Sessions, options: Options) -> None:
    by_name, by_address = Throttle(5), Throttle(30)
    hashing = ThreadPoolExecutor(2)  # a password costs 0.3 s and 32 MB; others go on meanwhile
    classes = [
        ClassItem(i, known.name, known.color, list(known.searched))
        for i, known in options.classes.classes.items()
    ]

    def told(account: Account) -> Session:
        return Session(
            account.name,
            account.role,
            options.users,
            classes,
            options.idle_ms,
            options.lease_ms,
            PREVIEW_METHOD,
            options.network,
            options.version,
            database.name,
        )

    @app.get("/api/session")
    def session(who: Signed) -> Session:
        """Who is signed in, and what the page needs everywhere."""
        return told(who)

    @app.post("/api/login")
    async def login(request: Request, response: Response, credentials: Credentials) -> Session:
        """Sign in by name and password; five failures a minute are let through."""
        name, password = credentials.name, credentials.password
        address = request.client.host if request.client else ""
        keys = {by_address: ("", address), by_name: (composed(name), address)}
        if not all(throttle.attempt(key, monotonic()) for throttle, key in keys.items()):
            raise HTTPException(429, "Too many attempts; wait a minute.")
        account = None
        if options.users:
            loop = asyncio.get_running_loop()
            account = await loop.run_in_executor(hashing, database.check, name, password)
        if account is None:
            raise HTTPException(401, "The name or the password is wrong.")
        for throttle, key in keys.items():
            throttle.succeeded(key)
        set_cookie(response, request, await run_in_threadpool(sessions.open, account))
        return told(account)

    @app.post("/api/logout", status_code=204)
    def logout(request: Request, who: Signed) -> Response:
        """End the session."""
        sessions.close(request.cookies.get(cookie_name(request.scope), ""))
        answer = Response(status_code=204)
        answer.delete_cookie(cookie_name(request.scope), path="/")
        return answer
