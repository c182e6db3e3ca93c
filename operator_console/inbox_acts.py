"""What operators do in a conversation. Each act is one transaction; the pages learn of it from the event stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from aiohttp import web
from sqlalchemy.orm import Session

from bot.flows.browse import Counter, product_view
from bot.flows.paying import link_view
from bot.flows.voice import Voice
from catalog import goods, stock
from company import settings, staff
from company.rights import Right
from company.tables import ChannelAccount, Shop
from customers import cards
from inbox import conversations, delivered, messages, snoozing, windows
from inbox.content import Button, Outgoing, dump, load_outgoing
from inbox.tables import Conversation
from kit.clock import utc_now
from kit.errors import Refused
from kit.money import Money
from operator_console import formats, moment_shapes, order_shapes
from operator_console.context_shapes import CART_LINE
from operator_console.inbox_pages import beside, found_in
from operator_console.money_pages import form_key
from operator_console.order_acts import set_contact
from operator_console.routing import ID, Route, post
from operator_console.texts import gettext as _
from operator_console.visits import Form, NoSuchPage, Visit, whole
from orders import cart as carts
from orders import checkout, lines
from orders.checkout import Details
from orders.tables import Order
from payments import charging, links

TWICE = timedelta(seconds=10)
"""A card sent again so soon was not meant."""


class NoOrderHere(Refused):
    """There is nothing to pay for in this conversation."""

    code = "no_order_here"


# Talking


async def resend(visit: Visit) -> web.StreamResponse:
    await visit.write(_resend, visit, visit.number(), visit.number("message"))
    return visit.done()


async def send_product(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    await visit.write(_send_product, visit, visit.number(), form.number("product"), form.number("variant"))
    return visit.done()


def _resend(session: Session, visit: Visit, id_: int, message_id: int) -> None:
    here = found_in(session, visit, id_, lock=True)
    message = messages.get(session, message_id, here)
    windows.check(session, here, load_outgoing(message.content))
    delivered.resend(session, here, message)


def _send_product(session: Session, visit: Visit, id_: int, product_id: int, variant_id: int) -> None:
    here = found_in(session, visit, id_, lock=True)
    product = goods.product(session, visit.shop.id, product_id)
    sold = [variant for variant in product.variants if variant.active]
    around = beside(session, visit, here)
    cart = carts.of(session, visit.shop.id, around.customer.id)
    counter = Counter(
        product=product,
        variant=next((variant for variant in sold if variant.id == variant_id), sold[0] if sold else None),
        left=stock.available(session, [variant.id for variant in sold]),
        in_cart=sum(line.quantity for line in cart.lines if line.variant_id == variant_id),
        cart_sum=Money(sum(line.quantity * line.price_seen for line in cart.lines), visit.shop.currency),
        currency=visit.shop.currency,
        page=0,
    )
    card = product_view(_voice(visit, here), counter)
    rows = _without_browsing(card.rows)
    if counter.variant is not None and session.get_one(ChannelAccount, here.account_id).settings.get("catalog"):
        # The messenger shows it out of its own catalogue, with its own basket.
        card, rows = replace(card, card=replace(card.card, sku=counter.variant.sku) if card.card else None), ()
    _answer_once(session, visit, here, replace(card, rows=rows))


def _without_browsing(rows: Sequence[Sequence[Button]]) -> tuple[tuple[Button, ...], ...]:
    """The operator chose the product; there is no shelf that the buyer could go back to."""
    kept = (tuple(b for b in row if b.action is None or b.action.name not in ("catalog", "category")) for row in rows)
    return tuple(row for row in kept if row)


def _voice(visit: Visit, here: Conversation) -> Voice:
    """The shop's words for this buyer."""
    return Voice.of(visit.console.texts, here.locale, settings.of(visit.shop))


# Who leads


async def take(visit: Visit) -> web.StreamResponse:
    return await _turn(visit, lambda session, here: conversations.take(session, here, visit.staff))


async def take_over(visit: Visit) -> web.StreamResponse:
    return await _turn(visit, lambda session, here: conversations.take(session, here, visit.staff, over=True))


async def assign(visit: Visit) -> web.StreamResponse:
    """With a note, which stands in the thread among the staff and comes to the colleague with the news."""
    form = await visit.form()
    colleague_id, note = form.number("staff"), form["note"].strip()

    def hand_over(session: Session, here: Conversation) -> None:
        if not staff.is_at_the_counter(session, colleague_id, visit.shop.id):
            raise NoSuchPage(f"staff {colleague_id} is not of this shop")
        if note:
            key = f"hand:{form_key(form)}"
            if messages.is_said(session, here, key):
                return
            messages.note(session, here, note, visit.staff, client_key=key)
        conversations.hand_over(session, here, staff.get(session, colleague_id), by=visit.staff, note=note)

    return await _turn(visit, hand_over)


async def release(visit: Visit) -> web.StreamResponse:
    return await _turn(visit, lambda session, here: conversations.release(session, here, by=visit.staff))


async def close(visit: Visit) -> web.StreamResponse:
    here = visit.number()
    await _turn(visit, lambda session, it: conversations.close(session, it, by=visit.staff))
    with_words = await visit.read(lambda _session: _("The conversation is closed"))
    return visit.done(with_words, undo={"url": f"/inbox/{here}/undo_close", "values": {}})


async def undo_close(visit: Visit) -> web.StreamResponse:
    return await _turn(visit, lambda session, here: conversations.undo_close(session, here, by=visit.staff))


async def reopen(visit: Visit) -> web.StreamResponse:
    return await _turn(visit, lambda session, here: conversations.reopen(session, here, by=visit.staff))


async def answered(visit: Visit) -> web.StreamResponse:
    return await _turn(visit, lambda session, here: conversations.no_answer_needed(session, here, by=visit.staff))


async def snooze(visit: Visit) -> web.StreamResponse:
    here, until = visit.number(), moment_shapes.chosen(visit, await visit.form())
    await _turn(visit, lambda session, it: snoozing.put_off(session, it, until, by=visit.staff))
    words = await visit.read(lambda _session: _("Put off until {when}", when=formats.ahead(until)))
    return visit.done(words, undo={"url": f"/inbox/{here}/bring_back", "values": {}})


async def bring_back(visit: Visit) -> web.StreamResponse:
    return await _turn(visit, lambda session, here: snoozing.bring_back(session, here, by=visit.staff))


async def _turn(visit: Visit, act: Callable[[Session, Conversation], object]) -> web.Response:
    await visit.write(lambda session: act(session, found_in(session, visit, visit.number(), lock=True)))
    return visit.done()


# Selling


async def put_in_cart(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    variant_id = whole(form["line"].removeprefix(CART_LINE))
    await visit.write(_put_in_cart, visit, visit.number(), variant_id, form.number("quantity"))
    return visit.done(tell={"live:order": {}})


async def add_to_order(visit: Visit) -> web.StreamResponse:
    """A product into the open order; without one, the order is made of it."""
    variant_id = visit.query_number("variant") or (await visit.form()).number("variant")
    number, made = await visit.write(_add_to_order, visit, visit.number(), variant_id)
    return visit.done(await visit.read(_order_words, number, made))


async def order_from_cart(visit: Visit) -> web.StreamResponse:
    number = await visit.write(_order_from_cart, visit, visit.number())
    return visit.done(await visit.read(_order_words, number, True))


async def charge(visit: Visit) -> web.StreamResponse:
    await visit.write(_charge, visit, visit.number(), await visit.form())
    return visit.done()


def _put_in_cart(session: Session, visit: Visit, id_: int, variant_id: int, quantity: int) -> None:
    here = found_in(session, visit, id_)
    customer = cards.get(session, here.customer_id or 0, visit.shop.id)
    carts.set_quantity(session, visit.shop.id, customer.id, variant_id, quantity)


def _add_to_order(session: Session, visit: Visit, id_: int, variant_id: int) -> tuple[int, bool]:
    here = found_in(session, visit, id_, lock=True)
    current = beside(session, visit, here).current
    if current is not None and order_shapes.takes_goods(current):
        return lines.add_line(session, current, variant_id, actor=visit.actor).number, False
    return _make(session, visit, here, [(variant_id, 1)]).number, True


def _order_from_cart(session: Session, visit: Visit, id_: int) -> int:
    here = found_in(session, visit, id_, lock=True)
    customer = cards.get(session, here.customer_id or 0, visit.shop.id)
    cart = carts.held(session, visit.shop.id, customer.id)
    order = _make(session, visit, here, [(line.variant_id, line.quantity) for line in cart.lines])
    carts.empty(session, cart)
    return order.number


def _make(session: Session, visit: Visit, here: Conversation, wanted: Sequence[tuple[int, int]]) -> Order:
    shop = session.get_one(Shop, visit.shop.id)
    customer = cards.get(session, here.customer_id or 0, shop.id)
    details = Details(
        recipient=customer.name,
        phone=customer.phone or "",
        email=customer.email or "",
        payment_method="online" if settings.of(shop).pay_online else "on_receipt",
    )
    return checkout.make(
        session,
        shop,
        customer,
        wanted,
        details,
        actor=visit.actor,
        responsible_id=visit.staff.id,
        account_id=here.account_id,
        conversation_id=here.id,
    )


def _order_words(_session: Session, number: int, made: bool) -> str:
    words = _("Order No. {number} is made", number=number) if made else _("Added to order No. {number}", number=number)
    return words


def _charge(session: Session, visit: Visit, id_: int, form: Form) -> None:
    """The order's payment link as a message to the buyer; with the contact for its receipt, if the form brings one."""
    here = found_in(session, visit, id_, lock=True)
    order = beside(session, visit, here).current
    if order is None:
        raise NoOrderHere()
    set_contact(session, visit.shop.id, order.id, form, visit.actor, filled_only=True)
    payment = charging.request(session, order, actor=visit.actor)
    session.refresh(order, ["reserved_until"])
    until = order.reserved_until.astimezone(visit.reader.zone) if order.reserved_until else None
    url = links.link(visit.console.public_url, payment)
    _answer_once(session, visit, here, link_view(_voice(visit, here), order.number, payment, url, until))


def _answer_once(session: Session, visit: Visit, here: Conversation, outgoing: Outgoing) -> None:
    """A card for the buyer, unless it is the very one that was sent a moment ago: a button was pressed twice."""
    for last in messages.thread(session, here.id, limit=1):
        if last.content == dump(outgoing) and utc_now() - last.created_at < TWICE:
            return
    messages.reply(session, here, visit.staff, outgoing)


ROUTES: tuple[Route, ...] = (
    post(rf"/inbox/{ID}/messages/{{message:\d{{1,18}}}}/resend", resend, Right.REPLY),
    post(f"/inbox/{ID}/product", send_product, Right.REPLY),
    post(f"/inbox/{ID}/take", take, Right.REPLY),
    post(f"/inbox/{ID}/take_over", take_over, Right.REPLY),
    post(f"/inbox/{ID}/assign", assign, Right.REPLY),
    post(f"/inbox/{ID}/release", release, Right.REPLY),
    post(f"/inbox/{ID}/close", close, Right.REPLY),
    post(f"/inbox/{ID}/undo_close", undo_close, Right.REPLY),
    post(f"/inbox/{ID}/reopen", reopen, Right.REPLY),
    post(f"/inbox/{ID}/answered", answered, Right.REPLY),
    post(f"/inbox/{ID}/snooze", snooze, Right.REPLY),
    post(f"/inbox/{ID}/bring_back", bring_back, Right.REPLY),
    post(f"/inbox/{ID}/cart", put_in_cart, Right.ORDERS),
    post(f"/inbox/{ID}/order-lines", add_to_order, Right.ORDERS),
    post(f"/inbox/{ID}/order", order_from_cart, Right.ORDERS),
    post(f"/inbox/{ID}/charge", charge, Right.ORDERS),
)
