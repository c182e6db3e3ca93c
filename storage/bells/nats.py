"""NATS, by its plain subjects: no JetStream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from storage.bells.bell import PATIENCE


class NatsLine:
    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Client | None = None
        self._said: asyncio.Queue[Msg | None] = asyncio.Queue()

    async def open(self, topics: Sequence[str]) -> None:
        self._client = await nats.connect(
            self._url,
            allow_reconnect=False,
            max_reconnect_attempts=0,
            connect_timeout=int(PATIENCE),
            error_cb=_quiet,
            closed_cb=self._closed,
        )
        for topic in topics:
            await self._client.subscribe(topic, cb=self._said.put)
        await self._client.flush()

    async def say(self, topic: str, payload: bytes) -> None:
        assert self._client is not None
        await self._client.publish(topic, payload)

    async def heard(self) -> AsyncIterator[tuple[str, bytes]]:
        while (message := await self._said.get()) is not None:
            yield message.subject, message.data

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _closed(self) -> None:
        await self._said.put(None)


async def _quiet(_: Exception) -> None:
    """The bell itself says that the line is broken."""
