"""What any provider of payments can do, in our words.

A provider translates and calls; it knows no database, no order and no rule. Amounts are `Money`, states are ours, and
every call that changes something carries the caller's idempotence key: after `OutcomeUnknown` the same call with the
same key finds out what happened, or does it once.

    ProviderError
    ├── ProviderRefused       it said no; asking again will not help
    ├── ProviderUnavailable   nothing was done; ask again later
    └── OutcomeUnknown        it may have been done; ask again with the same key
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from kit.money import Money

LONGEST_KEY = 64
LONGEST_DESCRIPTION = 128


class PaymentState(StrEnum):
    PENDING = "pending"
    AUTHORISED = "authorised"
    """The money is held and waits for `capture` or `cancel`."""
    PAID = "paid"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """A state that the provider has and we do not know: change nothing, look again."""


class RefundState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class NoticeKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class ReceiptItem:
    """One line of a fiscal receipt: `amount` is the price of one piece, `name` is cut to what a receipt can hold."""

    name: str
    quantity: int
    amount: Money
    vat_code: int
    subject: str = "commodity"
    mode: str = "full_prepayment"

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name[:LONGEST_DESCRIPTION])

    @property
    def total(self) -> Money:
        return self.amount * self.quantity


@dataclass(frozen=True, slots=True)
class Receipt:
    """A fiscal receipt to register with an operation. It needs an e-mail or a phone to be sent to."""

    items: tuple[ReceiptItem, ...]
    email: str | None = None
    phone: str | None = None
    tax_system: int | None = None

    def __post_init__(self) -> None:
        if not self.items:
            raise ValueError("a receipt has at least one item")
        if not self.email and not self.phone:
            raise ValueError("a receipt needs an e-mail or a phone")


@dataclass(frozen=True, slots=True)
class Charge:
    """Money to be asked from a buyer.

    key         makes the call idempotent; up to 64 characters, never used for anything else
    return_url  where the buyer's browser goes after paying or declining
    metadata    comes back with every answer; names up to 32, values up to 512 characters
    capture     False holds the money until `Provider.capture`
    """

    key: str
    amount: Money
    description: str
    return_url: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    receipt: Receipt | None = None
    capture: bool = True

    def __post_init__(self) -> None:
        check_key(self.key)
        if self.receipt is not None and receipt_total(self.receipt) != self.amount:
            raise ValueError("the receipt does not add up to the amount")


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """A payment as the provider reports it now.

    amount      what it is for; after a partial capture some providers report the captured part
    paid        what was taken from the buyer for good; nothing while held
    account     the shop's id at the provider that the money goes to
    expires_at  until when the money is held, where the provider says so
    reason      why it was cancelled, in the provider's word
    method      how the buyer paid, as the provider names it ("Bank card *4444")
    """

    provider_id: str
    state: PaymentState
    amount: Money
    paid: Money
    refunded: Money
    test: bool
    account: str
    metadata: Mapping[str, str]
    confirmation_url: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    reason: str | None = None
    method: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    provider_id: str
    payment_id: str
    state: RefundState
    amount: Money
    reason: str | None = None
    """Why it was cancelled, in the provider's word."""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """A hint that something happened: fetch it. Anyone may have written it, so nothing else in it is believed."""

    provider_id: str
    kind: NoticeKind


class ProviderError(Exception):
    """A call to a provider that did not end with its answer to our question."""


class ProviderRefused(ProviderError):
    """The provider understood and said no: `code` and `text` are its own, `parameter` is the field to blame."""

    def __init__(self, code: str, text: str, parameter: str | None = None) -> None:
        self.code, self.text, self.parameter = code, text, parameter
        super().__init__(f"{code}: {text}" + (f" ({parameter})" if parameter else ""))


class ProviderUnavailable(ProviderError):
    """Certainly nothing was done: no connection, or the provider is too busy."""


class OutcomeUnknown(ProviderError):
    """The request left and no proper answer came. Repeat it with the same key."""


class Provider(Protocol):
    """Every method may raise the errors above; `fetch…`, `find` and `refunds_of` never raise OutcomeUnknown."""

    name: str
    can_be_asked: bool
    """Whether `fetch` can learn anything: False where only the shop's own people know."""

    async def create(self, charge: Charge) -> ProviderPayment: ...

    async def fetch(self, provider_id: str) -> ProviderPayment: ...

    async def find(self, key: str, value: str, *, since: datetime) -> list[ProviderPayment]:
        """Payments created since then with this pair in their metadata, the newest first."""
        ...

    async def capture(
        self, provider_id: str, amount: Money, *, key: str, receipt: Receipt | None = None
    ) -> ProviderPayment:
        """Take held money, or a part of it; the rest goes back to the buyer."""
        ...

    async def cancel(self, provider_id: str, *, key: str) -> ProviderPayment:
        """Give held money back. Providers may refuse it for a payment that is merely pending."""
        ...

    async def refund(
        self, provider_id: str, amount: Money, *, key: str, reason: str, receipt: Receipt | None = None
    ) -> ProviderRefund: ...

    async def fetch_refund(self, refund_id: str) -> ProviderRefund: ...

    async def refunds_of(self, provider_id: str) -> list[ProviderRefund]:
        """All refunds of a payment, the newest first."""
        ...

    def notice(self, body: bytes) -> Notice | None:
        """What a notification hints at; None if it is not one of ours or of no interest."""
        ...

    async def close(self) -> None: ...


def check_key(key: str) -> None:
    """Raises ValueError unless the key may be sent as an idempotence key."""
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(f"not an idempotence key of 1 to {LONGEST_KEY} characters: {key[:80]!r}")


def receipt_total(receipt: Receipt) -> Money:
    first, *rest = (item.total for item in receipt.items)
    return sum(rest, first)
