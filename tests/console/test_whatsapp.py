"""A WhatsApp number in the console: connected value by value, the window over the composer, templates sent."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from html import unescape

import orjson
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.channels import CONNECTORS
from company import accounts
from company.tables import ChannelAccount
from emulators.whatsapp import Number, Template, WhatsAppEmulator
from inbox import messages, seen, templates
from inbox.content import Outgoing, load_outgoing
from inbox.tables import Author, Conversation, Delivery
from kit.clock import utc_now
from kit.secrets import SecretBox
from operator_console import template_pages
from tests.console.desk import KEY, Desk, hear

TOKEN, APP_SECRET = "EAAG-token-of-the-connected-number", "abcdef0123456789abcdef0123456789"
SHOP = Number(
    105_900,
    "+7 900 000-09-00",
    TOKEN,
    APP_SECRET,
    business=205_900,
    name="Глина и лён",
    templates=(
        Template("on_its_way", "{{1}}, заказ № {{2}} в пути", footer="Глина и лён"),
        Template("picture", "Смотрите", picture=True),
        Template("new", "Ещё не одобрен", status="PENDING"),
    ),
    catalog=305_900,
)
FORM = {"token": TOKEN, "number": "105900", "business": "205900", "app_secret": APP_SECRET, "catalog": ""}


@pytest_asyncio.fixture(name="whatsapp")
async def whatsapp_fixture(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WhatsAppEmulator]:
    emulator = WhatsAppEmulator([SHOP])
    address = await emulator.start()
    monkeypatch.setitem(CONNECTORS, "whatsapp", replace(CONNECTORS["whatsapp"], api=address))
    template_pages.forget()
    yield emulator
    await emulator.stop()


async def connected(desk: Desk) -> ChannelAccount:
    owner = await desk.signed_in(desk.ours.owner)
    assert (await owner.post("/settings/channels/whatsapp", FORM)).status == 204
    query = sa.select(ChannelAccount).where(ChannelAccount.channel == "whatsapp")
    return await desk.db.read(lambda session: session.scalars(query).one())


async def talk(desk: Desk, account: ChannelAccount, *, hours_ago: float) -> int:
    def open_talk(session: Session) -> int:
        id_ = hear(session, session.merge(account), "Раиса Соболева", "Добрый день")
        session.get_one(Conversation, id_).heard_at = utc_now() - timedelta(hours=hours_ago)
        return id_

    return await desk.db.write(open_talk)


async def test_a_number_is_connected_when_every_value_fits(desk: Desk, whatsapp: WhatsAppEmulator) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    steps = unescape((await owner.get("/settings/channels/whatsapp")).text)
    assert "ID номера (Phone number ID)" in steps
    for name, wrong, words in (
        ("app_secret", "0" * 32, "секрет не от того приложения"),
        ("business", "205901", "номер не относится к этому аккаунту"),
        ("number", "+79000000900", "нет номера с таким ID"),
        ("token", "EAAG-token-of-nobody-at-all", "не принимает этот токен"),
    ):
        refused = await owner.post("/settings/channels/whatsapp", {**FORM, name: wrong})
        assert (refused.status, words in refused.text) == (409, True), refused.text
        assert wrong not in refused.text
    row = await connected(desk)
    assert (row.external_id, row.name, row.settings["receive"]) == ("105900", "Глина и лён", "webhook")
    assert (row.settings["business"], row.settings["username"]) == ("205900", "79000000900")
    kept = orjson.loads(accounts.secret_of(SecretBox(KEY), row))
    assert (kept["token"], kept["app_secret"], len(kept["webhook_secret"]) > 30) == (TOKEN, APP_SECRET, True)
    page = (await owner.get(f"/channels/{row.id}")).text
    assert TOKEN not in page
    assert APP_SECRET not in page
    assert 'name="receive"' not in page
    assert (await owner.post(f"/channels/{row.id}/check")).toast == "WhatsApp отвечает: @79000000900"


async def test_the_catalogue_and_the_marks_of_reading_are_the_owners_to_choose(
    desk: Desk, whatsapp: WhatsAppEmulator
) -> None:
    row = await connected(desk)
    here, owner = f"/channels/{row.id}", await desk.signed_in(desk.ours.owner)

    async def kept() -> tuple[object, bool]:
        def look(session: Session) -> tuple[object, bool]:
            account = accounts.get(session, row.id)
            return account.settings.get("catalog"), seen.are_shown(account)

        return await desk.db.read(look)

    page = unescape((await owner.get(here)).text)
    assert "Каталог WhatsApp" in page
    assert 'name="shown" value="1" checked' in page
    assert await kept() == ("", True)
    refused = await owner.post(f"{here}/catalogue", {"catalog": "305901"})
    assert refused.status == 409
    assert "каталог" in refused.text
    assert (await owner.post(f"{here}/catalogue", {"catalog": " 305900 "})).status == 204
    assert (await owner.post(f"{here}/read-marks", {})).status == 204
    assert await kept() == ("305900", False)
    page = unescape((await owner.get(here)).text)
    assert 'value="305900"' in page
    assert 'name="shown" value="1">' in page
    await owner.post(f"{here}/catalogue", {"catalog": ""})
    await owner.post(f"{here}/read-marks", {"shown": "1"})
    assert await kept() == ("", True)
    telegram = f"/channels/{desk.ours.account.id}"
    assert (await owner.post(f"{telegram}/read-marks", {"shown": ""})).status == 404
    page = (await owner.get(telegram)).text
    assert "read-marks" not in page
    assert "catalogue" not in page


async def test_the_real_service_is_not_connected_where_it_could_not_call(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    refused = await owner.post("/settings/channels/whatsapp", FORM)
    assert (refused.status, "публичный адрес магазина с https" in refused.text) == (409, True)


async def test_the_composer_counts_down_and_takes_a_template_afterwards(desk: Desk, whatsapp: WhatsAppEmulator) -> None:
    row = await connected(desk)
    id_ = await talk(desk, row, hours_ago=23)
    marina = await desk.signed_in(desk.ours.operator)
    page = unescape((await marina.get(f"/inbox/{id_}")).text)
    left = re.search(r'data-window="(\d+)"', page)
    assert left is not None
    assert 3500 < int(left[1]) <= 3600
    assert 'data-closed="' not in page
    await desk.db.write(
        lambda session: setattr(session.get_one(Conversation, id_), "heard_at", utc_now() - timedelta(days=2))
    )
    assert orjson.loads((await marina.get(f"/inbox/{id_}/window")).text) == {"left": 0}
    assert "примет только одобренный шаблон" in (await marina.get(f"/inbox/{id_}")).text
    refused = await marina.post(f"/inbox/{id_}/messages", {"text": "Вы ещё здесь?", "key": "k1"})
    assert (refused.status, "Прошло больше 24 часов" in refused.text) == (409, True)

    form = unescape((await marina.fragment(f"/inbox/{id_}/templates")).text)
    assert re.findall(r'<option value="([^"]*)"', form) == ["on_its_way:ru", "picture:ru"]
    filled = {"template": "on_its_way:ru", "gap-0": "Раиса", "gap-1": "", "key": "t1"}
    shown = (await marina.post(f"/inbox/{id_}/templates/preview", filled)).text
    assert "Раиса, заказ № {{2}} в пути" in shown
    lacking = await marina.post(f"/inbox/{id_}/templates", filled)
    assert (lacking.status, "Заполните все пропуски" in lacking.text) == (409, True)
    for _ in range(2):
        assert (await marina.post(f"/inbox/{id_}/templates", {**filled, "gap-1": "1042"})).status == 204
    said = [one for one in await desk.thread(id_) if one.author == "staff"]
    assert [(one.text, one.delivery) for one in said] == [
        ("Раиса, заказ № 1042 в пути\n\nГлина и лён", Delivery.QUEUED)
    ]
    gone = await marina.post(f"/inbox/{id_}/templates", {**filled, "template": "new:ru"})
    assert gone.status == 409
    assert (await marina.post(f"/inbox/{id_}/templates", {"template": "picture:ru"})).status == 409


async def test_the_owner_chooses_what_goes_on_which_occasion(desk: Desk, whatsapp: WhatsAppEmulator) -> None:
    row = await connected(desk)
    owner = await desk.signed_in(desk.ours.owner)
    address = f"/channels/{row.id}/templates"
    assert "Заказ оплачен" in (await owner.fragment(address)).text
    assert (await owner.post(address, {"shipped": "on_its_way:ru"})).status == 204
    choices = {"shipped": "on_its_way:ru", "shipped-0": "name", "shipped-1": "number"}
    assert (await owner.post(address, choices)).status == 204
    found = await desk.db.read(lambda session: templates.choices(session.get_one(ChannelAccount, row.id).settings))
    assert (found["shipped"].template.name, found["shipped"].facts) == ("on_its_way", ("name", "number"))
    page = unescape((await owner.fragment(address)).text)
    assert '<option value="number" selected>' in page
    assert (await owner.post(address, {"shipped": "picture:ru"})).status == 409
    assert (await owner.post(address, {})).status == 204
    assert await desk.db.read(lambda session: templates.choices(session.get_one(ChannelAccount, row.id).settings)) == {}


async def test_what_was_held_stands_in_the_thread_as_such(desk: Desk, whatsapp: WhatsAppEmulator) -> None:
    row = await connected(desk)
    id_ = await talk(desk, row, hours_ago=30)
    marina = await desk.signed_in(desk.ours.operator)

    def hold(session: Session) -> None:
        messages.say(session, session.get_one(Conversation, id_), Outgoing(text="Оплачен"), author=Author.BOT)

    await desk.db.write(hold)
    assert "Ждёт, пока покупатель напишет" in (await marina.get(f"/inbox/{id_}")).text
    [held] = [one for one in await desk.thread(id_) if one.delivery == Delivery.HELD]
    assert load_outgoing(held.content).text == "Оплачен"
