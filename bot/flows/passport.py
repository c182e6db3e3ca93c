"""From one messenger to another: a code that the buyer takes along, and what it opens where he brings it.

What moves is done by a job of its own, see bot.passports: it holds the cards and the conversations of two customers.
"""

from __future__ import annotations

from bot import lanes
from bot.flows.browse import Args
from bot.flows.turn import Turn
from bot.flows.voice import Row, written
from catalog import goods
from customers import passports
from inbox import opening
from inbox.content import Button
from storage import jobs

MOVE, RETURN = "passport.move", "passport.return"
"""The jobs."""

LINK = "move_"
"""How a link that carries a code starts a bot."""


def give(turn: Turn, args: Args) -> None:
    """A new code, with links to where it can be brought."""
    code = passports.issue(turn.session, turn.customer, actor=turn.actor)
    minutes = int(passports.LIVES.total_seconds() // 60)
    rows = _ways(turn, code)
    key = "buyer.passport.code" if rows else "buyer.passport.code_alone"
    turn.say(written(turn.voice.marked(key, code=code, minutes=minutes), rows=rows))


def bring(turn: Turn, code: str) -> None:
    """Somebody brings a code. Raises WrongCode, TooManyTries."""
    used = passports.use(turn.session, turn.shop.id, code, conversation_id=turn.conversation.id, actor=turn.actor)
    if used is None:
        turn.say(written(turn.voice.marked("buyer.passport.same")))
        return
    jobs.put(
        turn.session,
        MOVE,
        {"passport_id": used.id},
        lane=lanes.coming_from(turn.account.id, turn.conversation.chat),
    )


def take_back(turn: Turn, args: Args) -> None:
    """«It was not me», pressed where the code was asked for."""
    jobs.put(
        turn.session,
        RETURN,
        {"passport_id": int(args["passport"]), "conversation_id": turn.conversation.id},
        lane=lanes.coming_from(turn.account.id, turn.conversation.chat),
        dedup_key=f"passport-return:{args['passport']}",
    )
    turn.toast("")


def start_of(code: str) -> str:
    """What a link with this code starts a bot with."""
    return f"{LINK}{code.replace('-', '')}"


def brought(turn: Turn) -> str | None:
    """The code in a link or in what was written, which is heard whoever leads the conversation; None if there is none.

    What the shop calls one of its goods is no code.
    """
    start, text = turn.incoming.start or "", turn.incoming.text
    if start.startswith(LINK):
        return passports.code_in(start.removeprefix(LINK)) or ""
    if start or turn.incoming.press is not None:
        return None
    code = passports.code_in(text)
    return None if code is None or goods.by_sku(turn.session, turn.shop.id, text.strip()) is not None else code


ACTIONS = {"passport": give, "passport.undo": take_back}


def _ways(turn: Turn, code: str) -> tuple[Row, ...]:
    """The shop's other channels that a link opens."""
    found = opening.links(turn.session, turn.shop.id, start_of(code), beside=turn.account.id)
    return tuple((Button(account.name, url=url),) for account, url in found)
