"""An operator's open page: follows the live stream through the balancer, and goes on wherever it is let in again."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import orjson
import sqlalchemy as sa

from company import signin
from storage.tables import EventRow
from tests.faults.place import Place


class Watcher:
    """Hears events by their numbers; `heard` says when. After "resync" a page reads everything, and so knows all."""

    def __init__(self, place: Place, token: str, since: int) -> None:
        self._place = place
        self._cookies = {"prilavok": token}
        self._since = since
        self.heard: dict[int, float] = {}
        self.breaks = 0
        self.resyncs = 0
        self._read: set[int] = set()
        self.delays_kept: list[float] = []
        """Seconds from an event to its arrival, kept before the database goes."""

    async def watch(self) -> None:
        """Until cancelled."""
        position = str(self._since)
        while True:
            try:
                position = await self._follow(position)
            except (aiohttp.ClientError, TimeoutError):
                """The process at the other end is gone, or busy with its end."""
            self.breaks += 1
            await asyncio.sleep(0.2)

    async def _follow(self, position: str) -> str:
        headers = {"Last-Event-ID": position}
        address = f"{self._place.address}/live/events"
        timeout = aiohttp.ClientTimeout(total=None, sock_read=40)
        async with aiohttp.ClientSession(cookies=self._cookies, timeout=timeout) as http:
            try:
                async with http.get(address, headers=headers, allow_redirects=False) as answer:
                    kind, number = "", position
                    async for line in answer.content:
                        name, _, value = line.decode().strip().partition(": ")
                        if name == "event":
                            kind = value
                        elif name == "id":
                            number = value
                        elif name == "data" and kind == "resync":
                            self._resync()
                        elif name == "data" and kind == "":
                            self.heard.setdefault(orjson.loads(value)["event"], time.time())
                        elif not name:
                            kind, position = "", number
            except (aiohttp.ClientError, TimeoutError):
                return position
        return position

    def _resync(self) -> None:
        self.resyncs += 1
        with self._place.session() as session:
            self._read |= set(session.scalars(sa.select(EventRow.id)))

    def missed(self) -> list[int]:
        """Events of the shop that the page never heard of, and did not read after a resync."""
        with self._place.session() as session:
            rows = session.scalars(sa.select(EventRow.id).where(EventRow.shop_id == 1, EventRow.id > self._since))
            return sorted(set(rows) - self.heard.keys() - self._read)

    def delays(self) -> list[float]:
        """Seconds from an event to its arrival, of all that were heard."""
        with self._place.session() as session:
            at = {id_: moment.timestamp() for id_, moment in session.execute(sa.select(EventRow.id, EventRow.at))}
        return [moment - at[number] for number, moment in self.heard.items() if number in at]


def sign_in(place: Place, email: str) -> str:
    """A signed-in browser's token."""
    with place.session() as session:
        token = signin.sign_in(session, email, verified=True)
        session.commit()
    assert token is not None
    return token


def newest(place: Place) -> int:
    with place.session() as session:
        return session.scalar(sa.select(sa.func.max(EventRow.id))) or 0
