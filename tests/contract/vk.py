"""VK's side of the contract."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from emulators.vk import Community, Person, VkEmulator, wire
from tests.contract.phones import HOOK_SECRET, Kept, PhoneHand, PhoneSide
from tests.stories.street import Street

GROUP = 700_076
TOKEN = "vk1.a.token-of-the-contract-never-seen"
VERA = Person(700_077, "Вера", "Лунина", "vera_lun")


class VkHand(PhoneHand):
    async def share_phone(self, number: str) -> None:
        """Nobody shares a contact in VK: he types it."""
        await self.say(number)


class VkSide(PhoneSide):
    channel = "vk"
    secret = TOKEN
    external_id = str(GROUP)

    def __init__(self) -> None:
        self._vk = VkEmulator([Community(GROUP, TOKEN, "Глина и лён", "clay_linen")], [VERA])
        self._kept = self.place = Kept()
        super().__init__(self._vk, VERA.id)

    async def start(self) -> None:
        await super().start()
        self._kept.at = f"{time.time():.0f} {self._vk.cloud.community(GROUP).log.number}"

    def sections(self) -> dict[str, Any]:
        return {"vk": [{"group": GROUP, "token": TOKEN, "api": self._vk.address, "username": "clay_linen"}]}

    def revoke(self) -> None:
        self._vk.cloud.communities.clear()

    def hold_back(self) -> None:
        self._vk.refuse(9)

    def answers(self) -> list[str]:
        return [str(each.details["text"]) for each in self._phone.chat.feed.happenings if each.details is not None]

    def event(self, text: str) -> tuple[dict[str, str], bytes]:
        told = wire.message(self._vk.cloud, self._phone.chat, by_community=False, text=text)
        event = {"type": "message_new", "object": {"message": told}, "group_id": GROUP, "event_id": "e1", "v": "5.199"}
        return {}, orjson.dumps({**event, "secret": HOOK_SECRET})

    def strangers(self, headers: dict[str, str], body: bytes) -> list[tuple[dict[str, str], bytes]]:
        event = orjson.loads(body)
        forged = [{**event, "secret": given} for given in ("", HOOK_SECRET[:-1], f"{HOOK_SECRET}x", "ключ", 7, None)]
        forged += [{**event, "group_id": GROUP + 1}, {k: v for k, v in event.items() if k != "secret"}]
        return [(headers, orjson.dumps(each)) for each in forged]

    def unknown(self) -> dict[str, Any]:
        hologram = {"type": "hologram", "hologram": {"id": 1}}
        told = wire.message(self._vk.cloud, self._phone.chat, by_community=False, attachments=[hologram])
        return {"type": "message_new", "object": {"message": told}, "group_id": GROUP, "event_id": "e2", "v": "5.199"}

    def untold(self) -> bool:
        log = self._vk.cloud.community(GROUP).log
        return log.asked_from < log.number

    @asynccontextmanager
    async def hand(self, street: Street) -> AsyncIterator[VkHand]:
        yield VkHand(self._vk, VERA.id)
