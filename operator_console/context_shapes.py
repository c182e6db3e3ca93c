"""The customer of a conversation, his cart and his order: what stands beside the thread."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from babel.numbers import get_currency_precision
from sqlalchemy.orm import Session, selectinload

from company.rights import Right
from customers import contacts, fields, portraits
from customers.tables import ContactKind, Customer
from inbox.tables import Conversation
from kit.money import Money
from operator_console import card_forms, consent_shapes, customer_shapes, order_forms, order_shapes, photos, task_shapes
from operator_console.people import Shape
from operator_console.people import customer as face
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Visit
from orders import book
from orders import cart as carts
from orders.tables import Cart, Order

PAST = 3
"""Earlier orders that the panel shows."""

CART_LINE = "cart-"
"""Lines of the cart stand on one page with those of an order: their ids begin with this."""

MANY = 200
"""Orders of one customer that the panel counts."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The facts around a conversation."""

    conversation: Conversation
    channel: str
    customer: Customer
    orders: list[Order]
    """The newest first."""
    portrait: int | None = None
    """The file that shows the customer, if there is one."""

    @property
    def current(self) -> Order | None:
        """The order that is being talked about: the newest one that is not over."""
        return next((order for order in self.orders if order_shapes.is_open(order)), None)


def context(session: Session, visit: Visit, beside: Beside) -> Shape:
    """What partials/context.html needs."""
    here = beside.conversation
    order = beside.current
    panel = order_shapes.panel(session, visit, visit.shop, order) if order is not None else None
    if panel is not None:
        panel["urls"]["charge"] = f"/inbox/{here.id}/charge"
    return {
        "customer": _customer(session, visit, beside, order),
        "own": _own(session, beside.customer, visit.may(Right.REPLY)),
        "may_edit": visit.may(Right.REPLY),
        "cart": _cart(session, visit, beside),
        "order": panel,
        "sums": order_forms.of_sums(visit.shop, order)
        if order is not None and panel is not None and panel["editable"] and panel["can"]["edit"]
        else None,
        "context_url": f"/inbox/{here.id}/context",
        "may_order": visit.may(Right.ORDERS),
        "tasks": task_shapes.beside(session, visit, conversation_id=here.id, customer_id=here.customer_id),
    }


def _customer(session: Session, visit: Visit, beside: Beside, current: Order | None) -> Shape:
    person, orders = beside.customer, beside.orders
    bought = [order for order in orders if order.paid_amount > 0]
    spent = Money(sum(order.paid_amount for order in bought), visit.shop.currency)
    past = [order for order in orders if order is not current]
    return {
        "id": person.id,
        "url": f"/customers/{person.id}",
        "person": face(person.name, person.id, beside.portrait),
        "channel": beside.channel,
        "city": person.city,
        "since": min((order.created_at for order in bought), default=None),
        "orders": len(bought),
        "spent": spent,
        "totals": visit.may(Right.TOTALS),
        "average": _whole(spent.share(1, len(bought))) if bought else spent,
        "contacts": _contacts(session, beside),
        "consents": consent_shapes.beside(session, person),
        "tags": person.tags,
        "note": person.note or "",
        "card": card_forms.of_card(person, short=True, may_edit=True) if person.id else None,
        "past": [
            {
                "number": order.number,
                "url": f"/orders/{order.id}",
                "at": order.created_at,
                "stage": order_shapes.stage(order.stage),
                "total": order.total,
            }
            for order in past[:PAST]
        ],
        "past_more": len(orders) if len(past) > PAST else 0,
    }


def _own(session: Session, customer: Customer, may_edit: bool) -> Shape | None:
    held = fields.of(session, customer, beside=True) if customer.id else []
    return customer_shapes.own_fields(customer, held, may_edit=may_edit, beside=True)


def _whole(sum_: Money) -> Money:
    """Without kopecks, which an average does not need."""
    unit = 10 ** get_currency_precision(sum_.currency)
    return Money(sum_.amount // unit * unit, sum_.currency)


def _contacts(session: Session, beside: Beside) -> list[Shape]:
    """Phones and e-mails, and every channel that the customer has come by."""
    lines: list[Shape] = []
    blank = {"channel": "", "here": False, "url": None, "note": ""}
    if beside.customer.phone or beside.customer.email:
        for row in contacts.of(session, beside.customer):
            lines.append({**blank, "channel": "email" if row.kind == ContactKind.EMAIL else "", "text": row.value})
    for one in customer_shapes.talks(session, beside.customer):
        here = one["talk"] == beside.conversation.id
        url = None if here or one["talk"] is None else f"/inbox/{one['talk']}"
        line = {"channel": one["channel"], "text": one["name"], "here": here, "url": url, "note": _("conversation")}
        lines.append(line)
    return lines


def _cart(session: Session, visit: Visit, beside: Beside) -> Shape | None:
    """What the buyer is about to buy by himself; None when his cart is empty."""
    cart = session.scalar(
        sa.select(Cart)
        .where(Cart.shop_id == visit.shop.id, Cart.customer_id == beside.customer.id)
        .options(selectinload(Cart.lines))
    )
    if cart is None or not cart.lines:
        return None
    seen = carts.view(session, cart, reader().language)
    urls = photos.of_variants(session, [(line.variant_id, line.product_id) for line in seen.lines])
    return {
        "url": f"/inbox/{beside.conversation.id}/cart",
        "order_url": f"/inbox/{beside.conversation.id}/order",
        "goods": seen.goods,
        "lines": [
            {
                "id": f"{CART_LINE}{line.variant_id}",
                "name": line.title,
                "photo": urls.get(line.variant_id),
                "price": line.price,
                "quantity": line.quantity,
                "sum": line.sum,
                "note": line.sku,
                "trouble": _trouble(line),
            }
            for line in seen.lines
        ],
    }


def _trouble(line: carts.CartLineView) -> str:
    if line.available <= 0:
        return _("out of stock")
    return _("only {n} left", n=line.available) if line.quantity > line.available else ""


def beside(session: Session, conversation: Conversation, channel: str, customer: Customer) -> Beside:
    orders = book.of_customer(session, conversation.shop_id, customer.id, limit=MANY)
    return Beside(conversation, channel, customer, orders, portraits.of(session, [customer.id]).get(customer.id))
