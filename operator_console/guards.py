"""The door's last question: is the thing that an address names there for this person at all?

Every address of a thing stands in one of two tables. One that stands in neither opens only for those who see
everything, so that a new kind of page leaks nothing before somebody has thought of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import DeclarativeBase

from automation.tables import Notification, Task
from customers.tables import Customer, Merge
from inbox.tables import Conversation, Message
from operator_console.routing import Route
from operator_console.visits import NoSuchPage, Visit
from orders.tables import Order
from payments.tables import MoneyQuestion, Payment

THINGS: Mapping[str, type[DeclarativeBase]] = {
    "/inbox": Conversation,
    "/attachments": Message,
    "/orders": Order,
    "/deliveries": Order,
    "/payments": Payment,
    "/questions": MoneyQuestion,
    "/customers": Customer,
    "/merges": Merge,
    "/tasks": Task,
    "/notifications": Notification,
}
"""What stands under each address and is narrowed by operator_console.sight."""

EVERYBODYS = frozenset(
    {
        *("/products", "/categories", "/imports", "/variants", "/replies", "/views"),
        *("/pipelines", "/stages", "/fields", "/payment-accounts", "/staff", "/channels", "/rights"),
    }
)
"""Goods, the person's own views, and settings: no customer stands in them."""


async def demand(visit: Visit, route: Route) -> None:
    """Raises NoSuchPage for a thing that is out of the person's sight, as for one that is not there."""
    kind, named, _rest = route.path.partition("/{id")
    if visit.powers.sees_all or not named or kind in EVERYBODYS:
        return
    if kind not in THINGS:
        raise NoSuchPage(f"{route.path} is for those who see everything")
    await visit.demand_sight(THINGS[kind], visit.number())
