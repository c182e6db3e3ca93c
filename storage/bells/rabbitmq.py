"""RabbitMQ, by an exchange that keeps nothing and a queue of each process that goes with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange, AbstractIncomingMessage

from storage.bells.bell import PATIENCE

# The client writes of each try that fails; the bell does so once.
logging.getLogger("aiormq").setLevel(logging.CRITICAL)
logging.getLogger("aio_pika").setLevel(logging.CRITICAL)

EXCHANGE = "prilavok.bell"

LIMITS: dict[str, Any] = {"x-max-length": 10_000, "x-message-ttl": 60_000}
"""A process that does not read must not fill the broker. Milliseconds."""


class RabbitLine:
    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None
        self._said: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()

    async def open(self, topics: Sequence[str]) -> None:
        self._connection = await aio_pika.connect(self._url, timeout=PATIENCE, heartbeat=10)
        self._connection.close_callbacks.add(lambda *_: self._said.put_nowait(None))
        channel = await self._connection.channel(publisher_confirms=False)
        channel.close_callbacks.add(lambda *_: self._said.put_nowait(None))
        self._exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.DIRECT, auto_delete=False)
        queue = await channel.declare_queue(exclusive=True, auto_delete=True, arguments=LIMITS)
        for topic in topics:
            await queue.bind(self._exchange, routing_key=topic)
        await queue.consume(self._said.put, no_ack=True)

    async def say(self, topic: str, payload: bytes) -> None:
        assert self._exchange is not None
        message = aio_pika.Message(payload, delivery_mode=aio_pika.DeliveryMode.NOT_PERSISTENT)
        await self._exchange.publish(message, routing_key=topic)

    async def heard(self) -> AsyncIterator[tuple[str, bytes]]:
        while (message := await self._said.get()) is not None:
            yield message.routing_key or "", message.body

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
