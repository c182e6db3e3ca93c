"""Who moves what when two customers' cards become one. A table that leads to a customer is added here by a line."""

from __future__ import annotations

from automation import moving as tasks
from customers import consents, identities, passports
from customers.merging import Holders
from inbox import moving as conversations
from orders import moving as orders

HOLDERS: Holders = {
    "conversation.customer_id": conversations.HOLDER,
    "cart.customer_id": orders.CARTS,
    "order.customer_id": orders.ORDERS,
    "identity.customer_id": identities.HOLDER,
    "task.customer_id": tasks.HOLDER,
    "customer_consent.customer_id": consents.HOLDER,
    "customer_passport.customer_id": passports.HOLDER,
}
"""In the order of locking: as a buyer's message takes them."""

COPIED = frozenset(
    {
        "customer_contact.customer_id",
        "customer_value.customer_id",
        "customer_merge.kept_id",
        "customer_merge.gone_id",
        "customer_apart.one_id",
        "customer_apart.other_id",
        "customer_import_row.customer_id",
    }
)
"""What stays with the card that goes: customers.joining copies from it, and merges and verdicts are about the cards."""

LEADS = frozenset({*HOLDERS, *COPIED})
"""Every column that leads to a customer."""
