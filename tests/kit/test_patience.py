"""Whoever asks without end is let go; whoever is slow but comes is waited for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from kit.patience import Doorkeeper

PATIENCE = 0.6


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    async def take(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    async def stream(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(PATIENCE * 4)
        return web.Response(text="at last")

    app, doorkeeper = web.Application(), Doorkeeper(patience=PATIENCE, look=0.1)
    doorkeeper.watch(app)
    app.add_routes([web.post("/", take), web.get("/stream", stream)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    assert runner.server is not None
    doorkeeper.start(runner.server)
    yield runner.addresses[0][1]
    await doorkeeper.stop()
    await runner.cleanup()


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield reader, writer
    writer.close()


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"POST / HTTP/1.1\r\nHos",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
async def test_a_request_that_does_not_end_is_let_go(port: int, begun: bytes) -> None:
    async with connected(port) as (reader, writer), asyncio.timeout(10):
        began = time.monotonic()
        writer.write(begun)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        assert time.monotonic() - began > PATIENCE * 0.9


async def test_one_that_comes_byte_by_byte_is_let_go_too(port: int) -> None:
    async with connected(port) as (reader, writer), asyncio.timeout(10):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"a")
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 0.05)


async def test_one_that_is_slow_and_comes_is_waited_for(port: int) -> None:
    async with connected(port) as (reader, writer), asyncio.timeout(10):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 20000\r\n\r\n")
        for _ in range(20):
            writer.write(b"a" * 1000)
            await writer.drain()
            await asyncio.sleep(PATIENCE / 8)
        assert (await reader.read()).endswith(b"\r\n\r\n20000")


async def test_what_has_come_may_take_its_time_to_be_answered(port: int) -> None:
    async with connected(port) as (reader, writer), asyncio.timeout(10):
        writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"at last")


async def test_a_connection_that_is_kept_for_the_next_request_is_left_alone(port: int) -> None:
    async with connected(port) as (reader, writer), asyncio.timeout(10):
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            assert (await reader.readuntil(b"\r\n\r\n3")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(PATIENCE * 2)
