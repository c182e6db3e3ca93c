"""Whose a MAX bot's token is.

Source: https://dev.max.ru/docs-api/methods/GET/me
"""

from __future__ import annotations

import re

from bot.channels.connecting import BadToken, ChannelSilent, Found, told

NAME = "MAX"

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,512}")
"""What a header can carry; MAX says nothing of the form of its tokens."""


async def whose(token: str, api: str) -> Found:
    if not _TOKEN.fullmatch(token):
        raise BadToken(NAME)
    status, bot = await told(NAME, f"{api}/me", headers={"Authorization": token})
    if status >= 500 or status == 429:
        raise ChannelSilent(NAME)
    if status != 200 or not isinstance(bot, dict) or not isinstance(bot.get("user_id"), int):
        raise BadToken(NAME)
    username = str(bot.get("username") or "")[:60]
    name = str(bot.get("first_name") or bot.get("name") or "")[:120]
    return Found(username or str(bot["user_id"]), name or username, username)
