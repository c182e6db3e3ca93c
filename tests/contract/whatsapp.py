"""WhatsApp's side of the contract."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from bot.channels.base import Accept, Connection, Receiver, Report, Stranger, Verifiable
from emulators.telegram import NoSuchThing
from emulators.whatsapp import Number, Person, Template, WhatsAppEmulator, wire
from emulators.whatsapp.cloud import new_wamid
from tests.contract.phones import HOOK_SECRET, PhoneHand, PhoneSide
from tests.contract.sides import PHONE
from tests.ports import free_port
from tests.stories.buyers import PATIENCE, Seen
from tests.stories.street import Street

NUMBER = 700_078_000
TOKEN = "EAAG-token-of-the-contract-never-seen"
APP_SECRET = "0123456789abcdef0123456789abcdef"
CATALOG = 300_078_000
SIGNATURE = "X-Hub-Signature-256"
SHOP = Number(
    NUMBER,
    "+7 900 000-01-00",
    TOKEN,
    APP_SECRET,
    business=800_078_000,
    name="Глина и лён",
    templates=(Template("order_news", "Заказ № {{1}}: {{2}}", header="Новости о заказе"),),
    catalog=CATALOG,
    goods=tuple((f"MUG-{n}", f"Кружка {n}", 1450.0, "RUB") for n in range(30)),
)
VERA = Person(700_078, "Вера", "Лунина", phone=PHONE)


def signed(body: bytes, secret: str = APP_SECRET) -> dict[str, str]:
    return {SIGNATURE: f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}


class WhatsAppHand(PhoneHand):
    """WhatsApp answers no press and changes no message: who presses waits for what is said anew."""

    in_place = False

    async def press(self, label: str) -> str:
        before = self._newest
        press = self.phone.press(label)
        await self._answered(before)
        await self.phone.wait_for_answer(press)
        return ""

    async def press_again(self, seen: Seen, label: str) -> None:
        before = self._newest
        self._press(seen, label)
        await self._answered(before)

    async def share_phone(self, number: str) -> None:
        """The shop knows the number under which he writes, and offers it."""
        await self.press(number)

    async def tap(self, label: str) -> None:
        await self.phone.wait_for(lambda phone: label in phone.keys, timeout=PATIENCE)
        self.phone.tap(label)

    @property
    def _newest(self) -> int:
        return self.phone.last.id if self.phone.last is not None else 0

    async def _answered(self, before: int) -> None:
        """Something that can be pressed again stands there."""
        await self.phone.wait_for(
            lambda phone: any(message.id > before and message.buttons for message in phone.from_bot), timeout=PATIENCE
        )


class WhatsAppSide(PhoneSide):
    channel = "whatsapp"
    secret = TOKEN
    external_id = str(NUMBER)
    nobody = "12"

    def __init__(self) -> None:
        self.whatsapp = WhatsAppEmulator([SHOP], [VERA])
        self._port = free_port()
        super().__init__(self.whatsapp, VERA.id)

    def connection(self, accept: Accept, report: Report, **settings: Any) -> Connection:
        known = {"business": str(SHOP.business), "catalog": str(CATALOG), **settings}
        link = super().connection(accept, report, **known)
        return replace(link, public_url=f"http://127.0.0.1:{self._port}")

    def sections(self) -> dict[str, Any]:
        section = {"number": str(NUMBER), "business": str(SHOP.business), "token": TOKEN, "app_secret": APP_SECRET}
        return {"whatsapp": [{**section, "api": self.whatsapp.address, "username": SHOP.digits}]}

    @property
    def chat(self) -> str:
        return PHONE.lstrip("+")

    def values(self) -> dict[str, str]:
        return {"number": str(NUMBER), "business": str(SHOP.business), "app_secret": APP_SECRET, "catalog": ""}

    def sealed(self, **parts: str) -> str:
        kept = {"token": TOKEN, "webhook_secret": HOOK_SECRET, "app_secret": APP_SECRET, **parts}
        if not kept["webhook_secret"]:
            kept["app_secret"] = ""
        return orjson.dumps(kept).decode()

    @asynccontextmanager
    async def calling(self, receiver: Receiver) -> AsyncIterator[None]:
        """The address that Meta is told of leads to the receiver."""

        async def hook(request: web.Request) -> web.Response:
            assert isinstance(receiver, Verifiable)
            try:
                if request.method == "GET":
                    return web.Response(text=await receiver.asked(request.query))
                return web.Response(text=await receiver.called(request.headers, await request.read()))
            except Stranger as stranger:
                return web.Response(status=stranger.status)

        app = web.Application()
        app.add_routes([web.get("/hooks/whatsapp/1", hook, allow_head=False), web.post("/hooks/whatsapp/1", hook)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        try:
            yield
        finally:
            await runner.cleanup()

    def revoke(self) -> None:
        self.whatsapp.cloud.numbers.clear()

    def answers(self) -> list[str]:
        raise NoSuchThing("WhatsApp answers no press")

    def event(self, text: str) -> tuple[dict[str, str], bytes]:
        account = self.whatsapp.account(NUMBER)
        said = wire.inbound(account, self._phone.chat, new_wamid(self.chat), "text", {"body": text})
        value = {"messaging_product": "whatsapp", "metadata": account.metadata, **said}
        entry = {"id": str(SHOP.business), "changes": [{"field": "messages", "value": value}]}
        body = orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})
        return signed(body), body

    def strangers(self, headers: dict[str, str], body: bytes) -> list[tuple[dict[str, str], bytes]]:
        mine = headers[SIGNATURE]
        again = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)
        forged: list[tuple[dict[str, str], bytes]] = [({}, body), ({SIGNATURE: ""}, body), (headers, again)]
        forged += [(headers, body[:-1] + bytes([body[-1] ^ 1])), (signed(body, APP_SECRET[:-1]), body)]
        forged += [
            ({SIGNATURE: given}, body) for given in (mine[7:], mine.upper(), f"{mine}0", "sha256=ключ", "\udcff")
        ]
        return forged

    def unknown(self) -> dict[str, Any]:
        _headers, body = self.event("")
        value = orjson.loads(body)["entry"][0]["changes"][0]["value"]
        message = {name: part for name, part in value["messages"][0].items() if name != "text"}
        return {"field": "messages", "value": {**value, "messages": [{**message, "type": "hologram", "hologram": {}}]}}

    def untold(self) -> bool:
        return not self.whatsapp.account(NUMBER).postman.idle

    @asynccontextmanager
    async def hand(self, street: Street) -> AsyncIterator[WhatsAppHand]:
        yield WhatsAppHand(self.whatsapp, VERA.id)
