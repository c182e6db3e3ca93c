"""YooKassa's JSON in our words and ours in its. Needs neither the SDK nor a network.

Source of fields and statuses: https://yookassa.ru/developers/api
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from kit.errors import Refused
from kit.money import Money
from payments.providers.base import (
    LONGEST_DESCRIPTION,
    Charge,
    Notice,
    NoticeKind,
    PaymentState,
    ProviderPayment,
    ProviderRefund,
    Receipt,
    RefundState,
)

LONGEST_REASON = 250

STATES = {
    "pending": PaymentState.PENDING,
    "waiting_for_capture": PaymentState.AUTHORISED,
    "succeeded": PaymentState.PAID,
    "canceled": PaymentState.CANCELLED,
}
REFUND_STATES = {
    "pending": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "canceled": RefundState.CANCELLED,
}
EVENTS = {
    "payment.waiting_for_capture": NoticeKind.PAYMENT,
    "payment.succeeded": NoticeKind.PAYMENT,
    "payment.canceled": NoticeKind.PAYMENT,
    "refund.succeeded": NoticeKind.REFUND,
}
IDENTIFIER = re.compile(r"[0-9a-zA-Z-]{1,64}")
LONGEST_NOTICE = 256 * 1024

NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "185.71.76.0/27",
        "185.71.77.0/27",
        "77.75.153.0/25",
        "77.75.154.128/25",
        "77.75.156.11/32",
        "77.75.156.35/32",
        "2a02:5180::/32",
    )
)
"""Where notifications come from. Source: https://yookassa.ru/developers/using-api/webhooks#ip"""


def is_trusted_ip(address: str) -> bool:
    """Whether a notification from this address can be YooKassa's. The address must be the connection's own."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip.version == network.version and ip in network for network in NETWORKS)


class NotUnderstood(ValueError):
    """An answer lacks what every object of its kind has."""

    def __init__(self, kind: str, error: Exception) -> None:
        self.kind = kind
        super().__init__(f"not a {kind}: {type(error).__name__}")


def notice_of(body: bytes) -> Notice | None:
    """What a notification hints at; None for other events and for anything that does not look like one."""
    if len(body) > LONGEST_NOTICE:
        return None
    try:
        content = orjson.loads(body)
        kind = EVENTS.get(content["event"])
        provider_id = content["object"]["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if kind is None or not isinstance(provider_id, str) or IDENTIFIER.fullmatch(provider_id) is None:
        return None
    return Notice(provider_id, kind)


def payment_of(raw: Mapping[str, Any]) -> ProviderPayment:
    """A Payment object in our words. Raises NotUnderstood if it lacks what every payment has."""
    try:
        amount = _amount(raw["amount"])
        state = STATES.get(raw["status"], PaymentState.UNKNOWN)
        nothing = Money(0, amount.currency)
        refunded = raw.get("refunded_amount")
        method = raw.get("payment_method") or {}
        return ProviderPayment(
            provider_id=identifier(raw["id"]),
            state=state,
            amount=amount,
            paid=amount if state is PaymentState.PAID else nothing,
            refunded=_amount(refunded) if refunded else nothing,
            test=bool(raw.get("test", False)),
            account=str(raw["recipient"]["account_id"]),
            metadata={name: value for name, value in (raw.get("metadata") or {}).items() if value is not None},
            confirmation_url=(raw.get("confirmation") or {}).get("confirmation_url"),
            created_at=_moment(raw.get("created_at")),
            expires_at=_moment(raw.get("expires_at")),
            reason=(raw.get("cancellation_details") or {}).get("reason"),
            method=method.get("title") or method.get("type"),
            raw=raw,
        )
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, Refused) as error:
        raise NotUnderstood("payment", error) from error


def refund_of(raw: Mapping[str, Any]) -> ProviderRefund:
    """A Refund object in our words. Raises NotUnderstood if it lacks what every refund has."""
    try:
        return ProviderRefund(
            provider_id=identifier(raw["id"]),
            payment_id=identifier(raw["payment_id"]),
            state=REFUND_STATES.get(raw["status"], RefundState.UNKNOWN),
            amount=_amount(raw["amount"]),
            reason=(raw.get("cancellation_details") or {}).get("reason"),
            raw=raw,
        )
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, Refused) as error:
        raise NotUnderstood("refund", error) from error


def payment_body(charge: Charge) -> dict[str, Any]:
    body: dict[str, Any] = {
        "amount": money_body(charge.amount),
        "capture": charge.capture,
        "confirmation": {"type": "redirect", "return_url": charge.return_url},
        "description": charge.description[:LONGEST_DESCRIPTION],
        "metadata": dict(charge.metadata),
    }
    if charge.receipt is not None:
        body["receipt"] = receipt_body(charge.receipt)
    return body


def refund_body(payment_id: str, amount: Money, reason: str, receipt: Receipt | None) -> dict[str, Any]:
    body: dict[str, Any] = {"payment_id": identifier(payment_id), "amount": money_body(amount)}
    if reason:
        body["description"] = reason[:LONGEST_REASON]
    if receipt is not None:
        body["receipt"] = receipt_body(receipt)
    return body


def money_body(amount: Money) -> dict[str, str]:
    return {"value": str(amount.decimal()), "currency": amount.currency}


def _amount(raw: Mapping[str, Any]) -> Money:
    return Money.of(Decimal(str(raw["value"])), str(raw["currency"]))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def identifier(value: object) -> str:
    """The id if it looks like one: it goes into an address. Raises ValueError."""
    if not isinstance(value, str) or IDENTIFIER.fullmatch(value) is None:
        raise ValueError(f"not an identifier: {str(value)[:80]!r}")
    return value


def receipt_body(receipt: Receipt) -> dict[str, Any]:
    customer: dict[str, str] = {}
    if receipt.email:
        customer["email"] = receipt.email
    if receipt.phone:
        customer["phone"] = re.sub(r"[^0-9]", "", receipt.phone)
    shown: dict[str, Any] = {
        "customer": customer,
        "items": [
            {
                "description": item.name,
                "quantity": item.quantity,
                "amount": money_body(item.amount),
                "vat_code": item.vat_code,
                "payment_subject": item.subject,
                "payment_mode": item.mode,
            }
            for item in receipt.items
        ],
    }
    if receipt.tax_system is not None:
        shown["tax_system_code"] = receipt.tax_system
    return shown
