"""The life of payments, refunds and receipts: every rule about what may follow what.

    payment   pending -> waiting_for_capture -> succeeded | canceled        (capture: false)
              pending -> succeeded | canceled                               (capture: true)
    refund    pending -> succeeded | canceled

All methods are synchronous, so each is one step that nothing can interrupt. What the shop should hear of goes to
`announce` as a finished object, since a notification is a picture of the moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from emulators.yookassa import rendering
from emulators.yookassa.errors import invalid, not_found
from emulators.yookassa.journal import Journal
from emulators.yookassa.records import (
    Cancellation,
    JsonObject,
    Payment,
    Receipt,
    Refund,
    Shop,
    Status,
    new_id,
)
from emulators.yookassa.requests import NewPayment, NewReceipt, NewRefund
from emulators.yookassa.shelf import Shelf
from kit.money import Money

HOLD = {"bank_card": timedelta(days=7), "sberbank": timedelta(days=7)}
HOLD_OTHERWISE = timedelta(hours=6)
"""How long money stays held, by the means of payment.

Source: https://yookassa.ru/developers/payment-acceptance/getting-started/payment-process
"""

Announce = Callable[[Shop, str, JsonObject], None]


class NotPossible(Exception):
    """A buyer, or a test in his place, asks for a step that the payment's state does not allow."""

    def __init__(self, payment: Payment, step: str) -> None:
        self.payment, self.step = payment, step
        super().__init__(f"cannot {step} payment {payment.id}: it is {payment.status.value}")


class RefundOutcome(StrEnum):
    """What becomes of the next refund."""

    SUCCEEDS = "succeeds"
    STAYS_PENDING = "stays pending"
    LACKS_FUNDS = "lacks funds"


@dataclass(frozen=True, slots=True)
class Terms:
    """Times that the service grants. `registration` is how long the cash register takes with a receipt."""

    confirmation: timedelta = timedelta(hours=1)
    registration: timedelta = timedelta(seconds=2)


class Bank:
    def __init__(
        self,
        shops: Iterable[Shop],
        *,
        journal: Journal,
        shelf: Shelf,
        clock: Callable[[], datetime],
        terms: Terms,
        announce: Announce,
        checkout_url: Callable[[str], str],
    ) -> None:
        self.shops = {shop.id: shop for shop in shops}
        self.clock = clock
        self.refund_outcomes: list[RefundOutcome] = []
        """Outcomes of the coming refunds, first come first served; empty means that they succeed."""
        self._journal, self._shelf, self._terms = journal, shelf, terms
        self._announce, self._checkout_url = announce, checkout_url
        self.payments = {payment.id: payment for payment in shelf.all("payments", Payment)}
        self.refunds = {refund.id: refund for refund in shelf.all("refunds", Refund)}
        self.receipts = {receipt.id: receipt for receipt in shelf.all("receipts", Receipt)}
        self._unfinished = {p.id: p for p in self.payments.values() if p.status in (Status.PENDING, Status.WAITING)}

    # ---- what the API shows

    def payment(self, shop: Shop, payment_id: str) -> Payment:
        payment = self.payments.get(payment_id)
        if payment is None or payment.shop != shop.id:
            raise not_found("Payment", "payment_id")
        return payment

    def show(self, payment: Payment) -> JsonObject:
        return rendering.payment_object(
            payment,
            self.shops[payment.shop],
            checkout_url=self._checkout_url(payment.id),
            receipt_status=self._receipt_status(payment.receipt_id),
        )

    def show_refund(self, refund: Refund) -> JsonObject:
        return rendering.refund_object(refund, receipt_status=self._receipt_status(refund.receipt_id))

    def show_receipt(self, receipt: Receipt) -> JsonObject:
        return rendering.receipt_object(receipt, self.clock())

    def _receipt_status(self, receipt_id: str | None) -> str | None:
        return None if receipt_id is None else rendering.receipt_status(self.receipts[receipt_id], self.clock())

    # ---- what the shop asks for

    def create(self, shop: Shop, wanted: NewPayment) -> Payment:
        now = self.clock()
        payment = Payment(
            id=new_id(now),
            shop=shop.id,
            amount=wanted.amount,
            capture=wanted.capture,
            return_url=wanted.return_url,
            created_at=now,
            expires_at=now + self._terms.confirmation,
            test=shop.test,
            description=wanted.description,
            locale=wanted.locale,
            metadata=wanted.metadata,
            receipt=wanted.receipt,
            asked_method=wanted.method,
            refunded=Money(0, wanted.amount.currency),
            customer=wanted.customer,
        )
        self.payments[payment.id] = self._unfinished[payment.id] = payment
        self._keep(payment)
        self._journal.write("created", payment, payment.amount, now)
        return payment

    def capture(self, payment: Payment, amount: Money, receipt: JsonObject | None) -> Payment:
        """Take the held money, or a part of it; the rest goes back to the buyer and `amount` becomes that part."""
        if payment.status is not Status.WAITING:
            raise invalid(f"The payment can't be captured: its status is {payment.status.value}", "payment_id")
        payment.amount = amount
        payment.receipt = receipt or payment.receipt
        self._succeed(payment)
        return payment

    def cancel(self, payment: Payment) -> Payment:
        """Give held money back. A payment that the buyer has not confirmed cannot be cancelled, only expire."""
        if payment.status is not Status.WAITING:
            raise invalid(f"The payment can't be canceled: its status is {payment.status.value}", "payment_id")
        self._cancel(payment, "merchant", "canceled_by_merchant")
        return payment

    def refund(self, shop: Shop, wanted: NewRefund) -> Refund:
        payment = self.payments.get(wanted.payment_id)
        if payment is None or payment.shop != shop.id:
            raise invalid("Payment not found or forbidden", "payment_id")
        if payment.status is not Status.SUCCEEDED:
            raise invalid("Only a succeeded payment can be refunded", "payment_id")
        if wanted.amount.currency != payment.amount.currency:
            raise invalid("The currency doesn't match the payment", "amount.currency")
        if wanted.amount > payment.amount - self._spoken_for(payment):
            raise invalid("The amount exceeds what is left of the payment", "amount.value")
        if shop.receipts_required and wanted.amount < payment.amount and wanted.receipt is None:
            raise invalid("Receipt is missing or illegal", "receipt")
        now = self.clock()
        refund = Refund(
            id=new_id(now, "0015"),
            shop=shop.id,
            payment_id=payment.id,
            amount=wanted.amount,
            created_at=now,
            description=wanted.description,
            metadata=wanted.metadata,
            receipt=wanted.receipt or (payment.receipt if wanted.amount == payment.amount else None),
        )
        self.refunds[refund.id] = refund
        outcome = self.refund_outcomes.pop(0) if self.refund_outcomes else RefundOutcome.SUCCEEDS
        if outcome is RefundOutcome.STAYS_PENDING:
            self._shelf.put("refunds", refund.id, refund)
        else:
            self.finish_refund(refund.id, succeeds=outcome is RefundOutcome.SUCCEEDS)
        return refund

    def register(self, shop: Shop, wanted: NewReceipt) -> Receipt:
        """A receipt sent on its own, for a payment or a refund that exists."""
        known = self.payments if wanted.kind == "payment" else self.refunds
        subject = known.get(wanted.object_id)
        if subject is None or subject.shop != shop.id:
            raise invalid(f"{wanted.kind.capitalize()} not found or forbidden", f"{wanted.kind}_id")
        return self._receipt(
            shop.id, wanted.kind, wanted.object_id, wanted.items, wanted.tax_system_code, wanted.settlements
        )

    # ---- what happens outside the shop

    def pay(self, payment_id: str, method: str | None = None) -> Payment:
        """The buyer pays: the money is taken at once or held, as the shop asked. Raises NotPossible unless pending."""
        payment = self._pending(payment_id, "pay")
        kind = method or payment.asked_method or "bank_card"
        payment.method = rendering.method_object(kind, payment.id)
        if payment.capture:
            self._succeed(payment)
            return payment
        now = self.clock()
        payment.status = Status.WAITING
        payment.expires_at = now + HOLD.get(kind, HOLD_OTHERWISE)
        self._keep(payment)
        self._journal.write("held", payment, payment.amount, now)
        self._announce(self.shops[payment.shop], "payment.waiting_for_capture", self.show(payment))
        return payment

    def decline(self, payment_id: str, party: str = "payment_network", reason: str = "general_decline") -> Payment:
        """The bank or the buyer says no."""
        payment = self._pending(payment_id, "decline")
        self._cancel(payment, party, reason)
        return payment

    def expire(self, payment_id: str) -> Payment:
        """Time runs out for the buyer (pending) or for the shop (held)."""
        payment = self.payments[payment_id]
        if payment.status is Status.PENDING:
            self._cancel(payment, "yoo_money", "expired_on_confirmation")
        elif payment.status is Status.WAITING:
            self._cancel(payment, "yoo_money", "expired_on_capture")
        else:
            raise NotPossible(payment, "expire")
        return payment

    def expire_due(self) -> None:
        """Cancel what nobody paid or captured in time."""
        now = self.clock()
        for payment in [p for p in self._unfinished.values() if p.expires_at <= now]:
            self.expire(payment.id)

    def finish_refund(self, refund_id: str, *, succeeds: bool = True) -> Refund:
        """End a pending refund. A canceled one is announced by nobody: the service has no such event."""
        refund = self.refunds[refund_id]
        payment = self.payments[refund.payment_id]
        if refund.status is not Status.PENDING:
            raise NotPossible(payment, "finish a refund of")
        if not succeeds:
            refund.status = Status.CANCELED
            refund.cancellation = Cancellation("yoo_money", "insufficient_funds")
            self._shelf.put("refunds", refund.id, refund)
            return refund
        now = self.clock()
        refund.status = Status.SUCCEEDED
        payment.refunded += refund.amount
        if refund.receipt is not None:
            items, tax = refund.receipt["items"], refund.receipt.get("tax_system_code")
            refund.receipt_id = self._receipt(refund.shop, "refund", refund.id, items, tax, []).id
        self._shelf.put("refunds", refund.id, refund)
        self._keep(payment)
        self._journal.write("refunded", payment, refund.amount, now, refund_id=refund.id)
        self._announce(self.shops[refund.shop], "refund.succeeded", self.show_refund(refund))
        return refund

    # ---- steps shared by the above

    def _pending(self, payment_id: str, step: str) -> Payment:
        self.expire_due()
        payment = self.payments[payment_id]
        if payment.status is not Status.PENDING:
            raise NotPossible(payment, step)
        return payment

    def _succeed(self, payment: Payment) -> None:
        now = self.clock()
        payment.status = Status.SUCCEEDED
        payment.captured_at = now
        del self._unfinished[payment.id]
        if payment.receipt is not None:
            items, tax = payment.receipt["items"], payment.receipt.get("tax_system_code")
            payment.receipt_id = self._receipt(payment.shop, "payment", payment.id, items, tax, []).id
        self._keep(payment)
        self._journal.write("paid", payment, payment.amount, now)
        self._announce(self.shops[payment.shop], "payment.succeeded", self.show(payment))

    def _cancel(self, payment: Payment, party: str, reason: str) -> None:
        payment.status = Status.CANCELED
        payment.cancellation = Cancellation(party, reason)
        del self._unfinished[payment.id]
        self._keep(payment)
        self._journal.write("canceled", payment, payment.amount, self.clock())
        self._announce(self.shops[payment.shop], "payment.canceled", self.show(payment))

    def _spoken_for(self, payment: Payment) -> Money:
        """What was returned already, and what refunds under way will return."""
        under_way = [
            refund.amount
            for refund in self.refunds.values()
            if refund.payment_id == payment.id and refund.status is Status.PENDING
        ]
        return sum(under_way, payment.refunded)

    def _receipt(
        self,
        shop: str,
        kind: str,
        subject: str,
        items: list[JsonObject],
        tax_system_code: int | None,
        settlements: list[JsonObject],
    ) -> Receipt:
        now = self.clock()
        receipt = Receipt(
            id="rt-" + new_id(now),
            shop=shop,
            kind=kind,
            created_at=now,
            registered_at=now + self._terms.registration,
            items=items,
            payment_id=subject if kind == "payment" else None,
            refund_id=subject if kind == "refund" else None,
            settlements=settlements,
            tax_system_code=tax_system_code,
            number=len(self.receipts) + 1,
        )
        self.receipts[receipt.id] = receipt
        self._shelf.put("receipts", receipt.id, receipt)
        return receipt

    def _keep(self, payment: Payment) -> None:
        self._shelf.put("payments", payment.id, payment)
