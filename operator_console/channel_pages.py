"""Connecting the shop's Telegram bot by its token."""

from __future__ import annotations

import logging
import re
import secrets
from dataclasses import dataclass

import aiohttp
import orjson
from aiohttp import web
from sqlalchemy.orm import Session

from company import accounts
from company.rights import Right
from company.tables import Shop
from kit.errors import Refused
from kit.secrets import SecretBox
from operator_console.routing import Route, post
from operator_console.visits import Visit

logger = logging.getLogger(__name__)

API = "https://api.telegram.org"

PATIENCE = aiohttp.ClientTimeout(total=10)


class BadBotToken(Refused):
    """Telegram does not know a bot with this token."""

    code = "bad_bot_token"


class TelegramSilent(Refused):
    """Telegram could not be asked."""

    code = "telegram_silent"


@dataclass(frozen=True, slots=True)
class Bot:
    id: int
    username: str
    name: str


async def connect(visit: Visit) -> web.StreamResponse:
    """Ask Telegram whose token it is, and keep it sealed. The bot is listened to within seconds."""
    token = (await visit.form())["token"].strip()
    api = await visit.read(_api, visit.shop.id)
    bot = await whose(token, api)
    await visit.write(_keep, visit.console.box, visit.shop.id, token, bot, api)
    return visit.done(go="/settings#channels")


async def add_site(visit: Visit) -> web.StreamResponse:
    """A chat for the shop's site; its page has the tag."""
    account_id = await visit.write(_add_site, visit.console.box, visit.shop.id)
    return visit.done(go=f"/channels/{account_id}")


ROUTES: tuple[Route, ...] = (
    post("/settings/telegram", connect, Right.SETTINGS),
    post("/settings/webchat", add_site, Right.SETTINGS),
)


async def whose(token: str, api: str) -> Bot:
    """The bot that has this token. Raises BadBotToken, TelegramSilent; neither shows the token.

    Source: https://core.telegram.org/bots/api#getme
    """
    if not re.fullmatch(r"\d{3,20}:[A-Za-z0-9_-]{10,100}", token):
        raise BadBotToken("the token has another form")
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE) as http,
            http.get(f"{api}/bot{token}/getMe", allow_redirects=False) as answer,
        ):
            said = orjson.loads(await answer.content.read(100_000))
    except (TimeoutError, aiohttp.ClientError, orjson.JSONDecodeError) as failure:
        # The address holds the token, and the failure may hold the address.
        logger.warning("Telegram did not answer getMe: %s", type(failure).__name__)
        raise TelegramSilent() from None
    result = said.get("result") if isinstance(said, dict) else None
    if not isinstance(result, dict) or not isinstance(result.get("id"), int):
        raise BadBotToken("Telegram refuses the token")
    return Bot(result["id"], str(result.get("username", ""))[:60], str(result.get("first_name", ""))[:120])


def _add_site(session: Session, box: SecretBox, shop_id: int) -> int:
    shop, key = session.get_one(Shop, shop_id), secrets.token_hex(10)
    added = accounts.add_channel(
        session, box, shop, channel="webchat", name=shop.name, external_id=key, secret=None, settings={"origins": []}
    )
    return added.id


def _api(session: Session, shop_id: int) -> str:
    """Where the shop's other bots are reached; a test installation has its own Telegram."""
    for row in accounts.of_shop(session, shop_id):
        if row.channel == "telegram" and isinstance(row.settings.get("api"), str):
            return str(row.settings["api"])
    return API


def _keep(session: Session, box: SecretBox, shop_id: int, token: str, bot: Bot, api: str) -> None:
    accounts.add_channel(
        session,
        box,
        session.get_one(Shop, shop_id),
        channel="telegram",
        name=bot.name or bot.username,
        external_id=str(bot.id),
        secret=orjson.dumps({"token": token}).decode(),
        settings={"receive": "polling", "username": bot.username, "api": api},
    )
