"""The list of customers as a file for spreadsheets, with the filters that the page has, all contacts and own fields."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from aiohttp import web
from sqlalchemy.orm import Session

from company.rights import Right
from company.tables import Shop
from customers import cards, consents, contacts, fields
from customers.tables import ConsentTo, ContactKind, Field, FieldKind
from kit.money import Money
from kit.workbooks import Cell, Portion
from operator_console import consent_shapes, customer_shapes, spreadsheets
from operator_console.customers_pages import Asked, filter_of
from operator_console.rendering import channel_name
from operator_console.routing import Route, get
from operator_console.spreadsheets import PORTION, local
from operator_console.texts import gettext as _
from operator_console.texts import reading
from operator_console.visits import Visit
from orders import buyers
from orders.buyers import Row


async def export(visit: Visit) -> web.StreamResponse:
    asked = Asked.of(visit)
    own = await visit.read(fields.of_shop, visit.shop.id)
    with reading(visit.reader):
        titles, title = [*_titles(totals=asked.totals), *(one.name for one in own)], _("Customers")
    return await spreadsheets.send(visit, "customers", titles, _portions(visit, asked, own), title=title)


ROUTES: tuple[Route, ...] = (get("/customers/export", export, Right.EXPORT),)


async def _portions(visit: Visit, asked: Asked, own: Sequence[Field]) -> AsyncGenerator[Portion, None]:
    last_id, more = 0, True
    while more:
        rows, last_id, more = await visit.read(_portion, visit.shop, asked, own, last_id)
        yield rows


def _portion(
    session: Session, shop: Shop, asked: Asked, own: Sequence[Field], last_id: int
) -> tuple[Portion, int, bool]:
    """The rows after this customer, the last one in them, and whether there may be more."""
    found = buyers.after(session, shop.id, filter_of(session, shop, asked), last_id, size=PORTION)
    ids = [row.customer.id for row in found]
    reached = contacts.of_many(session, ids)
    values, channels = fields.of_many(session, ids), cards.channels(session, ids)
    agreed = consents.of_many(session, ids)
    rows = [
        [
            *_cells(
                shop, row, reached.get(row.customer.id, {}), channels.get(row.customer.id, []), totals=asked.totals
            ),
            *(consent_shapes.state_words(agreed.get(row.customer.id, {}).get(what)) for what in ConsentTo),
            *(_own(one, values.get(row.customer.id, {}).get(one.id, "")) for one in own),
        ]
        for row in found
    ]
    return rows, ids[-1] if ids else last_id, len(ids) == PORTION


def _titles(*, totals: bool) -> list[str]:
    return [
        _("No."),
        _("Full name"),
        _("Phones"),
        _("Emails"),
        _("Channels"),
        _("City"),
        _("Address"),
        _("Tags"),
        _("Orders"),
        *([_("Paid in all")] if totals else []),
        _("Last order"),
        _("First seen"),
        _("Note for the staff"),
        *(consent_shapes.name_of(what) for what in ConsentTo),
    ]


def _cells(shop: Shop, row: Row, reached: Mapping[str, list[str]], channels: list[str], *, totals: bool) -> list[Cell]:
    customer, bought = row.customer, row.bought
    return [
        customer.id,
        customer.name,
        ", ".join(reached.get(ContactKind.PHONE, [])),
        ", ".join(reached.get(ContactKind.EMAIL, [])),
        ", ".join(channel_name(channel) for channel in channels),
        customer.city,
        customer.address,
        ", ".join(customer.tags),
        bought.orders,
        *([Money(bought.paid, shop.currency)] if totals else []),
        local(bought.last),
        local(customer.created_at),
        customer.note,
    ]


def _own(field: Field, value: str) -> Cell:
    if value and field.kind == FieldKind.NUMBER:
        return Decimal(value)
    if value and field.kind == FieldKind.DATE:
        return date.fromisoformat(value)
    return customer_shapes.said(field, value)
