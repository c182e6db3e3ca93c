"""The table of orders as a file for spreadsheets, with the filters that the page has."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from sqlalchemy.orm import Session

from company.rights import Right
from operator_console.orders_pages import Asked
from operator_console.rendering import channel_name
from operator_console.routing import Route, get
from operator_console.spreadsheets import BOM, PORTION, answer, line, plain
from operator_console.texts import gettext as _
from operator_console.texts import reader, reading
from operator_console.visits import Visit
from orders import book
from orders.book import Filter, Row


async def orders(visit: Visit) -> web.StreamResponse:
    asked = Asked.of({**visit.request.query, "layout": "table"}, visit.staff.id)
    file = answer(visit, "orders")
    with reading(visit.reader):
        head = line(_titles())
    await file.prepare(visit.request)
    await file.write(BOM + head)
    number, more = 0, True
    while more:
        lines, number, more = await visit.read(_portion, visit.shop.id, asked.filter, number)
        await file.write(lines)
    await file.write_eof()
    return file


ROUTES: tuple[Route, ...] = (get("/orders/export", orders, Right.EXPORT),)


def _portion(session: Session, shop_id: int, filters: Filter, number: int) -> tuple[bytes, int, bool]:
    """The lines after this number, the last number in them, and whether there may be more."""
    rows = book.after(session, shop_id, filters, number, size=PORTION, locale=reader().language)
    lines = b"".join(line(_cells(row)) for row in rows)
    return lines, rows[-1].order.number if rows else number, len(rows) == PORTION


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
        _("Delivery"),
        _("Address"),
        _("Comment"),
    ]


def _cells(row: Row) -> Sequence[str]:
    order = row.order
    return [
        str(order.number),
        f"{reader().local(order.created_at):%Y-%m-%d %H:%M}",
        f"{reader().local(order.updated_at):%Y-%m-%d %H:%M}",
        order.stage_name,
        order.recipient or row.customer,
        order.phone,
        order.email,
        channel_name(row.channel) if row.channel else "",
        row.responsible,
        "; ".join(f"{line.name} × {line.quantity}" for line in order.lines),
        str(order.count),
        *(plain(sum_) for sum_ in (order.goods, order.discount, order.delivery, order.total, order.paid)),
        order.delivery_name,
        order.address,
        order.comment,
    ]
