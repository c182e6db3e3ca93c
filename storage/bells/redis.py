"""Redis, by its publish and subscribe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from storage.bells.bell import PATIENCE


class RedisLine:
    def __init__(self, url: str) -> None:
        # Without the client's own tries: the bell's pauses are enough.
        self._client = Redis.from_url(url, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0))
        self._ear = self._client.pubsub()

    async def open(self, topics: Sequence[str]) -> None:
        await self._ear.subscribe(*topics)

    async def say(self, topic: str, payload: bytes) -> None:
        await self._client.publish(topic, payload)

    async def heard(self) -> AsyncIterator[tuple[str, bytes]]:
        async for message in self._ear.listen():
            if message["type"] == "message":
                yield message["channel"].decode(), message["data"]

    async def close(self) -> None:
        await self._ear.aclose()  # type: ignore[no-untyped-call]
        await self._client.aclose()
