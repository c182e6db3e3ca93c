"""The buyer's orders: the list, one order, paying it, buying the same again, changing his mind."""

from __future__ import annotations

from collections.abc import Sequence

from bot.flows import cart as cart_flow
from bot.flows import paying
from bot.flows.browse import Args
from bot.flows.order_card import cancellable, order_view, payable
from bot.flows.turn import Turn
from bot.flows.voice import Voice, rows_of, written
from inbox.content import Action, Button, Outgoing
from kit.errors import Problem
from orders import book, stages
from orders import cart as carts
from orders.book import NoOrder
from orders.cart import NotEnough
from orders.reasons import text_key
from orders.tables import Order
from orders.views import OrderView, view

LIST = 10
"""How many of the latest orders are listed."""

CANCEL_REASONS = ("changed_mind", "found_elsewhere", "too_long", "mistake", "other")
"""Why buyers cancel; the words are the texts `buyer.reason.<reason>`."""


def open_orders(turn: Turn, args: Args) -> None:
    orders = book.of_customer(turn.session, turn.shop.id, turn.customer.id, LIST)
    turn.show(orders_view(turn.voice, [view(order, turn.shop, turn.locale) for order in orders]))


def open_order(turn: Turn, args: Args) -> None:
    turn.show(order_view(turn.voice, view(_own(turn, args), turn.shop, turn.locale)), repeatable=True)


def pay(turn: Turn, args: Args) -> None:
    order = _own(turn, args)
    if payable(view(order, turn.shop, turn.locale)):
        paying.send_link(turn, order)
    else:
        turn.toast(turn.voice.plain("buyer.order.nothing_to_pay", number=order.number), alert=True)


def repeat(turn: Turn, args: Args) -> None:
    """Put into the cart what is still sold of the order, as much of it as there is."""
    lacking = []
    for line in _own(turn, args).lines:
        if line.variant_id is None or not _put(turn, line.variant_id, line.quantity):
            lacking.append(line.name)
    key = "buyer.order.repeated_in_part" if lacking else "buyer.order.repeated"
    turn.toast(turn.voice.plain(key, names=", ".join(lacking)), alert=bool(lacking))
    cart = carts.of(turn.session, turn.shop.id, turn.customer.id)
    turn.say(
        cart_flow.cart_view(
            turn.voice,
            carts.view(turn.session, cart, turn.locale),
            turn.customer.id,
            narrow=turn.capabilities.narrow,
        )
    )


def ask_why(turn: Turn, args: Args) -> None:
    order = view(_own(turn, args), turn.shop, turn.locale)
    if not cancellable(order):
        turn.toast(turn.voice.plain("buyer.order.too_late", number=order.number), alert=True)
        turn.show(order_view(turn.voice, order))
        return
    turn.show(reasons_view(turn.voice, order))


def cancel(turn: Turn, args: Args) -> None:
    order = _own(turn, args)
    reason = str(args["reason"])
    known = text_key(reason) is not None
    stages.cancel(
        turn.session, order, actor=turn.actor, reason=reason if known else turn.voice.plain(f"buyer.reason.{reason}")
    )
    turn.toast(turn.voice.plain("buyer.order.cancelled_toast", number=order.number))
    turn.show(order_view(turn.voice, view(order, turn.shop, turn.locale)), repeatable=True)


ACTIONS = {
    "orders": open_orders,
    "order": open_order,
    "order.pay": pay,
    "order.repeat": repeat,
    "order.cancel": ask_why,
    "order.drop": cancel,
}


def orders_view(voice: Voice, orders: Sequence[OrderView]) -> Outgoing:
    if not orders:
        catalog = voice.button("buyer.menu.catalog", Action("catalog"))
        elsewhere = voice.button("buyer.proven.elsewhere", Action("proven.elsewhere"))
        return written(voice.marked("buyer.orders.none"), rows=((catalog,), (elsewhere,)))
    rows = [
        (
            voice.button(
                "buyer.orders.entry",
                Action("order", {"order": order.id}),
                number=order.number,
                sum=order.total,
                stage=order.stage_name,
            ),
        )
        for order in orders
    ]
    elsewhere = voice.button("buyer.passport.button", Action("passport"))
    return written(voice.marked("buyer.orders.title"), rows=(*rows, (elsewhere,)))


def reasons_view(voice: Voice, order: OrderView) -> Outgoing:
    reasons = [
        Button(voice.plain(f"buyer.reason.{reason}"), Action("order.drop", {"order": order.id, "reason": reason}))
        for reason in CANCEL_REASONS
    ]
    keep = voice.button("buyer.order.keep", Action("order", {"order": order.id}))
    return written(voice.marked("buyer.order.why_cancel", number=order.number), rows=(*rows_of(reasons, 2), (keep,)))


def _own(turn: Turn, args: Args) -> Order:
    """The order, if it is this buyer's."""
    order = book.get(turn.session, turn.shop.id, int(args["order"]))
    if order.customer_id != turn.customer.id:
        raise NoOrder(f"order {order.id} is not of customer {turn.customer.id}")
    return order


def _put(turn: Turn, variant_id: int, quantity: int) -> bool:
    """Whether all of it is in the cart now."""
    put = (turn.session, turn.shop.id, turn.customer.id, variant_id)
    try:
        carts.put(*put, quantity)
    except NotEnough as short:
        cart = carts.of(*put[:3])
        already = sum(line.quantity for line in cart.lines if line.variant_id == variant_id)
        if short.left > already:
            carts.set_quantity(*put, short.left)
        return False
    except Problem:
        return False
    return True
