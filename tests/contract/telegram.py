"""Telegram's side of the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from emulators.telegram import Bot, Person, TelegramEmulator
from tests.contract.phones import HOOK_SECRET, PhoneHand, PhoneSide, wrong_headers
from tests.contract.sides import PHONE
from tests.stories.street import Street

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
TOKEN = "4200078:AAF-token-of-the-contract-never-seen"
VERA = Person(700_074, "Вера", "Лунина", "vera_lun", PHONE)


class TelegramSide(PhoneSide):
    channel = "telegram"
    part_of_street = True
    secret = TOKEN
    external_id = TOKEN.partition(":")[0]

    def __init__(self) -> None:
        self._telegram = TelegramEmulator([Bot(TOKEN)], [VERA])
        super().__init__(self._telegram, VERA.id)

    def sections(self) -> dict[str, Any]:
        return {}

    def revoke(self) -> None:
        self._telegram.cloud.accounts.clear()

    def answers(self) -> list[str]:
        account = self._telegram.cloud.account(int(self.external_id))
        return [press.answer["text"] for press in account.presses.values() if press.answer is not None]

    def event(self, text: str) -> tuple[dict[str, str], bytes]:
        user = VERA.user()
        message = {"message_id": 7, "from": user, "chat": VERA.private_chat(), "date": 1_790_000_000, "text": text}
        return {SECRET_HEADER: HOOK_SECRET}, orjson.dumps({"update_id": 100, "message": message})

    def strangers(self, headers: dict[str, str], body: bytes) -> list[tuple[dict[str, str], bytes]]:
        return wrong_headers(SECRET_HEADER, body)

    def unknown(self) -> dict[str, Any]:
        message = {"message_id": 8, "from": VERA.user(), "chat": VERA.private_chat(), "date": 1, "hologram": {}}
        return {"update_id": 101, "message": message}

    def untold(self) -> bool:
        return False

    @asynccontextmanager
    async def hand(self, street: Street) -> AsyncIterator[PhoneHand]:
        street.telegram.add_person(VERA)
        yield PhoneHand(street.telegram, VERA.id)
