"""Products, payments, orders, the board and a customer."""

from __future__ import annotations

from datetime import datetime, timedelta

from kit.money import Money
from operator_console.showcase.world import (
    ANNA,
    ASSEMBLING,
    AUTUMN,
    CANCELLED,
    DELIVERED,
    ILYA,
    LILAC,
    MARINA,
    MIST,
    NEW,
    PAID,
    SAND,
    SHIPPED,
    STAGES,
    WAITING,
    Shape,
    rub,
)


def product(**more: object) -> Shape:
    return {
        "kind": "product",
        "id": 1,
        "name": "Кружка «Туман», 300 мл",
        "note": "глазурь матовая",
        "price": rub(1450),
        "old_price": None,
        "photo": MIST,
        "stock": 4,
        "in_order": 0,
        "addable": True,
        "add_url": "/add",
    } | more


def sold_out() -> Shape:
    return product(name="Пара «Сирень», 2 шт.", price=rub(2700), photo=LILAC, note="", stock=0, addable=False)


def payment(state: str, now: datetime, **more: object) -> Shape:
    return {
        "kind": "payment",
        "id": 1,
        "number": 1284,
        "order_url": "/orders/1284",
        "state": state,
        "amount": rub(3290),
        "old_amount": None,
        "issued_at": now - timedelta(minutes=50),
        "paid_at": None,
        "expires_at": now + timedelta(hours=4),
        "method": "",
        "why": "",
        "link": "https://shop.example/p/abc",
        "can_remind": True,
        "can_reissue": False,
        "reissue_url": "/reissue",
    } | more


def order_card(**more: object) -> Shape:
    return {
        "kind": "order",
        "number": 1284,
        "url": "/orders/1284",
        "stage": WAITING,
        "lines": [
            {"name": "Кружка «Туман», 300 мл", "quantity": 2, "sum": rub(2900)},
            {"name": "Подарочная упаковка", "quantity": 1, "sum": rub(0)},
        ],
        "more": 0,
        "total": rub(3290),
    } | more


def payments(now: datetime) -> list[Shape]:
    return [
        payment("pending", now),
        payment("paid", now, paid_at=now, method="СБП · чек отправлен покупателю"),
        payment("expired", now, can_reissue=True),
        payment("changed", now, old_amount=rub(3290), amount=rub(4740), can_reissue=True),
        payment("part_refunded", now, paid_at=now, method="Возвращено 390 ₽"),
        payment("cancelled", now),
    ]


def goods() -> list[Shape]:
    def item(id_: int, name: str, sku: str, price: int, photo: str | None, stock: int | None) -> Shape:
        common = {"variant_id": id_, "product_id": id_, "name": name, "sku": sku}
        return common | {"price": rub(price), "photo": photo, "stock": stock}

    return [
        item(1, "Кружка «Туман», 300 мл", "KR-TUM-300", 1450, MIST, 4),
        item(2, "Кружка «Осень», 350 мл", "KR-OSE-350", 1600, AUTUMN, 11),
        item(3, "Пиала «Песок», 180 мл", "PI-PES-180", 890, SAND, 1),
        item(4, "Пара «Сирень», 2 шт.", "NB-SIR-2", 2700, LILAC, 0),
        item(5, "Подарочная упаковка", "US-UPAK", 0, None, None),
    ]


def customer(now: datetime) -> Shape:
    def past(number: int, days: int, total: int) -> Shape:
        at = now - timedelta(days=days)
        return {"number": number, "url": f"/orders/{number}", "at": at, "stage": DELIVERED, "total": rub(total)}

    def contact(channel: str, text: str, **more: object) -> Shape:
        return {"channel": channel, "text": text, "here": False, "url": None, "note": ""} | more

    return {
        "id": 8,
        "url": "/customers/8",
        "person": ANNA,
        "channel": "telegram",
        "city": "Казань",
        "since": now - timedelta(days=610),
        "orders": 9,
        "spent": rub(38640),
        "average": rub(4293),
        "totals": True,
        "contacts": [
            contact("", "+7 900 000-12-84"),
            contact("telegram", "@anna_vetrova", here=True),
            contact("webchat", "Сайт", url="/inbox/77", note="2 диалога"),
        ],
        "tags": ["постоянная", "подарки"],
        "consents": [{"name": "Рассылки", "word": "дано", "tone": "ok"}],
        "note": "Упаковку кладём бесплатно.",
        "past": [past(1190, 39, 4800), past(1102, 81, 2700)],
        "past_more": 8,
    }


def steps(at: int, state: str = "now") -> list[Shape]:
    names = [stage["name"] for stage in STAGES[:6]]
    return [{"name": n, "state": "done" if i < at else state if i == at else "next"} for i, n in enumerate(names)]


def order(now: datetime, **more: object) -> Shape:
    def line(id_: int, name: str, note: str, photo: str | None, price: int, quantity: int) -> Shape:
        common = {"id": id_, "name": name, "note": note, "photo": photo, "quantity": quantity}
        return common | {"price": rub(price), "sum": rub(price) * quantity, "trouble": "", "left": None}

    def step(stage: Shape, label: str, **facts: object) -> Shape:
        usual = {"main": False, "danger": False, "asks_reason": False, "title": "", "text": ""}
        return {"stage_id": stage["id"], "label": label} | usual | facts

    back = "Заказ оплачен. 3 290 ₽ вернутся покупателю, товары — на остаток. Анна получит сообщение."
    ask = {"danger": True, "asks_reason": True, "title": "Отменить заказ № 1284?", "text": back}
    return {
        "id": 1284,
        "number": 1284,
        "version": 3,
        "url": "/orders/1284",
        "opened": False,
        "stage": PAID,
        "payment": "paid",
        "editable": True,
        "due_at": now + timedelta(hours=20),
        "due_level": "soon",
        "steps": steps(2),
        "lines": [
            line(1, "Кружка «Туман»", "300 мл", MIST, 1450, 2),
            line(2, "Подарочная упаковка", "бесплатно от 2 500 ₽", None, 0, 1),
        ],
        "goods": rub(2900),
        "discount": rub(0),
        "delivery": rub(390),
        "delivery_name": "Доставка до пункта",
        "total": rub(3290),
        "paid": rub(3290),
        "left": rub(0),
        "refund_first": rub(3290),
        "recipient": "",
        "phone": "+7 900 000-12-84",
        "address": "",
        "comment": "",
        "note": "",
        "flags": [],
        "next": [
            step(ASSEMBLING, "Передать в сборку", main=True),
            step(SHIPPED, "Сразу в доставку"),
            step(CANCELLED, "Отменить заказ", **ask),
        ],
        "receipt_contact": None,
        "can": {"edit": True, "charge": True, "refund": True},
        "urls": dict.fromkeys(("lines", "move", "charge", "receive", "add"), "/orders/1284/act"),
    } | more


def history(now: datetime) -> list[Shape]:
    def moved(stage: Shape, minutes: int, who: str, reason: str = "") -> Shape:
        return {
            "at": now - timedelta(minutes=minutes),
            "who": who,
            "from": None,
            "to": stage,
            "words": "",
            "reason": reason,
        }

    return [moved(PAID, 4, "ЮKassa"), moved(WAITING, 15, "Марина"), moved(NEW, 15, "Марина", "попросили в чате")]


def columns(now: datetime) -> list[Shape]:
    """The board: five stages with their orders."""

    def brief(number: int, name: str, channel: str, summary: str, total: int, pay: str, **more: object) -> Shape:
        return {
            "id": number,
            "number": number,
            "version": 1,
            "url": f"/orders/{number}",
            "customer": {"name": name},
            "channel": channel,
            "leader": None,
            "summary": summary,
            "total": rub(total),
            "payment": pay,
            "due_at": None,
            "due_level": "",
            "stage": NEW,
            "current": False,
            "created_at": now - timedelta(hours=3),
            "moves": [4, 5],
            "may": ["to-assembling", "cancel"],
            "move_url": f"/orders/{number}/move",
        } | more

    def due(hours: float, level: str = "") -> dict[str, object]:
        return {"due_at": now + timedelta(hours=hours), "due_level": level}

    fresh = [
        brief(1291, "Ольга Лисина", "vk", "Пиала «Песок» × 6", 5340, "none"),
        brief(1290, "Посетитель 7", "webchat", "Кружка «Туман», самовывоз", 1450, "none", **due(2, "soon")),
        brief(1289, "Юлия Норд", "telegram", "Кружка «Осень» × 2", 3200, "none", **due(70), leader=MARINA),
        brief(1288, "Арсен Баев", "max", "Пара «Сирень»", 2700, "none", **due(94), leader=ILYA),
    ]
    unpaid = [
        brief(
            1287, "Кофейня «Полдень»", "max", "Кружка «Туман» × 18, ещё 1", 26700, "pending", **due(140), leader=ILYA
        ),
        brief(1285, "Светлана Журавлёва", "whatsapp", "Кружка «Осень»", 1600, "pending", **due(46), leader=MARINA),
        brief(1279, "Никита Орлов", "telegram", "Ваза «Утро», пиала × 2", 4740, "changed", **due(46), leader=MARINA),
        brief(1271, "Алина Фомина", "vk", "Тарелка «Берег» × 2", 3500, "expired", leader=ILYA),
    ]
    paid = [
        brief(1284, "Анна Ветрова", "telegram", "Кружка «Туман» × 2, упаковка", 3290, "paid", **due(20, "soon"))
        | {"leader": MARINA, "current": True},
        brief(1282, "Глеб Седов", "telegram", "Набор «Завтрак»", 5780, "paid", **due(70), leader=ILYA),
    ]
    packing = [
        brief(1281, "Тимур Маркелов", "telegram", "Кружка «Туман» × 3", 4350, "paid", **due(-2, "late"), leader=MARINA),
        brief(1278, "Инга Ли", "vk", "Ваза «Утро», тарелка × 2", 6100, "paid", **due(7, "soon"), leader=ILYA),
        brief(1276, "Павел Зорин", "max", "Пиала «Песок» × 4", 3900, "on_receipt", **due(46), leader=ILYA),
    ]
    on_the_way = [
        brief(
            1270, "Руслан Гареев", "telegram", "Тарелка «Берег» × 2", 3800, "paid", **due(-20, "late"), leader=MARINA
        ),
        brief(1269, "Денис Пак", "vk", "Кружка «Туман» × 2", 2900, "part_refunded", **due(22), leader=ILYA),
    ]
    filled: tuple[tuple[Shape, list[Shape]], ...] = (
        (NEW, fresh),
        (WAITING, unpaid),
        (PAID, paid),
        (ASSEMBLING, packing),
        (SHIPPED, on_the_way),
        (DELIVERED, []),
    )
    return [
        {
            "stage": stage,
            "count": len(orders),
            "sum": sum((each["total"] for each in orders), Money(0)),
            "orders": [{**each, "stage": stage} for each in orders],
            "more": 0,
            "more_url": "",
        }
        for stage, orders in filled
    ]
