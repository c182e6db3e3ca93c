"""The main menu: greeting, help, and the words and commands that lead into it from anywhere."""

from __future__ import annotations

from bot.flows.turn import Turn
from bot.flows.voice import Row, Voice, written
from inbox.content import Button

ENTRIES = ("catalog", "cart", "orders", "question")
"""What the main menu offers; the label of each is the text `buyer.menu.<entry>`."""

COMMANDS = (*ENTRIES, "passport", "help", "start")
"""What may be typed, as «/cart» or as one of the words under `buyer.words.<command>`."""

LONGEST_COMMAND = 40


def keyboard(voice: Voice) -> tuple[Row, ...]:
    """The menu that stays under the place where the buyer types."""
    labels = [Button(voice.plain(f"buyer.menu.{entry}")) for entry in ENTRIES]
    return tuple(labels[:2]), tuple(labels[2:])


def greet(turn: Turn) -> None:
    voice = turn.voice
    name = turn.customer.name.split(" ")[0] if turn.customer.name else ""
    key = "buyer.greeting" if name else "buyer.greeting_unnamed"
    turn.say(written(voice.marked(key, name=name, shop=turn.shop.name), keyboard=keyboard(voice)))


def help_out(turn: Turn) -> None:
    turn.say(written(turn.voice.marked("buyer.help", shop=turn.shop.name), keyboard=keyboard(turn.voice)))


def command(voice: Voice, text: str) -> str | None:
    """Which of COMMANDS was typed or chosen from the keyboard; None if it is ordinary talk."""
    text = text.strip()
    if not text or len(text) > LONGEST_COMMAND:
        return None
    if text.startswith("/"):
        name = text[1:].split("@")[0].split(" ")[0].casefold()
        return name if name in COMMANDS else None
    said = text.casefold().rstrip(".!")
    for name in COMMANDS:
        if name in ENTRIES and said == voice.plain(f"buyer.menu.{name}").casefold():
            return name
        if said in voice.plain(f"buyer.words.{name}").split("|"):
            return name
    return None
