"""Who may speak to the server: hosts, origins, sizes, sessions, one-time addresses, failed logins.

`Guard` stands before the application and refuses a request before its body is read. A page of
another site can neither read nor write: no answer allows its origin (there is no CORS), writes
with a foreign Origin are refused, and a foreign name that points here (DNS rebinding) is no
allowed Host.
"""

import asyncio
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from seggroup.server.database import Account, Database, FullError
from seggroup.server.problems import problem_of, respond
from seggroup.server.protocol import Problem

MAX_JSON = 2_000_000  # bytes of a request's body
MAX_CLICK_FILE = 10_000_000  # 500 for each of the 20,000 clicks that are taken
MAX_LABEL_FILE = 64_000_000  # a labelled PLY of a million vertices
MAX_LOGIN = 10_000  # the one body that is taken from anybody
BODY_SECONDS = 60.0  # until a body is here
HEAD_SECONDS = 20.0  # until a connection has asked for something
SESSION_HOURS = 72

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; "
        "worker-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'self'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "x-frame-options": "DENY",
}
_SAFE = ("GET", "HEAD", "OPTIONS")
_log = logging.getLogger("seggroup.server")


def now_ms() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000


class Door:
    """The one-time token of the printed address; each use makes and announces the next."""

    def __init__(self, token: str | None, announce: Callable[[str], None]) -> None:
        self._token, self._announce = token, announce
        self._lock = threading.Lock()

    def enter(self, token: str) -> bool:
        """Whether the token is the present one, which then is used up."""
        with self._lock:
            known = self._token
            if known is None or not hmac.compare_digest(known.encode(), token.encode()):
                return False
            self._token = fresh = secrets.token_urlsafe(24)
        self._announce(fresh)
        return True


class Throttle:
    """At most `limit` attempts a minute that did not succeed, by key."""

    def __init__(self, limit: int = 5, seconds: float = 60.0) -> None:
        self._limit, self._seconds = limit, seconds
        self._attempts: dict[tuple[str, str], list[float]] = {}
        self._lock = threading.Lock()

    def attempt(self, key: tuple[str, str], now: float) -> bool:
        """Count an attempt before it is judged; False where there were too many."""
        with self._lock:
            if len(self._attempts) > 10_000:  # forget what no longer counts
                self._attempts = {
                    k: times for k, times in self._attempts.items() if now - times[-1] < 60
                }
            times = [t for t in self._attempts.get(key, []) if now - t < self._seconds]
            if len(times) >= self._limit:
                return False
            self._attempts[key] = [*times, now]
            return True

    def succeeded(self, key: tuple[str, str]) -> None:
        """Forget the attempts of a key."""
        with self._lock:
            self._attempts.pop(key, None)


class Sessions:
    """Signed-in browsers. They outlive the server, so that a page goes on when it comes back.

    alone : the one person who comes by a token; None where people sign in by name
    """

    def __init__(self, database: Database, alone: Account | None) -> None:
        self._database, self._alone = database, alone

    def open(self, account: Account) -> str:
        """A new session; its secret goes into the browser's cookie."""
        return self._database.open_session(account, now_ms(), SESSION_HOURS)

    def find(self, secret: str | None) -> Account | None:
        """Who has this session; None for none, one that has ended, or one of another mode.

        A token's session is nobody's once people sign in by name, and the other way round.
        """
        account = self._database.session(secret, now_ms()) if secret else None
        if account is None:
            return None
        known = self._database.users() if self._alone is None else [self._alone]
        return account if account in known else None

    def signed_out(self) -> Problem:
        """The answer to whoever has no session."""
        if self._alone is None:
            return Problem("Not signed in", 401, "Sign in with your name and password.")
        detail = "Open the newest address that the program printed; each opens one browser."
        return Problem("Not signed in", 401, detail, "token")

    def close(self, secret: str) -> None:
        """End a session."""
        self._database.close_session(secret)


def cookie_name(scope: Scope) -> str:
    """The session's cookie; with the port, since browsers share cookies between ports."""
    server = scope.get("server")
    return f"seggroup_{server[1] if server else 0}"


def set_cookie(response: Response, request: Request, secret: str) -> None:
    """Give the browser its session: unreadable for scripts, never sent for other sites."""
    response.set_cookie(
        cookie_name(request.scope),
        secret,
        max_age=SESSION_HOURS * 3600,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


class Impatient(H11Protocol):
    """uvicorn's protocol; it hangs up on a connection that asks for nothing.

    Left to itself it waits for ever for the head of a request: a few hundred idle connections
    would be all that it takes.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Look after the connection from its start on."""
        super().connection_made(transport)
        self.loop.call_later(HEAD_SECONDS, self._look, None)

    def _look(self, last: object) -> None:
        if self.transport.is_closing():
            return
        is_waiting = self.cycle is None or self.cycle.response_complete
        if is_waiting and self.cycle is last:  # no request since the last look
            self.transport.close()
        else:
            self.loop.call_later(HEAD_SECONDS, self._look, self.cycle)


@dataclass(frozen=True)
class Guard:
    """ASGI middleware: refuses, finds the account, bounds the body, adds the headers.

    hosts : the values of the Host header that are answered, in lower case
    """

    app: ASGIApp
    sessions: Sessions
    hosts: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; `scope["state"]["account"]` says who asks (or None)."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return None  # there are no web sockets here
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(MutableHeaders(scope=message))
            await send(message)

        try:
            problem = _refusal(scope, self.hosts) or await self._identify(scope)
            if problem is not None:
                return await respond(problem)(scope, receive, guarded)
            await self.app(scope, _bounded(receive, _limit(scope)), guarded)
        except ClientDisconnect:
            return None
        except Exception:
            _log.exception("%s %r", scope["method"], scope["path"])
            if started:
                raise
            problem = Problem("Internal error", 500, "This is a fault of the program.")
            await respond(problem)(scope, receive, guarded)
        return None

    async def _identify(self, scope: Scope) -> Problem | None:
        """Put the account into the request; a problem where it needs one and there is none."""
        secret = Request(scope).cookies.get(cookie_name(scope))
        try:
            account = await run_in_threadpool(self.sessions.find, secret)
        except FullError as error:
            return problem_of(error)
        scope.setdefault("state", {})["account"] = account
        return None if account is not None or _open_to_all(scope) else self.sessions.signed_out()


def _open_to_all(scope: Scope) -> bool:
    """The page itself, signing in, and the description of the routes."""
    path = scope["path"]
    return not path.startswith("/api/") or path in ("/api/login", "/api/openapi.json")


def _refusal(scope: Scope, hosts: frozenset[str]) -> Problem | None:
    headers = Headers(scope=scope)
    host = headers.get("host", "").lower()
    if host not in hosts:
        detail = "The server does not answer to this name; start it with --public-name for it."
        return Problem("Wrong host", 421, detail)
    if scope["method"] not in _SAFE and not _same_origin(headers, scope["scheme"], host):
        return Problem("Foreign origin", 403, "Another site may not write here.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or int(length[:20]) > _limit(scope):
        return too_large(_limit(scope))
    return None


def _same_origin(headers: Headers, scheme: str, host: str) -> bool:
    """Browsers send Origin with every write; programs that are no browser send neither."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "same-origin") == "same-origin"
    return origin.lower() == f"{scheme}://{host}"


def too_large(limit: int) -> Problem:
    """The answer to a body over the limit, in bytes."""
    detail = f"The request is larger than {limit / 1000:,.0f} kB, the most that is taken here."
    return Problem("Too large", 413, detail)


def _limit(scope: Scope) -> int:
    if scope["path"] == "/api/login":
        return MAX_LOGIN
    if scope["path"].endswith("/labels"):
        return MAX_LABEL_FILE
    return MAX_CLICK_FILE if scope["path"].endswith("/clicks") else MAX_JSON


def _bounded(receive: Receive, limit: int) -> Receive:
    """Stop reading a body (its length may be unknown) as soon as it is over the limit, or late."""
    taken = 0
    end: float | None = asyncio.get_running_loop().time() + BODY_SECONDS

    async def bounded() -> Message:
        nonlocal taken, end
        try:
            async with asyncio.timeout_at(end):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "The request came too slowly; send it again.") from None
        if not message.get("more_body"):
            end = None  # what is awaited from now on is the end of the connection
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(413, too_large(limit).detail)
        return message

    return bounded


def _add_headers(headers: MutableHeaders) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
    headers.setdefault("cache-control", "no-store")
