"""Connecting the shop's account on a messenger by its token, and making a chat for its site."""

from __future__ import annotations

import secrets
from typing import Any

import orjson
from aiohttp import web
from sqlalchemy.orm import Session

from bot.channels import CONNECTORS
from bot.channels.connecting import Connector, Found
from company import accounts
from company.rights import Right
from company.tables import Shop
from kit.errors import Refused
from kit.secrets import SecretBox
from operator_console import channel_words, shell
from operator_console.rendering import channel_name
from operator_console.routing import Route, get, post
from operator_console.visits import NoSuchPage, Visit

POLLING, WEBHOOK = "polling", "webhook"

CHANNEL = r"{channel:[a-z]{1,20}}"


class WebhookNeedsHttps(Refused):
    """Messengers call addresses that begin with https alone."""

    code = "webhook_needs_https"


async def new(visit: Visit) -> web.StreamResponse:
    """The steps to the token, and the place where it is pasted."""
    channel, _connector = asked(visit)
    frame = await shell.frame(visit, "settings")
    return visit.page("pages/channel_new.html", **frame, **await visit.read(_steps, channel))


async def connect(visit: Visit) -> web.StreamResponse:
    """Ask the channel whose token it is, and keep it sealed. The account is listened to within seconds."""
    channel, connector = asked(visit)
    form = await visit.form()
    token = form["token"].strip()
    api = connector.address_of(form) if connector.address_of else await visit.read(_api, visit.shop.id, channel)
    public = visit.console.public_url.startswith("https://")
    if connector.webhook_only and api.startswith("https://") and not public:
        raise WebhookNeedsHttps()
    found = await connector.ask(token, api, {name: form[name] for name in connector.needed})
    by_webhook = connector.webhook_only or (connector.prefers_webhook and public)
    account_id = await visit.write(
        _keep, visit.console.box, visit.shop.id, channel, token, found, api, WEBHOOK if by_webhook else POLLING
    )
    return visit.done(go=f"/channels/{account_id}")


async def add_site(visit: Visit) -> web.StreamResponse:
    """A chat for the shop's site; its page has the tag."""
    account_id = await visit.write(_add_site, visit.console.box, visit.shop.id)
    return visit.done(go=f"/channels/{account_id}")


ROUTES: tuple[Route, ...] = (
    get(f"/settings/channels/{CHANNEL}", new, Right.SETTINGS),
    post(f"/settings/channels/{CHANNEL}", connect, Right.SETTINGS),
    post("/settings/webchat", add_site, Right.SETTINGS),
)


def asked(visit: Visit) -> tuple[str, Connector]:
    """The channel that the address names. Raises NoSuchPage for one that is not connected by a token."""
    channel = visit.request.match_info["channel"]
    if channel not in CONNECTORS:
        raise NoSuchPage(f"no channel {channel!r} to connect")
    return channel, CONNECTORS[channel]


def new_secret() -> str:
    """By which a channel that calls us is known."""
    return secrets.token_urlsafe(32)


def _steps(_session: Session, channel: str) -> dict[str, Any]:
    steps = channel_words.of(channel)
    own_address = CONNECTORS[channel].address_of is not None
    return {"channel": channel, "name": channel_name(channel), "own_address": own_address, **steps}


def _add_site(session: Session, box: SecretBox, shop_id: int) -> int:
    shop, key = session.get_one(Shop, shop_id), secrets.token_hex(10)
    added = accounts.add_channel(
        session, box, shop, channel="webchat", name=shop.name, external_id=key, secret=None, settings={"origins": []}
    )
    return added.id


def _api(session: Session, shop_id: int, channel: str) -> str:
    """Where the shop's other accounts are reached; a test installation has its own messengers."""
    for row in accounts.of_shop(session, shop_id):
        if row.channel == channel and isinstance(row.settings.get("api"), str):
            return str(row.settings["api"])
    return CONNECTORS[channel].api


def _keep(
    session: Session, box: SecretBox, shop_id: int, channel: str, token: str, found: Found, api: str, receive: str
) -> int:
    shop = session.get_one(Shop, shop_id)
    settings = {**found.settings, "receive": receive, "username": found.username, "api": api}
    if CONNECTORS[channel].address_of is not None:
        # Buyers see who writes to them; elsewhere the account has a name of its own.
        settings["sender"] = shop.name
    added = accounts.add_channel(
        session,
        box,
        shop,
        channel=channel,
        name=found.name or found.username or channel_name(channel),
        external_id=found.external_id,
        secret=orjson.dumps({**found.secret, "token": token, "webhook_secret": new_secret()}).decode(),
        settings=settings,
    )
    return added.id
