"""MAX's side of the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from emulators.max import MaxBot, MaxEmulator, Settings
from emulators.max import wire as shapes
from emulators.telegram import Person
from tests.contract.phones import HOOK_SECRET, Kept, PhoneHand, PhoneSide, wrong_headers
from tests.contract.sides import PHONE
from tests.stories.buyers import PATIENCE, Seen
from tests.stories.street import Street

SECRET_HEADER = "X-Max-Bot-Api-Secret"
TOKEN = "f9LHodD0cOIcontract-of-max-never-seen"
BOT = MaxBot(600_078, TOKEN, name="Глина и лён", username="clay_linen_bot")
VERA = Person(700_075, "Вера", "Лунина", "vera_lun", PHONE)


class MaxHand(PhoneHand):
    """MAX answers a press only when there is something to say: who presses waits for that, or for a change."""

    async def press(self, label: str) -> str:
        return await self._answered(lambda: self.phone.press(label))

    async def press_again(self, seen: Seen, label: str) -> None:
        await self._answered(lambda: self._press(seen, label))

    async def tap(self, label: str) -> None:
        await self.phone.wait_for(lambda phone: label in phone.keys, timeout=PATIENCE)
        self.phone.press(label)

    async def _answered(self, press: Callable[[], Any]) -> str:
        pressed = press()
        before = self.phone.chat.feed.number

        def answered(phone: Any) -> bool:
            return bool(pressed.answered.is_set() or phone.chat.feed.number > before)

        await self.phone.wait_for(answered, timeout=PATIENCE)
        if not pressed.answered.is_set():
            # The words of an answer and the change of the message leave at once, in an order of their own.
            try:
                async with asyncio.timeout(1.0):
                    await pressed.answered.wait()
            except TimeoutError:
                return ""
        return str((pressed.answer or {}).get("text", ""))


class MaxSide(PhoneSide):
    channel = "max"
    secret = TOKEN
    external_id = BOT.username

    def __init__(self) -> None:
        self._max = MaxEmulator([BOT], [VERA], settings=Settings(webhook_pace=0.005))
        self.place = Kept()
        super().__init__(self._max, VERA.id)

    def sections(self) -> dict[str, Any]:
        section = {"name": "MAX", "bot": BOT.username, "token": TOKEN, "api": self._max.address}
        return {"max": [section]}

    @property
    def chat(self) -> str:
        return str(shapes.chat_id(self._phone.chat))

    def revoke(self) -> None:
        self._max.cloud.bots.clear()

    def answers(self) -> list[str]:
        presses = self._max.cloud.of(BOT.id).presses.values()
        return [press.known.answer["text"] for press in presses if press.known.answer is not None]

    def event(self, text: str) -> tuple[dict[str, str], bytes]:
        told = shapes.message(self._max.cloud, self._phone.chat, by_bot=False, text=text)
        update = shapes.update(self._max.cloud, "message_created", message=told, user_locale="ru")
        return {SECRET_HEADER: HOOK_SECRET}, orjson.dumps(update)

    def strangers(self, headers: dict[str, str], body: bytes) -> list[tuple[dict[str, str], bytes]]:
        return wrong_headers(SECRET_HEADER, body)

    def unknown(self) -> dict[str, Any]:
        user = shapes.user(VERA, 1)
        return {"update_type": "buyer_waved", "timestamp": 1, "chat_id": int(self.chat), "user": user}

    def untold(self) -> bool:
        return bool(self._max.cloud.of(BOT.id).log.unread())

    @asynccontextmanager
    async def hand(self, street: Street) -> AsyncIterator[MaxHand]:
        yield MaxHand(self._max, VERA.id)
