"""One order on a page of its own: what it is, where it stands, its money, and how it came here."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from company import settings, staff
from company.rights import Right
from company.tables import Role, Shop
from company.texts import Texts
from customers import cards
from inbox.tables import Conversation
from operator_console import notification_pages, order_forms, order_shapes, people, shell, task_shapes
from operator_console import picker as goods_picker
from operator_console.payment_shapes import actor_names, open_questions, payments
from operator_console.people import Shape
from operator_console.routing import ID, Route, get
from operator_console.texts import gettext as _
from operator_console.visits import Visit
from orders import book, details, stages
from orders import history as past
from orders.events import CourierGiven
from orders.tables import Group, Order
from payments import charging


async def order(visit: Visit) -> web.StreamResponse:
    """The page, or only its inside when a script asks."""
    if visit.by_script:
        return visit.page("partials/order_page.html", **await visit.read(_order, visit, visit.number()))
    frame = await shell.frame(visit, "orders")
    await notification_pages.seen(visit, "order", visit.number())
    filled = await visit.read(_order, visit, visit.number())
    return visit.page("pages/order.html", **frame, **filled)


async def sheet(visit: Visit) -> web.StreamResponse:
    """The order on paper: for who packs it, carries it or takes its money."""
    return visit.page("pages/order_sheet.html", **await visit.read(_sheet, visit, visit.number()))


async def picker(visit: Visit) -> web.StreamResponse:
    """The products that may be put into the order."""
    await visit.read(book.get, visit.shop.id, visit.number())
    url = f"/orders/{visit.number()}/add"
    return await goods_picker.show(visit, send=url, add=url)


ROUTES: tuple[Route, ...] = (
    get(f"/orders/{ID}", order),
    get(f"/orders/{ID}/sheet", sheet),
    get(f"/orders/{ID}/picker", picker),
)


def _order(session: Session, visit: Visit, order_id: int) -> Shape:
    shop, texts = visit.shop, visit.console.texts
    row = book.get(session, shop.id, order_id)
    customer = cards.get(session, row.customer_id, shop.id)
    return {
        "order": order_shapes.panel(session, visit, shop, row, opened=True),
        "history": history(session, row, texts),
        "customer": people.customer(customer.name or row.recipient, customer.id) | {"url": f"/customers/{customer.id}"},
        "conversation_url": _conversation_url(session, row),
        "payments": payments(session, row, visit.powers, visit.console.public_url),
        "questions": open_questions(session, row, texts),
        "due": charging.due(row) if row.stage.group != Group.CANCELLED else None,
        "receive_key": secrets.token_hex(16),
        "kin_key": secrets.token_hex(16),
        "forms": _forms(session, shop, row) if visit.may(Right.ORDERS) else None,
        "responsible": _responsible(session, row),
        "picker_url": f"/orders/{order_id}/picker",
        "tasks": task_shapes.beside(session, visit, order_id=row.id),
    }


def _conversation_url(session: Session, order: Order) -> str | None:
    """None also where the conversation is another's and out of the reader's sight."""
    if order.conversation_id is None:
        return None
    seen = session.scalar(sa.select(Conversation.id).where(Conversation.id == order.conversation_id))
    return f"/inbox/{seen}" if seen is not None else None


def _sheet(session: Session, visit: Visit, order_id: int) -> Shape:
    row = book.get(session, visit.shop.id, order_id)
    return {
        "shop": {"name": visit.shop.name},
        "order": order_shapes.panel(session, visit, visit.shop, row, opened=True),
        "made_at": row.created_at,
        "method": payment_words().get(row.payment_method, ""),
    }


def history(session: Session, order: Order, texts: Texts) -> list[Shape]:
    """Every move of the order, and every courier that it had, the newest first."""
    moves, given = stages.history(session, order), past.couriers(session, order)
    couriers = {event.id: f"staff:{event.payload['staff_id']}" for event in given}
    actors = [move.actor for move, _stage in moves] + [event.actor for event in given]
    names = actor_names(session, [*actors, *couriers.values()])
    entries: list[Shape] = [
        {
            "at": move.at,
            "who": names[move.actor],
            "from": None,
            "to": order_shapes.stage(stage),
            "words": "",
            "reason": order_shapes.reason_words(texts, move.reason),
        }
        for move, stage in moves
    ]
    entries += [
        {
            "at": event.at,
            "who": names[event.actor],
            "from": None,
            "to": None,
            "words": _courier_words(event.kind, names[couriers[event.id]]),
            "reason": "",
        }
        for event in given
    ]
    entries.sort(key=lambda entry: entry["at"])
    return entries[::-1]


def _courier_words(kind: str, name: str) -> str:
    return _("Courier: {name}", name=name) if kind == CourierGiven.kind else _("Not {name}’s to deliver", name=name)


def _responsible(session: Session, order: Order) -> Shape | None:
    return people.colleague(staff.get(session, order.responsible_id)) if order.responsible_id else None


def _forms(session: Session, shop: Shop, order: Order) -> Shape:
    """What the forms of the page offer and hold now."""
    rules = settings.of(shop)
    everybody = staff.of_shop(session, shop.id)
    nobody = {"value": "", "label": _("nobody")}
    couriers = [{"value": one.id, "label": one.name} for one, role in everybody if role == Role.COURIER]
    return {
        **order_forms.of_sums(shop, order),
        "payment_methods": [{"value": way, "label": payment_words()[way]} for way in details.payment_methods(rules)],
        "payment_method": order.payment_method,
        "people": [nobody] + [{"value": one.id, "label": one.name} for one, role in everybody if role != Role.COURIER],
        "couriers": [nobody, *couriers] if couriers or order.courier_id else [],
        "courier": order.courier_id or "",
        "responsible": order.responsible_id or "",
        "received_by": [
            {"value": "cash", "label": _("cash")},
            {"value": "transfer", "label": _("transfer")},
            {"value": "card", "label": _("card")},
        ],
    }


def payment_words() -> dict[str, str]:
    return {"online": _("online, by link"), "on_receipt": _("on receipt")}
