"""The cards that stand in a thread in place of a message's text: products and payments as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from catalog import stock
from catalog.names import attributes, named
from catalog.tables import Product, Variant
from company.rights import Right
from inbox.content import Outgoing
from kit.money import Money
from operator_console import photos, refusals
from operator_console.payment_shapes import method_words
from operator_console.people import Shape
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Visit
from orders.tables import Group, Order
from payments import charging, links
from payments.states import LIVE, State
from payments.tables import Payment


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards of one page of a thread, by kind and id."""

    products: Mapping[tuple[int, int], Shape]
    """By product and variant; variant 0 is any."""
    payments: Mapping[int, Shape]

    def of(self, outgoing: Outgoing) -> Shape | None:
        """The card to draw instead of the text; None where the text says more."""
        card = outgoing.card
        if card is None:
            return None
        if card.kind == "product":
            return self.products.get((card.id, variant_of(outgoing)))
        return self.payments.get(card.id) if card.kind == "payment" else None


def gather(
    session: Session, visit: Visit, conversation_id: int, said: Sequence[Outgoing], order: Order | None
) -> Cards:
    """Everything that the cards of these messages show, in a few queries."""
    named_cards = [outgoing for outgoing in said if outgoing.card is not None]
    products = {(o.card.id, variant_of(o)) for o in named_cards if o.card is not None and o.card.kind == "product"}
    payments = {o.card.id for o in named_cards if o.card is not None and o.card.kind == "payment"}
    return Cards(
        _products(session, visit, conversation_id, products, order),
        _payments(session, visit, conversation_id, payments),
    )


def variant_of(outgoing: Outgoing) -> int:
    """Which variant the card's buttons are about."""
    for button in outgoing.buttons():
        if button.action is not None and button.action.name in ("product.more", "product.fewer"):
            return int(button.action.args.get("variant", 0))
    return 0


def _products(
    session: Session, visit: Visit, conversation_id: int, wanted: set[tuple[int, int]], order: Order | None
) -> dict[tuple[int, int], Shape]:
    if not wanted:
        return {}
    rows = session.execute(
        sa.select(Product, Variant)
        .join(Variant, Variant.product_id == Product.id)
        .where(Product.shop_id == visit.shop.id, Product.id.in_({product for product, _variant in wanted}))
        .order_by(Variant.position, Variant.id)
    ).all()
    left = stock.available(session, [variant.id for _product, variant in rows])
    urls = photos.of_variants(session, [(variant.id, product.id) for product, variant in rows], photos.MIDDLE)
    ordered = {line.variant_id: line.quantity for line in order.lines} if order is not None else {}
    cards: dict[tuple[int, int], Shape] = {}
    for product, variant in rows:
        shape = _product(visit, conversation_id, product, variant, left.get(variant.id, 0), urls.get(variant.id))
        shape["in_order"] = ordered.get(variant.id, 0)
        cards[product.id, variant.id] = shape
        cards.setdefault((product.id, 0), shape)
    return cards


def _product(
    visit: Visit, conversation_id: int, product: Product, variant: Variant, left: int, photo: str | None
) -> Shape:
    language = visit.reader.language
    return {
        "kind": "product",
        "id": product.id,
        "name": named(product, language),
        "note": attributes(variant, language),
        "price": Money(variant.price, visit.shop.currency),
        "old_price": None,
        "photo": photo,
        "stock": left,
        "addable": left > 0 and variant.active and product.active and visit.may(Right.ORDERS),
        "add_url": f"/inbox/{conversation_id}/order-lines?variant={variant.id}",
    }


def _payments(session: Session, visit: Visit, conversation_id: int, ids: set[int]) -> dict[int, Shape]:
    if not ids:
        return {}
    rows = session.execute(
        sa.select(Payment, Order)
        .join(Order, Order.id == Payment.order_id)
        .options(joinedload(Order.stage, innerjoin=True))
        .where(Payment.id.in_(ids), Payment.shop_id == visit.shop.id)
    )
    return {payment.id: _payment(visit, conversation_id, payment, order) for payment, order in rows}


def _payment(visit: Visit, conversation_id: int, payment: Payment, order: Order) -> Shape:
    """What the buyer's link comes to now. The sum is that of the message: another sum is another payment."""
    state = payment_look(payment, order)
    unpaid = order.paid_at is None and order.stage.group != Group.CANCELLED
    again = unpaid and state in ("expired", "changed", "cancelled")
    return {
        "kind": "payment",
        "id": payment.id,
        "number": order.number,
        "order_url": f"/orders/{order.id}",
        "state": state,
        "amount": Money(payment.paid_amount or payment.amount, payment.currency),
        "old_amount": None,
        "issued_at": payment.created_at,
        "paid_at": payment.paid_at,
        "expires_at": payment.expires_at,
        "method": _method(payment),
        "why": refusals.why(payment),
        "link": links.link(visit.console.public_url, payment) if state == "pending" else None,
        "can_remind": False,
        "can_reissue": again and visit.may(Right.ORDERS),
        "reissue_url": f"/inbox/{conversation_id}/charge",
    }


def payment_look(payment: Payment, order: Order) -> str:
    """The state as macros/cards.html names it."""
    if payment.state == State.PAID:
        if payment.refunded_amount:
            return "refunded" if payment.refunded_amount >= payment.paid_amount else "part_refunded"
        return "paid"
    if payment.state == State.CANCELLED:
        return "expired" if payment.reason.startswith("expired") else "cancelled"
    if payment.state == State.AUTHORISED:
        return "authorised"
    return "pending" if payment.state in LIVE and charging.fits(order, payment) else "changed"


def _method(payment: Payment) -> str:
    if payment.refunded_amount:
        return _("Refunded: {sum}", sum=Money(payment.refunded_amount, payment.currency).format(reader().language))
    return method_words(payment.method)
