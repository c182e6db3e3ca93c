"""The payment link as a message."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from bot.flows import talk
from bot.flows.turn import Turn
from bot.flows.voice import Voice, lines, written
from inbox.content import Button, Card, Outgoing
from kit.money import Money
from orders.tables import Order
from payments import accounts, charging, links
from payments.tables import Payment


def send_link(turn: Turn, order: Order) -> None:
    """Ask for the order's money, if it is to be paid online; without an account for it a person is asked to help."""
    if order.payment_method != "online" or order.paid_at is not None or not order.total:
        return
    try:
        payment = charging.request(turn.session, order, actor=turn.actor)
    except accounts.NoPaymentAccount:
        talk.pass_on(turn)
        return
    url = links.link(turn.public_url, payment)
    until = order.reserved_until.astimezone(ZoneInfo(turn.shop.timezone)) if order.reserved_until else None
    turn.say(link_view(turn.voice, order.number, payment, url, until), repeatable=True)


def link_view(voice: Voice, number: int, payment: Payment, url: str, until: datetime | None) -> Outgoing:
    """`until`, in the shop's time, is how long the goods are kept for the buyer."""
    amount = Money(payment.amount, payment.currency)
    kept = ""
    if until is not None:
        moment = format_datetime(until, "d MMMM, HH:mm", locale=voice.locale)
        kept = voice.marked("buyer.payment.kept_until", moment=moment)
    return written(
        lines(voice.marked("buyer.payment.link", number=number, sum=amount), kept),
        rows=((Button(voice.plain("buyer.payment.pay", sum=amount), url=url),),),
        card=Card("payment", payment.id, voice.plain("buyer.order.title", number=number), amount.format(voice.locale)),
    )
