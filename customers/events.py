"""What happens to customers' cards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from customers.tables import Customer
from storage.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerChanged(Event):
    """`what`: card, contact, field, apart, consent, import. `before` and `after` hold what changed, by its name."""

    kind: ClassVar[str] = "customer_changed"

    customer_id: int
    what: str
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomersMerged(Event):
    """`gone_id` was put into the customer."""

    kind: ClassVar[str] = "customers_merged"

    customer_id: int
    gone_id: int
    merge_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeUndone(Event):
    """`gone_id` stands by itself again."""

    kind: ClassVar[str] = "merge_undone"

    customer_id: int
    gone_id: int
    merge_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomersImported(Event):
    """A file is taken in: so many cards were made, so many completed, so many consents written down."""

    kind: ClassVar[str] = "customers_imported"

    import_id: int
    new: int
    filled: int
    written: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomersImportUndone(Event):
    """It is taken back: so many cards are removed, so many as before, and so many stay in whole or in part."""

    kind: ClassVar[str] = "customers_import_undone"

    import_id: int
    gone: int
    back: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRemoved(Event):
    """The card was made by a file that is taken back, and nobody had to do with it since."""

    kind: ClassVar[str] = "customer_removed"

    customer_id: int
    import_id: int


def changed(
    customer: Customer, what: str, *, actor: str, before: dict[str, Any], after: dict[str, Any]
) -> CustomerChanged:
    return CustomerChanged(
        shop_id=customer.shop_id,
        subject=f"customer:{customer.id}",
        actor=actor,
        customer_id=customer.id,
        what=what,
        before=before,
        after=after,
    )
