"""The component page: everything that the console's templates can draw, in every state, for who works on them."""

from __future__ import annotations

from aiohttp import web

from kit.clock import utc_now
from operator_console.routing import Route, get
from operator_console.showcase import showcase
from operator_console.visits import Visit


async def components(visit: Visit) -> web.StreamResponse:
    return visit.page("pages/components.html", **showcase(utc_now()))


ROUTES: tuple[Route, ...] = (get("/components", components),)
