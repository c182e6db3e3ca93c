"""What a caller meets in the place of an answer, whichever messenger it calls."""

from __future__ import annotations

import asyncio

from aiohttp import web

from emulators.telegram.faults import Fault, Trouble


async def broken(request: web.Request, fault: Fault, stopping: asyncio.Event) -> web.StreamResponse:
    """A page of something on the way, silence that ends in a cut line, or the cut alone."""
    if fault.trouble is Trouble.BAD_GATEWAY:
        return web.Response(status=502, text="<html>502 Bad Gateway</html>", content_type="text/html")
    if fault.trouble is Trouble.HANG:
        waiting = asyncio.create_task(stopping.wait())
        await asyncio.wait([waiting], timeout=fault.seconds)
        waiting.cancel()
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
