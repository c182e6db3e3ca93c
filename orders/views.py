"""An order as pages and chats show it: plain data, names in the reader's language, sums as Money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from catalog.names import named
from company import settings
from company.tables import Shop
from kit.money import Money
from orders import delivery, reserving
from orders.tables import Group, Order


@dataclass(frozen=True, slots=True)
class LineView:
    id: int
    variant_id: int | None
    sku: str
    name: str
    price: Money
    quantity: int
    sum: Money


@dataclass(frozen=True, slots=True)
class OrderView:
    id: int
    number: int
    version: int
    stage_code: str
    stage_name: str
    colour: str
    group: Group
    pipeline_id: int
    customer_id: int
    account_id: int | None
    conversation_id: int | None
    responsible_id: int | None
    courier_id: int | None
    lines: tuple[LineView, ...]
    goods: Money
    discount: Money
    delivery: Money
    total: Money
    paid: Money
    left: Money
    """What is still to be paid; nothing for a cancelled order, or after a partial refund of a paid one."""
    payment_method: str
    delivery_method: str
    delivery_name: str
    recipient: str
    phone: str
    email: str
    address: str
    comment: str
    note: str
    flag: str
    paid_at: datetime | None
    reserved_until: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def is_paid(self) -> bool:
        return self.paid_at is not None

    @property
    def is_open(self) -> bool:
        return self.group not in (Group.COMPLETE, Group.CANCELLED)

    @property
    def count(self) -> int:
        """Pieces, not lines."""
        return sum(line.quantity for line in self.lines)


def view(order: Order, shop: Shop, locale: str) -> OrderView:
    """The order, with its lines and stage loaded, for a reader of `locale`. Line names stay as they were sold."""
    group = Group(order.stage.group)
    owes = group is not Group.CANCELLED and not reserving.settled(order)
    return OrderView(
        id=order.id,
        number=order.number,
        version=order.version,
        stage_code=order.stage.code,
        stage_name=named(order.stage, locale),
        colour=order.stage.colour,
        group=group,
        pipeline_id=order.pipeline_id,
        customer_id=order.customer_id,
        account_id=order.account_id,
        conversation_id=order.conversation_id,
        responsible_id=order.responsible_id,
        courier_id=order.courier_id,
        lines=tuple(
            LineView(
                id=line.id,
                variant_id=line.variant_id,
                sku=line.sku,
                name=line.name,
                price=Money(line.price, order.currency),
                quantity=line.quantity,
                sum=Money(line.price, order.currency) * line.quantity,
            )
            for line in order.lines
        ),
        goods=Money(order.goods, order.currency),
        discount=Money(order.discount, order.currency),
        delivery=Money(order.delivery_price, order.currency),
        total=order.total,
        paid=order.paid,
        left=Money(max(order.total_amount - order.paid_amount, 0) if owes else 0, order.currency),
        payment_method=order.payment_method,
        delivery_method=order.delivery_method,
        delivery_name=delivery.name(settings.of(shop), order.delivery_method, locale),
        recipient=order.recipient,
        phone=order.phone,
        email=order.email,
        address=order.address,
        comment=order.comment,
        note=order.note,
        flag=order.flag,
        paid_at=order.paid_at,
        reserved_until=order.reserved_until,
        created_at=order.created_at,
        updated_at=order.updated_at,
    )
