"""Fiscal receipts (54-FZ) of orders: what is sent with a payment, and with a part of it that goes back."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from company import settings
from company.settings import Receipts
from company.tables import Shop
from kit.errors import Refused
from kit.money import Money
from orders.tables import Order
from payments.providers.base import Receipt, ReceiptItem
from payments.receipts import ReceiptLine, part_of, receipt_items
from payments.tables import Payment, PaymentAccount

CURRENCY = "RUB"
DELIVERY = "Доставка"

HAS_REGISTER = "receipts"
"""The key of an account's settings that says whether its shop at the provider has a cash register; absent: unknown."""


SENDS = "send_receipts"
"""The key that says whether a payment by this account carries a receipt's data; absent: as the shop's settings say."""


class ReceiptNeedsContact(Refused):
    """The provider makes no payment without a receipt, and a receipt has to be sent to somebody."""

    code = "receipt_needs_contact"

    def __init__(self, order: Order) -> None:
        super().__init__(f"order {order.number}: no phone and no email for the receipt", number=order.number)


def sends(account: PaymentAccount, rules: Receipts) -> bool:
    """Whether payments by this account carry what the provider's cash register prints."""
    return bool(account.settings.get(SENDS, rules.send))


def lacks_contact(session: Session, order: Order, account: PaymentAccount) -> bool:
    """Whether a payment by this account needs a receipt that nobody could be sent.

    54-FZ: the buyer's phone or email stands in each receipt.
    Source: https://yookassa.ru/developers/payment-acceptance/receipts/54fz/parameters-values
    """
    if order.email or order.phone or order.currency != CURRENCY or account.settings.get(HAS_REGISTER) is False:
        return False
    return sends(account, settings.of(session.get_one(Shop, order.shop_id)).receipts)


def receipt_of(session: Session, order: Order, amount: Money, account: PaymentAccount) -> Receipt | None:
    """A receipt for `amount` of the order, with its lines loaded.

    None where the account sends none, or nobody to send it to is known. Raises payments.receipts.ReceiptTooLong.
    """
    rules = settings.of(session.get_one(Shop, order.shop_id)).receipts
    if not sends(account, rules) or order.currency != CURRENCY or not (order.email or order.phone):
        return None
    items = receipt_items(
        [_line(order, rules, n) for n in range(len(order.lines))],
        discount=Money(order.discount, order.currency),
        delivery=_delivery(order, rules),
        mode=rules.payment_mode,
    )
    if amount != order.total:
        items = part_of(items, amount)
    return Receipt(items, email=order.email or None, phone=order.phone or None, tax_system=rules.tax_system)


def for_refund(payment: Payment, amount: Money) -> Receipt | None:
    """The receipt of a refund of a part. None for all of an untouched payment: the provider then mirrors its own."""
    if payment.receipt is None or amount.amount == payment.paid_amount:
        return None
    sold = load(payment.receipt, payment.currency)
    return Receipt(part_of(sold.items, amount), email=sold.email, phone=sold.phone, tax_system=sold.tax_system)


def dump(receipt: Receipt | None) -> dict[str, Any] | None:
    """As JSON, for its column."""
    if receipt is None:
        return None
    items = [
        {
            "name": item.name,
            "quantity": item.quantity,
            "amount": item.amount.amount,
            "vat_code": item.vat_code,
            "subject": item.subject,
            "mode": item.mode,
        }
        for item in receipt.items
    ]
    return {"items": items, "email": receipt.email, "phone": receipt.phone, "tax_system": receipt.tax_system}


def load(raw: dict[str, Any], currency: str) -> Receipt:
    items = tuple(ReceiptItem(**item | {"amount": Money(item["amount"], currency)}) for item in raw["items"])
    return Receipt(items, email=raw["email"], phone=raw["phone"], tax_system=raw["tax_system"])


def _line(order: Order, rules: Receipts, n: int) -> ReceiptLine:
    line = order.lines[n]
    return ReceiptLine(
        name=line.name,
        quantity=line.quantity,
        price=Money(line.price, order.currency),
        vat_code=line.vat_code or rules.vat_code,
        subject=line.payment_subject or rules.payment_subject,
    )


def _delivery(order: Order, rules: Receipts) -> ReceiptLine | None:
    if not order.delivery_price:
        return None
    return ReceiptLine(DELIVERY, 1, Money(order.delivery_price, order.currency), rules.vat_code, "service")
