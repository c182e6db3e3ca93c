"""A person asks that the shop forget him (152-FZ, article 21), and it does, wherever it has him.

What was bought, paid and given back stays, without a name: books must be kept for years. So does that somebody erased
him, and when. Whoever writes again afterwards is somebody new.

Copies that the shop has carried out of the database stay as they are: backups, files for spreadsheets, the messenger's
own chat and the payment provider's books. The page says so to whoever erases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation.holders import HOLDERS
from automation.tables import Notification, Task
from bot import lanes
from customers import cards
from customers import erasing as people
from customers.tables import Customer
from inbox import erasing as talk
from orders import erasing as orders
from payments import erasing as money
from storage import erasing as traces
from storage.events import Event, publish
from storage.tables import EventRow


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerErased(Event):
    """Nothing of the person is here any more; these are the numbers of what was."""

    kind: ClassVar[str] = "customer_erased"

    customer_id: int
    conversations: int
    orders: int


def erase(session: Session, shop_id: int, customer_id: int, *, actor: str) -> Customer:
    """Forget a customer. What may not be known yet is waited for: it raises and nothing is changed.

    Raises NoSuchCustomer, ErasedAlready, inbox.erasing.OfStaff, inbox.erasing.OnItsWay, orders.erasing.OrderUnderWay,
    payments.erasing.MoneyUnderWay.
    """
    customer = cards.get(session, customer_id, shop_id)
    if customer.erased_at is not None:
        raise cards.ErasedAlready()
    ids = people.family(session, customer.id)
    for holder in HOLDERS.values():
        holder.hold(session, ids)
    conversations = talk.hold(session, ids)
    order_ids = orders.hold(session, ids)
    payment_ids = money.hold(session, order_ids)
    words = people.traces(session, ids) | orders.traces(session, order_ids)
    chats = [lanes.coming_from(each.account_id, each.chat) for each in conversations]
    talks = [each.id for each in conversations]
    tasks = _tasks(session, ids, talks, order_ids)
    subjects = {"customer": ids, "conversation": talks, "order": order_ids, "payment": payment_ids, "task": tasks}
    named = [f"{kind}:{number}" for kind, numbers in subjects.items() for number in numbers]

    files = talk.erase(session, conversations)
    talk.erase_told(session, shop_id, traces.events_about(session, named), words)
    orders.erase(session, order_ids, ids)
    money.erase(session, payment_ids)
    files += people.erase(session, ids)
    _erase_told(session, talks, order_ids, tasks)
    traces.erase(session, chats, named)
    facts = {"customer_id": customer.id, "conversations": len(talks), "orders": len(order_ids)}
    publish(session, CustomerErased(shop_id=shop_id, subject=f"customer:{customer.id}", actor=actor, **facts))
    traces.wipe_later(session, files)
    session.expire_all()
    session.refresh(customer)
    return customer


def whose(session: Session, customer: Customer) -> str:
    """Who erased the customer."""
    kept = sa.select(EventRow.actor).where(
        EventRow.subject == f"customer:{customer.id}", EventRow.kind == CustomerErased.kind
    )
    return session.scalar(kept.order_by(EventRow.id.desc()).limit(1)) or ""


def _tasks(session: Session, ids: list[int], talks: list[int], order_ids: list[int]) -> list[int]:
    about = sa.or_(Task.customer_id.in_(ids), Task.conversation_id.in_(talks), Task.order_id.in_(order_ids))
    return list(session.scalars(sa.select(Task.id).where(about).order_by(Task.id)))


def _erase_told(session: Session, talks: list[int], order_ids: list[int], tasks: list[int]) -> None:
    """Tasks about him, and what the staff were told in the console."""
    about = sa.or_(
        Notification.conversation_id.in_(talks), Notification.order_id.in_(order_ids), Notification.task_id.in_(tasks)
    )
    session.execute(sa.delete(Notification).where(about))
    session.execute(sa.delete(Task).where(Task.id.in_(tasks)))
