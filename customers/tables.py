"""Tables of customers: their cards, contacts, own fields, identities on channels, and what was merged."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.parts import Parts
from storage.schema import Base, Id, ref


class Customer(Base):
    """One person who buys from one shop."""

    __tablename__ = "customer"
    __table_args__ = (sa.Index("ix_customer_shop_id_phone", "shop_id", "phone"),)

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id")
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    phone: Mapped[str | None] = mapped_column(sa.String(20))
    """The main one of the customer's phones, E.164: "+79001234567". Written by customers.contacts alone."""
    email: Mapped[str | None] = mapped_column(sa.String(254))
    city: Mapped[str] = mapped_column(sa.String(120), default="")
    address: Mapped[str] = mapped_column(sa.String(500), default="")
    """The address of the last order, offered at the next one."""
    locale: Mapped[str] = mapped_column(sa.String(5), default="ru")
    tags: Mapped[list[str]] = mapped_column(default=list)
    note: Mapped[str] = mapped_column(sa.Text, default="")
    merged_into_id: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    """The card that stands for this one since they were merged; a card with it is shown nowhere. Without a foreign
    key, which SQLite cannot give to a table that stands."""
    created_at: Mapped[datetime]


NAMES = Parts("customer", ("name",))
NAMES.build()


class ContactKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"


class Contact(Base):
    """A phone or an e-mail of a customer. The main one of each kind stands in the customer's row as well."""

    __tablename__ = "customer_contact"
    __table_args__ = (
        sa.UniqueConstraint("customer_id", "kind", "value"),
        sa.Index("ix_customer_contact_value", "shop_id", "kind", "value"),
    )

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    customer_id: Mapped[int] = ref("customer.id", index=False)
    kind: Mapped[ContactKind] = mapped_column(sa.String(10))
    value: Mapped[str] = mapped_column(sa.String(254))
    """As customers.contacts.normal makes it: E.164, or an address in small letters."""
    created_at: Mapped[datetime]


class FieldKind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    FLAG = "flag"
    CHOICE = "choice"
    LINK = "link"


class Field(Base):
    """Something that a shop wants to know of its customers and that no card has by itself."""

    __tablename__ = "customer_field"
    __table_args__ = (sa.UniqueConstraint("shop_id", "name"),)

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    name: Mapped[str] = mapped_column(sa.String(80))
    kind: Mapped[FieldKind] = mapped_column(sa.String(10))
    options: Mapped[list[Any]] = mapped_column(default=list)
    """Of a choice: [{"id": 1, "name": "…", "off": false}]; `off` is offered no more and still read."""
    required: Mapped[bool] = mapped_column(default=False)
    beside: Mapped[bool] = mapped_column(default=True)
    """Shown beside the conversation too, and not only on the card."""
    position: Mapped[int] = mapped_column(default=0)
    archived_at: Mapped[datetime | None]


class FieldValue(Base):
    """What one customer's field holds. A field without a value has no row."""

    __tablename__ = "customer_value"
    __table_args__ = (sa.Index("ix_customer_value_field_id_value", "field_id", "value"),)

    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), primary_key=True)
    field_id: Mapped[int] = mapped_column(sa.ForeignKey("customer_field.id"), primary_key=True)
    value: Mapped[str] = mapped_column(sa.String(500))
    """Written so that texts compare as values do: customers.fields.normal."""


class Merge(Base):
    """One card put into another: what moved, and what the kept card was before, so that it can be taken back."""

    __tablename__ = "customer_merge"

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    kept_id: Mapped[int] = ref("customer.id")
    gone_id: Mapped[int] = ref("customer.id")
    actor: Mapped[str] = mapped_column(sa.String(60))
    at: Mapped[datetime]
    moved: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What each owner of rows has moved, by the column that leads to the customer: customers.merging.Holder."""
    card: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What changed on the kept card: customers.joining."""
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str] = mapped_column(sa.String(60), default="")


class Apart(Base):
    """Two cards that somebody has said are two people. `one_id` is the smaller number."""

    __tablename__ = "customer_apart"

    one_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), primary_key=True)
    other_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), primary_key=True)
    actor: Mapped[str] = mapped_column(sa.String(60))
    at: Mapped[datetime]


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
