"""One number, vouched for in two messengers, makes one customer of two; whoever is not that person parts them again.

A buyer gives it in his checkout, or when he asks where his orders are.

What is joined and parted is done by jobs of their own, see bot.joined: they hold the cards and the conversations of two
customers.
"""

from __future__ import annotations

from bot import lanes
from bot.flows import menu
from bot.flows.browse import Args
from bot.flows.turn import Turn
from bot.flows.voice import written
from inbox.content import Button
from storage import jobs

JOIN, PART = "proven.join", "proven.part"
"""The jobs."""


def elsewhere(turn: Turn, args: Args) -> None:
    """He has bought in another messenger: how he is known again."""
    if not (turn.capabilities.vouches and turn.capabilities.ask_contact):
        turn.say(written(turn.voice.marked("buyer.proven.by_code")))
        return
    keyboard = (
        (Button(turn.voice.plain("buyer.checkout.send_contact"), ask_contact=True),),
        *menu.keyboard(turn.voice),
    )
    turn.say(written(turn.voice.marked("buyer.proven.by_number"), keyboard=keyboard))


def noted(turn: Turn) -> bool:
    """Take the buyer's own contact, where no question was open that it answers. False if it is none."""
    contact = turn.incoming.contact
    if contact is None or not contact.own or not turn.capabilities.vouches:
        return False
    turn.say(written(turn.voice.marked("buyer.proven.noted"), keyboard=menu.keyboard(turn.voice)))
    return True


def part(turn: Turn, args: Args) -> None:
    """«It is not me», pressed in one of the conversations that were joined."""
    jobs.put(
        turn.session,
        PART,
        {"merge_id": int(args["merge"]), "conversation_id": turn.conversation.id, "shop_id": turn.shop.id},
        lane=lanes.coming_from(turn.account.id, turn.conversation.chat),
        dedup_key=f"proven-part:{args['merge']}",
    )
    turn.toast("")


ACTIONS = {"proven.elsewhere": elsewhere, "proven.part": part}
