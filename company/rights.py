"""What each role may do, and what an own set of rights makes of a role.

The console's routes and the buttons in the staff's chats ask here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from company.tables import RightsSet, Role, Sees
from kit.errors import Refused


class Right(StrEnum):
    OWN = "own"
    """The console itself: the person's own language, theme and password, and what he alone was told of."""
    READ = "read"
    """See conversations, customers, orders and the catalogue of the shop."""
    REPLY = "reply"
    """Talk to customers, take conversations and hand them over."""
    ORDERS = "orders"
    """Make and change orders, move them through stages, send payment links, confirm cash."""
    REFUND = "refund"
    """Give money back."""
    DELIVER = "deliver"
    """See the orders that he is to deliver, and say that they are delivered."""
    TOTALS = "totals"
    """See sums over many orders: of a stage, of a list, of all that a customer has bought."""
    CATALOG_EDIT = "catalog_edit"
    """Change goods, prices and stock."""
    SEE_PURCHASE_PRICE = "see_purchase_price"
    EXPORT = "export"
    """Take lists of orders and customers away as files."""
    SETTINGS = "settings"
    """Change the shop's settings, channels, payment accounts and staff."""
    OPERATION = "operation"
    """See queues, channels' health and alarms; run stuck jobs again or give them up."""


_READS = frozenset({Right.OWN, Right.READ, Right.TOTALS})

RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.MANAGER: frozenset(Right) - {Right.SETTINGS},
    Role.OPERATOR: _READS | {Right.REPLY, Right.ORDERS},
    Role.ACCOUNTANT: _READS | {Right.REFUND, Right.SEE_PURCHASE_PRICE, Right.EXPORT},
    Role.COURIER: frozenset({Right.OWN, Right.DELIVER}),
}

OF_SETS = (Role.OPERATOR, Role.MANAGER, Role.ACCOUNTANT)
"""Roles that an own set of rights can begin with: an owner has no limits, and a courier sees next to nothing."""

_ASKED = frozenset({Right.SEE_PURCHASE_PRICE, Right.TOTALS, Right.EXPORT, Right.REFUND})
"""What a set says by itself, whatever its role may."""


@dataclass(frozen=True, slots=True)
class Powers:
    """All that one person may in one shop."""

    role: Role
    rights: frozenset[Right]
    sees: Sees = Sees.ALL
    refund_most: int | None = None
    """What he may give back of one order in all, in minor units; None: any sum. It takes Right.REFUND."""
    discount_most: int | None = None
    """The largest discount that he may give, in per cent of the goods; None: any."""
    set_name: str = ""
    """How the shop calls his own set of rights; empty for a ready role."""

    @property
    def sees_all(self) -> bool:
        return self.sees is Sees.ALL


class NotAllowed(Refused):
    """The person's role does not have the right that this takes."""

    code = "not_allowed"

    def __init__(self, right: Right) -> None:
        self.right = right
        super().__init__(f"the right {right} is needed")


def powers(role: Role, own: RightsSet | None = None) -> Powers:
    """What a role may, or what the person's own set makes of it.

    Whoever sees only his own conversations does not see the shop's queues either: they speak of everybody's.
    """
    if own is None:
        sees = Sees.DELIVERIES if role == Role.COURIER else Sees.ALL
        return Powers(role, RIGHTS[role], sees)
    answers = {
        Right.SEE_PURCHASE_PRICE: own.purchase_prices,
        Right.TOTALS: own.totals,
        Right.EXPORT: own.export,
        Right.REFUND: own.refund_most != 0,
    }
    rights = (RIGHTS[Role(own.role)] - _ASKED) | {right for right, yes in answers.items() if yes}
    if own.sees != Sees.ALL:
        rights -= {Right.OPERATION}
    return Powers(Role(own.role), rights, Sees(own.sees), own.refund_most, own.discount_most, own.name)


def may(who: Role | Powers | None, right: Right) -> bool:
    """None, the role of a stranger to the shop, may nothing."""
    if isinstance(who, Powers):
        return right in who.rights
    return who is not None and right in RIGHTS.get(Role(who), frozenset())


def demand(who: Role | Powers | None, right: Right) -> None:
    """Raises NotAllowed unless the role has the right."""
    if not may(who, right):
        raise NotAllowed(right)
