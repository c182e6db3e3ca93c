"""What each role may do. The console's routes and the buttons in the staff's chats ask here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from company.tables import Role
from kit.errors import Refused


class Right(StrEnum):
    READ = "read"
    """See conversations, customers, orders and the catalogue of the shop."""
    REPLY = "reply"
    """Talk to customers, take conversations and hand them over."""
    ORDERS = "orders"
    """Make and change orders, move them through stages, send payment links, confirm cash."""
    REFUND = "refund"
    """Give money back."""
    CATALOG_EDIT = "catalog_edit"
    """Change goods, prices and stock."""
    SEE_PURCHASE_PRICE = "see_purchase_price"
    EXPORT = "export"
    """Take lists of orders and customers away as files."""
    SETTINGS = "settings"
    """Change the shop's settings, channels, payment accounts and staff."""
    OPERATION = "operation"
    """See queues, channels' health and alarms; run stuck jobs again or give them up."""


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.MANAGER: frozenset(Right) - {Right.SETTINGS},
    Role.OPERATOR: frozenset({Right.READ, Right.REPLY, Right.ORDERS}),
    Role.ACCOUNTANT: frozenset({Right.READ, Right.REFUND, Right.SEE_PURCHASE_PRICE, Right.EXPORT}),
}


class NotAllowed(Refused):
    """The person's role does not have the right that this takes."""

    code = "not_allowed"

    def __init__(self, right: Right) -> None:
        self.right = right
        super().__init__(f"the right {right} is needed")


def may(role: Role | None, right: Right) -> bool:
    """None, the role of a stranger to the shop, may nothing."""
    return role is not None and right in RIGHTS.get(Role(role), frozenset())


def demand(role: Role | None, right: Right) -> None:
    """Raises NotAllowed unless the role has the right."""
    if not may(role, right):
        raise NotAllowed(right)
