"""The questions of the checkout: how each is asked, and what counts as its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.flows.turn import Turn
from bot.flows.voice import Row, Voice, written
from company.settings import ShopSettings
from customers import cards
from inbox.content import Action, Button, Incoming, Outgoing
from orders import cart as carts
from orders import delivery
from orders.details import LIMITS, payment_methods

Answers = Mapping[str, str]

SHORTEST_ADDRESS = 5
"""Anything shorter is a slip of the finger."""

FEWEST_DIGITS = 3
"""Words with fewer digits than this are no attempt at a phone number."""


@dataclass(frozen=True, slots=True)
class Question:
    """`ask` makes the message; `read` takes what was typed or sent, and is None for what is no answer."""

    ask: Callable[[Turn, Answers], Outgoing]
    read: Callable[[Turn, Incoming], str | None]


def needed(settings: ShopSettings, answers: Answers) -> list[str]:
    """The questions that this order asks, in their order; a choice of one is not asked."""
    wanted = ["name", "phone"]
    if len(settings.delivery) > 1:
        wanted.append("delivery")
    chosen = delivery_code(settings, answers)
    if chosen and delivery.method(settings, chosen).needs_address:
        wanted.append("address")
    wanted.append("comment")
    if len(payment_methods(settings)) > 1:
        wanted.append("payment")
    return wanted


def next_question(settings: ShopSettings, answers: Answers) -> str | None:
    """The first that has no answer yet; None when everything is known."""
    return next((name for name in needed(settings, answers) if name not in answers), None)


def delivery_code(settings: ShopSettings, answers: Answers) -> str:
    """The chosen way of delivery; an answer that the shop has since given up does not count."""
    codes = [method.code for method in settings.delivery]
    if len(codes) == 1:
        return codes[0]
    return answers.get("delivery", "") if answers.get("delivery") in codes else ""


def payment_code(settings: ShopSettings, answers: Answers) -> str:
    ways = payment_methods(settings)
    return answers["payment"] if answers.get("payment") in ways else next(iter(ways), "")


def uses_contact_keyboard(turn: Turn) -> bool:
    """Whether the phone is asked for with the messenger's own contact button, which stands on the keyboard."""
    return not turn.customer.phone and turn.capabilities.ask_contact and turn.capabilities.keyboard


def ask_name(turn: Turn, answers: Answers) -> Outgoing:
    known = turn.customer.name
    return _question(turn.voice, "buyer.checkout.name", _answer("name", known, known) if known else ())


def read_name(turn: Turn, incoming: Incoming) -> str | None:
    return _words(incoming, "recipient", shortest=2)


def ask_phone(turn: Turn, answers: Answers) -> Outgoing:
    voice = turn.voice
    if turn.customer.phone:
        known = turn.customer.phone
        return _question(voice, "buyer.checkout.phone", _answer("phone", known, known))
    if not uses_contact_keyboard(turn):
        return _question(voice, "buyer.checkout.phone", ())
    return written(
        voice.marked("buyer.checkout.phone_contact"),
        keyboard=(
            (Button(voice.plain("buyer.checkout.send_contact"), ask_contact=True),),
            (Button(voice.plain("buyer.back")), Button(voice.plain("buyer.checkout.leave"))),
        ),
    )


def read_phone(turn: Turn, incoming: Incoming) -> str | None:
    """E.164. Raises customers.cards.BadPhone for what looks like an attempt and is no number."""
    said = incoming.contact.phone if incoming.contact else incoming.text
    if sum(map(str.isdigit, said)) < FEWEST_DIGITS or _asks(said):
        return None
    if incoming.contact is not None and incoming.contact.own:
        # Messengers give the international number, some of them without its plus.
        said = f"+{said.lstrip('+')}"
    return cards.phone(said)


def ask_delivery(turn: Turn, answers: Answers) -> Outgoing:
    voice = turn.voice
    cart = carts.of(turn.session, turn.shop.id, turn.customer.id)
    goods = carts.view(turn.session, cart, turn.locale).goods
    rows: list[Row] = []
    for method, price in delivery.options(turn.settings, goods):
        name = delivery.name(turn.settings, method.code, turn.locale)
        words = price.format(turn.locale) if price else voice.plain("buyer.order.free")
        label = voice.plain("buyer.checkout.delivery_option", name=name, price=words)
        rows.append(_answer("delivery", method.code, label))
    return _question(voice, "buyer.checkout.delivery", *rows)


def read_delivery(turn: Turn, incoming: Incoming) -> str | None:
    said = incoming.text.strip().casefold()
    names = {
        spoken.casefold(): method.code
        for method in turn.settings.delivery
        for spoken in (method.name, method.name_en)
        if spoken
    }
    return names.get(said)


def ask_address(turn: Turn, answers: Answers) -> Outgoing:
    last = turn.customer.address
    return _question(turn.voice, "buyer.checkout.address", _answer("address", last, last) if last else ())


def read_address(turn: Turn, incoming: Incoming) -> str | None:
    if incoming.location is not None:
        place = incoming.location
        point = f"{place.latitude:.6f}, {place.longitude:.6f}"
        return f"{place.title} ({point})" if place.title else point
    return _words(incoming, "address", shortest=SHORTEST_ADDRESS)


def ask_comment(turn: Turn, answers: Answers) -> Outgoing:
    skip = _answer("comment", "", turn.voice.plain("buyer.checkout.no_comment"))
    return _question(turn.voice, "buyer.checkout.comment", skip)


def read_comment(turn: Turn, incoming: Incoming) -> str | None:
    return incoming.text.strip()[: LIMITS["comment"]] or None


def ask_payment(turn: Turn, answers: Answers) -> Outgoing:
    ways = [
        _answer("payment", way, turn.voice.plain(f"buyer.checkout.pay_{way}")) for way in payment_methods(turn.settings)
    ]
    return _question(turn.voice, "buyer.checkout.payment", *ways)


def read_payment(turn: Turn, incoming: Incoming) -> str | None:
    said = incoming.text.strip().casefold()
    ways = payment_methods(turn.settings)
    return next((way for way in ways if said == turn.voice.plain(f"buyer.checkout.pay_{way}").casefold()), None)


QUESTIONS: Mapping[str, Question] = {
    "name": Question(ask_name, read_name),
    "phone": Question(ask_phone, read_phone),
    "delivery": Question(ask_delivery, read_delivery),
    "address": Question(ask_address, read_address),
    "comment": Question(ask_comment, read_comment),
    "payment": Question(ask_payment, read_payment),
}


def ways_out(voice: Voice) -> Row:
    return (
        voice.button("buyer.back", Action("checkout.back")),
        voice.button("buyer.checkout.leave", Action("checkout.leave")),
    )


def _question(voice: Voice, key: str, *rows: Row) -> Outgoing:
    return written(voice.marked(key), rows=(*rows, ways_out(voice)))


def _answer(question: str, value: str, label: str) -> Row:
    return (Button(label, Action("checkout.answer", {"question": question, "value": value})),)


def _words(incoming: Incoming, field: str, *, shortest: int) -> str | None:
    said = " ".join(incoming.text.split())
    if len(said) < shortest or _asks(said):
        return None
    return said[: LIMITS[field]]


def _asks(said: str) -> bool:
    """The buyer asks something instead of answering."""
    return "?" in said
