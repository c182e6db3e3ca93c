"""Tables of payment accounts, payments, refunds and the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Base, Id, Minor, ref


class PaymentAccount(Base):
    """A shop's account with a payment provider."""

    __tablename__ = "payment_account"

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id")
    provider: Mapped[str] = mapped_column(sa.String(20))
    """A key of payments.providers.PROVIDERS: "yookassa", "manual"."""
    name: Mapped[str] = mapped_column(sa.String(120))
    external_id: Mapped[str] = mapped_column(sa.String(60), default="")
    """The provider's id of the shop; a payment of another account is never ours."""
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    secret: Mapped[str | None] = mapped_column(sa.Text)
    test: Mapped[bool] = mapped_column(default=False)
    """Whether test-mode payments count. A test payment on a live account is flagged, never applied."""
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class Payment(Base):
    """One attempt to pay one version of an order. `token` is the short link's secret part."""

    __tablename__ = "payment"
    __table_args__ = (sa.UniqueConstraint("account_id", "provider_id"),)

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id")
    order_id: Mapped[int] = ref("order.id")
    order_version: Mapped[int]
    account_id: Mapped[int] = ref("payment_account.id", index=False)
    token: Mapped[str] = mapped_column(sa.String(24), unique=True)
    key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """The idempotence key, written before the provider is called."""
    state: Mapped[str] = mapped_column(sa.String(20), default="new", index=True)
    """new → pending → authorised → paid, or cancelled. Moves forward only; `replaced` when the order changed."""
    amount: Mapped[Minor]
    currency: Mapped[str] = mapped_column(sa.String(3))
    paid_amount: Mapped[Minor] = mapped_column(default=0)
    refunded_amount: Mapped[Minor] = mapped_column(default=0)
    provider_id: Mapped[str | None] = mapped_column(sa.String(60))
    confirmation_url: Mapped[str | None] = mapped_column(sa.String(500))
    method: Mapped[str] = mapped_column(sa.String(60), default="")
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    receipt: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]


class Refund(Base):
    __tablename__ = "refund"

    id: Mapped[Id]
    payment_id: Mapped[int] = ref("payment.id")
    order_id: Mapped[int] = ref("order.id")
    key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    provider_id: Mapped[str | None] = mapped_column(sa.String(60))
    state: Mapped[str] = mapped_column(sa.String(20), default="new")
    """new → pending → succeeded | cancelled."""
    amount: Mapped[Minor]
    reason: Mapped[str] = mapped_column(sa.String(250))
    actor: Mapped[str] = mapped_column(sa.String(60))
    receipt: Mapped[dict[str, Any] | None]
    error: Mapped[str] = mapped_column(sa.String(300), default="")
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class LedgerEntry(Base):
    """Money that really moved. The unique key is what makes an effect happen once."""

    __tablename__ = "ledger_entry"
    __table_args__ = (sa.UniqueConstraint("payment_id", "effect", "effect_id"),)

    id: Mapped[Id]
    payment_id: Mapped[int] = ref("payment.id", index=False)
    effect: Mapped[str] = mapped_column(sa.String(20))
    """capture, refund."""
    effect_id: Mapped[str] = mapped_column(sa.String(60))
    amount: Mapped[Minor]
    """Minor units; negative for a refund."""
    at: Mapped[datetime]


class MoneyQuestion(Base):
    """Money that does not fit: late, wrong, foreign. A person decides; nothing is ever ignored."""

    __tablename__ = "money_question"
    __table_args__ = (sa.UniqueConstraint("payment_id", "kind"),)

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id")
    payment_id: Mapped[int] = ref("payment.id", index=False)
    order_id: Mapped[int] = ref("order.id")
    kind: Mapped[str] = mapped_column(sa.String(40))
    """late_payment, wrong_amount, wrong_currency, wrong_account, test_payment, wrong_order, second_payment."""
    amount: Mapped[Minor]
    detail: Mapped[str] = mapped_column(sa.String(300), default="")
    created_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str] = mapped_column(sa.String(60), default="")
