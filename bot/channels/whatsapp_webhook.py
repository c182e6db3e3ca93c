"""The number's webhook: that Meta knows our address, believes it, and brings there what we want.

Source: https://developers.facebook.com/docs/whatsapp/embedded-signup/webhooks/override
"""

from __future__ import annotations

from bot.channels.base import Broken, Connection, Rejected
from bot.channels.whatsapp_calls import Calls, secret_parts

SHORTEST_SECRET = 16


def address(link: Connection) -> str:
    return f"{link.public_url}/hooks/whatsapp/{link.account_id}"


def proof_of(link: Connection) -> str:
    """The verify token, which Meta shows when it looks whether the address is ours. Raises Broken without one."""
    proof = secret_parts(link).get("webhook_secret", "")
    if len(proof) < SHORTEST_SECRET:
        raise Broken("a webhook of WhatsApp needs a verify token of at least 16 characters")
    return proof


async def keep(calls: Calls, link: Connection) -> None:
    """Have Meta bring this number's events to our address. Raises ChannelError; Broken if Meta does not believe it."""
    proof, business = proof_of(link), str(link.settings.get("business") or "")
    if not secret_parts(link).get("app_secret"):
        raise Broken("without the secret of the app nobody could tell Meta from a stranger")
    if business:
        await calls.post(f"{business}/subscribed_apps", {})
    wanted = {"override_callback_uri": address(link), "verify_token": proof}
    try:
        await calls.post(link.external_id, {"webhook_configuration": wanted})
    except Rejected as refused:
        raise Broken("Meta could not confirm our address: it must be reachable from the internet by https") from refused


async def mend(calls: Calls, link: Connection) -> str:
    """What was wrong with the way from Meta to us, "" if nothing; it is mended. Raises ChannelError."""
    told = await calls.get(link.external_id, {"fields": "webhook_configuration"})
    known = told.get("webhook_configuration")
    if isinstance(known, dict) and known.get("phone_number") == address(link):
        return ""
    await keep(calls, link)
    return "Meta had another address for the number's events"
