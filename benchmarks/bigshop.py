"""A shop with a long past, so that its pages can be looked at and timed: `python -m benchmarks.bigshop <address>`.

Customers with names and phones of their own, conversations over two channels, messages in people's words, orders in
all stages, and a catalogue; written in bulk through the tables' metadata, from a seed. The owner signs in as
owner@big.example with the password `prilavok`. Only an empty database is filled.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks import filling, place
from catalog import search
from catalog.tables import Category, Product, Stock, StockMove, Variant, Warehouse
from company import staff
from company.tables import ChannelAccount, Role, Shop
from customers.tables import Contact, ContactKind, Customer, Identity
from inbox import searching
from inbox.content import Incoming, Outgoing, Profile, dump
from inbox.tables import Author, Conversation, Delivery, Kind, Message, State
from kit import config
from kit.clock import utc_now
from orders import pipelines
from orders.tables import Order, OrderLine, OrderNumber, StageMove
from prilavok import installation

OWNER, PASSWORD = "owner@big.example", "prilavok"

AT_ONCE = 5000
"""Rows in one statement."""

FIRST = [
    "Анна",
    "Ольга",
    "Мария",
    "Ирина",
    "Елена",
    "Дарья",
    "Лейла",
    "Софья",
    "Вера",
    "Нина",
    "Тимур",
    "Илья",
    "Пётр",
    "Марат",
    "Олег",
    "Игорь",
    "Руслан",
    "Глеб",
]
LAST = [
    "Ветров",
    "Журавлёв",
    "Аминов",
    "Лисин",
    "Гареев",
    "Маликов",
    "Ким",
    "Белов",
    "Орлов",
    "Соколов",
    "Мельник",
    "Ткач",
    "Ершов",
    "Яковлев",
    "Цой",
]
CITIES = ("Москва", "Казань", "Тверь", "Пермь", "Омск", "Томск", "Сочи", "")
TAGS = ((), (), (), ("оптом",), ("постоянный",), ("постоянный", "оптом"))
SAID = (
    "Здравствуйте! Есть ли кружка {colour}, {size} мл?",
    "А сколько стоит доставка в {city}?",
    "Можно забрать сегодня вечером?",
    "Спасибо, всё дошло целым!",
    "Пришлите, пожалуйста, фото пледа {colour} поближе",
    "Хочу заказать {size} тарелок для кафе, есть скидка?",
    "Не проходит оплата, пишет ошибку {size}",
    "Когда привезут вазу {colour}?",
    "Отмените, пожалуйста, заказ, передумала",
    "Добрый день! Подскажите, глазурь матовая?",
)
ANSWERED = (
    "Да, {colour} есть, отправим завтра",
    "Доставка {size} рублей, от 5000 бесплатно",
    "Передала курьеру, позвонит за час",
    "Вот ссылка на оплату, действует час",
    "Вернули деньги, придут в течение трёх дней",
)
COLOURS = ["синяя", "белая", "охра", "зелёная", "графит", "молочная", "терракота", "небесная"]
THINGS = ["Кружка", "Тарелка", "Ваза", "Плед", "Миска", "Чайник", "Скатерть", "Салфетка", "Подсвечник", "Кувшин"]


@dataclass(frozen=True, slots=True)
class Size:
    customers: int = 50_000
    conversations: int = 100_000
    messages: int = 1_000_000
    orders: int = 100_000
    products: int = 10_000

    def times(self, part: float) -> Size:
        return Size(*(max(10, int(getattr(self, name) * part)) for name in self.__slots__))


def make(url: str, size: Size, seed: int = 1) -> None:
    """Fill the empty database of a shop that installation.prepare has made."""
    engine = place.opened(url)
    dice, now = random.Random(seed), utc_now()
    with Session(engine) as session:
        if session.scalar(sa.select(Customer.id).limit(1)) is not None:
            raise SystemExit("This database has customers already; only an empty one is filled.")
        shop = session.scalars(sa.select(Shop)).one()
        staff.add(session, shop, email=OWNER, name="Илья Дорохов", password=PASSWORD, role=Role.OWNER)
        people = [
            staff.add(session, shop, email=f"{n}@big.example", name=name, password=None, role=Role.OPERATOR).id
            for n, name in enumerate(("Марина Ким", "Софья Белова", "Павел Орлов"))
        ]
        accounts = [_account(session, shop.id, channel, now) for channel in ("telegram", "webchat")]
        variants = _catalogue(session, shop.id, dice, size, now)
        _customers(session, shop.id, dice, size, now)
        _conversations(session, shop.id, dice, size, now, accounts, people)
        _messages(session, dice, size, now, accounts, people)
        _orders(session, shop.id, dice, size, now, accounts, people, variants)
        session.commit()
        search.index_all(session, shop.id)
        session.commit()
        while searching.catch_up(session):
            session.commit()
        session.commit()
    filling.settle(engine)
    engine.dispose()


def _account(session: Session, shop_id: int, channel: str, now: datetime) -> int:
    found = session.scalar(sa.select(ChannelAccount.id).where(ChannelAccount.channel == channel))
    if found is not None:
        return found
    row = ChannelAccount(shop_id=shop_id, channel=channel, name=channel, external_id=channel, created_at=now)
    session.add(row)
    session.flush()
    return row.id


def _catalogue(session: Session, shop_id: int, dice: random.Random, size: Size, now: datetime) -> list[dict[str, Any]]:
    """The variants, as rows."""
    room = Warehouse(shop_id=shop_id, name="Склад")
    session.add(room)
    session.flush()
    shelves = _add(session, Category, ({"shop_id": shop_id, "name": f"{thing}", "position": n}
                                       for n, thing in enumerate(THINGS)))  # fmt: skip
    products = _add(session, Product, (
        {
            "shop_id": shop_id, "category_id": shelves[n % len(shelves)]["id"], "position": n, "created_at": now,
            "name": f"{THINGS[n % len(THINGS)]} «{dice.choice(COLOURS).title()} {n}»", "description": "Ручная работа.",
        }
        for n in range(size.products)
    ))  # fmt: skip
    variants = _add(session, Variant, (
        {
            "shop_id": shop_id, "product_id": row["id"], "sku": f"BIG-{row['id']}-{k}", "position": k,
            "price": dice.randrange(300, 9000) * 100, "attributes": [["Цвет", colour]],
        }
        for row in products
        for k, colour in enumerate(dice.sample(COLOURS, 2))
    ))  # fmt: skip
    left = {row["id"]: dice.choice((0, 3, 12, 40)) for row in variants}
    _add(session, Stock, ({"variant_id": id_, "warehouse_id": room.id, "on_hand": n, "reserved": 0}
                          for id_, n in left.items()))  # fmt: skip
    _add(session, StockMove, ({"variant_id": id_, "warehouse_id": room.id, "quantity": n, "reason": "initial",
                               "at": now}
                              for id_, n in left.items() if n))  # fmt: skip
    return variants


def _customers(session: Session, shop_id: int, dice: random.Random, size: Size, now: datetime) -> None:
    _add(session, Customer, (
        {
            "shop_id": shop_id, "name": f"{dice.choice(FIRST)} {dice.choice(LAST)}", "city": dice.choice(CITIES),
            "phone": f"+79{n:09d}" if n % 3 else None, "email": f"buyer{n}@mail.example" if n % 4 == 0 else None,
            "tags": list(dice.choice(TAGS)), "created_at": now - timedelta(minutes=size.customers - n),
        }
        for n in range(size.customers)
    ))  # fmt: skip
    for kind, column in ((ContactKind.PHONE, Customer.phone), (ContactKind.EMAIL, Customer.email)):
        known = sa.select(Customer.id, Customer.shop_id, sa.literal(str(kind)), column, Customer.created_at)
        into = ["customer_id", "shop_id", "kind", "value", "created_at"]
        session.execute(sa.insert(Contact).from_select(into, known.where(column.is_not(None)), False))


def _conversations(
    session: Session,
    shop_id: int,
    dice: random.Random,
    size: Size,
    now: datetime,
    accounts: Sequence[int],
    people: Sequence[int],
) -> None:
    """One in twenty is open, as in a shop that closes what is done."""
    first = session.scalars(sa.select(sa.func.min(Customer.id))).one()

    def rows() -> Iterator[dict[str, Any]]:
        for n in range(size.conversations):
            open_ = n % 20 == 0
            led = open_ and n % 40 == 0
            at = now - timedelta(minutes=size.conversations - n)
            yield {
                "shop_id": shop_id, "account_id": accounts[n % 2], "chat": f"chat-{n}", "kind": Kind.BUYER,
                "customer_id": first + n % size.customers, "state": State.OPEN if open_ else State.CLOSED,
                "assignee_id": dice.choice(people) if led else None, "held": led, "unread": int(open_ and n % 60 == 0),
                "waiting_since": at if open_ and n % 100 == 0 else None, "last_at": at, "created_at": at,
                "last_text": _words(dice, SAID), "last_author": Author.BUYER,
            }  # fmt: skip

    _add(session, Conversation, rows())
    _add(session, Identity, (
        {
            "account_id": accounts[n % 2], "external_id": f"buyer-{n}", "customer_id": first + n % size.customers,
            "name": "Покупатель", "username": f"buyer_{n}", "created_at": now,
        }
        for n in range(size.conversations)
    ))  # fmt: skip


def _messages(
    session: Session, dice: random.Random, size: Size, now: datetime, accounts: Sequence[int], people: Sequence[int]
) -> None:
    """Dealt out among the conversations; the newest of them has a long thread."""
    first = session.scalars(sa.select(sa.func.min(Conversation.id))).one()
    long_one = size.conversations - 1

    def rows() -> Iterator[dict[str, Any]]:
        for n in range(size.messages):
            of = long_one if n % 200 == 0 else n % size.conversations
            asked = n % 2 == 0
            text = _words(dice, SAID if asked else ANSWERED)
            at = now - timedelta(seconds=(size.messages - n) * 5)
            yield {
                "conversation_id": first + of, "account_id": accounts[of % 2], "text": text,
                "content": dump(_heard(of, n, text) if asked else Outgoing(text=text)),
                "author": Author.BUYER if asked else Author.STAFF,
                "staff_id": None if asked else people[n % len(people)], "external_id": f"chat-{of}:{n}",
                "delivery": Delivery.RECEIVED if asked else Delivery.SENT, "created_at": at, "sent_at": at,
            }  # fmt: skip

    _add(session, Message, rows())


def _heard(of: int, n: int, text: str) -> Incoming:
    return Incoming(external_id=str(n), profile=Profile(f"buyer-{of}", "Покупатель"), text=text)


def _orders(
    session: Session,
    shop_id: int,
    dice: random.Random,
    size: Size,
    now: datetime,
    accounts: Sequence[int],
    people: Sequence[int],
    variants: Sequence[Mapping[str, Any]],
) -> None:
    """One in fifty is still open."""
    stages = {row.code: row for row in pipelines.pipeline(session, shop_id).stages}
    first = session.scalars(sa.select(sa.func.min(Customer.id))).one()
    talk = session.scalars(sa.select(sa.func.min(Conversation.id))).one()
    going = ("new", "awaiting_payment", "paid", "assembling", "shipped")
    kept: list[tuple[int, Mapping[str, Any], int]] = []

    def rows() -> Iterator[dict[str, Any]]:
        for n in range(size.orders):
            code = going[n // 50 % len(going)] if n % 50 == 0 else "cancelled" if n % 9 == 0 else "delivered"
            variant, many = dice.choice(variants), dice.randrange(1, 4)
            total, at = variant["price"] * many, now - timedelta(minutes=5 * (size.orders - n))
            paid = code in ("paid", "assembling", "shipped", "delivered")
            kept.append((stages[code].id, variant, many))
            of = n % size.customers
            yield {
                "shop_id": shop_id, "number": 1001 + n, "customer_id": first + of, "account_id": accounts[n % 2],
                "conversation_id": talk + of % size.conversations, "pipeline_id": stages[code].pipeline_id,
                "stage_id": stages[code].id, "responsible_id": dice.choice(people), "goods": total,
                "total_amount": total, "paid_amount": total if paid else 0, "paid_at": at if paid else None,
                "delivery_method": "courier", "recipient": f"{dice.choice(FIRST)} {dice.choice(LAST)}",
                "phone": f"+79{of:09d}", "created_at": at, "updated_at": at,
            }  # fmt: skip

    orders = _add(session, Order, rows())
    _add(session, OrderLine, (
        {
            "order_id": row["id"], "variant_id": variant["id"], "sku": variant["sku"], "name": "Кружка",
            "price": variant["price"], "quantity": many,
        }
        for row, (_, variant, many) in zip(orders, kept, strict=True)
    ))  # fmt: skip
    _add(session, StageMove, (
        {"order_id": row["id"], "seq": 1, "to_stage_id": stage_id, "actor": "bot", "at": row["created_at"]}
        for row, (stage_id, _, _) in zip(orders, kept, strict=True)
    ))  # fmt: skip
    session.execute(sa.insert(OrderNumber).values(shop_id=shop_id, last=1000 + size.orders))


def _words(dice: random.Random, texts: Sequence[str]) -> str:
    fill = {"colour": dice.choice(COLOURS), "city": dice.choice(CITIES) or "область", "size": dice.randrange(100, 900)}
    return dice.choice(texts).format(**fill)


def _add(session: Session, entity: Any, rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write the rows. Those of tables with an id of their own get it in order, from 1 on, and are given back."""
    numbered = "id" in entity.__table__.c
    written: list[dict[str, Any]] = []
    while part := list(islice(rows, AT_ONCE)):
        session.execute(sa.insert(entity), part)
        written.extend(part if entity is not Message else ())
    if numbered and written:
        last = session.scalars(sa.select(sa.func.max(entity.id))).one()
        for id_, row in enumerate(written, last - len(written) + 1):
            row["id"] = id_
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="sqlite:////path/to/new.db, or an empty PostgreSQL database")
    parser.add_argument("--part", type=float, default=1.0, help="of the full size")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="prilavok-bench-") as folder:
        told = config.load(place.configuration(Path(folder), asked.address, api="http://127.0.0.1:1", port=1))
        installation.prepare(told)
    make(asked.address, Size().times(asked.part), asked.seed)
    print(f"Filled in {time.monotonic() - began:.0f} s; sign in as {OWNER} with {PASSWORD}.")


if __name__ == "__main__":
    main()
