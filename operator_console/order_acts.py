"""What people of the shop do to an order: move it, change its lines, its delivery, its contact.

Each act is one transaction. An answer tells the page which order changed, and the page fetches it anew.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from company import staff
from company.rights import Right
from company.tables import Role
from customers import cards
from kit import http
from kit.money import Money
from operator_console import order_shapes
from operator_console.people import Shape
from operator_console.routing import ID, Route, post
from operator_console.texts import gettext as _
from operator_console.texts import reading
from operator_console.visits import Form, NoSuchPage, Visit
from orders import book, details, lines, stages
from orders.tables import Stage
from orders.totals import BadQuantity


def changed(visit: Visit, order_id: int, words: str = "") -> web.Response:
    """The act is done, and what shows the order is to be fetched anew: here at once, elsewhere by the live stream."""
    answer = visit.done(words)
    told = json.loads(answer.headers.get("HX-Trigger", "{}")) | {"live:order": {"id": order_id}}
    answer.headers["HX-Trigger"] = json.dumps(told)
    return answer


async def move(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    number, stage = await visit.write(_move, visit.shop.id, visit.number(), form, visit.actor, visit.role)
    with reading(visit.reader):
        words = _("Order No. {number}: {stage}", number=number, stage=stage["name"])
    return changed(visit, visit.number(), words)


async def set_line(visit: Visit) -> web.StreamResponse:
    """Answers with the panel: its sums are what the person looks at."""
    form = await visit.form()
    count = count_of(form["quantity"])
    lowered = await visit.write(_set_line, visit, visit.number(), form.number("line"), count)
    path = http.address_parts(visit.request.headers.get("HX-Current-URL", "")).path
    panel = await visit.read(_panel, visit, visit.number(), path.startswith("/orders/"))
    answer = visit.page("partials/order_panel.html", order=panel)
    if lowered is not None:
        with reading(visit.reader):
            words = _("The discount is {sum} now: it shrinks with the goods", sum=lowered.format(visit.reader.language))
        answer.headers["HX-Trigger"] = json.dumps({"toast": {"text": words}})
    return answer


async def add(visit: Visit) -> web.StreamResponse:
    variant_id = (await visit.form()).number("variant")
    await visit.write(_add, visit.shop.id, visit.number(), variant_id, visit.actor)
    return changed(visit, visit.number())


async def discount(visit: Visit) -> web.StreamResponse:
    amount = Money.parse((await visit.form())["amount"] or "0", visit.shop.currency)
    await visit.write(_discount, visit, visit.number(), amount)
    return changed(visit, visit.number())


async def deliver(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    price = Money.parse(form["price"], visit.shop.currency) if form["price"].strip() else None
    await visit.write(_deliver, visit.shop.id, visit.number(), form["method"], price, form["address"], visit.actor)
    return changed(visit, visit.number())


async def contact(visit: Visit) -> web.StreamResponse:
    await visit.write(set_contact, visit.shop.id, visit.number(), await visit.form(), visit.actor)
    return changed(visit, visit.number())


async def pay_how(visit: Visit) -> web.StreamResponse:
    method = (await visit.form())["method"]
    await visit.write(_pay_how, visit.shop.id, visit.number(), method, visit.actor)
    return changed(visit, visit.number())


async def assign(visit: Visit) -> web.StreamResponse:
    chosen = (await visit.form())["staff"]
    person = (await visit.form()).number("staff") if chosen else None
    await visit.write(_assign, visit.shop.id, visit.number(), person, visit.actor)
    return changed(visit, visit.number())


async def give_courier(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    courier = form.number("courier") if form["courier"] else None
    await visit.write(_give_courier, visit.shop.id, visit.number(), courier, visit.actor)
    return changed(visit, visit.number())


async def note(visit: Visit) -> web.StreamResponse:
    """Answers with what is kept now, which the next change is held against; not if a colleague's words were joined to
    it, which the field does not show before it is fetched anew."""
    form = await visit.form()
    as_given = await visit.write(_note, visit.shop.id, visit.number(), form["note"], form["was"], visit.actor)
    with reading(visit.reader):
        words = _("The note is kept") if as_given else _("A colleague has written a note meanwhile: both are kept")
    told = changed(visit, visit.number(), words)
    if not as_given or not visit.by_script:
        return told
    answer = visit.page("partials/order_note_was.html", note=form["note"].strip())
    answer.headers["HX-Trigger"] = told.headers["HX-Trigger"]
    return answer


ROUTES: tuple[Route, ...] = (
    post(f"/orders/{ID}/move", move, Right.ORDERS),
    post(f"/orders/{ID}/lines", set_line, Right.ORDERS),
    post(f"/orders/{ID}/add", add, Right.ORDERS),
    post(f"/orders/{ID}/discount", discount, Right.ORDERS),
    post(f"/orders/{ID}/delivery", deliver, Right.ORDERS),
    post(f"/orders/{ID}/contact", contact, Right.ORDERS),
    post(f"/orders/{ID}/payment-method", pay_how, Right.ORDERS),
    post(f"/orders/{ID}/responsible", assign, Right.ORDERS),
    post(f"/orders/{ID}/courier", give_courier, Right.ORDERS),
    post(f"/orders/{ID}/note", note, Right.ORDERS),
)


def count_of(text: str) -> int:
    """What was typed into a quantity. Raises BadQuantity."""
    text = text.strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise BadQuantity(text)
    return int(text)


def _move(session: Session, shop_id: int, order_id: int, form: Form, actor: str, role: Role) -> tuple[int, Shape]:
    order = book.get(session, shop_id, order_id)
    to, seen = _stage(session, order.pipeline_id, form.number("stage")), form["from"]
    stages.move(
        session,
        order,
        to=to.code,
        actor=actor,
        role=role,
        reason=form["reason"],
        expect_stage=_stage(session, order.pipeline_id, form.number("from")).code if seen else None,
        expect_version=form.number("version") if form["version"] else None,
    )
    return order.number, order_shapes.stage(to)


def _stage(session: Session, pipeline_id: int, stage_id: int) -> Stage:
    stage = session.scalar(sa.select(Stage).where(Stage.id == stage_id, Stage.pipeline_id == pipeline_id))
    if stage is None:
        raise NoSuchPage(f"stage {stage_id} of pipeline {pipeline_id}")
    return stage


def _set_line(session: Session, visit: Visit, order_id: int, line_id: int, count: int) -> Money | None:
    """The discount, if it had to shrink."""
    order = book.get(session, visit.shop.id, order_id)
    before, most = order.discount, visit.powers.discount_most
    order = lines.set_line_quantity(session, order, line_id, count, actor=visit.actor, most_percent=most)
    return Money(order.discount, order.currency) if order.discount < before else None


def _panel(session: Session, visit: Visit, order_id: int, opened: bool) -> Shape:
    order = book.get(session, visit.shop.id, order_id)
    return order_shapes.panel(session, visit, visit.shop, order, opened=opened)


def _add(session: Session, shop_id: int, order_id: int, variant_id: int, actor: str) -> None:
    lines.add_line(session, book.get(session, shop_id, order_id), variant_id, actor=actor)


def _discount(session: Session, visit: Visit, order_id: int, amount: Money) -> None:
    order = book.get(session, visit.shop.id, order_id)
    lines.set_discount(session, order, amount, actor=visit.actor, most_percent=visit.powers.discount_most)


def _deliver(
    session: Session, shop_id: int, order_id: int, method: str, price: Money | None, address: str, actor: str
) -> None:
    order = book.get(session, shop_id, order_id)
    lines.set_delivery(session, order, method, price=price, address=address, actor=actor)


def set_contact(
    session: Session, shop_id: int, order_id: int, form: Form, actor: str, *, filled_only: bool = False
) -> None:
    """Only what the form has is changed, with `filled_only` nothing is emptied; a phone must be one, an email too."""
    given = {field: form[field] for field in ("recipient", "phone", "email", "address", "comment") if field in form}
    if filled_only:
        given = {field: text for field, text in given.items() if text.strip()}
    order = book.get(session, shop_id, order_id)
    if not given:
        return
    if given.get("phone", "").strip():
        given["phone"] = cards.phone(given["phone"])
    if given.get("email", "").strip():
        given["email"] = staff.address(given["email"])
    details.set_contact(session, order, actor=actor, **given)


def _pay_how(session: Session, shop_id: int, order_id: int, method: str, actor: str) -> None:
    lines.set_payment_method(session, book.get(session, shop_id, order_id), method, actor=actor)


def _assign(session: Session, shop_id: int, order_id: int, person: int | None, actor: str) -> None:
    order = book.get(session, shop_id, order_id)
    if person is not None and not staff.is_at_the_counter(session, person, shop_id):
        raise staff.NoSuchStaff(f"staff {person} of shop {shop_id}")
    details.assign(session, order, person, actor=actor)


def _give_courier(session: Session, shop_id: int, order_id: int, courier: int | None, actor: str) -> None:
    details.give_courier(session, book.get(session, shop_id, order_id), courier, actor=actor)


def _note(session: Session, shop_id: int, order_id: int, text: str, seen: str, actor: str) -> bool:
    return details.set_note(session, book.get(session, shop_id, order_id), text, seen=seen, actor=actor)
