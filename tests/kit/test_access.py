"""One line for each request, by the pattern of its address."""

from __future__ import annotations

import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from kit.access import access_log


async def hello(request: web.Request) -> web.Response:
    logging.getLogger("shop").warning("inside")
    return web.Response(text="hello")


async def breaks(request: web.Request) -> web.Response:
    raise ValueError("burnt")


async def test_a_request_is_told_without_what_its_address_holds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kit.access")
    app = web.Application(middlewares=[access_log])
    app.add_routes([web.get("/p/{token}", hello), web.get("/live", hello), web.get("/broken", breaks)])
    async with TestClient(TestServer(app)) as client:
        await client.get("/p/very-secret-token?phone=79000000072")
        await client.get("/nowhere/very-secret-token")
        await client.get("/live")
        await client.get("/broken")
    told = [record.getMessage() for record in caplog.records if record.name == "kit.access"]
    assert told == ["GET /p/{token} 200", "GET unknown 404", "GET /broken 500"]
    assert "very-secret-token" not in caplog.text
    assert "79000000072" not in caplog.text
    first = caplog.records[1]
    assert (first.__dict__["method"], first.__dict__["status"]) == ("GET", 200)
    assert first.__dict__["ms"] >= 0
