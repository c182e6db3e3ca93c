"""Receiving for every account, each in one process at a time; the others stand by."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from bot.channels.base import Receiver
from storage.presence import Seats

logger = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between looks after the seats: so long, at most, an account stands empty when its process dies."""

RESTED = 30.0
"""Seconds before a receiver that ended by itself is begun again."""


class Reception:
    """Holds the seat of each account that it receives for. `receivers` are those that this process has open."""

    def __init__(self, seats: Seats, receivers: Callable[[], Mapping[int, Receiver]]) -> None:
        self._seats = seats
        self._receivers = receivers
        self._receiving: dict[int, tuple[Receiver, asyncio.Task[None]]] = {}
        self._rests: dict[int, float] = {}
        self._looking: asyncio.Task[None] | None = None
        self.looked_at = time.monotonic()

    @property
    def accounts(self) -> set[int]:
        """Those that this process receives for now."""
        return {account_id for account_id, (_, task) in self._receiving.items() if not task.done()}

    async def start(self) -> None:
        await self._look()
        self._looking = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        """Receive nothing more and let another process have the seats."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        for account_id in list(self._receiving):
            await self._end(account_id)
        await self._seats.close()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self._look()
            except Exception:
                logger.exception("the look after the accounts failed; it will be tried again")
            self.looked_at = time.monotonic()

    async def _look(self) -> None:
        """End what is not ours any more or was changed, and take what is free."""
        wanted = self._receivers()
        for account_id, (receiver, task) in list(self._receiving.items()):
            if wanted.get(account_id) is not receiver or not await self._seats.holds(_seat(account_id)):
                await self._end(account_id)
            elif task.done():
                self._rests[account_id] = time.monotonic() + RESTED
                await self._end(account_id)
        for account_id, receiver in wanted.items():
            if account_id not in self._receiving and self._rests.get(account_id, 0) < time.monotonic():
                await self._begin(account_id, receiver)

    async def _begin(self, account_id: int, receiver: Receiver) -> None:
        seat = _seat(account_id)
        if await self._seats.take(seat):
            logger.info("account %d is received for here", account_id)
            task = asyncio.create_task(self._receive(account_id, receiver))
            self._receiving[account_id] = (receiver, task)

    async def _receive(self, account_id: int, receiver: Receiver) -> None:
        try:
            await receiver.receive(lambda: self._seats.holds(_seat(account_id)))
        except Exception:
            logger.exception("account %d: receiving ended", account_id)

    async def _end(self, account_id: int) -> None:
        _, task = self._receiving.pop(account_id)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._seats.release(_seat(account_id))


def _seat(account_id: int) -> str:
    return f"receive:{account_id}"
