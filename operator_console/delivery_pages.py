"""A courier's page: the orders that he takes to customers, and saying that they are there.

Nothing else of the shop opens for him.
"""

from __future__ import annotations

from urllib.parse import quote

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from catalog.names import named
from company.rights import Right
from operator_console import order_shapes, shell
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.texts import reader, reading
from operator_console.visits import Form, NoSuchPage, Visit
from orders import book, stages
from orders.tables import Group, Order, Stage
from orders.views import view

MAP = "https://yandex.ru/maps/?text="
"""Where an address is looked up; a phone opens it in its app."""


async def deliveries(visit: Visit) -> web.StreamResponse:
    """The page, or only the list of it when a script asks."""
    if visit.by_script:
        return visit.page("partials/deliveries.html", **await visit.read(_list, visit))
    frame = await shell.frame(visit, "deliveries")
    return visit.page("pages/deliveries.html", **frame, **await visit.read(_list, visit))


async def move(visit: Visit) -> web.StreamResponse:
    """Answers with the list as it is now."""
    number, name = await visit.write(_move, visit, visit.number(), await visit.form())
    answer = visit.page("partials/deliveries.html", **await visit.read(_list, visit))
    with reading(visit.reader):
        words = _("Order No. {number}: {stage}", number=number, stage=name)
    answer.headers["HX-Trigger"] = visit.done(words).headers["HX-Trigger"]
    return answer


ROUTES: tuple[Route, ...] = (
    get("/deliveries", deliveries, Right.DELIVER),
    post(f"/deliveries/{ID}/move", move, Right.DELIVER),
)


def _list(session: Session, visit: Visit) -> Shape:
    found = book.carried_by(session, visit.shop.id, visit.staff.id)
    known = list(order_shapes.stages_of(session, visit.shop.id).values()) if found else []
    return {"deliveries": [_delivery(session, visit, order, known) for order in found]}


def _delivery(session: Session, visit: Visit, order: Order, known: list[Stage]) -> Shape:
    """What the courier has to know. What he does not, such as the note of the staff, is not in it."""
    seen = view(order, visit.shop, reader().language)
    return {
        "id": order.id,
        "number": seen.number,
        "version": seen.version,
        "stage": order_shapes.stage(order.stage),
        "recipient": seen.recipient or _("Nameless guest"),
        "phone": seen.phone,
        "address": seen.address,
        "map_url": f"{MAP}{quote(seen.address)}" if seen.address else None,
        "comment": seen.comment,
        "way": seen.delivery_name,
        "lines": [{"name": line.name, "quantity": line.quantity} for line in seen.lines],
        "due": seen.left if seen.left else None,
        "on_receipt": seen.payment_method == "on_receipt",
        "moves": [
            {"stage_id": to.id, "label": _words(to), "main": to.group == Group.COMPLETE}
            for to in stages.allowed(session, order, visit.role, known=known)
        ],
        "move_url": f"/deliveries/{order.id}/move",
    }


def _words(to: Stage) -> str:
    words = {Group.DELIVERY: _("I have taken it"), Group.COMPLETE: _("Handed over")}
    return words.get(Group(to.group)) or named(to, reader().language)


def _move(session: Session, visit: Visit, order_id: int, form: Form) -> tuple[int, str]:
    """Raises NoOrder for one that is not his any more, and what orders.stages.move does."""
    order = book.get(session, visit.shop.id, order_id)
    if order.courier_id != visit.staff.id:
        raise book.NoOrder(f"order {order.number} is not carried by staff {visit.staff.id}")
    to = _stage(session, order, form.number("stage"))
    seen = _stage(session, order, form.number("from"))
    stages.move(
        session,
        order,
        to=to.code,
        actor=visit.actor,
        role=visit.role,
        expect_stage=seen.code,
        expect_version=form.number("version"),
    )
    return order.number, named(to, reader().language)


def _stage(session: Session, order: Order, stage_id: int) -> Stage:
    stage = session.scalar(sa.select(Stage).where(Stage.id == stage_id, Stage.pipeline_id == order.pipeline_id))
    if stage is None:
        raise NoSuchPage(f"stage {stage_id} of pipeline {order.pipeline_id}")
    return stage
