"""The community's callback server: that VK knows our address, believes it, and brings there what we want.

Source: https://dev.vk.com/api/callback/getting-started
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import orjson

from bot.channels.base import Broken, ChannelError, Connection
from bot.channels.vk_calls import VERSION, Calls

logger = logging.getLogger(__name__)

TITLE = "Prilavok"
"""At most 14 characters."""

KINDS = ("message_new", "message_edit", "message_event", "message_reaction_event", "message_deny")
"""The events that we ask for; every other is switched off on our server."""

UNWANTED = ("message_reply", "message_allow", "message_typing_state", "message_read")

CONFIRMED_IN = 20.0
"""Seconds that VK may take to ask our address for the code."""

LOOK = 0.5


def address(link: Connection) -> str:
    return f"{link.public_url}/hooks/vk/{link.account_id}"


def secret_of(link: Connection) -> str:
    """What VK says with each event. Raises Broken without one: anyone could forge events."""
    secret: str = orjson.loads(link.secret).get("webhook_secret", "")
    if not 16 <= len(secret) <= 50:
        raise Broken("a callback server of VK needs a secret of 16 to 50 characters")
    return secret


async def keep(calls: Calls, link: Connection) -> None:
    """Have VK bring events to our address. Raises ChannelError, Broken where VK does not believe the address."""
    secret, group = secret_of(link), {"group_id": int(link.external_id)}
    ours = await _ours(calls, link)
    form = {**group, "url": address(link), "title": TITLE, "secret_key": secret}
    if ours is None:
        server_id = (await calls.call("groups.addCallbackServer", form))["server_id"]
    else:
        server_id = ours["id"]
        if ours["status"] != "ok" or ours["secret_key"] != secret:
            await calls.call("groups.editCallbackServer", {**form, "server_id": server_id})
    wanted = dict.fromkeys(KINDS, True) | dict.fromkeys(UNWANTED, False)
    await calls.call("groups.setCallbackSettings", {**group, "server_id": server_id, "api_version": VERSION, **wanted})
    await _confirmed(calls, link)


async def mend(calls: Calls, link: Connection) -> str:
    """What was wrong with the way from VK to us, "" if nothing; it is mended. Raises ChannelError."""
    ours = await _ours(calls, link)
    if ours is not None and ours["status"] == "ok":
        return ""
    await keep(calls, link)
    return "VK had no callback server of ours" if ours is None else "VK could not reach the callback server"


async def remove(calls: Calls, link: Connection) -> None:
    """Events are fetched from now on, so VK need not bring them. That it does not let us look is no harm."""
    try:
        ours = await _ours(calls, link)
        if ours is not None:
            gone = {"group_id": int(link.external_id), "server_id": ours["id"]}
            await calls.call("groups.deleteCallbackServer", gone)
    except ChannelError as failure:
        logger.info("account %d: callback servers were left as they are: %s", link.account_id, failure)


async def _ours(calls: Calls, link: Connection) -> dict[str, Any] | None:
    told = await calls.call("groups.getCallbackServers", {"group_id": int(link.external_id)})
    return next((each for each in told["items"] if each["url"] == address(link)), None)


async def _confirmed(calls: Calls, link: Connection) -> None:
    for _ in range(int(CONFIRMED_IN / LOOK)):
        ours = await _ours(calls, link)
        if ours is not None and ours["status"] == "ok":
            return
        if ours is None or ours["status"] == "failed":
            break
        await asyncio.sleep(LOOK)
    raise Broken("VK could not confirm our address: it must be reachable from the internet by https")
