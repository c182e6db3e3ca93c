"""The way in: whatever a buyer, or a member of staff in his own chat, says or presses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.flows import browse, cart, checkout, menu, passport, paying, proven, purchases, staff, talk, wanted
from bot.flows.browse import Args
from bot.flows.turn import Turn
from inbox.content import Action, load_outgoing
from inbox.tables import Kind
from kit.errors import Problem

Act = Callable[[Turn, Args], None]

ACTIONS: Mapping[str, Act] = {
    **browse.ACTIONS,
    **cart.ACTIONS,
    **checkout.ACTIONS,
    **purchases.ACTIONS,
    **passport.ACTIONS,
    **proven.ACTIONS,
}
"""What a buyer's buttons do. An action that is renamed makes the buttons already sent out of date."""

STEADY = frozenset({"product.more", "product.fewer"})
"""Actions of buttons that keep their place when their card changes: quick taps on them all count. Their `since` is the
version in which the card began."""

HELD_TOO = frozenset(
    {"product", "product.more", "product.fewer", "product.sold_out", "cart", "cart.more", "cart.fewer", "cart.drop"}
    | {"order", "order.pay", "passport.undo", "proven.part"}
)
"""What buttons still do while a person leads the conversation: the buyer's own cart, paying, and what
somebody else has taken from him."""

PRODUCT_LINK = "p_"
STAFF_LINK = "staff_"


def handle(turn: Turn) -> None:
    """Do what the buyer wants and answer him. Every press is answered; nothing that he says is an error."""
    if turn.incoming.edited:
        return
    try:
        _route(turn)
    except Problem as problem:
        turn.tell(problem)
    turn.toast("")


def _route(turn: Turn) -> None:
    start = turn.incoming.start or ""
    if start.startswith(STAFF_LINK):
        staff.link(turn, start.removeprefix(STAFF_LINK))
    elif turn.conversation.kind == Kind.STAFF:
        staff.handle(turn)
    elif (code := passport.brought(turn)) is not None:
        passport.bring(turn, code)
    elif turn.incoming.wanted:
        wanted.take(turn)
    elif turn.conversation.held:
        _while_held(turn)
    elif turn.incoming.press is not None:
        _press(turn)
    elif turn.incoming.start is not None:
        _start(turn, start)
    else:
        _listen(turn)


def _while_held(turn: Turn) -> None:
    """A person leads: the bot says nothing, but the buttons of cards that the person sent still do their work."""
    action = turn.action
    if action is not None and action.name in HELD_TOO:
        _press(turn)
    else:
        turn.toast(turn.voice.plain("buyer.operator_answers"))


def _start(turn: Turn, start: str) -> None:
    checkout.set_aside(turn)
    product = start.removeprefix(PRODUCT_LINK)
    if start.startswith(PRODUCT_LINK) and product.isdecimal() and len(product) < 18:
        menu.greet(turn)
        browse.show_product(turn, int(product))
    else:
        menu.greet(turn)


def _press(turn: Turn) -> None:
    action = turn.action
    act = ACTIONS.get(action.name) if action is not None else None
    if action is not None and act is not None and (not turn.stale or _is_steady(turn, action)):
        act(turn, action.args)
        return
    turn.toast(turn.voice.plain("buyer.stale"))
    if turn.stale and turn.just_changed:
        return
    if turn.stale and turn.pressed is not None:
        turn.say(load_outgoing(turn.pressed.content))
    else:
        menu.greet(turn)


def _is_steady(turn: Turn, action: Action) -> bool:
    """Whether this action stood in this place already when the button was pressed."""
    press = turn.incoming.press
    return action.name in STEADY and press is not None and press.version >= int(action.args.get("since", 0))


def _listen(turn: Turn) -> None:
    """Words, a number from the list, a command, an attachment."""
    if (offered := _offered(turn)) is not None:
        ACTIONS[offered.name](turn, offered.args)
        return
    if (command := menu.command(turn.voice, turn.incoming.text)) is not None:
        checkout.set_aside(turn)
        COMMANDS[command](turn)
        return
    if not checkout.answer(turn) and not paying.answer(turn) and not proven.noted(turn):
        talk.hear(turn)


def _offered(turn: Turn) -> Action | None:
    """The choice behind a typed number, where the last message offered its choices as a numbered list."""
    said = turn.incoming.text.strip().rstrip(".")
    offered: list[Any] = turn.conversation.offered
    if not (said.isascii() and said.isdecimal() and len(said) < 4 and 0 < int(said) <= len(offered)):
        return None
    choice = offered[int(said) - 1]
    return Action(choice["name"], choice["args"]) if choice["name"] in ACTIONS else None


COMMANDS: Mapping[str, Callable[[Turn], None]] = {
    "catalog": lambda turn: browse.open_catalog(turn, {}),
    "cart": lambda turn: cart.open_cart(turn, {}),
    "orders": lambda turn: purchases.open_orders(turn, {}),
    "question": talk.invite,
    "passport": lambda turn: passport.give(turn, {}),
    "help": menu.help_out,
    "start": menu.greet,
}
"""What menu.COMMANDS do."""
