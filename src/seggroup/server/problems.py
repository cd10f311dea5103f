"""Errors as RFC 9457 problems: every answer that is no success has this form."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from seggroup.errors import InputError
from seggroup.server.database import (
    AcceptedError,
    FullError,
    LeasedError,
    OtherScanError,
    StaleError,
)
from seggroup.server.protocol import Problem

_PROBLEM = TypeAdapter(Problem)
_SHOWN = 5  # faults of a message that are told


class OtherSegmentsError(Exception):
    """A click whose segment is not that of its vertex in the scan as it is now."""


class NothingLabelledError(Exception):
    """A track without clicks has no labels to write."""


class UnknownSceneError(Exception):
    """A scene, or a layer of it, that is not there."""


def respond(problem: Problem) -> Response:
    """The problem as an answer; after a body that was not read to its end, the last one."""
    headers = {"connection": "close"} if problem.status in (401, 403, 408, 413, 421) else {}
    body = _PROBLEM.dump_json(problem, exclude_none=True)
    return Response(body, problem.status, headers, "application/problem+json")


def problem_of(error: Exception) -> Problem:
    """What went wrong, and what the page or the person can do about it."""
    match error:
        case StaleError():
            detail = "Others wrote to this track since; apply what was missed and send again."
            return Problem("Stale", 409, detail, "stale", missed=error.missed)
        case LeasedError():
            holder = error.lease.holder or "somebody else"
            detail = f"{holder} works on this track in another window; take over to go on here."
            return Problem("Leased", 423, detail, "leased", lease=error.lease)
        case AcceptedError():
            detail = "A reviewer accepted this track; it takes edits once it is sent back."
            return Problem("Accepted", 409, detail, "accepted")
        case OtherScanError() | OtherSegmentsError():
            return Problem("Other segments", 422, str(error), "other-segments")
        case FullError():
            detail = f"The database could not be written ({error}); nothing was saved."
            return Problem("Not saved", 507, detail, "full")
        case NothingLabelledError():
            return Problem("Nothing labelled", 409, f"{error}; click at least one object.")
        case UnknownSceneError():
            return Problem("Not found", 404, str(error))
        case InputError():
            return Problem("Bad input", 422, str(error))
        case RequestValidationError():
            return Problem("Not understood", 422, _faults(error))
        case HTTPException():
            return Problem(HTTPStatus(error.status_code).phrase, error.status_code, error.detail)
    raise error


def handle(app: FastAPI) -> None:
    """Answer every error that `problem_of` knows with its problem."""

    async def answer(request: Request, error: Exception) -> Response:
        return respond(problem_of(error))

    kinds: list[type[Exception]] = [
        StaleError, LeasedError, AcceptedError, OtherScanError, OtherSegmentsError, FullError,
        NothingLabelledError, UnknownSceneError, InputError, RequestValidationError, HTTPException,
    ]  # fmt: skip
    register: Callable[[type[Exception], object], None] = app.add_exception_handler  # type: ignore[assignment]
    for kind in kinds:
        register(kind, answer)


def _faults(error: RequestValidationError) -> str:
    """Where and why a message does not fit, without saying back what was in it."""
    faults = [
        f"{'.'.join(str(part)[:40] for part in fault['loc'])}: {fault['msg'][:200]}"
        for fault in error.errors()[:_SHOWN]
    ]
    return "; ".join(faults)
