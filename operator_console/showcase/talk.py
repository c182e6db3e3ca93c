"""Conversations, messages of every kind, and the composer."""

from __future__ import annotations

from datetime import datetime, timedelta

from markupsafe import Markup

from operator_console.showcase.trade import order_card, payment, product
from operator_console.showcase.world import (
    ANNA,
    ASSEMBLING,
    AUTUMN,
    DELIVERED,
    ILYA,
    MARINA,
    MIST,
    PAID,
    SAND,
    SHIPPED,
    WAITING,
    Shape,
    person,
    rub,
)


def rows(now: datetime) -> list[Shape]:
    """The list of conversations, in the order of waiting."""

    def row(id_: int, customer: Shape, channel: str, last: str, minutes: int, **more: object) -> Shape:
        return {
            "id": id_,
            "url": f"/inbox/{id_}",
            "customer": customer,
            "channel": channel,
            "unread": 0,
            "last": last,
            "draft": "",
            "ours": False,
            "by": "",
            "last_at": now - timedelta(minutes=minutes),
            "waiting_since": None,
            "snoozed_until": None,
            "level": "",
            "stage": None,
            "stage_note": "",
            "leader": None,
            "held": True,
            "blocked": False,
            "current": False,
        } | more

    def waits(minutes: int, level: str) -> dict[str, object]:
        return {"waiting_since": now - timedelta(minutes=minutes), "level": level}

    ruslan, olga = person("Руслан Гареев", "РГ", 3), person("Ольга Лисина", "ОЛ", 2)
    cafe, timur = person("Кофейня «Полдень»", "К", 5), person("Тимур Маркелов", "ТМ", 6)
    guest, svetlana = person("Посетитель 7 · Казань", "П7", 4), person("Светлана Журавлёва", "СЖ", 1)
    denis, elena = person("Денис Пак", "ДП", 3), person("Елена Сафина", "ЕС", 2)
    chipped = "Вторую тарелку привезли со сколом, вот фото"
    paid = {"stage": PAID, "stage_note": rub(3290).format(), "leader": MARINA, "current": True}
    return [
        row(1, ruslan, "telegram", chipped, 64, **waits(64, "bad"), unread=3, stage=SHIPPED, leader=MARINA),
        row(2, olga, "vk", "Здравствуйте, а опт от скольких штук?", 38, **waits(38, "bad"), unread=1),
        row(3, cafe, "max", "Нужен счёт на юрлицо, реквизиты ниже", 17, **waits(17, "warn"), unread=1, leader=ILYA)
        | {"stage": WAITING, "stage_note": rub(26700).format()},
        row(4, timur, "telegram", "Можно заменить синюю на серую?", 11, **waits(11, "warn"), unread=1, leader=MARINA)
        | {"stage": ASSEMBLING},
        row(5, guest, "webchat", "Есть ли самовывоз сегодня?", 6, **waits(6, "")),
        row(6, ANNA, "telegram", "Отлично, спасибо! А когда отправите?", 2, **waits(2, "")) | paid,
        row(7, svetlana, "whatsapp", "Ссылка на оплату действует до 18:00", 45, ours=True, stage=WAITING, leader=MARINA)
        | {"stage_note": rub(1600).format()},
        row(8, denis, "vk", "Выбирает товары в каталоге", 60, held=False),
        row(
            9, elena, "telegram", "Спасибо, всё чудесно упаковано!", 1500, stage=DELIVERED, leader=MARINA, blocked=True
        ),
        row(10, olga, "vk", "Хорошо, тогда напишите в понедельник", 90, leader=ILYA)
        | {"snoozed_until": now + timedelta(days=1), "draft": "Ольга, как и обещала: для опта"},
    ]


def message(id_: int, author: str, at: datetime, text: str = "", **more: object) -> Shape:
    who = {"buyer": "Анна Ветрова", "staff": "Марина", "bot": "Бот", "system": ""}[author]
    return {
        "id": id_,
        "author": author,
        "who": who,
        "private": False,
        "at": at,
        "text": Markup(text),  # noqa: S704 - our own words below
        "media": [],
        "contact": None,
        "location": None,
        "unsupported": "",
        "reply": None,
        "quotable": True,
        "edited": False,
        "history": [],
        "signs": "",
        "removed": None,
        "continued": False,
        "card": None,
        "rows": [],
        "delivery": "received" if author == "buyer" else "sent",
        "error": "",
        "retry_url": None,
        "mark": "",
    } | more


def media(kind: str, url: str | None = "", **more: object) -> Shape:
    return {"kind": kind, "url": url, "coming": False, "name": "", "size": 0, "duration": 0, "emoji": ""} | more


def thread(now: datetime) -> list[Shape]:
    """A thread with its cards, a note, a payment and a failure."""

    def at(minutes: int) -> datetime:
        return now - timedelta(minutes=minutes)

    order_link = Markup('<a href="/orders/1284">заказ № 1284</a>')
    paid = payment("paid", now, paid_at=at(4), method="СБП · чек отправлен покупателю")
    advice = "Анна у нас девятый раз, упаковку кладём бесплатно. @Марина, коробки на верхней полке."
    return [
        message(1, "buyer", at(23), "Здравствуйте! Ищу вот такую кружку, видела у подруги. Есть в наличии?")
        | {"media": [media("photo", MIST, name="Серо-голубая кружка")]},
        message(2, "staff", at(21), "Добрый день, Анна! Это «Туман», сейчас есть четыре штуки.")
        | {"card": product(in_order=2), "delivery": "read"},
        message(3, "buyer", at(18), "Беру две. И можно подарочную упаковку?"),
        message(4, "staff", at(17), advice, who="Илья", private=True, delivery="kept"),
        message(5, "system", at(15), mark="box") | {"text": Markup("Марина создала {link}").format(link=order_link)},
        message(6, "staff", at(15), card=paid, delivery="read"),
        message(7, "system", at(4), "Заказ оплачен, стадия: «Оплачен»"),
        message(8, "buyer", at(2), "Оплатила", continued=True),
        message(9, "buyer", at(2), "Отлично, спасибо! А когда отправите?"),
        message(10, "staff", at(1), "Соберём сегодня, завтра до 14:00 передадим в доставку.", delivery="failed")
        | {"error": "Telegram не ответил", "retry_url": "/retry"},
    ]


def kinds(now: datetime) -> list[Shape]:
    """One message of every kind."""
    ask = [[{"label": "Каталог", "pressed": True}, {"label": "Корзина", "pressed": False}]]
    ask.append([{"label": "Позвать человека", "pressed": False}])
    quoted = {"url": "#message-3", "who": "Анна Ветрова", "text": "Беру две. И можно подарочную упаковку?"}
    styled = (
        "<b>Жирно</b>, <i>курсив</i>, <s>зачёркнуто</s>, <code>KR-300</code> и <a href='https://example.com'>ссылка</a>"
    )
    album = [media("photo", url) for url in (MIST, AUTUMN, SAND)]
    return [
        message(20, "buyer", now, styled, edited=True, history=[{"text": "Беру две!", "at": now}]),
        message(21, "staff", now, "Да, упакуем бесплатно", reply=quoted, delivery="delivered", signs="👍"),
        message(22, "buyer", now, "Вот все три", media=album),
        message(33, "buyer", now, "Ой, это не вам", removed=now),
        message(23, "buyer", now, media=[media("document", "/f/1", name="Реквизиты ООО «Полдень».pdf", size=184_320)]),
        message(24, "buyer", now, media=[media("voice", "/f/2", duration=42)]),
        message(25, "buyer", now, media=[media("video", "/f/3", duration=12)]),
        message(26, "buyer", now, media=[media("sticker", None, emoji="🎉")]),
        message(27, "buyer", now, media=[media("document", None, name="Большой файл.zip")]),
        message(28, "buyer", now, location={"latitude": 55.79643, "longitude": 49.10881, "title": "Лесная улица, 5"}),
        message(29, "buyer", now, contact={"name": "Анна Ветрова", "phone": "+7 900 000-12-84"}),
        message(30, "buyer", now, unsupported="poll"),
        message(31, "bot", now, "Здравствуйте! Что показать?", rows=ask, delivery="delivered"),
        message(32, "staff", now, card=order_card(), delivery="sent"),
    ]


def deliveries(now: datetime) -> list[Shape]:
    said = "Соберём сегодня."
    return [
        *(
            message(40 + i, "staff", now, said, delivery=s)
            for i, s in enumerate(("queued", "sent", "delivered", "read"))
        ),
        message(45, "staff", now, said, delivery="failed", error="Telegram не ответил", retry_url="/retry"),
        message(46, "staff", now, said, delivery="unknown", retry_url="/retry"),
        message(47, "staff", now, "Покупатель этого не видит.", private=True, who="Илья"),
        message(48, "system", now, "Илья передал диалог Марине", mark="person"),
    ]


def planned(at: datetime, **more: object) -> Shape:
    return {
        "id": 60,
        "who": "Марина",
        "text": Markup("Анна, кружка «Туман» снова есть. Отложить для вас?"),
        "files": ["туман.jpg"],
        "waits": True,
        "brief": False,
        "left": 0,
        "at": at,
        "unless_answered": True,
        "why": "",
        "may": True,
        "moments": [],
        "urls": {act: f"/inbox/6/later/60/{act}" for act in ("now", "move", "edit", "withdraw")},
    } | more


def plans(now: datetime) -> list[Shape]:
    """Messages to be sent later in every state."""
    stopped = "Не отправлено (09:00): покупатель написал раньше"
    return [
        planned(now + timedelta(days=1)),
        planned(now, id=61, brief=True, files=[]),
        planned(now, id=62, waits=False, unless_answered=False, why=stopped, files=[]),
    ]


def composer(**more: object) -> Shape:
    return {
        "conversation_id": 6,
        "person": 1,
        "send_url": "/inbox/6/messages",
        "draft_url": "/inbox/6/draft",
        "drafts": {},
        "now": 0,
        "channel_name": "Telegram",
        "limit": 4096,
        "fits": {"caption": 1024, "files": 10, "together": [["photo", "video"], ["document"]]},
        "accept": "",
        "window": None,
        "templates_url": None,
        "closed": "",
        "mode": "reply",
        "moments": [],
        "can_charge": True,
        "charge_url": "/inbox/6/charge",
    } | more


def composers() -> list[Shape]:
    closed = "WhatsApp примет только шаблон. Выберите его или напишите в Telegram."
    return [
        composer(drafts={"reply": {"text": "Соберём сегодня, завтра передадим в доставку.", "key": "", "at": 0}})
        | {
            "window": {"left": 3 * 3600 + 720, "level": "", "words": "Можно писать ещё 3 ч 12 мин", "closed": closed},
            "channel_name": "WhatsApp",
            "templates_url": "#",
        },
        composer(mode="note", drafts={"note": {"text": "Проверить коробки на складе", "key": "", "at": 0}}),
        composer(
            closed=closed,
            window={"left": 0, "level": "bad", "words": "Теперь только шаблон", "closed": closed},
            channel_name="WhatsApp",
            templates_url="#",
        ),
    ]
