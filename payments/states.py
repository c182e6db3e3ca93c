"""How far a payment or a refund has come, in the order in which it goes.

    payment   new → pending → authorised → paid | cancelled;  replaced: the order changed or was paid in another way
    refund    new → pending → succeeded | cancelled

A state is only ever left for a later one, whatever arrives in whatever order. Money beats everything: what was
replaced, or even reported as cancelled, can still turn out to be paid.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    NEW = "new"
    """Written down with its key; the provider is being asked."""
    PENDING = "pending"
    """The buyer can pay."""
    AUTHORISED = "authorised"
    """The money is held."""
    REPLACED = "replaced"
    """Not to be paid any more; the provider may not know."""
    CANCELLED = "cancelled"
    PAID = "paid"


class RefundStage(StrEnum):
    NEW = "new"
    PENDING = "pending"
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"


LIVE = (State.NEW, State.PENDING, State.AUTHORISED)
"""The buyer pays, or may, by this payment."""

WATCHED = (State.PENDING, State.AUTHORISED, State.REPLACED)
"""The provider may still have news."""

_ORDER = {state: place for place, state in enumerate(State)}
_REFUND_ORDER = {state: place for place, state in enumerate(RefundStage)}


def is_later(state: State, than: str) -> bool:
    return _ORDER[state] > _ORDER[State(than)]


def is_later_refund(state: RefundStage, than: str) -> bool:
    return _REFUND_ORDER[state] > _REFUND_ORDER[RefundStage(than)]
