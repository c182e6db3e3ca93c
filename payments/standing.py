"""What a buyer's payment link has to say right now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from company import settings
from company.tables import Shop
from customers.tables import Customer
from kit.errors import Refused
from kit.money import Money
from orders import book, reserving
from orders.tables import Group, Order
from payments import charging, fiscal, links, looking
from payments.questions import Kind
from payments.states import State
from payments.tables import Payment


class Face(StrEnum):
    """What the page shows. The texts are under pay.<face>.title and pay.<face>.more."""

    PREPARING = "preparing"
    """The provider is being asked for a place to pay."""
    PAYABLE = "payable"
    """The buyer is to be sent there."""
    CONFIRMING = "confirming"
    """He is back, or the money is held; the provider has not said its last word."""
    PAID = "paid"
    RECEIVED = "received"
    """The money came, and a person of the shop has to look at it."""
    RETURNED = "returned"
    CHANGED = "changed"
    """The order is not what this link was made for."""
    EXPIRED = "expired"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    """The order is."""


AGAIN = (Face.CHANGED, Face.EXPIRED, Face.DECLINED)
"""Faces that offer a new link."""

_OUT_OF_TIME = {"expired_on_confirmation", "expired_on_capture", "permission_revoked"}
"""Reasons of cancellation that are nobody's refusal.

Source: https://yookassa.ru/developers/payment-acceptance/after-the-payment/declined-payments
"""


class AskedInChat(Refused):
    """The receipt needs the buyer's phone or email, and this page, which anybody may open, does not take it."""

    code = "receipt_contact_in_chat"

    def __init__(self, order: Order) -> None:
        super().__init__(f"order {order.number}: nobody to send the receipt to", number=order.number)


@dataclass(frozen=True, slots=True)
class Standing:
    """Nothing here tells who the buyer is or what he bought: links get forwarded."""

    face: Face
    payment_id: int
    token: str
    number: int
    amount: Money
    shop: str
    locale: str
    texts: Mapping[str, Mapping[str, str]]
    confirmation_url: str | None
    checked_at: datetime | None
    asking: bool
    """Whether the provider is being asked right now."""
    newer: str | None
    """The token of the link that has taken this one's place."""


def standing(session: Session, token: str) -> Standing:
    """Raises links.NoSuchPayment."""
    payment = links.by_token(session, token)
    order = book.get(session, payment.shop_id, payment.order_id)
    shop = session.get_one(Shop, payment.shop_id)
    face = _face(order, payment)
    newer = next((other for other in charging.live(session, order) if charging.fits(order, other)), None)
    return Standing(
        face=face,
        payment_id=payment.id,
        token=payment.token,
        number=order.number,
        amount=charging.due(order) if face in AGAIN else Money(payment.paid_amount or payment.amount, payment.currency),
        shop=shop.name,
        locale=session.get_one(Customer, order.customer_id).locale,
        texts=settings.of(shop).texts,
        confirmation_url=payment.confirmation_url,
        checked_at=payment.checked_at,
        asking=looking.is_coming(session, payment.id),
        newer=newer.token if newer is not None and newer.id != payment.id else None,
    )


def new_link(session: Session, token: str) -> Payment:
    """The payment that takes the place of one that cannot be paid any more. Raises what charging.request does."""
    payment = links.by_token(session, token)
    order = book.get(session, payment.shop_id, payment.order_id)
    try:
        return charging.request(session, order, actor=f"customer:{order.customer_id}")
    except fiscal.ReceiptNeedsContact as needed:
        raise AskedInChat(order) from needed


def _face(order: Order, payment: Payment) -> Face:
    if payment.state == State.PAID:
        if payment.refunded_amount >= payment.paid_amount:
            return Face.RETURNED
        return Face.RECEIVED if order.flag else Face.PAID
    if payment.reason in set(Kind):
        return Face.RECEIVED
    if order.stage.group == Group.CANCELLED:
        return Face.CANCELLED
    if reserving.settled(order) or not charging.due(order):
        return Face.PAID
    if not charging.fits(order, payment):
        return Face.CHANGED
    if payment.state in (State.CANCELLED, State.REPLACED):
        return Face.EXPIRED if payment.state == State.REPLACED or payment.reason in _OUT_OF_TIME else Face.DECLINED
    if payment.state == State.AUTHORISED:
        return Face.CONFIRMING
    return Face.PAYABLE if payment.confirmation_url else Face.PREPARING
