"""Asking a buyer for the money of an order: one live payment for what is due now, and never two by our fault."""

from __future__ import annotations

import uuid
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import Shop
from kit.clock import utc_now
from kit.errors import Refused
from kit.money import Money
from orders import reserving
from orders.book import locked
from orders.tables import Group, Order
from payments import accounts, fiscal, links
from payments.events import PaymentChanged
from payments.providers.base import Charge
from payments.states import LIVE, State
from payments.tables import Payment, PaymentAccount
from storage import jobs
from storage.events import publish

START = "payment.start"
CANCEL = "payment.cancel"

LINK_LIVES = timedelta(minutes=60)
"""How long a buyer may take at the provider.

Source: https://yookassa.ru/developers/payment-acceptance/getting-started/payment-process#expiration
"""

KEEP_GOODS = LINK_LIVES + timedelta(minutes=5)
"""For how long at least a new link keeps the goods, so that whoever pays in time gets them."""

KEEP_AT_MOST = timedelta(hours=24)
"""How long after the order was placed new links stop to keep its goods longer."""


class NothingToPay(Refused):
    """The order is paid, or costs nothing."""

    code = "nothing_to_pay"

    def __init__(self, order: Order) -> None:
        super().__init__(f"order {order.number}: nothing is due", number=order.number)


class OrderCancelled(Refused):
    """Nobody pays for an order that is cancelled."""

    code = "order_cancelled"

    def __init__(self, order: Order) -> None:
        super().__init__(f"order {order.number} is cancelled", number=order.number)


def request(session: Session, order: Order, *, actor: str, account: PaymentAccount | None = None) -> Payment:
    """The payment that the buyer is to pay this order by: the live one if it still fits, else a new one.

    The provider is asked by a job; `links.link` works at once. Payments that do not fit any more are replaced.
    `account` is the shop's active online account unless given. Raises NothingToPay, OrderCancelled,
    accounts.NoPaymentAccount, receipts.ReceiptTooLong, fiscal.ReceiptNeedsContact.
    """
    order = locked(session, order.id)
    if order.stage.group == Group.CANCELLED:
        raise OrderCancelled(order)
    if reserving.settled(order) or not due(order):
        raise NothingToPay(order)
    account = account or accounts.online(session, order.shop_id)
    payments = live(session, order)
    current = next((one for one in payments if fits(order, one) and one.account_id == account.id), None)
    if current is None and fiscal.lacks_contact(session, order, account):
        raise fiscal.ReceiptNeedsContact(order)
    _keep_goods(session, order)
    for payment in payments:
        if payment is not current:
            replace(session, order, payment, actor=actor)
    return current or _new(session, order, account, actor)


def due(order: Order) -> Money:
    """What is still to be paid; nothing for an order that was paid too much."""
    return Money(max(order.total_amount - order.paid_amount, 0), order.currency)


def fits(order: Order, payment: Payment) -> bool:
    """Whether the payment is for the order as it is now, to the kopeck."""
    return payment.order_version == order.version and Money(payment.amount, payment.currency) == due(order)


def live(session: Session, order: Order) -> list[Payment]:
    """Payments that the buyer may pay now, the newest first."""
    query = sa.select(Payment).where(Payment.order_id == order.id, Payment.state.in_(LIVE))
    return list(session.scalars(query.order_by(Payment.id.desc())))


def was_refused(payment: Payment) -> bool:
    """Whether the provider did not make the payment: nobody could ever pay by it, and `reason` has its words."""
    return payment.state == State.CANCELLED and payment.provider_id is None


def of_order(session: Session, order_id: int) -> list[Payment]:
    """Every payment of the order, the newest first."""
    return list(session.scalars(sa.select(Payment).where(Payment.order_id == order_id).order_by(Payment.id.desc())))


def lock(session: Session, payment_id: int) -> tuple[Order, Payment]:
    """Hold the payment's order and then the payment itself until the transaction ends, both as they are now."""
    order = locked(session, session.get_one(Payment, payment_id).order_id)
    return order, session.get_one(Payment, payment_id, with_for_update=True, populate_existing=True)


def replace(session: Session, order: Order, payment: Payment, *, actor: str) -> None:
    """End a live payment on our side, and have the provider end it if it can. Money may still come by it."""
    change(session, order, payment, State.REPLACED, actor=actor)
    if payment.provider_id is not None:
        put_cancel(session, payment)


def put_start(session: Session, payment: Payment, occasion: str) -> bool:
    """Have the payment made at the provider; once for each occasion."""
    return jobs.put(
        session,
        START,
        {"payment_id": payment.id},
        lane=lane(payment.id),
        dedup_key=f"{START}:{payment.id}:{occasion}",
    )


def put_cancel(session: Session, payment: Payment, occasion: str = "replaced") -> None:
    """Have the provider asked to end the payment; once for each occasion."""
    jobs.put(
        session,
        CANCEL,
        {"payment_id": payment.id, "occasion": occasion},
        lane=lane(payment.id),
        dedup_key=f"{CANCEL}:{payment.id}:{occasion}",
    )


def change(session: Session, order: Order, payment: Payment, state: State, *, actor: str, reason: str = "") -> None:
    """Write the new state and tell everyone."""
    payment.state = state
    payment.reason = reason[:200]
    session.flush()
    publish(
        session,
        PaymentChanged(
            shop_id=payment.shop_id,
            subject=f"payment:{payment.id}",
            actor=actor,
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            conversation_id=order.conversation_id,
            payment_id=payment.id,
            amount=payment.paid_amount if state is State.PAID else payment.amount,
            currency=payment.currency,
            state=state.value,
            reason=payment.reason,
        ),
    )


def lane(payment_id: int) -> str:
    """All that is asked about one payment happens one after another."""
    return f"payment:{payment_id}"


def metadata(payment: Payment, order: Order) -> dict[str, str]:
    """What the provider keeps for us: it tells a payment of ours from any other."""
    return {"order": str(order.id), "number": str(order.number), "payment": payment.token}


def charge(session: Session, payment: Payment, public_url: str) -> Charge:
    """The call to the provider; the same for the same payment, however often it is made."""
    order = session.get_one(Order, payment.order_id)
    shop = session.get_one(Shop, payment.shop_id)
    subject = f"Заказ №{order.number}" if shop.locale == "ru" else f"Order {order.number}"
    return Charge(
        key=payment.key,
        amount=Money(payment.amount, payment.currency),
        description=f"{subject}, {shop.name}"[:128],
        return_url=links.back(public_url, payment.token),
        metadata=metadata(payment, order),
        receipt=fiscal.load(payment.receipt, payment.currency) if payment.receipt else None,
    )


def _new(session: Session, order: Order, account: PaymentAccount, actor: str) -> Payment:
    """The key is written here, before anybody calls the provider with it."""
    payment = Payment(
        shop_id=order.shop_id,
        order_id=order.id,
        order_version=order.version,
        account_id=account.id,
        token=links.new_token(),
        key=uuid.uuid4().hex,
        amount=due(order).amount,
        currency=order.currency,
        receipt=fiscal.dump(fiscal.receipt_of(session, order, due(order), account)),
        created_at=utc_now(),
    )
    session.add(payment)
    session.flush()
    put_start(session, payment, "first")
    change(session, order, payment, State.NEW, actor=actor)
    return payment


def _keep_goods(session: Session, order: Order) -> None:
    until = min(utc_now() + KEEP_GOODS, order.created_at + KEEP_AT_MOST)
    if order.reserved_until is not None and until > order.reserved_until:
        reserving.prolong(session, order, until=until)
