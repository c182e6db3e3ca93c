"""The table of orders as a file for spreadsheets, with the filters that the page has."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from aiohttp import web
from sqlalchemy.orm import Session

from company.rights import Right
from kit.money import Money
from operator_console.orders_pages import Asked
from operator_console.rendering import channel_name
from operator_console.routing import Route, get
from operator_console.texts import gettext as _
from operator_console.texts import reader, reading
from operator_console.visits import Visit
from orders import book
from orders.book import Filter, Row

PORTION = 500
"""Orders that are read and sent at a time: a file of a hundred thousand takes no more memory than a page."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would run; buyers write names and comments."""


async def orders(visit: Visit) -> web.StreamResponse:
    """CSV as the reader's spreadsheet opens it: in Russian with semicolons and commas in numbers."""
    asked = Asked.of({**visit.request.query, "layout": "table"}, visit.staff.id)
    answer = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="orders-{visit.reader.now:%Y-%m-%d}.csv"',
            "Cache-Control": "no-store",
        }
    )
    with reading(visit.reader):
        head = _line(_titles())
    await answer.prepare(visit.request)
    await answer.write(b"\xef\xbb\xbf" + head)
    number, more = 0, True
    while more:
        lines, number, more = await visit.read(_portion, visit.shop.id, asked.filter, number)
        await answer.write(lines)
    await answer.write_eof()
    return answer


ROUTES: tuple[Route, ...] = (get("/orders/export", orders, Right.EXPORT),)


def _portion(session: Session, shop_id: int, filters: Filter, number: int) -> tuple[bytes, int, bool]:
    """The lines after this number, the last number in them, and whether there may be more."""
    rows = book.after(session, shop_id, filters, number, size=PORTION, locale=reader().language)
    lines = b"".join(_line(_cells(row)) for row in rows)
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
        *(_plain(sum_) for sum_ in (order.goods, order.discount, order.delivery, order.total, order.paid)),
        order.delivery_name,
        order.address,
        order.comment,
    ]


def _plain(sum_: Money) -> str:
    text = str(sum_.decimal())
    return text.replace(".", ",") if reader().language == "ru" else text


def _line(cells: Iterable[str]) -> bytes:
    out = io.StringIO()
    delimiter = ";" if reader().language == "ru" else ","
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerow([_harmless(cell) for cell in cells])
    return out.getvalue().encode()


def _harmless(cell: str) -> str:
    """A phone keeps its plus; anything else that could be a formula is marked as text."""
    if cell.startswith("+") and cell[1:].isdecimal():
        return cell
    return f"'{cell}" if cell.startswith(FORMULA) else cell
