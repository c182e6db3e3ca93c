"""Tables of customers: their cards, contacts, own fields, consents, identities on channels, and what was merged."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.parts import Parts
from storage.schema import Base, Id, ref

_shown = sa.text("phone IS NOT NULL")


class Customer(Base):
    """One person who buys from one shop."""

    __tablename__ = "customer"
    __table_args__ = (
        sa.Index("ix_customer_shop_id_phone", "shop_id", "phone"),
        sa.Index(
            "ix_customer_dedup_key",
            "shop_id",
            "dedup_key",
            unique=True,
            sqlite_where=sa.text("dedup_key IS NOT NULL"),
            postgresql_where=sa.text("dedup_key IS NOT NULL"),
        ),
    )

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
    dedup_key: Mapped[str | None] = mapped_column(sa.String(80))
    """The form that a card made by hand came from."""
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    """When all that told of the person was taken away: automation.erasing. The row stays for orders and money."""


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


class ConsentTo(StrEnum):
    """What a customer is asked for, each apart from the other."""

    PERSONAL_DATA = "personal_data"
    """That the shop keeps and works with what it knows of him: 152-FZ, article 9."""
    MARKETING = "marketing"
    """That the shop writes to him first, with offers: 152-FZ, article 15, and 38-FZ, article 18."""


class ConsentVia(StrEnum):
    """How the shop learned of it."""

    CHANNEL = "channel"
    """The customer himself, to the shop's bot or in the chat of its site."""
    OPERATOR = "operator"
    IMPORT = "import"


class Consent(Base):
    """One thing that a customer said: he agrees, or he agrees no more. Rows are added only; the latest one holds."""

    __tablename__ = "customer_consent"
    __table_args__ = (sa.Index("ix_customer_consent_customer_id", "customer_id", "what", "id"),)

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    customer_id: Mapped[int] = ref("customer.id", index=False)
    what: Mapped[ConsentTo] = mapped_column(sa.String(20))
    given: Mapped[bool]
    """False: taken back."""
    via: Mapped[ConsentVia] = mapped_column(sa.String(10))
    account_id: Mapped[int | None] = ref("channel_account.id", nullable=True, index=False)
    """The channel on which he said it himself."""
    words: Mapped[str] = mapped_column(sa.Text, default="")
    """The very text that he said yes to; empty where it was not shown by us."""
    reason: Mapped[str] = mapped_column(sa.String(500), default="")
    """What the operator knows it from."""
    actor: Mapped[str] = mapped_column(sa.String(60))
    at: Mapped[datetime]
    void_at: Mapped[datetime | None]
    """When the file that it came from was taken back: it stays to be read, and holds no more."""


class DidToCard(StrEnum):
    """What a row of a file did."""

    MADE = "made"
    FILLED = "filled"
    """The shop knew him, and his card has got what it lacked."""
    NOTHING = "nothing"
    """But for consents, perhaps."""


class TakenBack(StrEnum):
    """What came of a row when its file was taken back."""

    NO = ""
    GONE = "gone"
    """The card that it made is removed."""
    BACK = "back"
    """The card that it completed is as it was, and the consents that it brought hold no more."""
    KEPT = "kept"
    """Somebody has had to do with the card since: it stays, or a part of what the row did."""


class CardImport(Base):
    """A file of customers that was taken in."""

    __tablename__ = "customer_import"
    __table_args__ = (sa.Index("ix_customer_import_shop_id_id", "shop_id", "id"),)

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    actor: Mapped[str] = mapped_column(sa.String(60))
    name: Mapped[str] = mapped_column(sa.String(200))
    """Of the file."""
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """customers.importing.Taken by name."""
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    """None while it is being taken in, or if it was cut off."""
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str] = mapped_column(sa.String(60), default="")
    """Who began to take it back; with `undone_at` it is done."""


class CardImportRow(Base):
    """What one row of the file did to one card."""

    __tablename__ = "customer_import_row"
    __table_args__ = (sa.UniqueConstraint("import_id", "line"),)

    id: Mapped[Id]
    import_id: Mapped[int] = ref("customer_import.id", index=False)
    line: Mapped[int]
    customer_id: Mapped[int | None] = ref("customer.id", nullable=True)
    """None once the card is removed."""
    did: Mapped[DidToCard] = mapped_column(sa.String(10))
    done: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Of a card that was made, what it was then (customers.importing.state); of one that was completed, what
    customers.joining.part needs. Empty once it is taken back."""
    differs: Mapped[list[str]] = mapped_column(default=list)
    """What the card has otherwise than the file, by the names of customers.joining."""
    consents: Mapped[list[int]] = mapped_column(default=list)
    """The numbers of those that the row wrote."""
    taken_back: Mapped[TakenBack] = mapped_column(sa.String(10), default=TakenBack.NO)
    why: Mapped[list[str]] = mapped_column(default=list)
    """What stayed, or because of what: customers.import_undo."""


class Passport(Base):
    """A code by which a customer is known again in another messenger. The code itself is kept nowhere."""

    __tablename__ = "customer_passport"

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    customer_id: Mapped[int] = ref("customer.id")
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """SHA-256 of the code, in hexadecimal."""
    actor: Mapped[str] = mapped_column(sa.String(60))
    """Who asked for it: the customer, or a member of staff for him."""
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    conversation_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    """Where it was used."""
    merge_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    """What came of it; None while nothing did."""
    moved: Mapped[list[Any]] = mapped_column(default=list)
    """[order, the conversation that it had] of each order that went along."""


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
    why: Mapped[str] = mapped_column(sa.String(120), default="")
    """What proved that they are one person: the messengers that vouch for one number of both, "max telegram"; empty
    where somebody decided it."""
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
    __table_args__ = (
        sa.UniqueConstraint("account_id", "external_id"),
        sa.Index("ix_identity_phone", "phone", sqlite_where=_shown, postgresql_where=_shown),
    )

    id: Mapped[Id]
    account_id: Mapped[int] = ref("channel_account.id", index=False)
    external_id: Mapped[str] = mapped_column(sa.String(120))
    customer_id: Mapped[int] = ref("customer.id")
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    username: Mapped[str] = mapped_column(sa.String(120), default="")
    phone: Mapped[str | None] = mapped_column(sa.String(20))
    """The number that the messenger itself vouches for, E.164. Written by customers.proofs alone."""
    phone_at: Mapped[datetime | None]
    """When it last did."""
    created_at: Mapped[datetime]


class Portrait(Base):
    """The picture that a person shows of himself on a channel, or that he shows none. See customers.portraits."""

    __tablename__ = "portrait"

    identity_id: Mapped[int] = mapped_column(sa.ForeignKey("identity.id"), primary_key=True)
    file_id: Mapped[int | None] = ref("stored_file.id", nullable=True, index=False)
    at: Mapped[datetime]
    """When it was looked for."""
