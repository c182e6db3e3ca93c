"""An order's money: links to pay by, money that came by hand, money given back, and money that does not fit."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy.orm import Session

from bot.flows.paying import link_view
from bot.flows.voice import Voice
from company import settings
from company.rights import Right
from company.tables import Shop
from company.texts import Texts
from inbox import conversations, messages
from inbox.tables import Author
from kit.errors import Missing
from kit.money import Money
from operator_console.order_acts import changed, set_contact
from operator_console.routing import ID, Route, post
from operator_console.texts import gettext as _
from operator_console.texts import reading
from operator_console.visits import Form, NoSuchPage, Visit
from orders import book
from payments import charging, links, manual, questions, refunding
from payments.tables import Payment


class NoSuchPayment(Missing):
    code = "no_such_payment"


class NoChat(Missing):
    """The order did not come from a conversation, so there is nowhere to send to."""

    code = "order_without_chat"


async def charge(visit: Visit) -> web.StreamResponse:
    """Make a link for what is due; it may be copied, or sent into the conversation."""
    await visit.write(_charge, visit.shop.id, visit.number(), await visit.form(), visit.actor)
    with reading(visit.reader):
        words = _("The link is ready")
    return changed(visit, visit.number(), words)


async def send_link(visit: Visit) -> web.StreamResponse:
    key = form_key(await visit.form())
    console = visit.console
    await visit.write(send, visit.shop, visit.number(), visit.staff.id, console.texts, console.public_url, key=key)
    with reading(visit.reader):
        words = _("The link is sent")
    return changed(visit, visit.number(), words)


async def receive(visit: Visit) -> web.StreamResponse:
    """Somebody was given cash, or saw the transfer come."""
    form = await visit.form()
    amount = Money.parse(form["amount"], visit.shop.currency)
    await visit.write(_receive, visit.shop.id, visit.number(), amount, form["method"], form_key(form), visit.actor)
    with reading(visit.reader):
        words = _("Received: {sum}", sum=amount.format(visit.reader.language))
    return changed(visit, visit.number(), words)


async def refund(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    order_id = await visit.write(_refund, visit, visit.number(), form["amount"], form["reason"], form_key(form))
    with reading(visit.reader):
        words = _("The refund is on its way")
    return changed(visit, order_id, words)


async def resolve(visit: Visit) -> web.StreamResponse:
    return changed(visit, await visit.write(_resolve, visit.shop.id, visit.number(), visit.actor))


ROUTES: tuple[Route, ...] = (
    post(f"/orders/{ID}/charge", charge, Right.ORDERS),
    post(f"/orders/{ID}/send-link", send_link, Right.ORDERS),
    post(f"/orders/{ID}/receive", receive, Right.ORDERS),
    post(f"/payments/{ID}/refund", refund, Right.REFUND),
    post(f"/questions/{ID}/resolve", resolve, Right.REFUND),
)


def form_key(form: Form) -> str:
    """What makes a form that is sent twice count once. Our own pages always give one."""
    if not re.fullmatch("[0-9a-f]{8,40}", form["key"]):
        raise NoSuchPage("a form without its key")
    return form["key"]


def send(
    session: Session, shop: Shop, order_id: int, staff_id: int, texts: Texts, public_url: str, *, key: str
) -> Payment:
    """Send the buyer a link for what is due into the order's conversation. The same `key` sends once."""
    order = book.get(session, shop.id, order_id)
    if order.conversation_id is None:
        raise NoChat(f"order {order.number} has no conversation")
    conversation = conversations.get(session, order.conversation_id, shop.id, lock=True)
    payment = charging.request(session, order, actor=f"staff:{staff_id}")
    session.refresh(order, ["reserved_until"])
    until = order.reserved_until.astimezone(ZoneInfo(shop.timezone)) if order.reserved_until else None
    voice = Voice.of(texts, conversation.locale, settings.of(shop))
    messages.say(
        session,
        conversation,
        link_view(voice, order.number, payment, links.link(public_url, payment), until),
        author=Author.STAFF,
        staff_id=staff_id,
        client_key=f"link:{payment.id}:{key}",
    )
    return payment


def _charge(session: Session, shop_id: int, order_id: int, form: Form, actor: str) -> None:
    set_contact(session, shop_id, order_id, form, actor, filled_only=True)
    charging.request(session, book.get(session, shop_id, order_id), actor=actor)


def _receive(session: Session, shop_id: int, order_id: int, amount: Money, method: str, key: str, actor: str) -> None:
    order = book.get(session, shop_id, order_id)
    manual.confirm(session, order, amount=amount, actor=actor, key=key, method=method)


def _refund(session: Session, visit: Visit, payment_id: int, amount: str, reason: str, key: str) -> int:
    payment = session.get(Payment, payment_id)
    if payment is None or payment.shop_id != visit.shop.id:
        raise NoSuchPayment(f"payment {payment_id} of shop {visit.shop.id}")
    refunding.ask(
        session,
        payment,
        Money.parse(amount, payment.currency),
        reason=reason,
        actor=visit.actor,
        key=key,
        most=visit.powers.refund_most,
    )
    return payment.order_id


def _resolve(session: Session, shop_id: int, question_id: int, actor: str) -> int:
    question = questions.get(session, shop_id, question_id)
    questions.resolve(session, question, actor=actor)
    return question.order_id
