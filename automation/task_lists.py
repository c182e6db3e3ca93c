"""Lists of tasks: whose, which, and how many."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from automation.tables import Task, TaskState
from company.tables import Staff
from customers.tables import Customer
from kit.clock import utc_now
from orders.tables import Order


class View(StrEnum):
    MINE = "mine"
    ALL = "all"
    OVERDUE = "overdue"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Row:
    """A task with the names that stand beside it."""

    task: Task
    assignee: str
    author: str
    customer: str
    order_number: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Open tasks, and those of them that are overdue."""

    open: int
    overdue: int


def rows(session: Session, shop_id: int, view: View, staff_id: int, *, limit: int, offset: int = 0) -> list[Row]:
    """A page of a view: open tasks by their time, those without one last; closed ones the latest first."""
    query = _listed().where(*_of(shop_id, view, staff_id))
    if view is View.DONE:
        query = query.order_by(Task.closed_at.desc(), Task.id.desc())
    else:
        query = query.order_by(Task.due_at.is_(None), Task.due_at, Task.id)
    return _rows(session, query.limit(limit).offset(offset))


def about_order(session: Session, shop_id: int, order_id: int, *, limit: int) -> list[Row]:
    """Open tasks about an order."""
    return _about(session, shop_id, Task.order_id == order_id, limit)


def about_customer(session: Session, shop_id: int, customer_id: int, *, limit: int) -> list[Row]:
    """Open tasks about a customer, his orders and his conversations."""
    return _about(session, shop_id, Task.customer_id == customer_id, limit)


def about_conversation(session: Session, shop_id: int, conversation_id: int, *, limit: int) -> list[Row]:
    """Open tasks about a conversation whose customer is not known."""
    return _about(session, shop_id, Task.conversation_id == conversation_id, limit)


def one(session: Session, shop_id: int, task_id: int) -> Row | None:
    found = _rows(session, _listed().where(Task.id == task_id, Task.shop_id == shop_id))
    return found[0] if found else None


def counts(session: Session, shop_id: int, staff_id: int | None = None) -> Counts:
    """The person's own, or everybody's."""
    query = sa.select(sa.func.count(), sa.func.count(sa.case((Task.due_at < utc_now(), 1)))).where(
        Task.shop_id == shop_id, Task.state == sa.literal_column("'open'")
    )
    if staff_id is not None:
        query = query.where(Task.assignee_id == staff_id)
    count, overdue = session.execute(query).one()
    return Counts(count, overdue)


def counts_of(session: Session, shop_id: int, people: Collection[int]) -> dict[int, Counts]:
    """Each person's own."""
    rows = session.execute(
        sa.select(Task.assignee_id, sa.func.count(), sa.func.count(sa.case((Task.due_at < utc_now(), 1))))
        .where(Task.shop_id == shop_id, Task.state == sa.literal_column("'open'"), Task.assignee_id.in_(people))
        .group_by(Task.assignee_id)
    )
    found = {staff_id: Counts(n, overdue) for staff_id, n, overdue in rows}
    return {staff_id: found.get(staff_id, Counts(0, 0)) for staff_id in people}


def how_many(session: Session, shop_id: int, view: View, staff_id: int) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(Task).where(*_of(shop_id, view, staff_id))) or 0


def is_overdue(task: Task, now: datetime) -> bool:
    return task.state == TaskState.OPEN and task.due_at is not None and task.due_at < now


def _of(shop_id: int, view: View, staff_id: int) -> list[sa.ColumnElement[bool]]:
    # Written out, so that the partial indexes fit.
    where = [Task.shop_id == shop_id]
    if view is View.DONE:
        return [*where, Task.state != sa.literal_column("'open'")]
    where.append(Task.state == sa.literal_column("'open'"))
    if view is View.MINE:
        where.append(Task.assignee_id == staff_id)
    if view is View.OVERDUE:
        where.append(Task.due_at < utc_now())
    return where


def _about(session: Session, shop_id: int, condition: sa.ColumnElement[bool], limit: int) -> list[Row]:
    query = _listed().where(Task.shop_id == shop_id, condition, Task.state == sa.literal_column("'open'"))
    return _rows(session, query.order_by(Task.due_at.is_(None), Task.due_at, Task.id).limit(limit))


_author = aliased(Staff)


def _listed() -> sa.Select[Task, str, str, str | None, int | None]:
    return (
        sa.select(Task, Staff.name, _author.name, Customer.name, Order.number)
        .join(Staff, Staff.id == Task.assignee_id)
        .join(_author, _author.id == Task.author_id)
        .outerjoin(Customer, Customer.id == Task.customer_id)
        .outerjoin(Order, Order.id == Task.order_id)
    )


def _rows(session: Session, query: sa.Select[Task, str, str, str | None, int | None]) -> list[Row]:
    return [
        Row(task, assignee, author, customer or "", number)
        for task, assignee, author, customer, number in session.execute(query)
    ]
