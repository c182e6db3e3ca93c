"""An order that was put together in the messenger's own catalogue: it becomes one of ours, or goes to a person."""

from __future__ import annotations

import hashlib

from bot.flows import talk
from bot.flows.order_card import order_view
from bot.flows.turn import Turn
from bot.flows.voice import written
from catalog import goods
from catalog.promises import OutOfStock
from catalog.tables import Variant
from inbox.content import Wanted
from orders import checkout
from orders.cart import NotForSale
from orders.details import Details
from orders.tables import Order
from orders.totals import BadQuantity, SumTooLarge
from orders.views import view


def take(turn: Turn) -> None:
    """Make an order of what is ours, at our prices; delivery and payment are for a person to settle with the buyer.

    What we do not know is named. While a person leads the conversation the buyer is told nothing: that person is.
    """
    known = [(variant.id, one.quantity) for one in turn.incoming.wanted if (variant := _ours(turn, one)) is not None]
    unknown = [one.sku for one in turn.incoming.wanted if _ours(turn, one) is None]
    order = _make(turn, known) if known else None
    if turn.conversation.held:
        return
    if order is not None:
        turn.say(order_view(turn.voice, view(order, turn.shop, turn.locale)), repeatable=True)
    if unknown or order is None:
        names = ", ".join(unknown or [one.sku for one in turn.incoming.wanted])
        turn.say(written(turn.voice.marked("buyer.wanted.unknown", names=names)))
    talk.pass_on(turn)


def _ours(turn: Turn, one: Wanted) -> Variant | None:
    variant = goods.by_sku(turn.session, turn.shop.id, one.sku)
    return variant if variant is not None and variant.active else None


def _make(turn: Turn, lines: list[tuple[int, int]]) -> Order | None:
    """None where it cannot be had as it was wanted; the buyer's list stands in the thread."""
    customer = turn.customer
    details = Details(
        recipient=customer.name,
        phone=customer.phone or "",
        email=customer.email or "",
        payment_method="online" if turn.settings.pay_online else "on_receipt",
    )
    try:
        return checkout.make(
            turn.session,
            turn.shop,
            customer,
            lines,
            details,
            actor=turn.actor,
            account_id=turn.account.id,
            conversation_id=turn.conversation.id,
            dedup_key=f"wanted:{hashlib.sha256(turn.incoming.external_id.encode()).hexdigest()}",
            ask_for_money=False,
        )
    except (OutOfStock, NotForSale, BadQuantity, SumTooLarge):
        return None
