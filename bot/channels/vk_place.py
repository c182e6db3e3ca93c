"""How far a community was read: when its dialogs were last looked through, and where its long poll goes on."""

from __future__ import annotations

import time

from bot.channels.base import Connection


class Reached:
    """Kept with the account, as `<seconds since 1970> <ts>`."""

    def __init__(self, link: Connection) -> None:
        self.looked_at = 0.0
        """0 before the first look."""
        self.ts = ""
        """"" before the first event, and for a community whose events are brought."""
        self._link = link

    async def load(self) -> None:
        seconds, _, self.ts = (await self._link.place.get(self._link.account_id)).partition(" ")
        self.looked_at = float(seconds) if seconds else 0.0

    async def looked(self, at: float) -> None:
        """The dialogs were looked through up to this moment."""
        self.looked_at = at
        await self._keep()

    async def fetched(self, ts: str) -> None:
        """Every event before this one is stored, so there is nothing to look for before now."""
        if ts != self.ts:
            self.ts, self.looked_at = ts, time.time()
            await self._keep()

    async def _keep(self) -> None:
        await self._link.place.keep(self._link.account_id, f"{self.looked_at:.0f} {self.ts}")
