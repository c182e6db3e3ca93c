"""Bodies of POST requests, checked and turned into values. Source: the official OpenAPI description of API v3."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import urlsplit

from emulators.yookassa.errors import invalid
from emulators.yookassa.fields import Fields
from emulators.yookassa.records import JsonObject, Shop
from emulators.yookassa.rendering import METHODS
from kit.money import Money

MOST_ITEMS = 80
RETURN_SCHEMES = frozenset({"http", "https", "tg"})
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PHONE = re.compile(r"\+?[0-9]{4,15}")
SUBJECTS = frozenset(
    {
        *("commodity", "excise", "job", "service", "gambling_bet", "gambling_prize", "lottery", "lottery_prize"),
        *("intellectual_activity", "payment", "agent_commission", "property_right", "non_operating_gain"),
        *("insurance_premium", "sales_tax", "resort_fee", "composite", "another", "fine", "tax", "lien", "cost"),
        *("pension_insurance_without_payouts", "pension_insurance_with_payouts"),
        *("health_insurance_without_payouts", "health_insurance_with_payouts", "health_insurance"),
        *("casino", "agent_withdrawals", "non_marked_excise", "marked_excise", "marked", "non_marked"),
    }
)
MODES = frozenset(
    {
        *("full_prepayment", "partial_prepayment", "advance"),
        *("full_payment", "partial_payment", "credit", "credit_payment"),
    }
)
SETTLEMENTS = frozenset({"cashless", "prepayment", "postpayment", "consideration"})


@dataclass(frozen=True, slots=True)
class NewPayment:
    amount: Money
    capture: bool
    return_url: str
    description: str | None
    locale: str
    metadata: dict[str, str]
    receipt: JsonObject | None
    method: str | None
    customer: str | None


@dataclass(frozen=True, slots=True)
class NewRefund:
    payment_id: str
    amount: Money
    description: str | None
    metadata: dict[str, str]
    receipt: JsonObject | None


@dataclass(frozen=True, slots=True)
class NewReceipt:
    kind: str
    object_id: str
    items: list[JsonObject]
    settlements: list[JsonObject]
    tax_system_code: int | None


def new_payment(body: Any, shop: Shop) -> NewPayment:
    fields = Fields(body)
    amount = fields.amount()
    if amount.currency != shop.currency:
        raise invalid("The currency doesn't match the settings of the shop", "amount.currency")
    confirmation = fields.inner("confirmation")
    if confirmation.needed_text("type", 32) != "redirect":
        raise invalid("This confirmation scenario is not available to the shop", "confirmation.type")
    fields.text("client_ip", 64)
    return NewPayment(
        amount=amount,
        capture=fields.flag("capture", False),
        return_url=_return_url(confirmation),
        description=fields.text("description", 128),
        locale="en" if confirmation.choice("locale", ("ru_RU", "en_US")) == "en_US" else "ru",
        metadata=fields.metadata(),
        receipt=receipt_of(fields, amount, required=shop.receipts_required),
        method=_method(fields),
        customer=fields.text("merchant_customer_id", 200),
    )


def _return_url(confirmation: Fields) -> str:
    url = confirmation.needed_text("return_url", 2048)
    parts = urlsplit(url)
    if parts.scheme not in RETURN_SCHEMES or not parts.netloc:
        raise invalid("The return address has an incorrect format", confirmation.path("return_url"))
    return url


def _method(fields: Fields) -> str | None:
    if not fields.has("payment_method_data"):
        return None
    data = fields.inner("payment_method_data")
    data.needed("type")
    return data.choice("type", METHODS)


def capture_amount(body: Any, whole: Money, shop: Shop) -> tuple[Money, JsonObject | None]:
    """What to take of a held payment: all of it if the body names no amount. And the receipt for that part."""
    fields = Fields({} if body is None else body)
    amount = fields.amount() if fields.has("amount") else whole
    if amount.currency != whole.currency:
        raise invalid("The currency doesn't match the payment", "amount.currency")
    if amount > whole:
        raise invalid("The amount to capture exceeds the amount of the payment", "amount.value")
    return amount, receipt_of(fields, amount, required=shop.receipts_required and amount < whole)


def new_refund(body: Any) -> NewRefund:
    """The receipt is checked against the refunded sum; whether one is needed depends on the payment."""
    fields = Fields(body)
    payment_id = fields.needed_text("payment_id", 36)
    amount = fields.amount()
    return NewRefund(
        payment_id=payment_id,
        amount=amount,
        description=fields.text("description", 250),
        metadata=fields.metadata(),
        receipt=receipt_of(fields, amount, required=False),
    )


def new_receipt(body: Any) -> NewReceipt:
    fields = Fields(body)
    kind = fields.needed_text("type", 16)
    if kind not in ("payment", "refund"):
        raise invalid("The value is not one of the allowed", "type")
    _customer(fields.inner("customer"))
    if not fields.flag("send", True):
        raise invalid("Only true is allowed", "send")
    items, total = _items(fields)
    settlements = []
    settled = Money(0, total.currency)
    for settlement in fields.list_of("settlements", 100):
        settlement.needed("type")
        settlement.choice("type", SETTLEMENTS)
        settled += settlement.amount()
        settlements.append({"type": settlement.raw["type"], "amount": settlement.raw["amount"]})
    if settled != total:
        raise invalid("The sum of the settlements differs from the sum of the items", "settlements")
    return NewReceipt(
        kind=kind,
        object_id=fields.needed_text(f"{kind}_id", 36),
        items=items,
        settlements=settlements,
        tax_system_code=fields.whole("tax_system_code", 1, 6),
    )


def receipt_of(fields: Fields, total: Money, *, required: bool) -> JsonObject | None:
    """The receipt inside a payment, a capture or a refund. The sum of its items must be the sum of the operation."""
    if not fields.has("receipt"):
        if required:
            raise invalid("Receipt is missing or illegal", "receipt")
        return None
    receipt = fields.inner("receipt")
    customer = receipt.inner("customer") if receipt.has("customer") else receipt
    _customer(customer)
    items, summed = _items(receipt)
    if summed != total:
        raise invalid("Receipt is missing or illegal", "receipt.items")
    return {"items": items, "tax_system_code": receipt.whole("tax_system_code", 1, 6)}


def _customer(customer: Fields) -> None:
    email = customer.text("email", 254)
    phone = customer.text("phone", 32)
    if not email and not phone:
        raise invalid("The e-mail or the phone of the customer is required", customer.path("email"))
    if email and EMAIL.fullmatch(email) is None:
        raise invalid("The e-mail has an incorrect format", customer.path("email"))
    if phone and PHONE.fullmatch(phone) is None:
        raise invalid("The phone has an incorrect format", customer.path("phone"))


def _items(receipt: Fields) -> tuple[list[JsonObject], Money]:
    """The lines of a receipt as the API shows them, and what they add up to."""
    lines: list[JsonObject] = []
    total: Money | None = None
    for item in receipt.list_of("items", MOST_ITEMS):
        price = item.amount(zero=True)
        quantity = item.quantity("quantity")
        item.needed("vat_code")
        line: JsonObject = {
            "description": item.needed_text("description", 128),
            "quantity": float(quantity),
            "amount": {"value": str(price.decimal()), "currency": price.currency},
            "vat_code": item.whole("vat_code", 1, 12),
        }
        for name, allowed in (("payment_subject", SUBJECTS), ("payment_mode", MODES)):
            value = item.choice(name, allowed)
            if value is not None:
                line[name] = value
        lines.append(line)
        cost = _times(price, quantity)
        if total is not None and total.currency != cost.currency:
            raise invalid("The items are in different currencies", receipt.path("items"))
        total = cost if total is None else total + cost
    assert total is not None, "list_of refuses an empty list"
    return lines, total


def _times(price: Money, quantity: Decimal) -> Money:
    return Money(int((price.amount * quantity).quantize(Decimal(1), ROUND_HALF_UP)), price.currency)
