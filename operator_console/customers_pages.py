"""Customers of the shop: the list, and each one's card with talks and orders."""

from __future__ import annotations

from urllib.parse import urlencode

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from company.rights import Right
from company.tables import ChannelAccount, Shop
from customers import cards
from customers.tables import Customer, Identity
from inbox.tables import Conversation, Kind
from kit.money import Money
from operator_console import order_shapes, people, shell, task_shapes
from operator_console.payment_shapes import payment_states
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.texts import reader, reading
from operator_console.visits import Form, Visit
from orders import book
from orders.tables import Order
from orders.views import view

PER_PAGE = 50
MOST_PAGES = 10_000
ORDERS = 50


async def customers(visit: Visit) -> web.StreamResponse:
    text = visit.query("q").replace("\x00", "")[:100].strip()
    page = min(visit.query_number("page") or 1, MOST_PAGES)
    if visit.by_script:
        return visit.page("partials/customers.html", **await visit.read(_list, visit.shop, text, page))
    frame = await shell.frame(visit, "customers")
    return visit.page("pages/customers.html", **frame, query=text, **await visit.read(_list, visit.shop, text, page))


async def customer(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "customers")
    filled = await visit.read(_card, visit, visit.number())
    return visit.page("pages/customer.html", **frame, may_edit=visit.may(Right.REPLY), **filled)


async def edit(visit: Visit) -> web.StreamResponse:
    await visit.write(_edit, visit.shop.id, visit.number(), await visit.form())
    with reading(visit.reader):
        return visit.done(_("Kept"))


ROUTES: tuple[Route, ...] = (
    get("/customers", customers),
    get(f"/customers/{ID}", customer),
    post(f"/customers/{ID}", edit, Right.REPLY),
)


def _list(session: Session, shop: Shop, text: str, page: int) -> Shape:
    mine = sa.select(Customer).where(Customer.shop_id == shop.id)
    total = session.scalar(sa.select(sa.func.count()).select_from(mine.subquery())) or 0
    if text:
        rows = cards.search(session, shop.id, text, limit=PER_PAGE)
    else:
        newest = mine.order_by(Customer.id.desc()).limit(PER_PAGE).offset((max(page, 1) - 1) * PER_PAGE)
        rows = list(session.scalars(newest))
    ids = [row.id for row in rows]
    bought = _bought(session, ids)
    channels = _channels(session, ids)
    last = max(1, -(-total // PER_PAGE))

    def at(number: int) -> str:
        return f"/customers?{urlencode({'page': number})}"

    return {
        "total": total,
        "customers": [
            {
                **people.customer(row.name, row.id),
                "url": f"/customers/{row.id}",
                "phone": row.phone or "",
                "city": row.city,
                "tags": row.tags,
                "channels": channels.get(row.id, []),
                "orders": bought.get(row.id, (0, 0, None))[0],
                "spent": Money(bought.get(row.id, (0, 0, None))[1], shop.currency),
                "last": bought.get(row.id, (0, 0, None))[2],
                "since": row.created_at,
            }
            for row in rows
        ],
        "pages": {
            "now": page,
            "last": 1 if text else last,
            "before": at(page - 1) if page > 1 else None,
            "after": at(page + 1) if page < last else None,
        },
    }


def _bought(session: Session, ids: list[int]) -> dict[int, tuple[int, int, object]]:
    """How many orders, what they have paid, and when the last order was, by customer."""
    rows = session.execute(
        sa.select(
            Order.customer_id,
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(Order.paid_amount), 0),
            sa.func.max(Order.created_at),
        )
        .where(Order.customer_id.in_(ids))
        .group_by(Order.customer_id)
    )
    return {customer_id: (count, int(paid), at) for customer_id, count, paid, at in rows}


def _channels(session: Session, ids: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = session.execute(
        sa.select(Identity.customer_id, ChannelAccount.channel)
        .join(ChannelAccount, ChannelAccount.id == Identity.account_id)
        .where(Identity.customer_id.in_(ids))
        .order_by(Identity.id)
    )
    for customer_id, channel in rows:
        if channel not in found.setdefault(customer_id, []):
            found[customer_id].append(channel)
    return found


def _card(session: Session, visit: Visit, customer_id: int) -> Shape:
    shop = visit.shop
    row = cards.get(session, customer_id, shop.id)
    orders = book.of_customer(session, shop.id, row.id, limit=ORDERS)
    seen = [view(order, shop, reader().language) for order in orders]
    states = payment_states(session, seen)
    count, paid, _last = _bought(session, [row.id]).get(row.id, (0, 0, None))
    talks = _talks(session, row)
    return {
        "customer": people.customer(row.name, row.id),
        "card": row,
        "spent": Money(paid, shop.currency),
        "count": count,
        "average": Money(paid, shop.currency).share(1, count) if count else Money(0, shop.currency),
        "orders": [
            {
                "number": one.number,
                "url": f"/orders/{one.id}",
                "at": one.created_at,
                "summary": order_shapes.summary(one.lines),
                "stage": order_shapes.stage(order.stage),
                "payment": states[one.id],
                "total": one.total,
            }
            for order, one in zip(orders, seen, strict=True)
        ],
        "contacts": [
            {
                "channel": account.channel,
                "account": account.name,
                "name": f"@{identity.username}" if identity.username else identity.name,
                "url": f"/inbox/{talks[account.id]}" if account.id in talks else None,
            }
            for identity, account in cards.identities(session, row.id)
        ],
        "new_order_url": f"/orders/new?customer={row.id}",
        "tasks": task_shapes.beside(session, visit, customer_id=row.id),
    }


def _talks(session: Session, row: Customer) -> dict[int, int]:
    """The customer's conversations by account."""
    query = sa.select(Conversation.account_id, Conversation.id).where(
        Conversation.customer_id == row.id, Conversation.shop_id == row.shop_id, Conversation.kind == Kind.BUYER
    )
    return dict(session.execute(query).all())


def _edit(session: Session, shop_id: int, customer_id: int, form: Form) -> None:
    row = cards.get(session, customer_id, shop_id)
    cards.remember(
        session,
        row,
        name=form["name"],
        phone=form["phone"].strip(),
        email=form["email"].strip(),
        city=form["city"],
        address=form["address"],
        note=form["note"][:4000],
        tags=[tag for tag in form["tags"].split(",") if tag.strip()],
    )
