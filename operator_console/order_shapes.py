"""Orders as the templates draw them (macros/order.html names the keys): cards, rows, the panel, the history.

Everything here reads only, and speaks to the reader of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.names import named
from catalog.tables import Variant
from company.rights import Powers, Right, may
from company.tables import Shop
from company.texts import Texts
from customers import cards
from kit.money import Money
from operator_console import photos
from operator_console.payment_shapes import payment_states
from operator_console.people import Shape, person
from operator_console.texts import gettext as _
from operator_console.texts import ngettext, reader
from operator_console.visits import Visit
from orders import reserving, stages
from orders.book import Row
from orders.pipelines import AWAITING_PAYMENT
from orders.reasons import Kin, kin, text_key
from orders.tables import Group, Order, Stage
from orders.views import LineView, OrderView, view
from payments import accounts, charging, fiscal

SOON = timedelta(hours=1)
"""How long before the end of a reservation its time is shown in colour."""


Stages = Mapping[tuple[int, str], Stage]
"""A shop's stages by pipeline and code."""


def stages_of(session: Session, shop_id: int) -> Stages:
    return {(line.id, each.code): each for line in stages.pipelines(session, shop_id) for each in line.stages}


def stage(row: Stage) -> Shape:
    return {"id": row.id, "code": row.code, "name": named(row, reader().language), "colour": row.colour}


def briefs(session: Session, rows: Sequence[Row], known: Stages, powers: Powers) -> list[Shape]:
    """Orders for the board and the table."""
    states = payment_states(session, [row.order for row in rows])
    return [_brief(row, states[row.order.id], known, powers) for row in rows]


def _brief(row: Row, payment: str, known: Stages, powers: Powers) -> Shape:
    order = row.order
    ahead = _ahead(order, known, powers)
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
        "stage": stage(known[order.pipeline_id, order.stage_code]),
        "current": False,
        "created_at": order.created_at,
        "moves": [to.id for to in ahead],
        "may": _may(order, ahead),
        "move_url": f"/orders/{order.id}/move",
    }


def _ahead(order: OrderView, known: Stages, powers: Powers) -> list[Stage]:
    """Where the board lets the card go. The server asks again, with all the rules."""
    here = known[order.pipeline_id, order.stage_code]
    if not may(powers, Right.ORDERS):
        return []
    ahead = [known[order.pipeline_id, code] for code in here.next_codes if (order.pipeline_id, code) in known]
    if order.payment_method == "on_receipt":
        # Nobody waits for its money before it is handed over.
        ahead = [to for to in ahead if to.code != AWAITING_PAYMENT]
    unpaid = order.payment_method == "online" and bool(order.left)
    return [to for to in ahead if (not to.roles or powers.role in to.roles) and not (to.needs_payment and unpaid)]


def _may(order: OrderView, ahead: Sequence[Stage]) -> list[str]:
    """What the bar of the table offers for this order: "to-<code of a stage>", "cancel", "link"."""
    ways = ["cancel" if to.group == Group.CANCELLED else f"to-{to.code}" for to in ahead]
    if order.payment_method == "online" and order.left and order.conversation_id is not None:
        ways.append("link")
    return list(dict.fromkeys(ways))


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


def panel(session: Session, visit: Visit, shop: Shop, order: Order, *, opened: bool = False) -> Shape:
    """The order's panel, for its own page (`opened`) and beside a conversation. Lines and stage must be loaded."""
    seen = view(order, shop, reader().language)
    acts = visit.may(Right.ORDERS)
    url = f"/orders/{order.id}"
    return {
        "id": order.id,
        "number": order.number,
        "version": order.version,
        "url": url,
        "opened": opened,
        "stage": stage(order.stage),
        "payment": payment_states(session, [seen])[order.id],
        "editable": takes_goods(order),
        "splits": takes_goods(order) and sum(line.quantity for line in order.lines) > 1,
        **kept(seen),
        "steps": steps(session, order),
        "lines": _lines(session, order, seen.lines),
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
        "flags": [flag(seen.flag)] if seen.flag else [],
        "next": ways(session, order, visit.powers),
        "receipt_contact": _receipt_contact(session, order) if acts else None,
        "refund_first": _refund_first(order) if acts else None,
        "can": {
            "edit": acts,
            "charge": acts and seen.payment_method == "online" and bool(seen.left),
            "refund": visit.may(Right.REFUND),
        },
        "urls": {act: f"{url}/{act}" for act in ("lines", "move", "charge", "receive", "add")},
    }


def _receipt_contact(session: Session, order: Order) -> Shape | None:
    """What is known of the customer for the receipt that a link would need, if the order lacks it; None if not."""
    if order.phone or order.email or order.payment_method != "online" or not charging.due(order):
        return None
    account = accounts.find_online(session, order.shop_id)
    if account is None or not fiscal.lacks_contact(session, order, account):
        return None
    customer = cards.get(session, order.customer_id, order.shop_id)
    return {"phone": customer.phone or "", "email": customer.email or ""}


def flag(code: str) -> str:
    """Why a person must look at the money of an order, in words."""
    words = {
        "late_payment": _("Money came after the order was cancelled"),
        "wrong_amount": _("Another sum came than was asked for"),
        "wrong_currency": _("Money came in another currency"),
        "wrong_account": _("Money came to another account"),
        "test_payment": _("A test payment came, not real money"),
        "wrong_order": _("The payment names another order"),
        "second_payment": _("The order was paid twice"),
    }
    return words.get(code) or _("Look at the money of this order")


def is_open(order: Order) -> bool:
    return order.stage.group not in (Group.COMPLETE, Group.CANCELLED)


def takes_goods(order: Order) -> bool:
    """Whether its lines may still be changed."""
    return reserving.WHEREABOUTS[Group(order.stage.group)] is reserving.Whereabouts.HELD and not order.paid_amount


def _lines(session: Session, order: Order, seen: Sequence[LineView]) -> list[Shape]:
    ids = {line.variant_id for line in seen if line.variant_id is not None}
    variants = {row.id: row for row in session.scalars(sa.select(Variant).where(Variant.id.in_(ids)))}
    urls = photos.of_variants(session, [(variant.id, variant.product_id) for variant in variants.values()])
    return [
        {
            "id": line.id,
            "variant_id": line.variant_id,
            "name": line.name,
            "note": line.sku,
            "photo": urls.get(line.variant_id or 0),
            "price": line.price,
            "quantity": line.quantity,
            "sum": line.sum,
            "trouble": "",
            "left": None,
        }
        for line in seen
    ]


def steps(session: Session, order: Order) -> list[Shape]:
    """The stages of the order's pipeline as a row of steps; a cancelled order shows how far it came."""
    everything = session.scalars(
        sa.select(Stage).where(Stage.pipeline_id == order.pipeline_id).order_by(Stage.position)
    ).all()
    way = [each for each in everything if each.group != Group.CANCELLED]
    here = order.stage
    if here.group == Group.CANCELLED:
        been = {each.id for _move, each in stages.history(session, order)}
        way = [each for each in way if each.id in been] + [here]

    def state(each: Stage) -> str:
        if each.id == here.id:
            return {Group.CANCELLED: "bad", Group.COMPLETE: "finish"}.get(Group(here.group), "now")
        return "done" if each.position < here.position else "next"

    return [{"name": named(each, reader().language), "state": state(each)} for each in way]


def ways(session: Session, order: Order, powers: Powers) -> list[Shape]:
    """Where this reader may move the order; one of them is the usual way, cancelling comes last."""
    if not may(powers, Right.ORDERS):
        return []
    ahead = stages.allowed(session, order, powers.role)
    groups = [to.group for to in ahead]
    # An order to be paid on receipt does not wait for money.
    skipped = AWAITING_PAYMENT if order.payment_method == "on_receipt" else ""
    onward = [to for to in ahead if to.group != Group.CANCELLED and to.code != skipped]
    usual = next((to for to in onward if to.position > order.stage.position), None)
    return [
        {
            "stage_id": to.id,
            "code": to.code,
            "label": _way_words(to, alone=groups.count(to.group) == 1),
            "main": to is usual,
            "danger": to.group == Group.CANCELLED,
            "asks_reason": to.group == Group.CANCELLED,
            "title": _("Cancel order No. {number}?", number=order.number),
            "text": _("Its goods go back on sale, the customer is told. This cannot be undone."),
        }
        for to in sorted(ahead, key=lambda to: (to.group == Group.CANCELLED, to.position))
    ]


def _way_words(to: Stage, *, alone: bool) -> str:
    words = {
        Group.ASSEMBLING: _("Start assembling"),
        Group.DELIVERY: _("Hand over for delivery"),
        Group.COMPLETE: _("It has been received"),
        Group.CANCELLED: _("Cancel the order"),
    }
    usual = words.get(Group(to.group)) if alone else None
    return usual or _("To the stage “{stage}”", stage=named(to, reader().language))


def _refund_first(order: Order) -> Money | None:
    """The money that must go back before the order may be cancelled."""
    closed = order.stage.group in (Group.CANCELLED, Group.COMPLETE)
    return order.paid if order.paid_amount and not closed else None


def reason_words(texts: Texts, reason: str) -> str:
    """A known reason in the reader's language, or a person's own words."""
    key = text_key(reason)
    return kin_words(reason) or (texts.say(key, reader().language) if key else reason)


def kin_words(reason: str) -> str:
    """What an order has to do with another that the reason names; nothing if it names none."""
    what, number = kin(reason) or (None, 0)
    words = {
        Kin.AGAIN: _("made the same as No. {number}", number=number),
        Kin.SPLIT_FROM: _("split from No. {number}", number=number),
        Kin.SPLIT_INTO: _("a part went into No. {number}", number=number),
    }
    return words[what] if what else ""
