"""What was said while nothing reached us: VK repeats an event for under two hours, its dialogs keep everything.

Every message has the same name whether VK brought it or it was found here, so nothing is handled twice.

Source: https://dev.vk.com/method/messages.getConversations, https://dev.vk.com/method/messages.getHistory
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from bot.channels.base import ChannelError, Connection, Holds
from bot.channels.vk_calls import Calls
from bot.channels.vk_place import Reached
from bot.channels.vk_read import GROUP_CHATS

logger = logging.getLogger(__name__)

LOOK_BACK = timedelta(hours=24)
"""How old a message may be that is looked for."""

MARGIN = timedelta(minutes=2)
"""How far VK's clock may be from ours."""

EVERY = timedelta(minutes=10)
"""How often the dialogs are looked through, whatever is brought."""

PAGE = 200
"""Dialogs, or messages of one, that VK gives at a time."""

BREATH = 0.2
"""Seconds between questions, so that answers to buyers are not held up by the 20 calls a second."""

Take = Callable[[Sequence[Mapping[str, Any]]], Awaitable[None]]


class CatchUp:
    """Looks through the dialogs when it is `wanted`, and now and then."""

    def __init__(self, calls: Calls, link: Connection, reached: Reached, take: Take) -> None:
        self.wanted = asyncio.Event()
        self._calls = calls
        self._link = link
        self._reached = reached
        self._take = take
        self._seen: dict[int, int] = {}

    async def go_on(self, holds: Holds) -> None:
        """Look whenever it is wanted, for as long as `holds`."""
        while await holds():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY.total_seconds()):
                    await self.wanted.wait()
            self.wanted.clear()
            try:
                if found := await self.run():
                    logger.info("account %d: %d messages were found in the dialogs", self._link.account_id, found)
            except ChannelError as failure:
                logger.warning("account %d: the dialogs could not be read: %s", self._link.account_id, failure)
            except Exception:
                logger.exception("account %d: what was missed could not be stored", self._link.account_id)

    async def run(self) -> int:
        """Take every message since the last look; the first one finds what was said while the account was connected.

        Returns how many there were, also of those that VK had brought. Raises ChannelError.
        """
        began = time.time()
        since = (self._reached.looked_at or began) - MARGIN.total_seconds()
        found = await self._look(max(since, began - LOOK_BACK.total_seconds()))
        await self._reached.looked(began)
        return found

    async def _look(self, horizon: float) -> int:
        """The dialogs come with the newest words first, so it ends at the first that has been quiet for longer."""
        offset = found = 0
        while True:
            page = await self._ask("messages.getConversations", offset=offset)
            for item in page["items"]:
                last = item.get("last_message")
                if last is None or last["date"] < horizon:
                    return found
                found += await self._dialog(item["conversation"]["peer"]["id"], last, horizon)
            offset += PAGE
            if offset >= page["count"]:
                return found

    async def _dialog(self, peer_id: int, last: Mapping[str, Any], horizon: float) -> int:
        newest, seen = last["conversation_message_id"], self._seen.get(peer_id, 0)
        if not 0 < peer_id < GROUP_CHATS or newest <= seen:
            return 0
        missed: list[Mapping[str, Any]] = []
        offset = 0
        while True:
            page = (await self._ask("messages.getHistory", peer_id=peer_id, offset=offset))["items"]
            fresh = [each for each in page if each["date"] >= horizon and each["conversation_message_id"] > seen]
            missed += [each for each in fresh if not each.get("out")]
            offset += PAGE
            if len(fresh) < PAGE:
                break
        if missed:
            await self._take([self._event(message) for message in reversed(missed)])
        self._seen[peer_id] = newest
        return len(missed)

    def _event(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """As VK would have brought it."""
        return {"type": "message_new", "group_id": int(self._link.external_id), "object": {"message": message}}

    async def _ask(self, method: str, **fields: Any) -> Any:
        await asyncio.sleep(BREATH)
        return await self._calls.call(method, {"group_id": int(self._link.external_id), "count": PAGE, **fields})
