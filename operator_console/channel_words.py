"""What the console says of each messenger: the steps to its token, and where the token is found."""

from __future__ import annotations

from operator_console.people import Shape
from operator_console.texts import gettext as _


def of(channel: str) -> Shape:
    """{steps: what is done on the messenger's side, where: where the token stands, next: what follows of itself}."""
    words = {"telegram": _telegram}
    return words[channel]() if channel in words else {"steps": (), "where": "", "next": ""}


def _telegram() -> Shape:
    return {
        "steps": (
            _("In Telegram, open the chat with @BotFather and write /newbot."),
            _("Give the bot a name that buyers will see, and a username that ends in bot."),
            _("BotFather answers with the token: a number, a colon and letters. Copy all of it."),
        ),
        "where": _("BotFather gives it: /mybots, the bot, API Token."),
        "next": _("The bot is listened to within seconds. Write to it yourself to see that it answers."),
    }
