"""An order as the buyer and the owner see it in a chat."""

from __future__ import annotations

from bot.flows.voice import Row, Voice, clipped, lines, paragraphs, written
from inbox.content import Action, Card, Occasion, Outgoing
from kit.money import Money
from orders.tables import Group
from orders.views import OrderView

EARLY = (Group.NEW, Group.APPROVAL)
"""Groups of stages in which the buyer may still pay, or change his mind by himself."""

MOST_LINES = 20
"""A message holds some four thousand characters; the console and the payment page show all lines."""

LONGEST_TITLE = 100


def payable(order: OrderView) -> bool:
    return order.payment_method == "online" and order.group in EARLY and bool(order.left)


def cancellable(order: OrderView) -> bool:
    return order.group in EARLY and not order.paid


def order_view(voice: Voice, order: OrderView) -> Outgoing:
    """The order card for its buyer, with what he may do about it."""
    args = {"order": order.id}
    pay: Row = (voice.button("buyer.order.pay", Action("order.pay", args), sum=order.left),)
    cancel: Row = (voice.button("buyer.order.cancel", Action("order.cancel", args)),)
    return written(
        order_text(voice, order),
        rows=(
            pay if payable(order) else (),
            (
                voice.button("buyer.order.repeat", Action("order.repeat", args)),
                *(cancel if cancellable(order) else ()),
            ),
            (voice.button("buyer.menu.orders", Action("orders")),),
        ),
        card=order_badge(voice, order),
        occasion=Occasion("order", occasion_facts(voice, order)),
    )


def occasion_facts(voice: Voice, order: OrderView) -> dict[str, str]:
    """What a template may say of an order."""
    return {
        "number": str(order.number),
        "sum": order.total.format(voice.locale),
        "stage": order.stage_name,
        "name": order.recipient,
    }


def order_badge(voice: Voice, order: OrderView) -> Card:
    return Card(
        "order",
        order.id,
        voice.plain("buyer.order.title", number=order.number),
        order.total.format(voice.locale),
        order.stage_name,
    )


def order_text(voice: Voice, order: OrderView) -> str:
    return paragraphs(
        voice.marked("buyer.order.heading", number=order.number, stage=order.stage_name),
        goods_text(voice, order),
        sums_text(voice, order.goods, order.discount, order.delivery_name, order.delivery, order.total, order.paid),
        contact_text(voice, order.recipient, order.phone, order.address, order.comment),
    )


def goods_text(voice: Voice, order: OrderView) -> str:
    shown = [
        voice.marked(
            "buyer.cart.line",
            n=n,
            title=clipped(line.name, LONGEST_TITLE),
            quantity=line.quantity,
            price=line.price,
            sum=line.sum,
        )
        for n, line in enumerate(order.lines[:MOST_LINES], 1)
    ]
    return "\n".join([*shown, *more_lines(voice, len(order.lines) - MOST_LINES)])


def more_lines(voice: Voice, n: int) -> list[str]:
    """The line that stands for those left out, if any are."""
    return [voice.count("buyer.cart.more", n)] if n > 0 else []


def sums_text(
    voice: Voice, goods: Money, discount: Money, delivery_name: str, delivery: Money, total: Money, paid: Money
) -> str:
    free = voice.plain("buyer.order.free")
    return lines(
        voice.marked("buyer.order.goods", sum=goods) if goods != total else "",
        voice.marked("buyer.order.discount", sum=discount) if discount else "",
        voice.marked("buyer.order.delivery", name=delivery_name, sum=delivery or free) if delivery_name else "",
        voice.marked("buyer.order.total", sum=total),
        voice.marked("buyer.order.paid", sum=paid) if paid else "",
    )


def contact_text(voice: Voice, recipient: str, phone: str, address: str, comment: str) -> str:
    return lines(
        voice.marked("buyer.order.recipient", name=recipient, phone=phone) if recipient or phone else "",
        voice.marked("buyer.order.address", address=address) if address else "",
        voice.marked("buyer.order.comment", comment=comment) if comment else "",
    )
