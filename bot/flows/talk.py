"""Free talk: the buyer's question reaches a person, and what he names is shown if the shop sells it."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from bot.flows import menu
from bot.flows.browse import offer
from bot.flows.turn import Turn
from bot.flows.voice import written
from catalog import names, search, stock
from catalog.tables import Product
from company import hours
from inbox import conversations
from inbox.content import Button, Offers
from kit.clock import utc_now

FLOW = "question"
"""The buyer has said that he is going to ask: his next words are no search."""

MOST_WORDS = 6
"""A longer text is talk, not the name of a thing."""

OFFERS = 5

_WORD = re.compile(r"\w+")


def hear(turn: Turn) -> None:
    """Any words of the buyer that nothing else took: they always reach a person."""
    asked_before = turn.conversation.flow == FLOW
    found = [] if asked_before else _named(turn)
    if asked_before:
        turn.go("")
    if found:
        _offer(turn, found)
    pass_on(turn)


def invite(turn: Turn) -> None:
    """«Ask an operator» was chosen."""
    turn.go(FLOW)
    turn.say(written(turn.voice.marked("buyer.question.invite"), keyboard=menu.keyboard(turn.voice)))


def pass_on(turn: Turn) -> None:
    """Let the buyer wait for a person, and say so the first time."""
    if turn.conversation.waiting_since is not None:
        return
    by_rule = turn.settings.assignment.rule != "nobody"
    conversations.begin_waiting(turn.session, turn.conversation, by_rule=by_rule)
    turn.say(written(_answer_when(turn), keyboard=_keyboard(turn)))


def _answer_when(turn: Turn) -> str:
    """That somebody will answer; when the shop opens again, if it is closed now."""
    open_hours, zone, now = turn.settings.hours, ZoneInfo(turn.shop.timezone), utc_now()
    if hours.is_open(open_hours, zone, now) or (opens := hours.next_opening(open_hours, zone, now)) is None:
        return turn.voice.marked("buyer.question.passed_on")
    moment = format_datetime(opens, "EEEE, d MMMM, HH:mm", locale=turn.voice.locale)
    return turn.voice.marked("buyer.question.passed_on_closed", moment=moment)


def names_it(query: str, title: str) -> bool:
    """Whether each word of the query, its ending apart, begins a word of the title: «кружки» names «Кружка»."""
    words = _words(title)
    asked = [word for word in _words(query) if len(word) > 2 or word.isdigit()]
    return bool(asked) and all(any(_same(word, known) for known in words) for word in asked)


def _named(turn: Turn) -> list[Product]:
    """Products that the text names outright; a vague likeness is not worth interrupting a question for."""
    text = turn.incoming.text.strip()
    if not text or "?" in text or len(_words(text)) > MOST_WORDS:
        return []
    found = search.find(turn.session, turn.shop.id, text, limit=OFFERS)
    return [product for product in found if names_it(text, _spoken(product, turn.locale))]


def _offer(turn: Turn, found: list[Product]) -> None:
    left = stock.available(turn.session, [v.id for p in found for v in p.variants if v.active])
    each = tuple(offer(turn.voice, product, left, turn.shop.currency) for product in found)
    offers = Offers(each, turn.voice.plain("buyer.menu.catalog"))
    turn.say(written(turn.voice.marked("buyer.search.found"), offers=offers))


def _spoken(product: Product, locale: str) -> str:
    skus = " ".join(f"{variant.sku} {variant.barcode or ''}" for variant in product.variants)
    return f"{product.name} {names.named(product, locale)} {skus}"


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold().replace("ё", "е"))


def _same(asked: str, known: str) -> bool:
    stem = asked if len(asked) < 5 else asked[: max(4, len(asked) - 2)]
    return known.startswith(stem)


def _keyboard(turn: Turn) -> tuple[tuple[Button, ...], ...]:
    """The menu, unless the checkout is in the middle of asking for a contact with a keyboard of its own."""
    return () if turn.conversation.flow_state.get("keyboard") else menu.keyboard(turn.voice)
