"""Money that no provider moves: cash to the courier, a transfer between cards. Only the shop's people see it arrive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from kit.money import Money
from payments.providers.base import (
    Charge,
    Notice,
    PaymentState,
    ProviderPayment,
    ProviderRefund,
    ProviderRefused,
    Receipt,
    RefundState,
    check_key,
)


class Manual:
    """Remembers nothing: the state of such a payment is what the shop has written down.

    `create` answers pending without a link; once an operator says that the money came, `received` gives the same
    picture that a provider's answer would.
    """

    name = "manual"
    can_be_asked = False

    def __init__(self, account: str = "") -> None:
        self._account = account

    async def create(self, charge: Charge) -> ProviderPayment:
        return self._payment(f"manual-{charge.key}", PaymentState.PENDING, charge.amount, charge.metadata)

    def received(self, provider_id: str, amount: Money, metadata: Mapping[str, str] | None = None) -> ProviderPayment:
        """The payment after an operator confirmed that `amount` came in."""
        return self._payment(provider_id, PaymentState.PAID, amount, metadata or {})

    async def cancel(self, provider_id: str, *, key: str) -> ProviderPayment:
        check_key(key)
        raise ProviderRefused("only_the_shop_knows", "a manual payment is cancelled by forgetting it")

    async def capture(
        self, provider_id: str, amount: Money, *, key: str, receipt: Receipt | None = None
    ) -> ProviderPayment:
        raise ProviderRefused("only_the_shop_knows", "a manual payment is never held")

    async def refund(
        self, provider_id: str, amount: Money, *, key: str, reason: str, receipt: Receipt | None = None
    ) -> ProviderRefund:
        """Done as soon as it is written down: the operator hands the money over."""
        check_key(key)
        return ProviderRefund(f"manual-{key}", provider_id, RefundState.SUCCEEDED, amount)

    async def fetch(self, provider_id: str) -> ProviderPayment:
        raise ProviderRefused("only_the_shop_knows", "there is nobody to ask about a manual payment")

    async def fetch_refund(self, refund_id: str) -> ProviderRefund:
        raise ProviderRefused("only_the_shop_knows", "there is nobody to ask about a manual refund")

    async def find(self, key: str, value: str, *, since: datetime) -> list[ProviderPayment]:
        return []

    async def refunds_of(self, provider_id: str) -> list[ProviderRefund]:
        return []

    def notice(self, body: bytes) -> Notice | None:
        return None

    async def close(self) -> None:
        """Nothing is open."""

    def _payment(
        self, provider_id: str, state: PaymentState, amount: Money, metadata: Mapping[str, str]
    ) -> ProviderPayment:
        nothing = Money(0, amount.currency)
        return ProviderPayment(
            provider_id=provider_id,
            state=state,
            amount=amount,
            paid=amount if state is PaymentState.PAID else nothing,
            refunded=nothing,
            test=False,
            account=self._account,
            metadata=dict(metadata),
        )
