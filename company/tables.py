"""Tables of shops, staff, sign-ins and channel accounts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Base, Id, Minor, ref


class Role(StrEnum):
    """What each may do stands in company.rights."""

    OWNER = "owner"
    MANAGER = "manager"
    OPERATOR = "operator"
    ACCOUNTANT = "accountant"
    COURIER = "courier"


class Shop(Base):
    """One shop: a catalogue, a currency, a set of pipelines. Several may share one installation."""

    __tablename__ = "shop"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(sa.String(200))
    currency: Mapped[str] = mapped_column(sa.String(3), default="RUB")
    locale: Mapped[str] = mapped_column(sa.String(5), default="ru")
    timezone: Mapped[str] = mapped_column(sa.String(60), default="Europe/Moscow")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Read and written through company.settings, which knows its shape."""
    created_at: Mapped[datetime]


class Staff(Base):
    """A person of the shop who signs in to the console."""

    __tablename__ = "staff"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    password_hash: Mapped[str] = mapped_column(sa.String(200))
    locale: Mapped[str] = mapped_column(sa.String(5), default="ru")
    theme: Mapped[str] = mapped_column(sa.String(8), default="auto")
    undo_seconds: Mapped[int] = mapped_column(default=0)
    """How long an answer waits after "Send", so that it can be taken back; 0: it leaves at once."""
    active: Mapped[bool] = mapped_column(default=True)
    link_code: Mapped[str | None] = mapped_column(sa.String(40), unique=True)
    """One-time code with which the person joins a messenger chat to this account; cleared when used."""
    created_at: Mapped[datetime]


class Membership(Base):
    """What a person may do in one shop."""

    __tablename__ = "membership"

    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id"), primary_key=True)
    shop_id: Mapped[int] = mapped_column(sa.ForeignKey("shop.id"), primary_key=True, index=True)
    role: Mapped[Role] = mapped_column(sa.String(20))
    """For one with an own set of rights, the role that the set begins with."""
    rights_set_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    """The company.tables.RightsSet that narrows the role; None for the role as it is."""


class Sees(StrEnum):
    """Whose conversations a person sees, with their customers and orders."""

    ALL = "all"
    OWN = "own"
    """Those that he leads."""
    OWN_AND_FREE = "free"
    """Those that he leads, and those that nobody does."""
    DELIVERIES = "deliveries"
    """None; of the orders those that he is to deliver."""


class RightsSet(Base):
    """Rights that an owner has put together under a name: a ready role, with some questions answered otherwise."""

    __tablename__ = "rights_set"
    __table_args__ = (sa.UniqueConstraint("shop_id", "name"),)

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    name: Mapped[str] = mapped_column(sa.String(60))
    role: Mapped[Role] = mapped_column(sa.String(20))
    """What the person may where the set says nothing."""
    sees: Mapped[Sees] = mapped_column(sa.String(12), default=Sees.ALL)
    purchase_prices: Mapped[bool] = mapped_column(default=False)
    totals: Mapped[bool] = mapped_column(default=False)
    export: Mapped[bool] = mapped_column(default=False)
    refund_most: Mapped[Minor | None]
    """What he may give back of one order in all; 0: nothing, None: any sum."""
    discount_most: Mapped[int | None]
    """The largest discount that he may give, in per cent of the goods; None: any."""
    version: Mapped[int] = mapped_column(default=1)
    """Grows with every change: nobody changes what he has not seen."""


class StaffPresence(Base):
    """When a person's console was last open, and whether he has said that he is away."""

    __tablename__ = "staff_presence"

    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id"), primary_key=True)
    seen_at: Mapped[datetime | None]
    away: Mapped[bool] = mapped_column(default=False)


class Listing(StrEnum):
    """A list of the console that a view can be saved of."""

    INBOX = "inbox"
    ORDERS = "orders"
    CUSTOMERS = "customers"


_own, _shared = sa.text("NOT shared"), sa.text("shared")


class SavedView(Base):
    """Filters, search and sort of a list under a name, for the one who made it or for the whole shop.

    What a query means is known to the list's own page alone: the table belongs to the people who keep it, and not to
    the domain of what is listed.
    """

    __tablename__ = "saved_view"
    __table_args__ = (
        sa.Index(
            "uq_saved_view_own",
            "shop_id",
            "staff_id",
            "listing",
            "name",
            unique=True,
            sqlite_where=_own,
            postgresql_where=_own,
        ),
        sa.Index(
            "uq_saved_view_shared",
            "shop_id",
            "listing",
            "name",
            unique=True,
            sqlite_where=_shared,
            postgresql_where=_shared,
        ),
    )

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    staff_id: Mapped[int] = ref("staff.id", index=False)
    """Who made it; the only one who has it unless it is shared."""
    shared: Mapped[bool] = mapped_column(default=False)
    listing: Mapped[Listing] = mapped_column(sa.String(20))
    name: Mapped[str] = mapped_column(sa.String(60))
    query: Mapped[str] = mapped_column(sa.String(2000), default="")
    """What stands after the question mark of the list's address."""
    position: Mapped[int] = mapped_column(default=0)


class SignIn(Base):
    """One signed-in browser. The key is a SHA-256 of the cookie, so a stolen table opens nothing."""

    __tablename__ = "sign_in"

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    staff_id: Mapped[int] = ref("staff.id")
    csrf: Mapped[str] = mapped_column(sa.String(64))
    agent: Mapped[str] = mapped_column(sa.String(200), default="")
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class SignInFailure(Base):
    """A refused sign-in, counted per account and per address to slow guessing down."""

    __tablename__ = "sign_in_failure"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(sa.String(254), index=True)
    address: Mapped[str] = mapped_column(sa.String(64), index=True)
    at: Mapped[datetime]


class ChannelAccount(Base):
    """A shop's account on a messenger: one bot, one community, one web chat site."""

    __tablename__ = "channel_account"

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id")
    channel: Mapped[str] = mapped_column(sa.String(20))
    """A key of bot.channels.CHANNELS: "telegram", "webchat"."""
    name: Mapped[str] = mapped_column(sa.String(120))
    external_id: Mapped[str] = mapped_column(sa.String(120), default="")
    """The account's own id or user name on its channel; for the web chat, the site key."""
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    secret: Mapped[str | None] = mapped_column(sa.Text)
    """Encrypted by kit.secrets; a bot token and a webhook secret live here."""
    place: Mapped[str] = mapped_column(sa.String(200), default="", server_default="")
    """How far the channel was read, in its own words; what comes after it is asked for next."""
    active: Mapped[bool] = mapped_column(default=True)
    health: Mapped[str] = mapped_column(sa.String(20), default="new")
    health_text: Mapped[str] = mapped_column(sa.String(300), default="")
    health_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
