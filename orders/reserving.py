"""The goods of an order: where they are at each stage, and for how long they are kept for one who has not paid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from catalog import promises
from company import settings
from company.tables import Shop
from kit.clock import utc_now
from orders.pipelines import AWAITING_PAYMENT
from orders.tables import Group, Order
from storage import jobs

EXPIRE = "orders.expire"
"""The kind of the job that looks whether a reservation has ended."""

AFTER = timedelta(seconds=1)
"""How long after the end of a reservation it is looked at: job times are whole milliseconds, deadlines are finer."""


class Whereabouts(StrEnum):
    HELD = "held"
    """On the shelf, promised to the order."""
    GONE = "gone"
    """Handed over to the buyer or a carrier."""
    FREE = "free"
    """On the shelf for anyone."""


WHEREABOUTS = {
    Group.NEW: Whereabouts.HELD,
    Group.APPROVAL: Whereabouts.HELD,
    Group.ASSEMBLING: Whereabouts.HELD,
    Group.DELIVERY: Whereabouts.GONE,
    Group.COMPLETE: Whereabouts.GONE,
    Group.CANCELLED: Whereabouts.FREE,
}


def owner(order: Order) -> str:
    """The order's name in the book of reservations."""
    return f"order:{order.id}"


def wanted(order: Order) -> dict[int, int]:
    """How much of which variant the lines ask for."""
    sums: Counter[int] = Counter()
    for line in order.lines:
        if line.variant_id is not None:
            sums[line.variant_id] += line.quantity
    return dict(sums)


def reserve(session: Session, order: Order, actor: str) -> None:
    """Promise the stock of every line to the order. Raises catalog.promises.OutOfStock and then reserves nothing."""
    promises.reserve(session, owner(order), wanted(order))


def release(session: Session, order: Order, actor: str) -> None:
    promises.release(session, owner(order))


def hand_over(session: Session, order: Order, actor: str) -> None:
    promises.write_off(session, owner(order), actor=actor)


def take_back(session: Session, order: Order, actor: str) -> None:
    promises.take_back(session, owner(order), actor=actor)


_WAYS: dict[tuple[Whereabouts, Whereabouts], tuple[Callable[[Session, Order, str], None], ...]] = {
    (Whereabouts.HELD, Whereabouts.GONE): (hand_over,),
    (Whereabouts.HELD, Whereabouts.FREE): (release,),
    (Whereabouts.GONE, Whereabouts.FREE): (take_back,),
    (Whereabouts.GONE, Whereabouts.HELD): (take_back, reserve),
    (Whereabouts.FREE, Whereabouts.HELD): (reserve,),
    (Whereabouts.FREE, Whereabouts.GONE): (reserve, hand_over),
}


def follow_group(session: Session, order: Order, before: Group, after: Group, *, actor: str) -> None:
    """Do to the stock what the order's way from one group of stages to another means."""
    for act in _WAYS.get((WHEREABOUTS[before], WHEREABOUTS[after]), ()):
        act(session, order, actor)


def goods_gone(order: Order) -> bool:
    return WHEREABOUTS[Group(order.stage.group)] is Whereabouts.GONE


def all_reserved(session: Session, order: Order) -> bool:
    held = promises.reserved_for(session, owner(order))
    return all(held.get(variant_id, 0) >= quantity for variant_id, quantity in wanted(order).items())


def follow_deadline(session: Session, order: Order) -> None:
    """Begin the time that an unpaid online order keeps its goods, or end it, as its stage and money now say."""
    if order.stage.code != AWAITING_PAYMENT or order.payment_method != "online" or settled(order):
        order.reserved_until = None
    elif order.reserved_until is None:
        shop = session.get_one(Shop, order.shop_id)
        prolong(session, order, until=utc_now() + timedelta(minutes=settings.of(shop).reserve_minutes))


def prolong(session: Session, order: Order, *, until: datetime) -> None:
    """Keep the goods at least until then. Does nothing to an order that has a later end."""
    if order.reserved_until is not None and order.reserved_until >= until:
        return
    order.reserved_until = until
    watch(session, order, key=f"{EXPIRE}:{order.id}:{until.isoformat()}")


def watch(session: Session, order: Order, *, key: str) -> None:
    """Have somebody look when the reservation ends; once for each key."""
    assert order.reserved_until is not None
    jobs.put(
        session,
        EXPIRE,
        {"order_id": order.id},
        lane=f"expire:{order.id}",
        dedup_key=key,
        run_at=order.reserved_until + AFTER,
    )


def settled(order: Order) -> bool:
    """Whether no money is awaited: paid in full once, or nothing to pay. A partial refund does not unsettle it."""
    return order.paid_at is not None or order.total_amount == 0
