"""Who gets an order, where, how it is paid for, and who in the shop looks after it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from company import settings, staff
from company.settings import ShopSettings
from company.tables import Role, Shop
from kit.clock import utc_now
from kit.errors import Refused
from orders import delivery
from orders.book import locked
from orders.events import CourierGiven, CourierTaken, OrderChanged
from orders.tables import Order
from storage.events import publish

LIMITS = {"recipient": 200, "phone": 20, "email": 254, "address": 500, "comment": 2000}
"""The longest text of each field, in characters."""


class TextTooLong(Refused):
    code = "text_too_long"

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is longer than {LIMITS[field]}", most=LIMITS[field])


class NoContact(Refused):
    """An order cannot be handed over to nobody."""

    code = "no_contact"


class NoAddress(Refused):
    """This delivery needs an address."""

    code = "no_address"


class NoSuchPayment(Refused):
    """The shop does not take payment in this way."""

    code = "payment_not_taken"


class NotACourier(Refused):
    """The person has no such role in the shop."""

    code = "not_a_courier"


@dataclass(frozen=True, slots=True)
class Details:
    """What the buyer wishes. `phone` is E.164, `delivery_method` a code of the shop's settings."""

    recipient: str = ""
    phone: str = ""
    delivery_method: str = ""
    address: str = ""
    comment: str = ""
    payment_method: str = "online"
    email: str = ""


def payment_methods(settings: ShopSettings) -> list[str]:
    """How the shop takes money: "online", "on_receipt"."""
    ways = {"online": settings.pay_online, "on_receipt": settings.pay_on_receipt}
    return [way for way, taken in ways.items() if taken]


def checked(details: Details, settings: ShopSettings, *, complete: bool) -> Details:
    """The details with stray spaces gone, if they will do.

    `complete` is for buyers: everything must be there. An operator may fill contact and address in later.
    Raises TextTooLong, NoContact, NoAddress, NoSuchPayment or orders.delivery.UnknownDelivery.
    """
    details = replace(details, **{field: getattr(details, field).strip() for field in LIMITS})
    for field, most in LIMITS.items():
        if len(getattr(details, field)) > most:
            raise TextTooLong(field)
    if details.payment_method not in payment_methods(settings):
        raise NoSuchPayment()
    if complete and not (details.recipient and details.phone):
        raise NoContact()
    if complete or details.delivery_method:
        method = delivery.method(settings, details.delivery_method)
        if complete and method.needs_address and not details.address:
            raise NoAddress()
    return details


def set_contact(
    session: Session,
    order: Order,
    *,
    actor: str,
    recipient: str | None = None,
    phone: str | None = None,
    email: str | None = None,
    address: str | None = None,
    comment: str | None = None,
) -> Order:
    """Replace the fields that are given. The sum does not depend on them, so the version stays."""
    order = locked(session, order.id)
    given = {"recipient": recipient, "phone": phone, "email": email, "address": address, "comment": comment}
    wishes = Details(
        **{field: getattr(order, field) if text is None else text for field, text in given.items()},
        delivery_method=order.delivery_method,
        payment_method=order.payment_method,
    )
    rules = settings.of(session.get_one(Shop, order.shop_id))
    wishes = checked(wishes, rules, complete=False)
    for field in given:
        setattr(order, field, getattr(wishes, field))
    return _changed(session, order, "contact", actor)


def assign(session: Session, order: Order, staff_id: int | None, *, actor: str) -> Order:
    """Make this member of staff responsible for the order; None makes it nobody's. Nothing happens if it is so."""
    order = locked(session, order.id)
    if order.responsible_id == staff_id:
        return order
    order.responsible_id = staff_id
    return _changed(session, order, "responsible", actor)


def give_courier(session: Session, order: Order, staff_id: int | None, *, actor: str) -> Order:
    """Have this courier of the shop take the order to the customer; None: nobody of the shop. Raises NotACourier."""
    order = locked(session, order.id)
    if order.courier_id == staff_id:
        return order
    if staff_id is not None and staff.role_in(session, staff_id, order.shop_id) != Role.COURIER:
        raise NotACourier(f"staff {staff_id} of shop {order.shop_id}")
    before, order.courier_id = order.courier_id, staff_id
    order = _changed(session, order, "courier", actor)
    if staff_id is not None:
        publish(session, CourierGiven.of(order, actor=actor, staff_id=staff_id))
    elif before is not None:
        publish(session, CourierTaken.of(order, actor=actor, staff_id=before))
    return order


def set_note(session: Session, order: Order, note: str, *, seen: str | None = None, actor: str) -> bool:
    """Write the note that only the staff see; whether it is as it was given.

    `seen` is what stood there when it was begun. What a colleague has written since stays before it, so that nothing
    that anybody wrote is lost. Raises TextTooLong, also if both together are.
    """
    order = locked(session, order.id)
    note, now, seen = note.strip(), order.note, None if seen is None else seen.strip()
    if note in (now, seen):
        return note == now
    both = seen is not None and seen != now and bool(now)
    whole = "\n\n".join(filter(None, (now, note))) if both else note
    if len(whole) > LIMITS["comment"]:
        raise TextTooLong("comment")
    order.note = whole
    _changed(session, order, "note", actor)
    return not both


def _changed(session: Session, order: Order, what: str, actor: str) -> Order:
    order.updated_at = utc_now()
    session.flush()
    publish(session, OrderChanged.of(order, actor=actor, what=what, version=order.version))
    return order
