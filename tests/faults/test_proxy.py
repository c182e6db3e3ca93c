"""The proxy does what it says, or an experiment on the network would show nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.faults.proxy import Ill, Plan, Proxy

ANSWER = b"x" * 100


class Service:
    """Answers each request with a hundred bytes, and counts them."""

    def __init__(self) -> None:
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            self.asked += 1
            writer.write(ANSWER)
            await writer.drain()
        writer.close()


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, Proxy]]:
    service = Service()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    proxy = Proxy("127.0.0.1", server.sockets[0].getsockname()[1])
    await proxy.start()
    yield service, proxy
    await proxy.stop()
    server.close()


async def ask(proxy: Proxy, words: bytes = b"hello") -> bytes:
    """The whole answer; raises what the network does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(words)
        await writer.drain()
        async with asyncio.timeout(20):
            return await reader.readexactly(len(ANSWER))
    finally:
        writer.close()


async def test_a_healthy_wire_carries_everything(service: tuple[Service, Proxy]) -> None:
    assert await ask(service[1]) == ANSWER


async def test_a_lost_answer_was_worked_on(service: tuple[Service, Proxy]) -> None:
    """Only for the words that were named, and as often as was planned."""
    counted, proxy = service
    await proxy.plan(Plan(Ill.LOST_ANSWER, words=b"COMMIT", times=1))
    assert await ask(proxy, b"BEGIN") == ANSWER
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await ask(proxy, b"COMMIT")
    assert counted.asked == 2
    assert await ask(proxy, b"COMMIT") == ANSWER


async def test_a_reset_reaches_nobody(service: tuple[Service, Proxy]) -> None:
    counted, proxy = service
    await proxy.plan(Plan(Ill.RESET))
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await ask(proxy)
    assert counted.asked == 0


async def test_a_cut_answer_ends_in_the_middle(service: tuple[Service, Proxy]) -> None:
    await service[1].plan(Plan(Ill.CUT, after=40))
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await ask(service[1])


async def test_a_refused_wire_is_whole_again_when_it_heals(service: tuple[Service, Proxy]) -> None:
    proxy = service[1]
    await proxy.plan(Plan(Ill.REFUSE))
    with pytest.raises(ConnectionRefusedError):
        await ask(proxy)
    await proxy.heal()
    assert await ask(proxy) == ANSWER
    assert proxy.met[Ill.REFUSE] == 1


async def test_a_half_closed_wire_says_no_more(service: tuple[Service, Proxy]) -> None:
    await service[1].plan(Plan(Ill.HALF_CLOSE))
    with pytest.raises(asyncio.IncompleteReadError):
        await ask(service[1])
