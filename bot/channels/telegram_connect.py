"""Whose a Telegram bot's token is.

Source: https://core.telegram.org/bots/api#getme
"""

from __future__ import annotations

import re

from bot.channels.connecting import BadToken, Found, told

NAME = "Telegram"

_TOKEN = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{10,100}")


async def whose(token: str, api: str) -> Found:
    if not _TOKEN.fullmatch(token):
        raise BadToken(NAME)
    _status, said = await told(NAME, f"{api}/bot{token}/getMe")
    bot = said.get("result") if isinstance(said, dict) else None
    if not isinstance(bot, dict) or not isinstance(bot.get("id"), int):
        raise BadToken(NAME)
    return Found(str(bot["id"]), str(bot.get("first_name", ""))[:120], str(bot.get("username", ""))[:60])
