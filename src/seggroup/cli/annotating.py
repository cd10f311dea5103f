"""`seggroup annotate`: serving the annotator to this machine, or to people who sign in."""

import getpass
import ipaddress
import json
import os
import secrets
import socket
import sys
import webbrowser
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seggroup.cli.common import errors
from seggroup.cli.people import DATABASE, shown
from seggroup.errors import InputError

if TYPE_CHECKING:
    from seggroup.io.reading import Reading

PORT = 8737
_TRIED = 20  # ports, from the default on, before any free one is taken
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Serving:
    """What `seggroup annotate` was asked for."""

    scenes: Sequence[Path]
    port: int | None = None
    host: str = "127.0.0.1"
    browser: bool = True
    weights: Path | None = None
    database: str = DATABASE
    reading: "Reading | None" = None
    labels: Sequence[Path] = ()
    truth: bool = True
    users: bool = False
    public_names: Sequence[str] = ()
    device: str = "auto"
    json: bool = False


def serve(serving: Serving) -> None:
    """Serve the page until it is interrupted.

    Raises InputError for bad scenes, a port that is taken, and a host that others can reach
    where nobody could sign in.
    """
    # A preview solves many small systems: two threads for each take ten times as long as one where
    # the processors have other work. Read when numpy is first imported, which is below.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import uvicorn

    from seggroup.io.classlist import is_nyu40, nyu40
    from seggroup.io.reading import AS_FOUND
    from seggroup.io.scenes import find_scenes
    from seggroup.pipeline import Loading, method_of, weights_file
    from seggroup.server.app import Options, create_app, uvicorn_config
    from seggroup.server.catalogue import Catalogue
    from seggroup.server.database import Database

    reading = serving.reading or AS_FOUND
    sources = find_scenes(serving.scenes, reading)
    classes = reading.classes or nyu40()
    layers = label_layers(serving.labels)
    weights = existing(weights_file(serving.weights)) if serving.weights else None
    named = is_nyu40({i: known.name for i, known in classes.classes.items()})
    catalogue = Catalogue(sources, Loading(serving.truth), layers, weights, serving.device, named)
    with ExitStack() as ending:
        database = ending.enter_context(closing(Database(serving.database)))
        users = needs_users(serving, database)
        listener = ending.enter_context(bind(serving.host, serving.port))
        port = listener.getsockname()[1]
        name = socket.gethostname() if _is_any(serving.host) else _in_url(serving.host)
        address = f"http://{name}:{port}/"
        token = None if users else secrets.token_urlsafe(24)
        options = Options(
            classes,
            allowed_hosts(serving.host, port, serving.public_names),
            users,
            token,
            lambda fresh: print(f"for another browser: {address}?token={fresh}", file=sys.stderr),
            user_name(),
            network=weights is not None and method_of(weights) == "seggroup",
        )
        app = create_app(catalogue, database, options)
        server = uvicorn.Server(uvicorn_config(app, behind_proxy=bool(serving.public_names)))
        catalogue.open_soon(sources[0].name)
        announce(address if token is None else f"{address}?token={token}", serving, len(sources))
        with suppress(KeyboardInterrupt):  # how it ends
            server.run(sockets=[listener])


def announce(address: str, serving: Serving, scenes: int) -> None:
    """Tell the database on standard error, the address on standard output; open the browser."""
    place = shown(serving.database)
    errors.print(f"{scenes} scenes, annotations in {place}", highlight=False)
    if serving.json:
        told = {"address": address, "database": place, "scenes": scenes}
        print(json.dumps(told), flush=True)
    else:
        print(address, flush=True)
    if not is_loopback(serving.host):
        errors.print(
            "Passwords and annotations cross the network as they are: put a proxy with TLS before "
            "this server where that matters.",
            style="yellow",
        )
    if serving.browser:
        webbrowser.open(address)


def needs_users(serving: Serving, database: Any) -> bool:
    """Whether people sign in by name. Raises InputError where they must and nobody can."""
    if is_loopback(serving.host) and not serving.users:
        return False
    if not database.users():
        raise InputError(
            f"--host {serving.host}: others could reach the annotator, and the database has no "
            "users; add one with `seggroup users add NAME --role admin "
            f"--database {shown(serving.database)}`"
        )
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int | None) -> socket.socket:
    """A listening socket: the port that is named (0: any), else the first free from 8737 on.

    Raises InputError where the named port is taken or the host is not this machine's.
    """
    ports = [*range(PORT, PORT + _TRIED), 0] if port is None else [port]
    for tried in ports:
        try:
            return _listening(host, tried)
        except OSError as error:
            reason = error.strerror or str(error)
        if port is None and "in use" not in reason:
            break
    raise InputError(
        f"{host}:{ports[0]}: cannot listen there ({reason}); name another --port or --host"
    )


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket of the protocol TCP by name: only for such a one asyncio sends what it
    has at once. Else headers and body wait for each other, 40 ms a request."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # where it lets a port be used again at once, and no more
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
    except BaseException:
        listener.close()
        raise
    return listener


def allowed_hosts(host: str, port: int, public_names: Sequence[str]) -> frozenset[str]:
    """The Host headers that are answered, in lower case: names with the port.

    Public names count with and without it, as a proxy may stand before the server.
    """
    own = {_in_url(host), *(_LOOPBACK_NAMES if is_loopback(host) or _is_any(host) else ())}
    if _is_any(host):
        own |= {socket.gethostname(), *_own_addresses()}
    found = {f"{name}:{port}" for name in own}
    for name in public_names:
        found |= {name, f"{name}:{port}"}
    if port == 80:  # browsers leave it out
        found |= own
    return frozenset(name.lower() for name in found)


def _is_any(host: str) -> bool:
    return host in ("0.0.0.0", "::")


def _own_addresses() -> set[str]:
    """The addresses that this machine's name stands for."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        return set()
    return {_in_url(str(address[0])) for *_, address in found}


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def existing(path: Path) -> Path:
    """The path, if there is a file. Raises InputError."""
    if not path.is_file():
        raise InputError(f"{path}: does not exist; name a checkpoint or the folder of a run")
    return path


def label_layers(folders: Sequence[Path]) -> dict[str, Path]:
    """Folders of saved labels by the name they are shown under: that of the folder or its run.

    Raises InputError for a path that is no folder and for two of one name.
    """
    from seggroup.pipeline import labels_folder

    layers: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: is no folder; name one that seggroup propagate wrote")
        name = folder.absolute().name
        if name in layers or name == "truth":
            raise InputError(f"{folder}: two layers would be named {name!r}; rename the folder")
        layers[name] = labels_folder(folder)
    return layers


def user_name() -> str:
    """The name of whoever runs the program."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a machine without an entry for the user
        return "annotator"
    return name[:80] or "annotator"
