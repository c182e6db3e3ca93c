"""What the service remembers: shops, payments, refunds, receipts. Plain data, without rules."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from kit.money import Money

JsonObject = dict[str, Any]

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Identifiers begin with the seconds since this moment, so they sort by time as the real ones do."""


class Status(StrEnum):
    PENDING = "pending"
    WAITING = "waiting_for_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant account: `id` and `secret` are the user and the password of the API."""

    id: str
    secret: str = field(repr=False)
    webhook_url: str | None = None
    test: bool = True
    title: str = ""
    currency: str = "RUB"
    receipts_required: bool = False
    """Whether the shop has an online cash register, so that a payment without a receipt is refused."""

    @property
    def gateway_id(self) -> str:
        return f"{self.id}1"


@dataclass(frozen=True, slots=True)
class Cancellation:
    party: str
    reason: str


@dataclass(slots=True)
class Payment:
    id: str
    shop: str
    amount: Money
    capture: bool
    return_url: str
    created_at: datetime
    expires_at: datetime
    """While pending: when the buyer's time is up. While held: when the shop's is."""
    status: Status = Status.PENDING
    test: bool = True
    description: str | None = None
    locale: str = "ru"
    metadata: dict[str, str] = field(default_factory=dict)
    receipt: JsonObject | None = None
    receipt_id: str | None = None
    asked_method: str | None = None
    method: JsonObject | None = None
    captured_at: datetime | None = None
    refunded: Money = field(default_factory=lambda: Money(0))
    cancellation: Cancellation | None = None
    customer: str | None = None


@dataclass(slots=True)
class Refund:
    id: str
    shop: str
    payment_id: str
    amount: Money
    created_at: datetime
    status: Status = Status.PENDING
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    receipt: JsonObject | None = None
    receipt_id: str | None = None
    cancellation: Cancellation | None = None


@dataclass(slots=True)
class Receipt:
    id: str
    shop: str
    kind: str
    """`payment` for a sale, `refund` for its return."""
    created_at: datetime
    registered_at: datetime
    """When the cash register answers; pending before."""
    items: list[JsonObject]
    payment_id: str | None = None
    refund_id: str | None = None
    settlements: list[JsonObject] = field(default_factory=list)
    tax_system_code: int | None = None
    number: int = 1


def new_id(now: datetime, kind: str = "000f") -> str:
    """36 characters: seconds, a mark of the kind of object, a random tail."""
    seconds = int((now - EPOCH).total_seconds()) & 0xFFFFFFFF
    return f"{seconds:08x}-{kind}-5000-8000-{secrets.token_hex(6)}"
