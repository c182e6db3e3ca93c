"""The table of orders as a file for spreadsheets, with the filters that the page has."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from aiohttp import web
from sqlalchemy.orm import Session

from company.rights import Right
from kit.workbooks import Cell, Portion
from operator_console import spreadsheets
from operator_console.orders_pages import Asked
from operator_console.rendering import channel_name
from operator_console.routing import Route, get
from operator_console.spreadsheets import PORTION, local
from operator_console.texts import gettext as _
from operator_console.texts import reader, reading
from operator_console.visits import Visit
from orders import book
from orders.book import Filter, Row


async def orders(visit: Visit) -> web.StreamResponse:
    asked = Asked.of({**visit.request.query, "layout": "table"}, visit.staff.id)
    with reading(visit.reader):
        titles, title = _titles(), _("Orders")
    return await spreadsheets.send(visit, "orders", titles, _portions(visit, asked.filter), title=title)


ROUTES: tuple[Route, ...] = (get("/orders/export", orders, Right.EXPORT),)


async def _portions(visit: Visit, filters: Filter) -> AsyncGenerator[Portion, None]:
    """Each portion is read by itself: nobody's change waits for the file. What a search finds is found once."""
    if filters.text.strip():
        ids = await visit.read(book.found, visit.shop.id, filters)
        for at in range(0, len(ids), PORTION):
            yield await visit.read(_these, visit.shop.id, ids[at : at + PORTION])
        return
    number, more = 0, True
    while more:
        rows, number, more = await visit.read(_portion, visit.shop.id, filters, number)
        yield rows


def _portion(session: Session, shop_id: int, filters: Filter, number: int) -> tuple[Portion, int, bool]:
    """The rows after this number, the last number in them, and whether there may be more."""
    rows = book.after(session, shop_id, filters, number, size=PORTION, locale=reader().language)
    return [_cells(row) for row in rows], rows[-1].order.number if rows else number, len(rows) == PORTION


def _these(session: Session, shop_id: int, ids: Sequence[int]) -> Portion:
    return [_cells(row) for row in book.these(session, shop_id, ids, locale=reader().language)]


def _titles() -> list[str]:
    return [
        _("No."),
        _("Placed"),
        _("Changed"),
        _("Stage"),
        _("Customer"),
        _("Phone"),
        _("Email"),
        _("Channel"),
        _("Responsible"),
        _("Goods"),
        _("Pieces"),
        _("Sum of goods"),
        _("Discount"),
        _("Delivery, price"),
        _("Total"),
        _("Paid"),
        _("Paid on"),
        _("Delivery"),
        _("Address"),
        _("Comment"),
    ]


def _cells(row: Row) -> Sequence[Cell]:
    order = row.order
    return [
        order.number,
        local(order.created_at),
        local(order.updated_at),
        order.stage_name,
        order.recipient or row.customer,
        order.phone,
        order.email,
        channel_name(row.channel) if row.channel else "",
        row.responsible,
        "; ".join(f"{line.name} × {line.quantity}" for line in order.lines),
        order.count,
        *(order.goods, order.discount, order.delivery, order.total, order.paid),
        local(order.paid_at),
        order.delivery_name,
        order.address,
        order.comment,
    ]
