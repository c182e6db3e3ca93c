"""The stand-in of WhatsApp: what Meta's document allows, who may call, limits, the window, webhooks that come again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.typedefs import Handler

from emulators.whatsapp import Number, Person, Settings, Template, Trouble, WhatsAppEmulator
from emulators.whatsapp.formatting import shown
from tests.emulators import whatsapp_spec as spec
from tests.stories.goods import picture

NUMBER, BUSINESS, CATALOG = 105_001, 205_001, 305_001
TOKEN, APP_SECRET = "EAAG-token-of-the-tests", "fedcba9876543210fedcba9876543210"
SHOP = Number(
    NUMBER,
    "+7 900 000-01-01",
    TOKEN,
    APP_SECRET,
    business=BUSINESS,
    name="Глина и лён",
    catalog=CATALOG,
    goods=(("TUM-300", "Кружка", 1450.0, "RUB"),),
    templates=(
        Template("on_its_way", "{{1}}, заказ № {{2}} в пути", footer="Глина и лён", buttons=("Спасибо",)),
        Template("link", "Заказ ждёт оплаты", link=("Оплатить", "https://shop.example/pay/{{1}}")),
        Template("paused", "Пауза", status="PAUSED"),
        Template("new", "Новый", status="PENDING"),
    ),
)
ANNA = Person(701, "Анна", "Ветрова", phone="+79000000701")
TO = "79000000701"


class CheckedWhatsApp(WhatsAppEmulator):
    """Collects in `problems` whatever Meta's document would not allow in a call, an answer or a webhook."""

    def application(self) -> web.Application:
        self.problems: list[str] = []
        app = super().application()
        app.middlewares.append(self._check)
        return app

    @web.middleware
    async def _check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if not spec.SPEC.exists() or not isinstance(response, web.Response) or response.status != 200:
            return response
        if "object" not in request.match_info or not isinstance(response.body, bytes):
            return response
        edge, told = request.match_info.get("edge", ""), orjson.loads(response.body)
        if name := spec.ANSWERS.get((request.method, edge)):
            self.problems += spec.problems(told, name)
        if edge == "messages":
            self.problems += spec.said_problems(orjson.loads(await request.read()))
        if edge == "message_templates":
            self.problems += spec.templates_problems(told)
        return response

    @property
    def brought(self) -> list[dict[str, Any]]:
        return self.account(NUMBER).postman.sent


class Shop:
    """A program that answers in the shop's name: it keeps what it was brought, and calls."""

    def __init__(self, emulator: CheckedWhatsApp, http: aiohttp.ClientSession) -> None:
        self._emulator = emulator
        self._http = http
        self.brought: list[tuple[bool, dict[str, Any]]] = []
        """(whether the signature is right, the body)"""
        self.refuses = 0

    async def hook(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            known = request.query.get("hub.verify_token") == "proof-of-the-tests"
            return web.Response(text=request.query["hub.challenge"], status=200 if known else 403)
        if self.refuses:
            self.refuses -= 1
            return web.Response(status=503)
        body = await request.read()
        signature = f"sha256={hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()}"
        self.brought.append((request.headers["X-Hub-Signature-256"] == signature, orjson.loads(body)))
        return web.Response()

    async def call(self, method: str, path: str, body: Any = None, *, token: str = TOKEN, **query: str) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        address = f"{self._emulator.address}/v23.0/{path}"
        async with self._http.request(method, address, json=body, params=query, headers=headers) as answer:
            told = await answer.json()
            return told["error"]["code"] if "error" in told else told

    async def say(self, kind: str = "text", part: Any = None, *, to: str = TO, **more: Any) -> Any:
        said = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": to, "type": kind}
        return await self.call("POST", f"{NUMBER}/messages", {**said, kind: part or {"body": "Есть"}, **more})

    async def until(self, seen: Any) -> None:
        async with asyncio.timeout(10):
            while not seen():
                await asyncio.sleep(0.01)

    def values(self, what: str) -> list[dict[str, Any]]:
        return [
            each
            for _signed, body in self.brought
            for change in body["entry"][0]["changes"]
            for each in change["value"].get(what, ())
        ]

    def fates(self, wamid: str) -> list[str]:
        return [each["status"] for each in self.values("statuses") if each["id"] == wamid]


@pytest.fixture
def settings() -> Settings:
    return Settings(webhook_pace=0.001)


@pytest_asyncio.fixture
async def emulator(settings: Settings) -> AsyncIterator[CheckedWhatsApp]:
    emulator = CheckedWhatsApp([SHOP], [ANNA], settings=settings)
    await emulator.start()
    yield emulator
    await emulator.stop()
    if spec.SPEC.exists():
        emulator.problems += [found for body in emulator.brought for found in spec.hook_problems(body)]
    assert not emulator.problems, "\n".join(emulator.problems)


@pytest_asyncio.fixture
async def shop(emulator: CheckedWhatsApp) -> AsyncIterator[Shop]:
    """Its address is known to Meta, and Anna has written."""
    async with aiohttp.ClientSession() as http:
        shop = Shop(emulator, http)
        app = web.Application()
        app.add_routes([web.route("*", "/hook", shop.hook)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        wanted = {
            "override_callback_uri": f"http://127.0.0.1:{runner.addresses[0][1]}/hook",
            "verify_token": "proof-of-the-tests",
        }
        assert await shop.call("POST", str(NUMBER), {"webhook_configuration": wanted}) == {"success": True}
        emulator.phone(ANNA.id).say("Здравствуйте")
        await shop.until(lambda: shop.values("messages"))
        yield shop
        await runner.cleanup()


async def test_everything_that_a_person_does_is_brought_signed_and_in_metas_own_shape(
    emulator: CheckedWhatsApp, shop: Shop
) -> None:
    phone = emulator.phone(ANNA.id)
    sent = await shop.say("interactive", LIST)
    phone.press("Доставка", message_id=phone.from_bot[-1].id)
    await shop.say("interactive", BUTTONS)
    phone.press("Да", message_id=phone.from_bot[-1].id)
    template = {
        "name": "on_its_way",
        "language": {"policy": "deterministic", "code": "ru"},
        "components": [body("А", "7")],
    }
    await shop.say("template", template)
    phone.press("Спасибо", message_id=phone.from_bot[-1].id)
    phone.say("Ответ", reply_to=phone.from_bot[-1].id)
    phone.forward("Чужие слова", "Том")
    phone.send_photo(picture(10), "Вот такая")
    phone.send_document(b"%PDF-1.4", "чек.pdf", mime_type="application/pdf")
    phone.send_voice(b"OggS")
    phone.send_audio(b"ID3", "song.mp3")
    phone.send_video(b"\x00\x00\x00\x18ftypmp42", "Видео")
    phone.send_sticker(picture(50), "👍")
    phone.send_location(55.79, 49.1)
    phone.share_contact()
    phone.react(phone.from_bot[-1].id, "👍")
    phone.order([("TUM-300", 2, 1450.0, "RUB")], "Побыстрее")
    phone.send_unsupported()
    await shop.until(lambda: shop.values("messages")[-1]["type"] == "unsupported")
    heard = {one["type"] for one in shop.values("messages")}
    assert heard == set(spec.HEARD)
    assert all(signed for signed, _body in shop.brought)
    assert shop.fates(sent["messages"][0]["id"]) == ["sent", "delivered", "read"]


BUTTONS = {
    "type": "button",
    "body": {"text": "Берёте?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "Да"}}]},
}
LIST = {
    "type": "list",
    "body": {"text": "Что вас интересует?"},
    "action": {
        "button": "Выбрать",
        "sections": [{"rows": [{"id": "a", "title": "Доставка", "description": "от 390"}]}],
    },
}


def body(*values: str) -> dict[str, Any]:
    return {"type": "body", "parameters": [{"type": "text", "text": value} for value in values]}


def rows(count: int, title: str = "Ряд") -> dict[str, Any]:
    listed = [{"id": str(n), "title": title} for n in range(count)]
    return {**LIST, "action": {"button": "Выбрать", "sections": [{"rows": listed}]}}


def buttons(*titles: str) -> dict[str, Any]:
    shown = [{"type": "reply", "reply": {"id": str(n), "title": title}} for n, title in enumerate(titles)]
    return {**BUTTONS, "action": {"buttons": shown}}


def named(name: str, *components: dict[str, Any], language: str = "ru") -> dict[str, Any]:
    return {"name": name, "language": {"policy": "deterministic", "code": language}, "components": list(components)}


def products(*skus: str, title: str = "Кружки", header: str = "Кружки") -> dict[str, Any]:
    items = [{"product_retailer_id": sku} for sku in skus]
    action = {"catalog_id": str(CATALOG), "sections": [{"title": title, "product_items": items}]}
    above = {"header": {"type": "text", "text": header}} if header else {}
    return {"type": "product_list", **above, "body": {"text": "Вот что есть"}, "action": action}


@pytest.mark.parametrize(
    ("kind", "part", "code"),
    [
        ("text", {"body": " "}, 131008),
        ("text", {"body": "ж" * 4097}, 100),
        ("hologram", {"id": "1"}, 131051),
        ("image", {"id": "1234567890123456"}, 100),
        ("interactive", buttons("1", "2", "3", "4"), 131009),
        ("interactive", buttons("ж" * 21), 131009),
        ("interactive", buttons("Да", "Да"), 131009),
        ("interactive", {**BUTTONS, "body": {"text": "ж" * 1025}}, 100),
        ("interactive", rows(11), 131009),
        ("interactive", rows(1, "ж" * 25), 131009),
        ("interactive", {**LIST, "header": {"type": "image", "image": {"id": "1"}}}, 100),
        ("interactive", {"type": "product", "action": {"catalog_id": "1", "product_retailer_id": "TUM-300"}}, 131009),
        ("interactive", products("TUM-300", header=""), 131008),
        ("interactive", products(*["TUM-300"] * 31), 131009),
        ("interactive", products("TUM-300", title="ж" * 25), 131009),
        ("interactive", products("NOT-THERE"), 131009),
        ("template", named("on_its_way"), 132000),
        ("template", named("on_its_way", body("Анна", "7\n8")), 100),
        ("template", named("on_its_way", body("Анна", "7"), language="en"), 132001),
        ("template", named("new"), 132001),
        ("template", named("paused"), 132015),
        ("template", named("link"), 132000),
    ],
)
async def test_what_is_wrong_is_refused_with_metas_code(shop: Shop, kind: str, part: Any, code: int) -> None:
    assert await shop.say(kind, part) == code


async def test_only_the_tokens_own_objects_are_there_and_a_proof_must_be_of_its_app(shop: Shop) -> None:
    assert await shop.call("GET", str(NUMBER), token="EAAG-nobodys") == 190
    assert await shop.call("GET", "999999999") == 33
    assert await shop.call("GET", str(NUMBER), appsecret_proof="0" * 64) == 100
    proof = hmac.new(APP_SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
    assert (await shop.call("GET", str(NUMBER), appsecret_proof=proof))["verified_name"] == "Глина и лён"
    wrong = {"override_callback_uri": "http://127.0.0.1:9/hook", "verify_token": "x"}
    assert await shop.call("POST", str(NUMBER), {"webhook_configuration": wrong}) == 2200


async def test_nobody_is_told_of_later_and_the_shop_itself_at_once(shop: Shop) -> None:
    assert await shop.say(to="79000000101") == 131021
    assert await shop.say(to="12") == 131009
    wamid = (await shop.say(to="79990000000", biz_opaque_callback_data="k1"))["messages"][0]["id"]
    await shop.until(lambda: shop.fates(wamid))
    [status] = [each for each in shop.values("statuses") if each["id"] == wamid]
    assert (status["status"], status["errors"][0]["code"], status["biz_opaque_callback_data"]) == (
        "failed",
        131026,
        "k1",
    )


async def test_after_a_day_only_a_template_reaches_a_person(emulator: CheckedWhatsApp, shop: Shop) -> None:
    phone = emulator.phone(ANNA.id)
    emulator.let_time_pass(ANNA.id, 24 * 3600 + 1)
    wamid = (await shop.say())["messages"][0]["id"]
    await shop.until(lambda: shop.fates(wamid) == ["failed"])
    assert next(each for each in shop.values("statuses") if each["id"] == wamid)["errors"][0]["code"] == 131047
    assert not phone.from_bot
    await shop.say("template", named("on_its_way", body("Анна", "7")))
    assert phone.from_bot[-1].text == "Анна, заказ № 7 в пути\n\nГлина и лён"
    phone.press("Спасибо")
    await shop.say()
    assert phone.from_bot[-1].text == "Есть"


@pytest.mark.parametrize("settings", [Settings(webhook_pace=0.001, refuses_at_once=True)])
async def test_it_may_say_so_at_once(emulator: CheckedWhatsApp, shop: Shop) -> None:
    emulator.let_time_pass(ANNA.id, 24 * 3600 + 1)
    assert await shop.say() == 131047


@pytest.mark.parametrize("settings", [Settings(webhook_pace=0.001, flood_limits=True, bot_rate=200)])
async def test_one_person_gets_so_many_messages_at_once(shop: Shop) -> None:
    said = [await shop.say() for _ in range(50)]
    assert said.index(131056) == 45


async def test_a_status_overtakes_what_waits_and_calls_may_come_another_way(
    emulator: CheckedWhatsApp, shop: Shop
) -> None:
    taken: list[dict[str, Any]] = []
    postman = emulator.account(NUMBER).postman
    postman.on_taken = taken.append
    real, postman.by_way_of = urlsplit(postman.url).netloc, urlsplit(postman.url).netloc
    postman.url = postman.url.replace(real, "hub.example")
    shop.refuses, emulator.faults.overtakes = 1, 1.0
    phone = emulator.phone(ANNA.id)
    phone.say("Раз")
    phone.say("Два")
    told = await shop.say()
    await shop.until(lambda: postman.idle)
    assert [each["text"]["body"] for each in shop.values("messages")][-2:] == ["Раз", "Два"]
    assert sorted(shop.fates(told["messages"][0]["id"])) == ["delivered", "sent"]
    assert emulator.faults.met["overtaken"] >= 2
    assert sum(len(body["entry"][0]["changes"]) for body in taken) >= 4


async def test_what_was_not_taken_comes_again_and_what_was_done_may_go_unanswered(
    emulator: CheckedWhatsApp, shop: Shop
) -> None:
    shop.refuses = 3
    emulator.faults.duplicates = 1.0
    emulator.phone(ANNA.id).say("Ещё раз")
    await shop.until(lambda: shop.values("messages")[-1]["text"]["body"] == "Ещё раз")
    emulator.faults.clear()
    emulator.plan(Trouble.RESET, after=True)
    with pytest.raises(aiohttp.ClientError):
        await shop.say(biz_opaque_callback_data="k2")
    await shop.until(lambda: any(each.get("biz_opaque_callback_data") == "k2" for each in shop.values("statuses")))


async def test_templates_are_told_page_by_page(shop: Shop) -> None:
    first = await shop.call("GET", f"{BUSINESS}/message_templates", limit="3")
    assert [each["name"] for each in first["data"]] == ["on_its_way", "link", "paused"]
    after = first["paging"]["cursors"]["after"]
    rest = await shop.call("GET", f"{BUSINESS}/message_templates", limit="3", after=after)
    assert ([each["status"] for each in rest["data"]], "next" in rest["paging"]) == (["PENDING"], False)


def test_marks_are_shown_as_what_they_mean() -> None:
    assert shown("*жирно* и _косо_")[0] == "жирно и косо"
    assert shown("2*3*4 и snake_case_name")[1] == []
    assert shown("*\u2060не жирно*") == ("*не жирно*", [])
    assert [each["type"] for each in shown("> цитата\n```код```\n~*и то и другое*~")[1]] == [
        "blockquote",
        "pre",
        "strikethrough",
        "bold",
    ]
