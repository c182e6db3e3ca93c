"""Tables of carts, orders, pipelines and stage history."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from kit.money import Money
from storage.parts import Parts
from storage.schema import Base, Id, Minor, ref

_delivered = sa.text("courier_id IS NOT NULL")


class Group(StrEnum):
    """What a stage means to the rest of the system, whatever the shop calls it."""

    NEW = "new"
    APPROVAL = "approval"
    ASSEMBLING = "assembling"
    DELIVERY = "delivery"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


class Cart(Base):
    """What a customer is about to buy: one per customer and shop, shared by the bot and the operators."""

    __tablename__ = "cart"
    __table_args__ = (sa.UniqueConstraint("shop_id", "customer_id"),)

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    customer_id: Mapped[int] = ref("customer.id")
    updated_at: Mapped[datetime]

    lines: Mapped[list[CartLine]] = relationship(
        order_by="CartLine.id", lazy="raise", cascade="all, delete-orphan", passive_deletes=False
    )


class CartLine(Base):
    __tablename__ = "cart_line"
    __table_args__ = (
        sa.UniqueConstraint("cart_id", "variant_id"),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
    )

    id: Mapped[Id]
    cart_id: Mapped[int] = ref("cart.id", index=False)
    variant_id: Mapped[int] = ref("variant.id", index=False)
    quantity: Mapped[int]
    price_seen: Mapped[Minor]
    """The price that the customer saw last; a difference at checkout is told before it is charged."""


class Pipeline(Base):
    __tablename__ = "pipeline"

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id")
    name: Mapped[str] = mapped_column(sa.String(120))
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)
    position: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    """Grows with every change of it or its stages: nobody changes what he has not seen."""

    stages: Mapped[list[Stage]] = relationship(order_by="Stage.position", lazy="raise")
    """Those put out of use stand behind the others."""


class Stage(Base):
    """A step of a pipeline. Stages are the shop's data; `group` tells the system what one means."""

    __tablename__ = "stage"
    __table_args__ = (sa.UniqueConstraint("pipeline_id", "code"),)

    id: Mapped[Id]
    pipeline_id: Mapped[int] = ref("pipeline.id", index=False)
    code: Mapped[str] = mapped_column(sa.String(40))
    name: Mapped[str] = mapped_column(sa.String(120))
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)
    colour: Mapped[str] = mapped_column(sa.String(20), default="new")
    """A token of the console's palette: one of orders.pipeline_editing.COLOURS."""
    group: Mapped[Group] = mapped_column(sa.String(20))
    next_codes: Mapped[list[str]] = mapped_column(default=list)
    """Codes of the stages that an order may go to from here."""
    roles: Mapped[list[str]] = mapped_column(default=list)
    """Roles of staff that may move an order into this stage; empty means all. The system always may."""
    needs_payment: Mapped[bool] = mapped_column(default=False)
    """Entering asks for full payment, unless the order is to be paid on receipt."""
    position: Mapped[int] = mapped_column(default=0)
    archived: Mapped[bool] = mapped_column(default=False)
    """Out of use: nothing leads here any more. Orders that stand here go on from here."""


class Order(Base):
    """An agreement to sell. Names and prices are a snapshot; totals are stored and recounted on every change."""

    __tablename__ = "order"
    __table_args__ = (
        sa.UniqueConstraint("shop_id", "number"),
        sa.UniqueConstraint("shop_id", "dedup_key"),
        sa.Index("ix_order_shop_id_stage_id", "shop_id", "stage_id"),
        # The board reads its columns' newest orders and their sums from this index alone.
        sa.Index("ix_order_board", "shop_id", "pipeline_id", "stage_id", "id", "total"),
        sa.Index("ix_order_by_total", "shop_id", "total", "id"),
        sa.Index("ix_order_by_update", "shop_id", "updated_at", "id"),
        # A courier's page, among very many orders that nobody of the shop delivers.
        sa.Index("ix_order_courier", "courier_id", "id", sqlite_where=_delivered, postgresql_where=_delivered),
        # What each customer has bought is read from this index alone.
        sa.Index("ix_order_bought", "shop_id", "customer_id", "paid", "created_at"),
        sa.CheckConstraint("total >= 0", name="total_not_negative"),
    )

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    number: Mapped[int]
    """The order's own number in its shop, from 1001 on."""
    version: Mapped[int] = mapped_column(default=1)
    """Grows with every change of content or sum; a payment link belongs to one version."""
    dedup_key: Mapped[str | None] = mapped_column(sa.String(80))
    """The act that made the order; the same act again finds it instead of making another."""
    customer_id: Mapped[int] = ref("customer.id")
    account_id: Mapped[int | None] = ref("channel_account.id", nullable=True, index=False)
    """The channel the order came from; None for one made by an operator without a conversation."""
    conversation_id: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    """Where to talk about it. The inbox stands above orders, so no foreign key."""
    pipeline_id: Mapped[int] = ref("pipeline.id", index=False)
    stage_id: Mapped[int] = ref("stage.id", index=False)
    responsible_id: Mapped[int | None] = ref("staff.id", nullable=True, index=False)
    courier_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    """Who of the staff takes it to the customer."""
    currency: Mapped[str] = mapped_column(sa.String(3), default="RUB")
    goods: Mapped[Minor] = mapped_column(default=0)
    discount: Mapped[Minor] = mapped_column(default=0)
    delivery_price: Mapped[Minor] = mapped_column(default=0)
    total_amount: Mapped[Minor] = mapped_column("total", default=0)
    paid_amount: Mapped[Minor] = mapped_column("paid", default=0)
    """Captured minus refunded, over all payments."""
    payment_method: Mapped[str] = mapped_column(sa.String(20), default="online")
    """online: by link before assembling; on_receipt: cash or transfer confirmed by staff."""
    delivery_method: Mapped[str] = mapped_column(sa.String(40), default="")
    """A code of the shop's delivery methods (company.settings)."""
    recipient: Mapped[str] = mapped_column(sa.String(200), default="")
    phone: Mapped[str] = mapped_column(sa.String(20), default="")
    email: Mapped[str] = mapped_column(sa.String(254), default="")
    address: Mapped[str] = mapped_column(sa.String(500), default="")
    comment: Mapped[str] = mapped_column(sa.Text, default="")
    """What the buyer asked for."""
    note: Mapped[str] = mapped_column(sa.Text, default="")
    """For the staff only."""
    flag: Mapped[str] = mapped_column(sa.String(40), default="")
    """Why a person must look at the money of this order (late_payment, wrong_amount …); empty when all is well."""
    paid_at: Mapped[datetime | None]
    reserved_until: Mapped[datetime | None]
    """When the reservation of an unpaid order ends; None once paid, or when it never ends."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    lines: Mapped[list[OrderLine]] = relationship(
        order_by="OrderLine.position", lazy="raise", cascade="all, delete-orphan", passive_deletes=False
    )
    stage: Mapped[Stage] = relationship(lazy="raise")

    @property
    def total(self) -> Money:
        return Money(self.total_amount, self.currency)

    @property
    def paid(self) -> Money:
        return Money(self.paid_amount, self.currency)


ADDRESSED = Parts("order", ("recipient", "phone"))
ADDRESSED.build()


class OrderLine(Base):
    __tablename__ = "order_line"
    __table_args__ = (
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.CheckConstraint("price >= 0", name="price_not_negative"),
    )

    id: Mapped[Id]
    order_id: Mapped[int] = ref("order.id")
    position: Mapped[int] = mapped_column(default=0)
    variant_id: Mapped[int | None] = ref("variant.id", nullable=True)
    sku: Mapped[str] = mapped_column(sa.String(60))
    name: Mapped[str] = mapped_column(sa.String(200))
    attributes: Mapped[list[Any]] = mapped_column(default=list)
    price: Mapped[Minor]
    purchase_price: Mapped[Minor | None]
    quantity: Mapped[int]
    vat_code: Mapped[int | None]
    payment_subject: Mapped[str | None] = mapped_column(sa.String(40))


class StageMove(Base):
    """One step of an order's history. Rows are never changed or removed: triggers refuse it."""

    __tablename__ = "stage_move"

    order_id: Mapped[int] = mapped_column(sa.ForeignKey("order.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    from_stage_id: Mapped[int | None] = ref("stage.id", nullable=True, index=False)
    to_stage_id: Mapped[int] = ref("stage.id", index=False)
    actor: Mapped[str] = mapped_column(sa.String(60))
    """staff:3, customer:8, bot, payment, schedule."""
    reason: Mapped[str] = mapped_column(sa.String(500), default="")
    at: Mapped[datetime]


class OrderNumber(Base):
    """The last number given out in a shop."""

    __tablename__ = "order_number"

    shop_id: Mapped[int] = mapped_column(sa.ForeignKey("shop.id"), primary_key=True)
    last: Mapped[int]
