"""Whose a VK community's token is, and whether it may do what the shop needs.

Source: https://dev.vk.com/method/groups.getById, https://dev.vk.com/method/groups.getTokenPermissions
"""

from __future__ import annotations

import re

from bot.channels.base import Broken, ChannelError, Rejected
from bot.channels.connecting import BadToken, ChannelSilent, Found
from bot.channels.vk_calls import Calls
from kit.errors import Refused

NAME = "VK"

NEEDED = ("messages", "manage", "photos", "docs")
"""Rights without which buyers cannot be answered, events not received, pictures and files not sent."""

_TOKEN = re.compile(r"[A-Za-z0-9._-]{10,300}")


class TooFewRights(Refused):
    """The token opens the community, yet not all that the shop needs."""

    code = "vk_too_few_rights"

    def __init__(self, missing: str) -> None:
        super().__init__(f"the token lacks the rights {missing}", missing=missing)


async def whose(token: str, api: str) -> Found:
    """Raises also TooFewRights."""
    if not _TOKEN.fullmatch(token):
        raise BadToken(NAME)
    calls = Calls(token, api)
    try:
        groups = (await calls.call("groups.getById", {}, patience=10))["groups"]
        told = await calls.call("groups.getTokenPermissions", {}, patience=10)
    except (Broken, Rejected):
        raise BadToken(NAME) from None
    except ChannelError:
        raise ChannelSilent(NAME) from None
    finally:
        await calls.close()
    if not groups:
        raise BadToken(NAME)
    allowed = {right["name"] for right in told["permissions"]}
    if missing := [name for name in NEEDED if name not in allowed]:
        raise TooFewRights(", ".join(missing))
    group = groups[0]
    return Found(str(group["id"]), str(group.get("name", ""))[:120], str(group.get("screen_name", ""))[:60])
