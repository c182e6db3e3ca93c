"""The demo in one process: the hub, the messengers, a mail service, YooKassa and the shop's site, a port for each."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from emulators.mail import Account as Mailbox
from emulators.mail import MailEmulator
from emulators.max import MaxBot, MaxEmulator
from emulators.max import Settings as MaxSettings
from emulators.shopsite import ShopSite
from emulators.telegram import Bot, Person, TelegramEmulator
from emulators.vk import Community, VkEmulator
from emulators.vk import Settings as VkSettings
from emulators.whatsapp import Number, Template, WhatsAppEmulator
from emulators.whatsapp import Settings as WhatsAppSettings
from emulators.yookassa import Shop as Merchant
from emulators.yookassa import YooKassaEmulator
from prilavok.demo import fill, goods, people, pictures
from prilavok.demo import shop as words
from prilavok.demo.opening import (
    BOT_NAME,
    IMAP_PORT,
    MAIL_ADDRESS,
    MAIL_PASSWORD,
    MAIL_PORT,
    MAX_ID,
    MAX_PORT,
    MAX_TOKEN,
    MERCHANT,
    MERCHANT_KEY,
    OWNER_ID,
    SITE,
    SMTP_PORT,
    TOKEN,
    VK_GROUP,
    VK_NAME,
    VK_PORT,
    VK_TOKEN,
    WA_APP_SECRET,
    WA_BUSINESS,
    WA_CATALOG,
    WA_NUMBER,
    WA_PHONE,
    WA_PORT,
    WA_TOKEN,
    Opening,
    Place,
)
from prilavok.hub import Hub

OWNER = Person(OWNER_ID, "Илья", "Дорохов", "ilya_dorokhov", "+79000000001")
BUYERS = (
    Person(500_002, "Ольга", "Рябинина", "olga_ryab", "+79000000002"),
    Person(500_003, "Tom", "Baker", "tom_baker", "+79000000003", "en"),
)
"""Whose phones one holds in the demo: the owner's, and those of two buyers that the shop has not met yet."""

VK_BUYERS = (
    Person(500_012, "Вера", "Лаптева", "vera_lapteva"),
    Person(500_013, "Emma", "Stone", "emma_stone", language_code="en"),
)
"""Those who write to the shop's community in VK."""


MAX_BUYERS = (
    Person(500_022, "Надежда", "Ветрова", "nadya_vetrova", "+79000000022"),
    Person(500_023, "Alice", "Grant", "alice_grant", "+79000000023", "en"),
)
"""Those who write to the shop's bot in MAX."""


WA_BUYERS = (
    Person(500_032, "Раиса", "Соболева", phone="+79000000032"),
    Person(500_033, "Liam", "Hughes", phone="+79000000033", language_code="en"),
)
"""Those who write to the shop's number in WhatsApp."""

WA_TEMPLATES = (
    Template(
        "order_on_its_way",
        "Здравствуйте, {{1}}! Заказ № {{2}} уже в пути. Ждём вашего сообщения, если что-то изменилось.",
        footer="Глина и лён",
        buttons=("Спасибо", "Есть вопрос"),
    ),
    Template("order_stage", "Заказ № {{1}}: {{2}}. Сумма {{3}}.", header="Новости о заказе"),
    Template(
        "payment_link",
        "Заказ № {{1}} ждёт оплаты: {{2}}. Ссылка: {{3}}",
        footer="Ответьте на это сообщение, если нужна помощь",
    ),
    Template("how_was_it", "{{1}}, как вам покупка? Напишите пару слов, нам это важно.", category="MARKETING"),
    Template("hello_world", "Welcome and congratulations!", language="en_US"),
    Template("spring_sale", "Весной всё дешевле на {{1}} %.", status="PENDING", category="MARKETING"),
)
"""Words that WhatsApp has approved for the shop, and one that it has not looked at yet."""

CATALOGUE = 12
"""Goods that the number's own catalogue shows, of those that the shop sells."""

MAIL_BUYERS = (
    Mailbox("sofya.belova@mail.example", "Софья Белова"),
    Mailbox("james.moore@mail.example", "James Moore", language="en"),
)
"""Those who write letters to the shop."""


def begin(*, folder: Path, host: str, port: int, database: str) -> Opening:
    """Start to set up what is missing. Call it before there is an event loop."""
    folder.mkdir(parents=True, exist_ok=True)
    return Opening(Place(folder, host, port, database))


async def serve(stopping: asyncio.Event, opening: Opening) -> None:
    """Start everything, print the addresses, and wait to be stopped."""
    place = opening.place
    folder, host, port = place.folder, place.host, place.port
    # Its first messages have photos. The import takes as long as filling the shop does, which another process does.
    await asyncio.to_thread(importlib.import_module, "bot.channels.telegram_files")
    hook = await asyncio.to_thread(opening.done)
    telegram = TelegramEmulator([_bot()], [*_with_face(BUYERS), OWNER], snapshot=folder / "telegram")
    _known_customers(telegram)
    max_messenger = MaxEmulator([_max_bot()], _with_face(MAX_BUYERS), settings=MaxSettings(snapshot=folder / "max"))
    vk = VkEmulator([_community()], _with_face(VK_BUYERS), settings=VkSettings(snapshot=folder / "vk"))
    whatsapp = WhatsAppEmulator([_number()], WA_BUYERS, settings=WhatsAppSettings(snapshot=folder / "whatsapp"))
    mail = MailEmulator([_mailbox()], [*MAIL_BUYERS, *_staff_mailboxes()], snapshot=folder / "mail.json")
    yookassa = YooKassaEmulator(
        [Merchant(MERCHANT, MERCHANT_KEY, f"{place.address(0)}/hooks/yookassa/{hook}", title=words.NAME.ru)],
        snapshot=folder / "yookassa",
    )
    site = ShopSite(counter=place.address(0), site=SITE)
    hub = Hub(place.configuration())
    try:
        await telegram.start(host, port + 1)
        await max_messenger.start(host, port + MAX_PORT)
        await vk.start(host, port + VK_PORT)
        await whatsapp.start(host, port + WA_PORT)
        await mail.start(host, port + IMAP_PORT, port + SMTP_PORT)
        await mail.serve_page(host, port + MAIL_PORT)
        await yookassa.start(host, port + 2)
        await site.start(host, port + 3)
        await hub.start()
        _tell(place, time.perf_counter() - opening.began)
        await stopping.wait()
        typer.echo("Closing…")
    finally:
        await hub.stop()
        await site.stop()
        await telegram.stop()
        await max_messenger.stop()
        await vk.stop()
        await whatsapp.stop()
        await mail.stop()
        await yookassa.stop()


def _with_face(people: Sequence[Person]) -> list[Person]:
    """The first of them shows herself, as some do and some do not."""
    first, *others = people
    return [replace(first, portrait=pictures.portrait(first.id // 10)), *others]


def _bot() -> Bot:
    return Bot(TOKEN, name=words.NAME.ru, username=BOT_NAME, about=words.ABOUT.ru)


def _max_bot() -> MaxBot:
    return MaxBot(MAX_ID, MAX_TOKEN, name=words.NAME.ru, username=BOT_NAME, about=words.ABOUT.ru)


def _community() -> Community:
    return Community(VK_GROUP, VK_TOKEN, name=words.NAME.ru, screen_name=VK_NAME, about=words.ABOUT.ru)


def _number() -> Number:
    return Number(
        WA_NUMBER,
        WA_PHONE,
        WA_TOKEN,
        WA_APP_SECRET,
        business=WA_BUSINESS,
        name=words.NAME.ru,
        about=words.ABOUT.ru,
        templates=WA_TEMPLATES,
        catalog=WA_CATALOG,
        goods=tuple(
            (product.variants[0].sku, product.name.ru, product.variants[0].price.amount / 100, "RUB")
            for product in goods.products()[:CATALOGUE]
        ),
    )


def _mailbox() -> Mailbox:
    return Mailbox(MAIL_ADDRESS, words.NAME.ru, MAIL_PASSWORD)


def _staff_mailboxes() -> list[Mailbox]:
    """Where a test letter from the console goes; their page opens by its number alone."""
    return [Mailbox(person.email, person.name.ru, listed=False) for person in people.staff()]


def _known_customers(telegram: TelegramEmulator) -> None:
    """Customers of the shop's past have Telegram too, so that answers reach them; their phones lie in no one's hand."""
    for n, customer in enumerate(people.customers()):
        if customer.channel == "telegram":
            first, _, last = customer.name.partition(" ")
            telegram.add_person(Person(fill.person_id(n), first, last, customer.username, listed=False))
            telegram.phone(fill.person_id(n)).chat.started = True
    telegram.phone(OWNER.id).chat.started = True


def _tell(place: Place, seconds: float) -> None:
    owner, operator = people.staff()[0], people.staff()[1]
    lines = (
        f"The demo is open after {seconds:.1f} s. Everything is on this machine; nobody real hears of it.",
        "",
        f"  Console     {place.address(0)}",
        f"              operator {operator.email}, owner {owner.email}, password {fill.PASSWORD}",
        f"  Phones      {place.address(1)}/phone   (two buyers and the owner, in Telegram)",
        f"              {place.address(MAX_PORT)}/phone   (two buyers in MAX)",
        f"              {place.address(VK_PORT)}/phone   (two buyers in VK)",
        f"              {place.address(WA_PORT)}/phone   (two buyers in WhatsApp)",
        f"              {place.address(MAIL_PORT)}/mail    (two buyers with a mail program)",
        f"  Shop site   {place.address(3)}/        (with the web chat)",
        f"  YooKassa    {place.address(2)}         (its payment page opens from the chat)",
        "",
        "Ctrl-C closes it; the next start goes on where this one stopped.",
    )
    typer.echo("\n".join(lines))
