"""One channel of the shop: how it does and why, how it is received, a new token, a test message, off and on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web
from sqlalchemy.orm import Session

from bot import notices
from bot.alarm_notices import named
from bot.channels import CONNECTORS
from bot.channels.connecting import BadToken, Found
from company import accounts
from company.rights import Right
from company.tables import ChannelAccount
from inbox import messages, seen
from inbox.channels import CAPABILITIES, CATALOGUE, READ_MARKS
from inbox.content import Outgoing
from inbox.tables import Author
from kit import http
from kit.errors import Refused
from kit.secrets import SecretBox
from operator_console import channel_words, shell
from operator_console.channel_pages import POLLING, WEBHOOK, WebhookNeedsHttps, new_secret
from operator_console.composer_shapes import has_templates
from operator_console.people import Shape
from operator_console.rendering import channel_name
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.visits import NoSuchPage, Visit

WEBCHAT = "webchat"

MOST_ORIGINS = 50

_ORIGIN = re.compile(r"https?://[a-z0-9.\-]+(:\d{1,5})?")


class AnotherBot(Refused):
    """The token is another bot's: customers would not find their chats there."""

    code = "another_bot"

    def __init__(self, username: str) -> None:
        super().__init__(f"the token of @{username}", username=username)


class BadOrigin(Refused):
    """What was entered is not the address of a site."""

    code = "bad_origin"

    def __init__(self, text: str) -> None:
        super().__init__(f"not an origin: {text[:60]!r}", text=text[:60])


class NoChatOfYours(Refused):
    """The person has joined no chat with this bot, where a test message could go."""

    code = "no_chat_of_yours"


async def channel(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "settings")
    return visit.page("pages/channel.html", **frame, **await visit.read(_channel, visit, visit.number()))


async def check(visit: Visit) -> web.StreamResponse:
    """Ask the channel now whether the token still opens the account."""
    channel, token, api, more = await visit.read(_token, visit, visit.number())
    try:
        found = await CONNECTORS[channel].ask(token, api, more)
    except BadToken:
        await visit.write(accounts.report_health, visit.number(), "broken", CONNECTORS[channel].gone)
        raise
    return visit.done(await visit.read(lambda _session: _answers(channel, found)))


async def receive(visit: Visit) -> web.StreamResponse:
    how = (await visit.form())["receive"]
    if how not in (POLLING, WEBHOOK):
        raise NoSuchPage("no such way to receive")
    if how == WEBHOOK and not await visit.read(_may_call, visit, visit.number()):
        raise NoSuchPage("the channel calls nobody")
    if how == WEBHOOK and not visit.console.public_url.startswith("https://"):
        raise WebhookNeedsHttps()
    return await _changed(visit, "receive", lambda account: receive_by(visit.console.box, account, how))


async def renew(visit: Visit) -> web.StreamResponse:
    """A new token of the same account."""
    form = await visit.form()
    token = form["token"].strip()
    channel, _old, api, more = await visit.read(_token, visit, visit.number())
    if "app_secret" in more and form["app_secret"].strip():
        more = {**more, "app_secret": form["app_secret"].strip()}
    found = await CONNECTORS[channel].ask(token, api, more)
    named = CONNECTORS[channel].called_in_file
    return await _changed(visit, named, lambda account: _renew(visit.console.box, account, token, found))


async def allow(visit: Visit) -> web.StreamResponse:
    """The sites whose pages may hold the chat."""
    origins = _origins((await visit.form())["origins"])
    return await _changed(visit, "origins", lambda account: _allow(account, origins))


async def catalogue(visit: Visit) -> web.StreamResponse:
    """Which catalogue of the messenger's goods are shown out of; the messenger is asked whether it is the account's."""
    given = (await visit.form())["catalog"].strip()
    channel, token, api, more = await visit.read(_token, visit, visit.number())
    if CATALOGUE not in more:
        raise NoSuchPage("the channel has no catalogue")
    await CONNECTORS[channel].ask(token, api, {**more, CATALOGUE: given})
    return await _changed(visit, CATALOGUE, lambda account: _connect_catalogue(account, given))


async def read_marks(visit: Visit) -> web.StreamResponse:
    """Whether buyers are shown that they were read, on a channel that can show it."""
    shown = (await visit.form())["shown"] == "1"
    return await _changed(visit, READ_MARKS, lambda account: _show_read_marks(account, shown))


async def rename(visit: Visit) -> web.StreamResponse:
    name = " ".join((await visit.form())["name"].split())[:120]
    return await _changed(visit, "name", lambda account: setattr(account, "name", name or account.name))


async def switch(visit: Visit) -> web.StreamResponse:
    on = (await visit.form())["on"] == "1"
    await visit.write(lambda session: accounts.switch(session, _ours(session, visit, visit.number()), on=on))
    return visit.done(go=f"/channels/{visit.number()}")


async def test(visit: Visit) -> web.StreamResponse:
    """A message to the person's own chat with the bot; by e-mail, to his address."""
    channel, token, api, _more = await visit.read(_token, visit, visit.number())
    if (probe := CONNECTORS[channel].probe) is not None:
        shop = visit.shop.name
        words = await visit.read(lambda _session: _("A test from the console: {shop} can be heard here.", shop=shop))
        await probe(token, api, shop, visit.staff.email, words)
        return visit.done(await visit.read(lambda _session: _("Sent to {address}", address=visit.staff.email)))
    await visit.write(_test, visit, visit.number())
    return visit.done(await visit.read(lambda _session: _("On its way to your chat with the bot")))


ROUTES: tuple[Route, ...] = (
    get(f"/channels/{ID}", channel, Right.SETTINGS),
    post(f"/channels/{ID}/check", check, Right.SETTINGS),
    post(f"/channels/{ID}/receive", receive, Right.SETTINGS),
    post(f"/channels/{ID}/token", renew, Right.SETTINGS),
    post(f"/channels/{ID}/origins", allow, Right.SETTINGS),
    post(f"/channels/{ID}/catalogue", catalogue, Right.SETTINGS),
    post(f"/channels/{ID}/read-marks", read_marks, Right.SETTINGS),
    post(f"/channels/{ID}/name", rename, Right.SETTINGS),
    post(f"/channels/{ID}/switch", switch, Right.SETTINGS),
    post(f"/channels/{ID}/test", test, Right.SETTINGS),
)


def words(visit: Visit, account: ChannelAccount) -> str:
    """Why it does not work, in the reader's language."""
    return named(visit.console.texts, "why", account.health_text, visit.reader.language) if account.health_text else ""


async def _changed(visit: Visit, what: str, act: Callable[[ChannelAccount], None]) -> web.Response:
    """The processes notice within seconds and open the channel anew. Raises SetByFile: `what` is the file's name."""

    def change(session: Session) -> None:
        account = _ours(session, visit, visit.number(), lock=True)
        accounts.leave_to_file(account.settings, what)
        act(account)

    await visit.write(change)
    return visit.done(go=f"/channels/{visit.number()}")


def _ours(session: Session, visit: Visit, account_id: int, *, lock: bool = False) -> ChannelAccount:
    account = session.get(ChannelAccount, account_id, with_for_update=lock, populate_existing=True)
    if account is None or account.shop_id != visit.shop.id:
        raise accounts.NoSuchChannel(f"channel account {account_id}")
    return account


def _channel(session: Session, visit: Visit, account_id: int) -> Shape:
    account = _ours(session, visit, account_id)
    return {
        "channel": {
            "id": account.id,
            "channel": account.channel,
            "name": account.name,
            "account": account.settings.get("username") or account.external_id,
            "active": account.active,
            "health": account.health,
            "words": words(visit, account),
            "at": account.health_at,
            "brand": channel_name(account.channel),
            "by_token": account.channel in CONNECTORS,
            "token_by_file": account.channel in CONNECTORS
            and CONNECTORS[account.channel].called_in_file in accounts.by_file(account.settings),
            "calls": account.channel in CONNECTORS and CONNECTORS[account.channel].calls,
            "probed": account.channel in CONNECTORS and CONNECTORS[account.channel].probe is not None,
            "where": channel_words.of(account.channel)["where"],
            "by_file": accounts.by_file(account.settings),
            "tag": _tag(visit, account),
            "origins": "\n".join(account.settings.get("origins", ())),
            "receive": account.settings.get("receive", POLLING),
            "webhook_only": account.channel in CONNECTORS and CONNECTORS[account.channel].webhook_only,
            "app_secret": account.channel in CONNECTORS and "app_secret" in CONNECTORS[account.channel].needed,
            "templates_url": f"/channels/{account.id}/templates" if has_templates(account.channel) else None,
            "catalog": _catalog(account),
            "marks_read": CAPABILITIES[account.channel].marks_read,
            "read_marks": seen.are_shown(account),
            "typing_reads": CAPABILITIES[account.channel].typing_reads,
            "may_webhook": visit.console.public_url.startswith("https://"),
            "joined": any(chat.account_id == account.id for chat in _chats(session, visit)),
        }
    }


def _catalog(account: ChannelAccount) -> str | None:
    has_one = account.channel in CONNECTORS and CATALOGUE in CONNECTORS[account.channel].needed
    return str(account.settings.get(CATALOGUE) or "") if has_one else None


def _may_call(session: Session, visit: Visit, account_id: int) -> bool:
    channel = _ours(session, visit, account_id).channel
    return channel not in CONNECTORS or CONNECTORS[channel].calls


def _chats(session: Session, visit: Visit) -> list[Any]:
    return list(notices.chats_of(session, visit.shop.id, visit.staff.id))


def _tag(visit: Visit, account: ChannelAccount) -> str:
    """What stands on the pages of the shop's site; "" for a channel that is none of a site's."""
    if account.channel != WEBCHAT:
        return ""
    return (
        f'<script src="{visit.console.public_url}/webchat/widget.js" data-site="{account.external_id}" async></script>'
    )


def _origins(text: str) -> list[str]:
    """Addresses of sites, without paths: "shop.example" is https://shop.example. Raises BadOrigin."""
    found = []
    for word in text.split():
        at = http.address_parts(word if "://" in word else f"https://{word}")
        origin = f"{at.scheme}://{at.netloc}".lower()
        if not _ORIGIN.fullmatch(origin):
            raise BadOrigin(word)
        found.append(origin)
    return list(dict.fromkeys(found))[:MOST_ORIGINS]


def _allow(account: ChannelAccount, origins: list[str]) -> None:
    if account.channel != WEBCHAT:
        raise NoSuchPage(f"account {account.id} is no chat of a site")
    account.settings = {**account.settings, "origins": origins}


def _connect_catalogue(account: ChannelAccount, catalog: str) -> None:
    account.settings = {**account.settings, CATALOGUE: catalog}


def _show_read_marks(account: ChannelAccount, shown: bool) -> None:
    if not CAPABILITIES[account.channel].marks_read:
        raise NoSuchPage(f"account {account.id} shows nobody that he was read")
    account.settings = {**account.settings, READ_MARKS: shown}


def _opened(box: SecretBox, account: ChannelAccount) -> dict[str, str]:
    """{token, webhook_secret?}. Raises NoSuchPage for an account of a channel without tokens, BadToken without one."""
    if account.channel not in CONNECTORS:
        raise NoSuchPage(f"account {account.id} has no token")
    kept = accounts.secret_of(box, account)
    opened: dict[str, str] = orjson.loads(kept) if kept else {}
    if not opened.get("token"):
        raise BadToken(channel_name(account.channel))
    return opened


def _answers(channel: str, found: Found) -> str:
    name = f"@{found.username}" if found.username else found.name
    return _("{channel} answers: {name}", channel=channel_name(channel), name=name)


def _token(session: Session, visit: Visit, account_id: int) -> tuple[str, str, str, dict[str, str]]:
    """(channel, token, the channel's address, what is known beside the token)"""
    account = _ours(session, visit, account_id)
    opened, connector = _opened(visit.console.box, account), CONNECTORS[account.channel]
    known = {**account.settings, **opened, "number": account.external_id}
    more = {name: str(known.get(name) or "") for name in connector.needed}
    return account.channel, opened["token"], str(account.settings.get("api") or connector.api), more


def receive_by(box: SecretBox, account: ChannelAccount, how: str) -> None:
    """A webhook has a secret of its own, by which the channel is known."""
    opened = _opened(box, account)
    if how == WEBHOOK:
        opened["webhook_secret"] = new_secret()
    account.secret = box.seal(orjson.dumps(opened).decode())
    account.settings = {**account.settings, "receive": how}


def _renew(box: SecretBox, account: ChannelAccount, token: str, found: Found) -> None:
    if found.external_id != account.external_id:
        raise AnotherBot(found.username or found.name)
    kept = {**_opened(box, account), **found.secret, "token": token}
    account.secret = box.seal(orjson.dumps(kept).decode())
    account.settings = {**account.settings, "username": found.username}


def _test(session: Session, visit: Visit, account_id: int) -> None:
    account = _ours(session, visit, account_id)
    chat = next((chat for chat in _chats(session, visit) if chat.account_id == account.id), None)
    if chat is None:
        raise NoChatOfYours()
    said = Outgoing(text=_("A test from the console: {shop} can be heard here.", shop=visit.shop.name))
    messages.say(session, chat, said, author=Author.BOT)
