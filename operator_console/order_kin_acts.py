"""Orders that are made of an order: the same again, and a part of it apart."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from sqlalchemy.orm import Session

from company.rights import Right
from operator_console.money_pages import form_key
from operator_console.order_acts import count_of
from operator_console.routing import ID, Route, post
from operator_console.visits import Form, Visit
from orders import book, copying, splitting
from orders.copying import LeftOut

LINE = "take-"
"""How the fields begin that say how many of a line go: take-<line id>."""


@dataclass(frozen=True, slots=True)
class _Made:
    order_id: int
    number: int
    left_out: tuple[LeftOut, ...]


async def again(visit: Visit) -> web.StreamResponse:
    """Leads to the new order; what did not come along is told first."""
    form = await visit.form()
    made = await visit.write(_again, visit, visit.number(), form_key(form))
    if not made.left_out or not visit.by_script:
        return visit.done(go=f"/orders/{made.order_id}")
    return visit.page("partials/copy_left.html", number=made.number, url=f"/orders/{made.order_id}", left=made.left_out)


async def split(visit: Visit) -> web.StreamResponse:
    order_id = await visit.write(_split, visit, visit.number(), await visit.form())
    return visit.done(go=f"/orders/{order_id}")


ROUTES: tuple[Route, ...] = (
    post(f"/orders/{ID}/again", again, Right.ORDERS),
    post(f"/orders/{ID}/split", split, Right.ORDERS),
)


def _again(session: Session, visit: Visit, order_id: int, key: str) -> _Made:
    order = book.get(session, visit.shop.id, order_id)
    made = copying.again(
        session, order, actor=visit.actor, responsible_id=visit.staff.id, dedup_key=f"again:{order_id}:{key}"
    )
    return _Made(made.order.id, made.order.number, made.left_out)


def _split(session: Session, visit: Visit, order_id: int, form: Form) -> int:
    order = book.get(session, visit.shop.id, order_id)
    names = [
        name for name in form if name.startswith(LINE) and name.removeprefix(LINE).isdecimal() and form[name].strip()
    ]
    taken = {int(name.removeprefix(LINE)[:18]): count_of(form[name]) for name in names}
    new = splitting.split(
        session,
        order,
        taken,
        actor=visit.actor,
        dedup_key=f"split:{order_id}:{form_key(form)}",
        expect_version=form.number("version"),
    )
    return new.id
