"""The routes of scenes and tracks; `seggroup.server.protocol` has their messages.

All are plain functions, so that the framework runs them in its threads and the work of one
(reading a scan, the walk) does not hold up the others; what they depend on is ready at once and
needs no thread.
"""

import gzip
from dataclasses import dataclass, field
from typing import Annotated, Any, cast
from urllib.parse import quote

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from seggroup.io.classlist import ClassList
from seggroup.server.agreement import agreement
from seggroup.server.binary import pack
from seggroup.server.catalogue import Catalogue, info
from seggroup.server.database import Account, Database
from seggroup.server.files import (
    FORMATS,
    Made,
    check_clicks,
    clicks_in,
    export,
    spread,
    state_clicks,
)
from seggroup.server.problems import UnknownSceneError
from seggroup.server.protocol import (
    Accept,
    Agreement,
    Id,
    LayerHead,
    Lease,
    LeaseRequest,
    Log,
    PreviewRequest,
    ReadClicks,
    SceneInfo,
    SceneSummary,
    SendBack,
    Stats,
    Truth,
    Write,
    Written,
)
from seggroup.server.security import now_ms
from seggroup.server.stats import stats
from seggroup.server.uploads import read_label_upload, read_upload
from seggroup.types import Labels

router = APIRouter(prefix="/api")
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "A container."}
}


@dataclass(frozen=True)
class Services:
    """What the routes work with. agreements: by scene, with the heads they were taken at."""

    catalogue: Catalogue
    database: Database
    classes: ClassList
    agreements: dict[str, tuple[dict[str, int], Agreement]] = field(default_factory=dict)


async def services(request: Request) -> Services:
    """The services of the application that a request came to."""
    return cast(Services, request.app.state.services)


async def signed(request: Request) -> Account:
    """Who asks; the guard lets nobody else through to the routes that want to know."""
    return cast(Account, request.scope["state"]["account"])


async def body(request: Request, who: Annotated[Account, Depends(signed)]) -> bytes:
    """The body as it came; the guard bounds it."""
    return await request.body()


On = Annotated[Services, Depends(services)]
Signed = Annotated[Account, Depends(signed)]
SceneName = Annotated[str, Path(max_length=255)]
Annotator = Annotated[str, Path(max_length=80)]


def cached(request: Request, packed: bytes, tag: str, media_type: str, plain: bytes) -> Response:
    """An answer that browsers keep and ask about each time; gzipped for those that say so."""
    headers = {"etag": tag, "cache-control": "private, no-cache", "vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(None, 304, headers)
    return _encoded(request, packed, plain, headers, media_type)


def _encoded(
    request: Request, packed: bytes, plain: bytes | None, headers: dict[str, str], media_type: str
) -> Response:
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(packed, 200, headers, media_type)
    return Response(plain or gzip.decompress(packed), 200, headers, media_type)


def _container(request: Request, head: Any, arrays: dict[str, np.ndarray]) -> Response:
    packed = gzip.compress(pack(head, arrays), 1, mtime=0)
    return _encoded(request, packed, None, {}, "application/octet-stream")


# --- scenes -----------------------------------------------------------------------------------


@router.get("/scenes")
def list_scenes(on: On, who: Signed) -> list[SceneSummary]:
    """All scenes with their tracks."""
    tracks, instances = on.database.tracks(now_ms()), on.catalogue.instances()
    return [
        SceneSummary(name, tracks.get(name, []), instances.get(name))
        for name in on.catalogue.names()
    ]


@router.get("/scenes/{scene}")
def scene_info(scene: SceneName, on: On, who: Signed) -> SceneInfo:
    """What the page needs to know of a scene besides its geometry; the next one is opened too."""
    opened = on.catalogue.open(scene)
    on.catalogue.prefetch(scene)
    return info(opened, on.catalogue.layers(opened))


@router.get("/scenes/{scene}/geometry", response_class=Response, responses=_BYTES)
def geometry(scene: SceneName, on: On, who: Signed, request: Request) -> Response:
    """The packed geometry, segments and colours."""
    opened = on.catalogue.open(scene)
    return cached(request, opened.geometry, opened.tag, "application/octet-stream", b"")


@router.get("/scenes/{scene}/truth")
def truth(scene: SceneName, on: On, who: Signed) -> Truth:
    """The true instances and their parts."""
    found = on.catalogue.open(scene).truth
    if found is None:
        raise UnknownSceneError(f"{scene} has no true instances.")
    return found


@router.get("/scenes/{scene}/layers/{layer}", response_class=Response, responses=_BYTES)
def layer(scene: SceneName, layer: str, on: On, who: Signed, request: Request) -> Response:
    """Labels of every vertex: `instance` and `semantic`, int32."""
    labels = on.catalogue.layer(on.catalogue.open(scene), layer)
    arrays = {"instance": labels.instance, "semantic": labels.semantic}
    return _container(request, LayerHead(layer), arrays)


@router.post("/scenes/{scene}/preview", response_class=Response, responses=_BYTES)
def preview(
    scene: SceneName, wanted: PreviewRequest, on: On, who: Signed, request: Request
) -> Response:
    """Spread clicks over the scene; nothing is saved."""
    opened = on.catalogue.open(scene)
    check_clicks(opened.scene, wanted.clicks)
    head, instance, confidence = opened.live.preview(wanted)
    return _container(request, head, {"instance": instance, "confidence": confidence})


@router.post(
    "/scenes/{scene}/clicks",
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
)
def clicks(
    scene: SceneName, on: On, who: Signed, data: Annotated[bytes, Depends(body)]
) -> ReadClicks:
    """Read a click file in any of the three forms, or an aggregation; nothing is saved."""
    return read_upload(data, on.catalogue.open(scene).scene, on.classes)


@router.post(
    "/scenes/{scene}/labels",
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
)
def labels(
    scene: SceneName, on: On, who: Signed, data: Annotated[bytes, Depends(body)]
) -> ReadClicks:
    """Read labels of every vertex as clicks in all labelled segments; nothing is saved."""
    return read_label_upload(data, on.catalogue.open(scene).scene, on.classes)


@router.get("/scenes/{scene}/agreement")
def scene_agreement(scene: SceneName, on: On, who: Signed) -> Agreement:
    """How far the tracks of a scene agree, all spread by the default method."""
    heads = {track.annotator: track.head for track in on.database.tracks(now_ms()).get(scene, [])}
    known = on.agreements.get(scene)
    if known is None or known[0] != heads:
        known = on.agreements[scene] = heads, _agreement(on, scene, list(heads))
    return known[1]


def _agreement(on: Services, scene: str, annotators: list[str]) -> Agreement:
    opened = on.catalogue.open(scene)
    labels: dict[str, Labels] = {}
    for annotator in annotators:
        state = on.database.state(scene, annotator)
        if state.instances:
            check_clicks(opened.scene, state_clicks(state))
            labels[annotator] = spread(opened.scene, state, opened.live)
    one = np.ones(len(opened.scene.segments), np.int32)
    return agreement(scene, one, labels)


@router.get("/stats")
def all_stats(on: On, who: Signed) -> Stats:
    """How long every track took."""
    return stats(on.database)


# --- tracks -----------------------------------------------------------------------------------

TRACK = "/scenes/{scene}/tracks/{annotator:path}"


@router.get(TRACK + "/log")
def read_log(
    scene: SceneName,
    annotator: Annotator,
    on: On,
    who: Signed,
    after: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> Log:
    """The entries of a track after one."""
    return on.database.read(_known(on, scene), annotator, after)


@router.post(TRACK + "/log")
def append(scene: SceneName, annotator: Annotator, write: Write, on: On, who: Signed) -> Written:
    """Append operations; they are on disk when this answers."""
    opened = on.catalogue.open(scene)
    owner = _owns(on, who, scene, annotator, write)
    check_clicks(opened.scene, clicks_in(write.drafts))
    return on.database.append(scene, annotator, who.name, write, opened.key, now_ms(), owner)


@router.post(TRACK + "/lease")
def take_lease(
    scene: SceneName, annotator: Annotator, wanted: LeaseRequest, on: On, who: Signed
) -> Lease:
    """Ask for the lease of one's own track, or go on with it."""
    _only_own(who, annotator)
    return on.database.lease(_known(on, scene), annotator, who.name, wanted, now_ms())


@router.delete(TRACK + "/lease", status_code=204)
def give_lease(
    scene: SceneName,
    annotator: Annotator,
    client: Annotated[Id, Query()],
    on: On,
    who: Signed,
) -> Response:
    """Give the lease back."""
    _only_own(who, annotator)
    on.database.release(_known(on, scene), annotator, client)
    return Response(status_code=204)


@router.get(TRACK + "/export/{format}", response_class=Response, responses=_BYTES)
def export_track(
    scene: SceneName, annotator: Annotator, format: str, on: On, who: Signed
) -> Response:
    """The track as a file."""
    if format not in FORMATS:
        raise HTTPException(404, f"There is no such format; there are {', '.join(FORMATS)}.")
    opened = on.catalogue.open(scene)
    state = on.database.state(scene, annotator)
    made = export(Made(opened.scene, state, annotator, on.classes, opened.live), format)
    return Response(
        made.data, 200, {"content-disposition": _attachment(made.name)}, made.media_type
    )


def _known(on: Services, scene: str) -> str:
    """The name of a scene that is there. Raises UnknownSceneError."""
    if scene not in on.catalogue.names():
        raise UnknownSceneError(f"There is no scene {scene[:80]!r} here.")
    return scene


def _only_own(who: Account, annotator: str) -> None:
    if annotator != who.name:
        raise _others(annotator)


def _others(annotator: str) -> HTTPException:
    return HTTPException(403, f"This track is {annotator}'s; you write to your own.")


def _owns(on: Services, who: Account, scene: str, annotator: str, write: Write) -> bool:
    """Whether the write needs the lease: a review does not. Raises HTTPException 403 and 404.

    To another's track a reviewer says only whether it is accepted or sent back: everything else
    is the annotator's work, and would stand among what they can undo.
    """
    operations = [draft.operation for draft in write.drafts]
    judges = [isinstance(operation, Accept | SendBack) for operation in operations]
    if any(judges) and who.role == "annotator":
        raise HTTPException(403, "Reviewers accept a track or send it back.")
    if annotator == who.name:
        return not all(judges)
    if not all(judges):
        raise _others(annotator)
    if on.database.state(scene, annotator).head == 0:
        raise HTTPException(404, f"{annotator} has no track on {scene}.")
    return False


def _attachment(name: str) -> str:
    """Content-Disposition for a file name in any script."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
