"""The payment link as a message, and the phone or email that its receipt needs."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from bot.flows import menu, talk
from bot.flows.checkout_steps import read_phone, uses_contact_keyboard
from bot.flows.turn import Turn
from bot.flows.voice import Voice, lines, written
from company import staff
from customers import cards
from inbox.content import Button, Card, Occasion, Outgoing
from kit.money import Money
from orders import book, details
from orders.tables import Group, Order
from payments import accounts, charging, fiscal, links
from payments.tables import Payment

FLOW = "receipt"
"""The buyer was asked whom the receipt of an order goes to; the flow's state has the order."""


def send_link(turn: Turn, order: Order) -> None:
    """Ask for the order's money, if it is to be paid online; without an account for it a person is asked to help."""
    if order.payment_method != "online" or order.paid_at is not None or not order.total:
        return
    try:
        payment = charging.request(turn.session, order, actor=turn.actor)
    except accounts.NoPaymentAccount:
        talk.pass_on(turn)
        return
    except fiscal.ReceiptNeedsContact:
        if turn.customer.phone or turn.customer.email:
            _set_contact(turn, order, phone=turn.customer.phone or "", email=turn.customer.email or "")
            send_link(turn, order)
        else:
            _ask_contact(turn, order)
        return
    url = links.link(turn.public_url, payment)
    until = order.reserved_until.astimezone(ZoneInfo(turn.shop.timezone)) if order.reserved_until else None
    turn.say(link_view(turn.voice, order.number, payment, url, until), repeatable=True)


def answer(turn: Turn) -> bool:
    """Take a phone or an email as the answer to whom the receipt goes. False for anything else, and if nobody asked.

    Raises customers.cards.BadPhone, company.staff.BadEmail for what looks like an attempt.
    """
    if turn.conversation.flow != FLOW:
        return False
    said = turn.incoming.text.strip()
    if said.casefold() == turn.voice.plain("buyer.checkout.leave").casefold():
        turn.go("")
        turn.say(written(turn.voice.marked("buyer.payment.not_now"), keyboard=menu.keyboard(turn.voice)))
        return True
    if "@" in said and len(said.split()) == 1:
        given = {"email": staff.address(said)}
    elif phone := read_phone(turn, turn.incoming):
        given = {"phone": phone}
    else:
        return False
    order = book.get(turn.session, turn.shop.id, int(turn.conversation.flow_state["order"]))
    had_keyboard = bool(turn.conversation.flow_state.get("keyboard"))
    turn.go("")
    cards.remember(turn.session, turn.customer, **given)
    _set_contact(turn, order, **given)
    if had_keyboard:
        turn.say(written(turn.voice.marked("buyer.payment.contact_noted"), keyboard=menu.keyboard(turn.voice)))
    if order.stage.group != Group.CANCELLED:
        send_link(turn, order)
    return True


def _ask_contact(turn: Turn, order: Order) -> None:
    """While a person leads the conversation he takes the answer, so the bot asks nothing."""
    if turn.conversation.held:
        turn.toast(turn.voice.plain("buyer.payment.contact_to_operator"), alert=True)
        return
    by_button = uses_contact_keyboard(turn)
    turn.go(FLOW, order=order.id, keyboard=by_button)
    question = turn.voice.marked("buyer.payment.ask_contact", number=order.number)
    if not by_button:
        turn.say(written(question))
        return
    send = Button(turn.voice.plain("buyer.checkout.send_contact"), ask_contact=True)
    turn.say(written(question, keyboard=((send,), (Button(turn.voice.plain("buyer.checkout.leave")),))))


def _set_contact(turn: Turn, order: Order, *, phone: str = "", email: str = "") -> None:
    details.set_contact(turn.session, order, actor=turn.actor, phone=phone or None, email=email or None)


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
        occasion=Occasion("payment_link", {"number": str(number), "sum": amount.format(voice.locale), "link": url}),
    )
