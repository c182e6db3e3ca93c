"""Splitting an order: some of its lines go into a new order of the same customer.

How the money is kept right:

- only while nothing is paid: money belongs to one order, and nobody guesses to which part of it;
- a line keeps the price that was agreed, in both orders;
- the discount is divided as the goods are: the new order's part is rounded down to the minor unit, the rest stays, so
  both together have the discount that there was;
- the delivery price stays with the first order; the second goes along with it, at no price of its own, until somebody
  says otherwise;
- both become new versions, so a link to pay the old sum ends.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from catalog import promises
from kit.clock import utc_now
from kit.errors import Refused
from kit.money import Money
from orders import checkout, lines, reserving
from orders.events import OrderPlaced
from orders.history import append
from orders.reasons import Kin
from orders.tables import Order, OrderLine
from orders.totals import BadQuantity, totals
from storage.events import publish


class NothingToSplit(Refused):
    """Something must go and something must stay."""

    code = "nothing_to_split"


def split(
    session: Session,
    order: Order,
    taken: Mapping[int, int],
    *,
    actor: str,
    dedup_key: str,
    expect_version: int | None = None,
) -> Order:
    """Put so many of each line, by its number, into a new order that stands in the same stage; gives the new order.

    The goods that are reserved go along without becoming free. The history of both names the other. The same
    `dedup_key` splits once. Raises NothingToSplit, orders.totals.BadQuantity, orders.lines.NoLine, OrderClosed,
    AlreadyPaid or orders.stages.Stale, and leaves the order as it was.
    """
    if (twin := checkout.made_by(session, order.shop_id, dedup_key)) is not None:
        return twin
    order = lines.held_open(session, order, expect_version)
    going = _going(order, taken)
    new = _beside(session, order, going, dedup_key)
    wanted = reserving.wanted(new)
    for line, count in going:
        if count == line.quantity:
            order.lines.remove(line)
        else:
            line.quantity -= count
    promises.hand_on(session, reserving.owner(order), reserving.owner(new), wanted)
    lines.recount(session, order, discount=Money(order.discount - new.discount, order.currency), actor=actor)
    append(session, order, order.stage, came_from=order.stage, actor=actor, reason=Kin.SPLIT_INTO.of(new.number))
    append(session, new, new.stage, came_from=None, actor=actor, reason=Kin.SPLIT_FROM.of(order.number))
    reserving.follow_deadline(session, new)
    if new.reserved_until is not None:
        reserving.watch(session, new, key=f"{reserving.EXPIRE}:{new.id}:split")
    publish(session, OrderPlaced.of(new, actor=actor, total=new.total_amount, currency=new.currency))
    return new


def _going(order: Order, taken: Mapping[int, int]) -> list[tuple[OrderLine, int]]:
    """The lines that go, each with how many of it."""
    going = []
    for line_id, count in taken.items():
        line = lines.line_of(order, line_id)
        if not 0 <= count <= line.quantity:
            raise BadQuantity(count)
        if count:
            going.append((line, count))
    if not going or sum(count for _line, count in going) == sum(line.quantity for line in order.lines):
        raise NothingToSplit()
    return going


def _beside(session: Session, order: Order, going: list[tuple[OrderLine, int]], dedup_key: str) -> Order:
    """The new order, written with its lines and sums and with no goods reserved yet."""
    priced = [(Money(line.price, order.currency), count) for line, count in going]
    goods = sum(line.price * count for line, count in going)
    discount = Money(order.discount * goods // order.goods if order.goods else 0, order.currency)
    sums = totals(priced, discount, Money(0, order.currency))
    now = utc_now()
    new = Order(
        number=checkout.next_number(session, order.shop_id),
        dedup_key=dedup_key,
        stage=order.stage,
        goods=sums.goods.amount,
        discount=sums.discount.amount,
        delivery_price=0,
        total_amount=sums.total.amount,
        created_at=now,
        updated_at=now,
        lines=[_part(line, count, position) for position, (line, count) in enumerate(going)],
        **{name: getattr(order, name) for name in _SHARED},
    )
    session.add(new)
    session.flush()
    return new


_SHARED = (
    *("shop_id", "customer_id", "account_id", "conversation_id", "pipeline_id", "responsible_id", "currency"),
    *("payment_method", "delivery_method", "recipient", "phone", "email", "address", "comment", "note"),
    "reserved_until",
)
"""What the new order has as the first has it."""


def _part(line: OrderLine, count: int, position: int) -> OrderLine:
    return OrderLine(
        position=position,
        variant_id=line.variant_id,
        sku=line.sku,
        name=line.name,
        attributes=list(line.attributes),
        price=line.price,
        purchase_price=line.purchase_price,
        quantity=count,
        vat_code=line.vat_code,
        payment_subject=line.payment_subject,
    )
