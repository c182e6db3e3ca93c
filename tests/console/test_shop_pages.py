"""Goods, customers and settings in the console."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import quote

import orjson
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.channels import CONNECTORS
from catalog.tables import Variant
from company import accounts, settings, shops, staff
from company.settings import ShopSettings
from company.tables import ChannelAccount
from company.texts import LOCALES, Texts
from customers.tables import Customer
from emulators.max import MaxBot, MaxEmulator
from emulators.telegram import Bot, TelegramEmulator
from inbox import conversations
from inbox.tables import Author, Kind
from kit.secrets import SecretBox
from operator_console import channel_page, text_names_after, text_names_before
from operator_console.texts import Reader, reading
from operator_console.texts_pages import OURS
from payments import accounts as payment_accounts
from tests.console import trade
from tests.console.desk import KEY, Desk

TOKEN = "4200042:a-bot-of-nobody-real"
MAX_TOKEN = "f9LHodD0cOIa-bot-of-nobody-real"


async def mug(desk: Desk) -> Variant:
    return await desk.db.read(lambda session: session.get_one(Variant, desk.ours.mug.id))


async def rules(desk: Desk) -> ShopSettings:
    return await desk.db.read(lambda session: settings.of(shops.get(session, desk.ours.shop_id)))


async def test_what_was_taken_off_the_sale_is_found_and_put_back(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    here = f"/products/{desk.ours.product_id}"
    assert "Туман" not in (await owner.fragment("/products?sale=off")).text
    await owner.post(f"{here}/archive")
    assert "Туман" not in (await owner.fragment("/products?q=туман")).text
    for asked in ("", "&q=туман", "&q=tum-3"):
        assert "Туман" in (await owner.fragment(f"/products?sale=off{asked}")).text, asked
    assert "Туман" not in (await owner.fragment("/products?sale=off&q=чайник")).text
    await owner.post(f"{here}/archive")
    assert "Туман" not in (await owner.fragment("/products?sale=off")).text


async def test_a_price_is_changed_and_orders_keep_theirs(desk: Desk) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.owner)
    form = {"price": "1 600,50", "purchase": "700", "barcode": "4600000000017", "active": "on"}
    assert (await browser.post(f"/variants/{desk.ours.mug.id}", form)).status == 204
    changed = await mug(desk)
    assert (changed.price, changed.purchase_price, changed.barcode) == (160050, 70000, "4600000000017")
    assert (await trade.now(desk, made)).total == trade.roubles(2900)
    assert "1\xa0600,50\xa0₽" in (await browser.fragment("/products?q=4600000000017")).text


@pytest.mark.parametrize("price", ["-1", "", "дорого", "1,005"])
async def test_what_is_no_price_is_refused(desk: Desk, price: str) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    assert (await browser.post(f"/variants/{desk.ours.mug.id}", {"price": price})).status == 409
    assert (await mug(desk)).price == 145000


async def test_an_operator_sees_goods_without_purchase_prices_and_forms(desk: Desk) -> None:
    owner, operator = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.operator)
    await owner.post(f"/variants/{desk.ours.mug.id}", {"price": "1450", "purchase": "777", "active": "on"})
    page = (await operator.get(f"/products/{desk.ours.product_id}")).text
    assert "Кружка «Туман»" in page
    assert "777" not in page
    assert "/stock" not in page
    assert "777" in (await owner.get(f"/products/{desk.ours.product_id}")).text


async def test_fewer_than_are_promised_cannot_be_counted(desk: Desk) -> None:
    await trade.order(desk, quantity=3)
    browser = await desk.signed_in(desk.ours.owner)
    page = (await browser.get(f"/products/{desk.ours.product_id}")).text
    warehouse = trade.key_in(page, "warehouse")
    path = f"/variants/{desk.ours.mug.id}/stock"
    assert (await browser.post(path, {"warehouse": warehouse, "counted": "2"})).status == 409
    assert (await browser.post(path, {"warehouse": warehouse, "counted": "9"})).status == 204
    assert await trade.left(desk) == 6


async def test_a_new_product_is_on_sale_at_once(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    form = {"name": "Ваза «Утро»", "sku": "VASE-1", "price": "3900", "pieces": "4"}
    path = (await browser.post("/products", form)).headers["HX-Redirect"]
    assert "Ваза «Утро»" in (await browser.get(path)).text
    assert "VASE-1" in (await browser.fragment("/picker/goods?q=ваза")).text
    assert (await browser.post("/products", form)).status == 409


async def test_a_product_taken_off_the_sale_is_not_found(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    await browser.post(f"/products/{desk.ours.product_id}/archive")
    assert "TUM-300" not in (await browser.fragment("/picker/goods?q=кружка")).text
    await browser.post(f"/products/{desk.ours.product_id}/archive")
    assert "TUM-300" in (await browser.fragment("/picker/goods?q=кружка")).text


async def test_a_customers_card_holds_what_people_wrote_as_text(desk: Desk) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    evil = "<script>alert(1)</script>"
    form = {"name": evil, "phone": "+7 900 765-43-21", "tags": f"{evil}, подарки", "note": evil, "city": evil}
    assert (await browser.post(f"/customers/{made.customer_id}", form)).status == 200
    for path in ("/customers", f"/customers/{made.customer_id}", f"/orders/{made.id}", "/orders", "/customers?q=765"):
        page = (await browser.get(path)).text
        assert "<script>alert" not in page, path
        assert "&lt;script&gt;" in page, path
    card = await desk.db.read(lambda session: session.get_one(Customer, made.customer_id))
    assert card.tags == sorted([evil, "подарки"])


async def test_goods_are_not_kept_for_less_time_than_a_link_lives(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    form = {"pay_online": "on", "below": "3000", "late_money": "refund"}
    assert (await browser.post("/settings/rules", {**form, "reserve_minutes": "64"})).status == 409
    assert (await browser.post("/settings/rules", {**form, "reserve_minutes": "120"})).status == 204
    kept = await rules(desk)
    assert (kept.reserve_minutes, kept.pay_on_receipt, kept.auto_confirm.below) == (120, False, 300000)


async def test_a_way_of_delivery_keeps_its_code_and_a_new_one_gets_its_own(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    form = {"rows": "3", "code-0": "courier", "name-0": "Курьер до двери", "price-0": "450", "needs_address-0": "on"}
    form |= {"code-1": "pickup", "name-1": "", "code-2": "forged", "name-2": "Почта", "price-2": "300"}
    assert (await browser.post("/settings/delivery", form)).status == 204
    courier, post = (await rules(desk)).delivery
    assert (courier.code, courier.price, courier.free_from, courier.needs_address) == ("courier", 45000, None, True)
    assert post.name == "Почта"
    assert post.code not in ("forged", "pickup", "")


async def test_a_form_that_claims_more_rows_than_it_has_holds_nobody_up(desk: Desk) -> None:
    """It is read inside the transaction, for which everybody else waits."""
    browser = await desk.signed_in(desk.ours.owner)
    form = {"rows": "30000000", "name-0": "Почта", "price-0": "300"}
    async with asyncio.timeout(15):
        assert (await browser.post("/settings/delivery", form)).status == 204
    assert [way.name for way in (await rules(desk)).delivery] == ["Почта"]


async def test_only_stages_that_there_are_can_be_told_of(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    await browser.post("/settings/notices", [("stage", "paid"), ("stage", "shipped"), ("stage", "made-up")])
    assert set((await rules(desk)).notify_stages) == {"paid", "shipped"}


async def test_who_is_dismissed_is_out_at_once(desk: Desk) -> None:
    owner, colleague = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.colleague)
    assert (await colleague.get("/orders")).status == 200
    assert (await owner.post(f"/staff/{desk.ours.colleague.id}/dismiss")).status == 204
    assert (await colleague.get("/orders")).status == 303
    assert (await owner.post(f"/staff/{desk.ours.owner.id}/dismiss")).status == 403


async def test_a_role_is_changed_and_counts_at_the_next_request(desk: Desk) -> None:
    owner, operator = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.operator)
    assert (await operator.get("/operation")).status == 403
    answer = await owner.post(f"/staff/{desk.ours.operator.id}/role", {"role": "manager"})
    assert answer.status == 204
    assert (await operator.get("/operation")).status == 200
    assert (await operator.get("/settings")).status == 403
    assert (await owner.post(f"/staff/{desk.ours.operator.id}/role", {"role": "king"})).status == 404


async def test_the_last_owner_stays_one(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    answer = await owner.post(f"/staff/{desk.ours.owner.id}/role", {"role": "operator"})
    assert answer.status == 409
    assert "хотя бы один владелец" in answer.text


async def test_a_new_colleague_can_sign_in(desk: Desk) -> None:
    owner, stranger = await desk.signed_in(desk.ours.owner), desk.stranger()
    form = {"name": "Тимофей Грач", "email": "timofey@clay.example", "password": "короткий", "role": "operator"}
    assert (await owner.post("/settings/staff", {**form, "password": "1234567"})).status == 409
    assert (await owner.post("/settings/staff", form)).status == 204
    assert (await owner.post("/settings/staff", form)).status == 409
    signed_in = await stranger.post("/login", {"email": form["email"], "password": form["password"]})
    assert signed_in.status == 303
    assert (await stranger.get("/settings")).status == 403


@pytest.mark.parametrize(
    ("page", "form", "words"),
    [
        ("shop", {"name": " ", "locale": "ru", "timezone": "Europe/Moscow"}, "от 1 до 200 знаков"),
        ("shop", {"name": "я" * 201, "locale": "ru", "timezone": "Europe/Moscow"}, "от 1 до 200 знаков"),
        ("shop", {"name": "А", "locale": "ru", "timezone": "Mars/Base"}, "Часового пояса «Mars/Base» нет"),
        ("rules", {"reserve_minutes": "30"}, "от 65 до 43200 минут, а «30» не подходит"),
        ("rules", {"reserve_minutes": "90", "below": "-5"}, "не бывает меньше нуля, а написано «-5»"),
        ("rules", {"reserve_minutes": "90", "waiting_notice": "часто"}, "0 — никогда, а «часто» не подходит"),
        ("assignment", {"most": "0"}, "от 1 до 500 открытых диалогов, а «0» не подходит"),
        ("delivery", {"rows": "1", "name-0": "Курьер", "price-0": "-1"}, "меньше нуля, а написано «-1»"),
        ("consent", {"consent_ru": "я" * 20_000}, "слишком длинный: помещается"),
        ("receipts", {"vat_code": "99", "tax_system": ""}, "Такой ставки НДС нет"),
    ],
)
async def test_a_setting_that_will_not_do_is_refused_with_what_would(
    desk: Desk, page: str, form: dict[str, str], words: str
) -> None:
    owner, before = await desk.signed_in(desk.ours.owner), await rules(desk)
    answer = await owner.post(f"/settings/{page}", form)
    assert (answer.status, words in answer.text) == (409, True), answer.text
    assert await rules(desk) == before


async def test_the_owner_puts_a_text_into_his_own_words_and_back(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    form = {"key": "buyer.greeting", "locale": "ru", "text": "Привет, {name}! {unknown.__class__}"}
    kept = await browser.post("/settings/texts", form)
    assert (kept.status, kept.toast) == (200, "Сохранено")
    assert "ваш текст" in kept.text
    assert "<textarea" not in kept.text, "what he goes on typing stays his"
    assert (await rules(desk)).texts["ru"]["buyer.greeting"].startswith("Привет")
    assert "Привет, Анна!" in (await browser.get("/settings/texts?q=greeting")).text
    back = await browser.post("/settings/texts", {**form, "text": ""})
    assert (back.status, back.headers["HX-Retarget"]) == (200, "#text-buyer-greeting")
    assert back.toast == "Обычные слова вернулись"
    assert "Здравствуйте, {name}!" in back.text
    assert "ваш текст" not in back.text
    assert (await rules(desk)).texts.get("ru", {}) == {}
    assert (await browser.post("/settings/texts", {**form, "key": "errors.problem"})).status == 404


def test_every_text_that_can_be_reworded_has_one_name_and_a_moment_in_both_languages() -> None:
    offered = {key for key, forms in Texts().keys("ru").items() if key.startswith(OURS) and len(forms) == 1}
    for language in LOCALES:
        with reading(Reader.stranger(language)):
            groups = [*text_names_before.groups(), *text_names_after.groups()]
        named = [pair for group in groups for moment in group.moments for pair in moment.names.items()]
        assert sorted(key for key, _name in named) == sorted(offered)
        assert len({name for _key, name in named}) == len(named)
        assert all(group.title and moment.when for group in groups for moment in group.moments)


async def test_a_text_is_found_by_its_name_its_moment_and_its_words_and_no_key_is_shown(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)

    async def found(query: str, locale: str = "ru") -> list[str]:
        page = (await browser.get(f"/settings/texts?locale={locale}&q={quote(query)}")).text
        return re.findall(r'<label class="strong"[^>]*>([^<]+)</label>', page)

    whole = (await browser.get("/settings/texts")).text
    assert ">buyer." not in whole
    assert "Первое, что видит покупатель" in whole
    assert await found("ЗАКАЗ В ПУТИ") == ["Заказ в пути"]
    assert await found("откуда он ушёл") == [
        "Корзина и заказы в другом месте",
        "Кнопка: это не я, вернуть",
        "Возвращено",
    ]
    assert await found("собираем") == ["Заказ собирают"]
    assert await found("we are packing", "en") == ["Заказ собирают"]
    assert await found("<script>") == []


async def test_a_preview_shows_styles_and_never_scripts(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    text = "<b>Заказ {number}</b> <script>alert(1)</script><a href='javascript:alert(1)'>сюда</a>"
    seen = (await browser.post("/settings/texts/preview", {"text": text, "locale": "ru"})).text
    assert "<b>Заказ 1284</b>" in seen
    assert "<script" not in seen
    assert "javascript:" not in seen


async def test_a_code_joins_the_owners_own_chat(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    page = (await browser.post("/settings/messenger", {"csrf": browser.csrf})).text
    person = await desk.db.read(staff.get, desk.ours.owner.id)
    assert f"/start staff_{person.link_code}" in page


@pytest_asyncio.fixture
async def telegram() -> AsyncIterator[str]:
    emulator = TelegramEmulator([Bot(TOKEN, name="Глина и лён", username="clay_linen_bot")], [])
    yield await emulator.start("127.0.0.1", 0)
    await emulator.stop()


async def telegram_is_gone(desk: Desk) -> None:
    """The connected bot's Telegram is at an address where nobody listens."""

    def move(session: Session) -> None:
        for row in accounts.of_shop(session, desk.ours.shop_id):
            row.settings = {**row.settings, "api": "http://127.0.0.1:9"}

    await desk.db.write(move)


async def test_a_bot_is_connected_by_its_token_which_is_never_seen_again(
    desk: Desk, telegram: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(CONNECTORS, "telegram", replace(CONNECTORS["telegram"], api=telegram))
    browser = await desk.signed_in(desk.ours.owner)
    assert (await browser.post("/settings/channels/telegram", {"token": "4200042:some-other-token"})).status == 409
    assert (await browser.post("/settings/channels/telegram", {"token": TOKEN})).status == 204
    query = sa.select(ChannelAccount).where(ChannelAccount.external_id == "4200042")
    row = await desk.db.read(lambda session: session.scalars(query).one())
    assert row.settings["username"] == "clay_linen_bot"
    assert TOKEN not in (row.secret or "")
    assert orjson.loads(accounts.secret_of(SecretBox(KEY), row))["token"] == TOKEN
    page = (await browser.get("/settings")).text
    assert "clay_linen_bot" in page
    assert TOKEN not in page
    assert (await browser.post("/settings/channels/telegram", {"token": TOKEN})).status == 409
    await telegram_is_gone(desk)
    silent = await browser.post("/settings/channels/telegram", {"token": "4200043:a-bot-of-nobody-real"})
    assert silent.status == 409
    assert "4200043" not in silent.text + caplog.text


async def test_a_max_bot_is_connected_step_by_step(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator = MaxEmulator([MaxBot(600_042, MAX_TOKEN, name="Глина и лён", username="clay_linen_bot")])
    api = await emulator.start()
    monkeypatch.setitem(CONNECTORS, "max", replace(CONNECTORS["max"], api=api))
    browser = await desk.signed_in(desk.ours.owner)
    page = (await browser.get("/settings/channels/max")).text
    assert "business.max.ru" in page
    assert "MAX не принимает" in (await browser.post("/settings/channels/max", {"token": MAX_TOKEN[:-1]})).text
    here = (await browser.post("/settings/channels/max", {"token": f" {MAX_TOKEN} "})).headers["HX-Redirect"]
    account = await desk.db.read(lambda session: accounts.get(session, int(here.rpartition("/")[2])))
    assert (account.external_id, account.settings["receive"]) == ("clay_linen_bot", "polling")
    kept = orjson.loads(accounts.secret_of(SecretBox(KEY), account))
    assert (kept["token"], len(kept["webhook_secret"]) > 16) == (MAX_TOKEN, True)
    assert (await browser.post(f"{here}/check")).toast == "MAX отвечает: @clay_linen_bot"
    assert "MAX приносит их" in (await browser.get(here)).text
    linked = (await browser.post("/settings/messenger", {"csrf": browser.csrf})).text
    assert "https://max.ru/clay_linen_bot?start=staff_" in linked
    assert (await browser.get("/settings/channels/carrier-pigeon")).status == 404
    await emulator.stop()


async def test_a_connected_bot_is_looked_at_tried_and_changed_on_its_page(
    desk: Desk, telegram: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONNECTORS, "telegram", replace(CONNECTORS["telegram"], api=telegram))
    owner = await desk.signed_in(desk.ours.owner)
    await owner.post("/settings/channels/telegram", {"token": TOKEN})
    query = sa.select(ChannelAccount).where(ChannelAccount.external_id == "4200042")

    async def row() -> ChannelAccount:
        return await desk.db.read(lambda session: session.scalars(query).one())

    here = f"/channels/{(await row()).id}"
    assert f'href="{here}"' in (await owner.get("/settings")).text
    assert (await owner.post(f"{here}/check")).toast == "Telegram отвечает: @clay_linen_bot"
    assert "Сначала соедините свой чат" in (await owner.post(f"{here}/test")).text

    def join(session: Session) -> int:
        bot = session.scalars(query).one()
        talk = conversations.open_for(session, bot, "500001", customer_id=None, locale="ru")
        talk.kind, talk.staff_id = Kind.STAFF, desk.ours.owner.id
        return talk.id

    chat = await desk.db.write(join)
    assert (await owner.post(f"{here}/test")).toast == "Отправлено в ваш чат с ботом"
    assert [message.author for message in await desk.thread(chat)] == [Author.BOT]
    assert (await owner.post(f"{here}/token", {"token": "4200042:some-other-token"})).status == 409
    assert (await owner.post(f"{here}/token", {"token": TOKEN})).status == 204
    assert "https" in (await owner.post(f"{here}/receive", {"receive": "webhook"})).text
    await desk.db.write(
        lambda session: channel_page.receive_by(SecretBox(KEY), session.scalars(query).one(), "webhook")
    )
    opened = orjson.loads(accounts.secret_of(SecretBox(KEY), await row()))
    assert ((await row()).settings["receive"], opened["token"]) == ("webhook", TOKEN)
    assert len(opened["webhook_secret"]) > 16
    assert (await owner.post(f"{here}/receive", {"receive": "polling"})).status == 204
    await owner.post(f"{here}/switch", {"on": "0"})
    assert not (await row()).active
    await owner.post(f"{here}/switch", {"on": "1"})

    def revoke(session: Session) -> None:
        session.scalars(query).one().secret = SecretBox(KEY).seal('{"token": "4200042:revoked-by-botfather"}')

    await desk.db.write(revoke)
    assert (await owner.post(f"{here}/check")).status == 409
    assert "Telegram больше не знает этот токен" in (await owner.get("/settings")).text


async def test_a_chat_for_the_site_is_made_with_its_tag_and_the_sites_that_may_show_it(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    here = (await owner.post("/settings/webchat")).headers["HX-Redirect"]
    account = await desk.db.read(lambda session: accounts.get(session, int(here.rpartition("/")[2])))
    page = (await owner.get(here)).text
    assert f"data-site=&#34;{account.external_id}&#34;" in page
    assert "/webchat/widget.js" in page
    assert "не похоже на адрес" in (await owner.post(f"{here}/origins", {"origins": "shop.example javascript:x"})).text
    assert "не похоже на адрес" in (await owner.post(f"{here}/origins", {"origins": "http://["})).text
    await owner.post(f"{here}/origins", {"origins": "shop.example\nhttp://127.0.0.1:8083/path shop.example"})
    kept = await desk.db.read(lambda session: accounts.get(session, account.id).settings["origins"])
    assert kept == ["https://shop.example", "http://127.0.0.1:8083"]
    assert (await owner.post(f"/channels/{desk.ours.account.id}/origins", {"origins": ""})).status == 404
    assert (await owner.get("/settings")).text.count("/settings/webchat") == 0


async def test_what_the_configuration_file_says_of_an_account_is_shown_and_not_changed(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    here = (await owner.post("/settings/webchat")).headers["HX-Redirect"]
    number = int(here.rpartition("/")[2])
    till = await desk.db.read(lambda session: payment_accounts.online(session, desk.ours.shop_id).id)

    def declare(session: Session) -> None:
        chat, account = accounts.get(session, number), payment_accounts.get(session, till)
        chat.settings = {"origins": ["https://clay.example"], accounts.BY_FILE: ["site", "origins"]}
        account.settings = {accounts.BY_FILE: ["shop_id", "secret_key"]}

    await desk.db.write(declare)
    page = (await owner.get(here)).text
    assert "config.toml" in page
    assert "https://clay.example" in page
    assert f'hx-post="{here}/origins"' not in page
    refused = await owner.post(f"{here}/origins", {"origins": "https://other.example"})
    assert (refused.status, "config.toml" in refused.text) == (409, True)
    assert (await owner.post(f"{here}/name", {"name": "Сайт"})).status == 204
    kept = await desk.db.read(accounts.get, number)
    assert (kept.name, kept.settings["origins"]) == ("Сайт", ["https://clay.example"])
    settings_page = (await owner.get("/settings")).text
    assert f"/payment-accounts/{till}/key" not in settings_page
    assert f"/payment-accounts/{till}/receipts" in settings_page


async def test_the_component_page_is_there_for_who_works_on_the_console(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    page = await browser.get("/components")
    assert page.status == 200
    assert 'data-bs-theme="dark"' in page.text
