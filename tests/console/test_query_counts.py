"""No page asks the database more often because there is more to show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing, stock
from catalog.tables import Warehouse
from company import saved_views
from company.tables import Listing, Shop
from inbox import canned, messages, searching
from inbox.content import Outgoing
from inbox.tables import Author, Conversation
from operator_console.app import ROUTES
from tests.console.desk import Desk, Store, hear
from tests.console.test_rights import addresses, ask, form_of, order_of

MORE = 12
"""Things of each kind that come to the few there are."""

SLACK = 3
"""Statements that a page may ask more: for a kind of thing of which there was none at first."""

STREAMS = ("/live/events",)


class Asked:
    """Statements of every engine of this process, counted."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, *_args: Any) -> None:
        self.count += 1


@contextmanager
def asked() -> Iterator[Asked]:
    counter = Asked()
    sa.event.listen(sa.Engine, "before_cursor_execute", counter)
    try:
        yield counter
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", counter)


def trade(session: Session, store: Store, many: int, mark: str) -> None:
    """So many more buyers who write, with an order each, and so many more goods, words and answers."""
    shop = session.get_one(Shop, store.shop_id)
    room = session.get_one(Warehouse, store.warehouse_id)
    stock.receive(session, store.mug, room, many * 3, actor="system")
    for n in range(many):
        talk = hear(session, store.account, f"Вера {mark} {n}", "Есть кружка?")
        messages.say(session, session.get_one(Conversation, talk), Outgoing(text="Есть"), author=Author.BOT)
        hear(session, store.account, "Анна Ветрова", f"И кружка {mark} {n}?")
        order_of(session, store)
        shelf = editing.add_category(session, shop, name=f"Кружки {mark} {n}")
        product = editing.add_product(session, shop, name=f"Кружка {mark} {n}", category=shelf)
        for size in ("S", "L"):
            variant = editing.add_variant(
                session, product, sku=f"{mark}{n}{size}", price=100, attributes=[("Размер", size)]
            )
            stock.receive(session, variant, room, 1, actor="system")
        canned.add(session, store.shop_id, name=f"{mark}{n}", text="Да")
        # One may keep twenty of them.
        for listing in Listing if n < MORE else ():
            saved_views.save(session, store.shop_id, store.owner.id, listing, f"{mark}{n}", "channel=telegram")


async def counts(desk: Desk, found: list[tuple[Any, str]]) -> Counter[str]:
    """How many statements each page took, the second time that it is asked for."""
    browser, form = await desk.signed_in(desk.ours.owner), form_of(desk.ours)
    taken: Counter[str] = Counter()
    for route, path in found:
        await ask(browser, route, path, form)
        with asked() as counter:
            answer = await ask(browser, route, path, form)
        assert answer.status in (200, 204, 404, 409), f"{path} gave {answer.status}"
        taken[path] = counter.count
    return taken


async def test_no_page_asks_more_often_when_there_is_more_to_show(desk: Desk) -> None:
    await desk.db.write(trade, desk.ours, 2, "А")
    await desk.db.write(searching.catch_up)
    pages = [route for route in ROUTES if route.method == "GET" and route.path not in STREAMS]
    found = await addresses(desk, desk.ours, pages)
    found += [(pages[0], path) for path in ("/find?q=кружка", "/orders?layout=table", "/inbox?view=waiting&q=кружка")]
    few = await counts(desk, found)
    await desk.db.write(trade, desk.ours, MORE, "Б")
    await desk.db.write(searching.catch_up)
    many = await counts(desk, found)
    grown = {path: (few[path], many[path]) for path in many if many[path] > few[path] + SLACK}
    assert not grown, f"statements with few things and with more: {grown}"
