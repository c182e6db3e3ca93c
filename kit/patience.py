"""How long whoever asks may take to ask: without an end to it a few thousand silent connections would fill the process.

A web server in front waits for slow askers itself, and hands on what is whole.
"""

from __future__ import annotations

import asyncio
import logging
import time

from aiohttp import web
from aiohttp.typedefs import Middleware

from kit.http import Handler

logger = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds from a new connection to the end of its first request's head. Afterwards aiohttp's keep-alive counts."""

LEAST = 500.0
"""Bytes of a body that must have come, on the average, in each second beyond the first PATIENCE."""

LOOK = 5.0
"""Seconds between looks."""


class Doorkeeper:
    """Closes connections whose requests do not come to an end. What is under way once it has come is never touched."""

    def __init__(self, *, patience: float = PATIENCE, look: float = LOOK) -> None:
        self._patience, self._look_every = patience, look
        self._came: dict[object, float] = {}
        """When each connection was first seen, by time.monotonic."""
        self._served: set[object] = set()
        """Connections that have brought the head of a request."""
        self._asking: dict[object, tuple[web.Request, float]] = {}
        """Requests, by their connections, whose bodies had not come when they began, and when that was."""
        self._looking: asyncio.Task[None] | None = None

    def watch(self, app: web.Application) -> None:
        """Know of the application's requests. Before its other middlewares, and before it is frozen."""
        app.middlewares.insert(0, self._middleware())

    def start(self, server: web.Server) -> None:
        self._looking = asyncio.create_task(self._keep_looking(server))

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def _middleware(self) -> Middleware:
        @web.middleware
        async def known(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._served.add(request.protocol)
            if request.content.is_eof():
                return await handler(request)
            self._asking[request.protocol] = request, time.monotonic()
            try:
                return await handler(request)
            finally:
                self._asking.pop(request.protocol, None)

        return known

    async def _keep_looking(self, server: web.Server) -> None:
        while True:
            await asyncio.sleep(self._look_every)
            now = time.monotonic()
            self._came = {connection: self._came.get(connection, now) for connection in server.connections}
            self._served &= self._came.keys()
            for connection in server.connections:
                if connection not in self._served and now - self._came[connection] > self._patience:
                    connection.force_close()
            for request, since in list(self._asking.values()):
                wanted = LEAST * (now - since - self._patience)
                if not request.content.is_eof() and request.content.total_bytes < wanted:
                    logger.info("%s %s took too long to come", request.method, request.match_info.route.resource)
                    request.protocol.force_close()
