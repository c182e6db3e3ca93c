"""Orders as the templates draw them (macros/order.html names the keys): cards, rows, the panel, the history.

Everything here reads only, and speaks to the reader of the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.names import named
from catalog.tables import Photo, Variant
from company.rights import Right, may
from company.tables import Role, Shop
from kit.money import Money
from operator_console.payment_shapes import payment_states
from operator_console.people import Shape, person
from operator_console.texts import gettext as _
from operator_console.texts import ngettext, reader
from orders import reserving, stages
from orders.book import Row
from orders.pipelines import AWAITING_PAYMENT
from orders.tables import Group, Order, Stage
from orders.views import LineView, OrderView, view
from storage.tables import StoredFile

SOON = timedelta(hours=1)
"""How long before the end of a reservation its time is shown in colour."""


Stages = Mapping[tuple[int, str], Stage]
"""A shop's stages by pipeline and code."""


def stages_of(session: Session, shop_id: int) -> Stages:
    return {(line.id, each.code): each for line in stages.pipelines(session, shop_id) for each in line.stages}


def stage_shape(stage: Stage) -> Shape:
    return {
        "id": stage.id,
        "code": stage.code,
        "name": named(stage, reader().language),
        "colour": stage.colour,
        "asks_reason": stage.group == Group.CANCELLED,
    }


def briefs(session: Session, rows: Sequence[Row], known: Stages, role: Role) -> list[Shape]:
    """Orders for the board and the table."""
    states = payment_states(session, [row.order for row in rows])
    return [_brief(row, states[row.order.id], known, role) for row in rows]


def _brief(row: Row, payment: str, known: Stages, role: Role) -> Shape:
    order = row.order
    return {
        "id": order.id,
        "number": order.number,
        "version": order.version,
        "url": f"/orders/{order.id}",
        "customer": {"name": row.customer or _("Nameless guest")},
        "channel": row.channel,
        "leader": person(row.responsible, order.responsible_id or 0) if row.responsible else None,
        "summary": summary(order.lines),
        "total": order.total,
        "payment": payment,
        **kept(order),
        "stage": stage_shape(known[order.pipeline_id, order.stage_code]),
        "current": False,
        "created_at": order.created_at,
        "moves": _moves(order, known, role),
        "move_url": f"/orders/{order.id}/move",
    }


def _moves(order: OrderView, known: Stages, role: Role) -> list[int]:
    """Where the board lets the card go. The server asks again, with all the rules."""
    here = known[order.pipeline_id, order.stage_code]
    if not may(role, Right.ORDERS):
        return []
    ahead = [known[order.pipeline_id, code] for code in here.next_codes if (order.pipeline_id, code) in known]
    unpaid = order.payment_method == "online" and bool(order.left)
    return [to.id for to in ahead if (not to.roles or role in to.roles) and not (to.needs_payment and unpaid)]


def kept(order: OrderView) -> Shape:
    """Until when the goods of an unpaid order are kept."""
    until = order.reserved_until
    soon = until is not None and until - reader().now < SOON
    return {"due_at": until, "due_level": "soon" if soon else ""}


def summary(lines: Sequence[LineView]) -> str:
    """«Кружка «Туман» × 2, поднос, ещё 1»."""
    words = [f"{line.name} × {line.quantity}" if line.quantity > 1 else line.name for line in lines[:2]]
    if len(lines) > 2:
        words.append(ngettext("and {n} more", "and {n} more", len(lines) - 2))
    return ", ".join(words)


def order_panel(session: Session, shop: Shop, order: Order, role: Role, *, opened: bool = False) -> Shape:
    """The order's panel, for its own page (`opened`) and beside a conversation. Lines and stage must be loaded."""
    seen = view(order, shop, reader().language)
    editable = reserving.WHEREABOUTS[seen.group] is reserving.Whereabouts.HELD and not seen.paid
    pictures = photos(session, [line.variant_id for line in seen.lines if line.variant_id is not None])
    url = f"/orders/{order.id}"
    return {
        "id": order.id,
        "number": order.number,
        "version": order.version,
        "url": url,
        "opened": opened,
        "stage": stage_shape(order.stage),
        "payment": payment_states(session, [seen])[order.id],
        "editable": editable,
        **kept(seen),
        "steps": steps(session, order),
        "lines": [_line(line, pictures) for line in seen.lines],
        "goods": seen.goods,
        "discount": seen.discount,
        "delivery": seen.delivery,
        "delivery_name": seen.delivery_name,
        "total": seen.total,
        "paid": seen.paid,
        "left": seen.left,
        "recipient": seen.recipient,
        "phone": seen.phone,
        "email": seen.email,
        "address": seen.address,
        "comment": seen.comment,
        "note": seen.note,
        "flags": [_("Look at the money of this order")] if seen.flag else [],
        "next": ways(session, order, role),
        "refund_first": _refund_first(order),
        "can": {
            "edit": may(role, Right.ORDERS),
            "charge": may(role, Right.ORDERS) and seen.payment_method == "online" and bool(seen.left),
            "refund": may(role, Right.REFUND),
        },
        "urls": {act: f"{url}/{act}" for act in ("lines", "move", "charge", "receive", "add")},
    }


def _line(line: LineView, pictures: Mapping[int, str]) -> Shape:
    return {
        "id": line.id,
        "name": line.name,
        "note": line.sku,
        "photo": pictures.get(line.variant_id or 0),
        "price": line.price,
        "quantity": line.quantity,
        "sum": line.sum,
        "trouble": "",
    }


def steps(session: Session, order: Order) -> list[Shape]:
    """The stages of the order's pipeline as a row of steps; a cancelled order shows how far it came."""
    everything = session.scalars(
        sa.select(Stage).where(Stage.pipeline_id == order.pipeline_id).order_by(Stage.position)
    ).all()
    way = [stage for stage in everything if stage.group != Group.CANCELLED]
    here = order.stage
    if here.group == Group.CANCELLED:
        been = {stage.id for _move, stage in stages.history(session, order)}
        way = [stage for stage in way if stage.id in been] + [here]

    def state(stage: Stage) -> str:
        if stage.id == here.id:
            return {Group.CANCELLED: "bad", Group.COMPLETE: "finish"}.get(Group(here.group), "now")
        return "done" if stage.position < here.position else "next"

    return [{"name": named(stage, reader().language), "state": state(stage)} for stage in way]


def ways(session: Session, order: Order, role: Role) -> list[Shape]:
    """Where this reader may move the order; one of them is the usual way."""
    if not may(role, Right.ORDERS):
        return []
    ahead = stages.allowed(session, order, role)
    groups = [stage.group for stage in ahead]
    # An order to be paid on receipt does not wait for money.
    skipped = AWAITING_PAYMENT if order.payment_method == "on_receipt" else ""
    usual = next((stage for stage in ahead if stage.group != Group.CANCELLED and stage.code != skipped), None)
    return [
        {
            "stage_id": stage.id,
            "label": _way_words(stage, alone=groups.count(stage.group) == 1),
            "main": stage is usual,
            "danger": stage.group == Group.CANCELLED,
            "asks_reason": stage.group == Group.CANCELLED,
            "title": _("Cancel order No. {number}?", number=order.number),
            "text": _("Its goods go back on sale, the customer is told. This cannot be undone."),
        }
        for stage in ahead
    ]


def _way_words(stage: Stage, *, alone: bool) -> str:
    words = {
        Group.ASSEMBLING: _("Start assembling"),
        Group.DELIVERY: _("Hand over for delivery"),
        Group.COMPLETE: _("It has been received"),
        Group.CANCELLED: _("Cancel the order"),
    }
    usual = words.get(Group(stage.group)) if alone else None
    return usual or _("To the stage “{stage}”", stage=named(stage, reader().language))


def _refund_first(order: Order) -> Money | None:
    """The money that must go back before the order may be cancelled."""
    closed = order.stage.group in (Group.CANCELLED, Group.COMPLETE)
    return order.paid if order.paid_amount and not closed else None


def photos(session: Session, variant_ids: Iterable[int], width: int = 96) -> dict[int, str]:
    """Addresses of the variants' pictures: of the very variant, else of its product, else of a sister."""
    wanted = set(variant_ids)
    if not wanted:
        return {}
    rows = session.execute(
        sa.select(Variant.id, Photo.variant_id, StoredFile.token)
        .join(Photo, Photo.product_id == Variant.product_id)
        .join(StoredFile, StoredFile.id == Photo.file_id)
        .where(Variant.id.in_(wanted))
        .order_by(Photo.position, Photo.id)
    ).all()
    rows = sorted(rows, key=lambda row: 0 if row[1] == row[0] else 1 if row[1] is None else 2)
    found: dict[int, str] = {}
    for variant_id, _own, token in rows:
        found.setdefault(variant_id, f"/files/{token}?w={width}")
    return found
