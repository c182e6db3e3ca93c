"""Tables of customers and their identities on channels."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Base, Id, ref


class Customer(Base):
    """One person who buys from one shop."""

    __tablename__ = "customer"
    __table_args__ = (sa.Index("ix_customer_shop_id_phone", "shop_id", "phone"),)

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id")
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    phone: Mapped[str | None] = mapped_column(sa.String(20))
    """E.164: "+79001234567"."""
    email: Mapped[str | None] = mapped_column(sa.String(254))
    city: Mapped[str] = mapped_column(sa.String(120), default="")
    address: Mapped[str] = mapped_column(sa.String(500), default="")
    """The address of the last order, offered at the next one."""
    locale: Mapped[str] = mapped_column(sa.String(5), default="ru")
    tags: Mapped[list[str]] = mapped_column(default=list)
    note: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[datetime]


class Identity(Base):
    """Who a customer is on one channel account: a Telegram user of one bot, a visitor of one site."""

    __tablename__ = "identity"
    __table_args__ = (sa.UniqueConstraint("account_id", "external_id"),)

    id: Mapped[Id]
    account_id: Mapped[int] = ref("channel_account.id", index=False)
    external_id: Mapped[str] = mapped_column(sa.String(120))
    customer_id: Mapped[int] = ref("customer.id")
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    username: Mapped[str] = mapped_column(sa.String(120), default="")
    created_at: Mapped[datetime]
