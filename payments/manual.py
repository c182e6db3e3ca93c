"""Money that no provider reports: an operator says that cash or a transfer has come."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.clock import utc_now
from kit.errors import Refused
from kit.money import Money
from orders.book import locked
from orders.tables import Group, Order
from payments import accounts, applying, charging, links
from payments.forms import form_key
from payments.providers.manual import Manual
from payments.tables import Payment


class MoreThanDue(Refused):
    """An operator cannot have been given more than the order costs."""

    code = "more_than_due"


def confirm(session: Session, order: Order, *, amount: Money, actor: str, key: str, method: str = "") -> Payment:
    """Write down that this much came for the order, all of what is due or a part. The same `key` counts once.

    `key` comes with the form. Raises MoreThanDue, charging.OrderCancelled, accounts.NoPaymentAccount,
    forms.BadFormKey.
    """
    key = form_key(key)
    order = locked(session, order.id)
    twin = session.scalar(sa.select(Payment).where(Payment.key == key))
    if twin is not None:
        if twin.order_id != order.id:
            raise MoreThanDue(f"payment {twin.id} has this key", due=charging.due(order))
        return twin
    if order.stage.group == Group.CANCELLED:
        raise charging.OrderCancelled(order)
    due = charging.due(order)
    if amount.currency != due.currency or not 0 < amount.amount <= due.amount:
        raise MoreThanDue(f"{amount} of {due}", due=due)
    account = accounts.by_hand(session, order.shop_id)
    payment = Payment(
        shop_id=order.shop_id,
        order_id=order.id,
        order_version=order.version,
        account_id=account.id,
        token=links.new_token(),
        key=key,
        amount=amount.amount,
        currency=amount.currency,
        method=method[:60],
        created_at=utc_now(),
    )
    session.add(payment)
    session.flush()
    received = Manual(account.external_id).received(f"manual-{key}"[:60], amount, charging.metadata(payment, order))
    return applying.apply(session, payment.id, received)
