"""WhatsApp in a run: it calls the hub by its webhook, and tells by itself what became of each message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.channels import whatsapp_read
from bot.channels.base import read_button
from emulators import whatsapp
from emulators.telegram.world import Chat, Json
from emulators.whatsapp.cloud import digits_of
from tests.faults.messengers import APART, FIRST_BUYER, ByPhone, Told, people_called

TOKEN = "EAAG-faults-of-clay-and-linen"
APP_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
NUMBER, BUSINESS = 700_702_000, 800_702_000


class WhatsApp(ByPhone):
    """Calls the hub, and tells by itself of each message that it has, under our key of it."""

    channel = "whatsapp"
    clears_doubts = True
    calm = 0.25
    _noticed = ("calls_messages",)

    def __init__(self, work: Path, buyers: int) -> None:
        people = people_called("Варя", FIRST_BUYER + 3 * APART, buyers)
        settings = whatsapp.Settings(journal=work / "whatsapp.jsonl", journal_fsync=True, webhook_pace=0.1)
        shop = whatsapp.Number(NUMBER, "+7 900 000-07-02", TOKEN, APP_SECRET, business=BUSINESS, name="Глина и лён")
        self.served = whatsapp.WhatsAppEmulator([shop], people, settings=settings)
        self._postman = self.served.account(NUMBER).postman
        self._taken: list[Json] = []
        self._postman.on_taken = self._taken.append
        super().__init__(self.served, people, buyers)

    def section(self, at: Mapping[str, str]) -> str:
        account = f'number = "{NUMBER}"\nbusiness = "{BUSINESS}"\ntoken = "{TOKEN}"\n'
        return f'[[whatsapp]]\n{account}app_secret = "{APP_SECRET}"\napi = "{at["whatsapp"]}"\n'

    def calls_by_way_of(self, port: int) -> None:
        self._postman.by_way_of = f"127.0.0.1:{port}"

    def connected(self) -> bool:
        """Who writes before Meta knows the hub's address is heard as soon as it does; but a status is no message."""
        return bool(self._postman.url)

    def waiting(self) -> bool:
        return not self._postman.idle

    def told(self) -> Told:
        return Told(_names(self._postman.sent), _names(self._taken))

    def _name_of(self, chat: Chat) -> str:
        return digits_of(chat.person)

    def _numbers(self, chat: Chat) -> Mapping[str, int]:
        return {message["wa"]["id"]: number for number, message in chat.messages.items()}

    def _is_said(self, message: Json) -> bool:
        """A press stands there as words of his. One that says its words for him is no press to the hub."""
        return not read_button(str(message["wa"].get("pressed", "")))[0]


def _names(calls: Sequence[Json]) -> frozenset[str]:
    return frozenset(each.external_id for call in calls for each in whatsapp_read.apart(call, str(NUMBER)))
