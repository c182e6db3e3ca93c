"""One log line for each HTTP request: the pattern of its address and how it went. Addresses themselves hold secrets."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time

from aiohttp import web

from kit import log
from kit.http import Handler

logger = logging.getLogger(__name__)

_HERE = secrets.token_hex(3)
_NUMBERS = itertools.count(1)

LEFT = 499
"""What is noted when the asker left before the answer."""

BY_MACHINES = ("/hooks/", "/static/", "/files/", "/live", "/ready", "/metrics")
"""Addresses asked so often that a line for each success is wanted only at level debug."""


@web.middleware
async def access_log(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every line that is logged meanwhile carries the request's id: the process's own part, and a number.

    Asking the system for random bytes each time costs more than the rest of this.
    """
    began, status = time.perf_counter(), 500
    with log.bound(request=f"{_HERE}-{next(_NUMBERS):x}"):
        try:
            response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as answer:
            status = answer.status
            raise
        except asyncio.CancelledError:
            status = LEFT
            raise
        finally:
            _tell(request, status, time.perf_counter() - began)


def _tell(request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    level = logging.DEBUG if status < 400 and route.startswith(BY_MACHINES) else logging.INFO
    if logger.isEnabledFor(level):
        facts = {"method": request.method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        logger.log(level, "%s %s %d", request.method, route, status, extra=facts)
