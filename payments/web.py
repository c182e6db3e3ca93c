"""The buyer's payment link and the providers' notifications.

GET  /p/{token}         on to the provider, or the state of things
GET  /p/{token}/back    where the provider sends the buyer afterwards
GET  /p/{token}/wait    a moment of patience, then on to /p/{token}
POST /p/{token}/again   a new link in place of one that has ended
POST /hooks/yookassa/{account_id}
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import orjson
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from company.texts import LOCALES, Texts, nearest
from kit import crash
from kit.clock import utc_now
from kit.errors import Missing, Refused
from payments import accounts, looking
from payments.links import TOKEN, by_token
from payments.providers.base import Notice
from payments.providers.yookassa_wire import LONGEST_NOTICE, notice_of
from payments.standing import AGAIN, Face, Standing, new_link, standing
from storage.database import Database

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
FILES = {"pay.css": "text/css", "pay.js": "text/javascript", "icon.svg": "image/svg+xml"}

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}
"""The address holds the token, so no other site hears of it; the page needs nothing from elsewhere."""

STALE = timedelta(seconds=20)
"""A link that was looked at longer ago is looked at again before the buyer is sent on."""

PATIENCE = 3.0
"""Seconds that a request waits for the provider's answer before it shows a page that asks again by itself."""

STEP = 0.1
"""Seconds between looks into the database meanwhile."""

PAUSES = {Face.PREPARING: 1, Face.CONFIRMING: 3}
"""Seconds after which a waiting page asks again."""

MOST_TURNS = 40
"""How often a waiting page asks again before it leaves that to the buyer; pay.js has the same number."""


def setup(app: web.Application, *, db: Database, texts: Texts, public_url: str) -> None:
    """Add the addresses above to the application."""
    pages = Pages(db, texts, public_url)
    app.add_routes(
        [
            web.get(f"/p/{{token:{TOKEN}}}", pages.pay),
            web.get(f"/p/{{token:{TOKEN}}}/back", pages.back),
            web.get(f"/p/{{token:{TOKEN}}}/wait", pages.wait),
            web.post(f"/p/{{token:{TOKEN}}}/again", pages.again),
            web.get("/pay/{file:" + "|".join(FILES) + "}", pages.file),
            web.post(r"/hooks/yookassa/{account_id:\d{1,18}}", Hook(db).yookassa),
        ]
    )


class Pages:
    def __init__(self, db: Database, texts: Texts, public_url: str) -> None:
        self._db = db
        self._texts = texts
        self._public_url = public_url
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._page = environment.get_template("pay.html")
        self._missing = environment.get_template("missing.html")

    async def pay(self, request: web.Request) -> web.Response:
        """Send the buyer to the provider if there is something to pay there, and say how things are otherwise."""
        try:
            now = await self._read(request)
            if now.face is Face.PAYABLE and (now.checked_at is None or utc_now() - now.checked_at > STALE):
                now = await self._looked_at(request)
            elif now.face is Face.PREPARING:
                now = await self._until(request, lambda it: it.face is not Face.PREPARING)
        except Missing:
            return self._nothing(request)
        if now.face is Face.PAYABLE and (now.confirmation_url or "").startswith(("https://", "http://")):
            return web.Response(status=302, headers={**HEADERS, "Location": now.confirmation_url or ""})
        return self._show(request, now, now.face)

    async def back(self, request: web.Request) -> web.Response:
        """Look at the payment and say what became of it; a buyer who comes back is not believed."""
        try:
            now = await self._looked_at(request)
        except Missing:
            return self._nothing(request)
        return self._show(request, now, Face.CONFIRMING if now.face is Face.PAYABLE else now.face)

    async def wait(self, request: web.Request) -> web.Response:
        """Browsers let a form lead to our own pages only, so the way to the provider begins anew from here."""
        try:
            now = await self._until(request, lambda it: it.face is not Face.PREPARING)
        except Missing:
            return self._nothing(request)
        return self._show(request, now, Face.PREPARING if now.face is Face.PAYABLE else now.face)

    async def again(self, request: web.Request) -> web.Response:
        try:
            now = await self._read(request)
            if now.face not in AGAIN:
                return _see_other(f"/p/{now.token}{_query(request)}")
            payment = await self._db.write(new_link, now.token)
        except Missing:
            return self._nothing(request)
        except Refused as refused:
            logger.info("no new link: %s", refused)
            now = await self._read(request)
            return self._show(request, now, now.face, problem=refused)
        return _see_other(f"/p/{payment.token}/wait{_query(request)}")

    async def file(self, request: web.Request) -> web.FileResponse:
        name = request.match_info["file"]
        headers = {
            "Content-Type": FILES[name],
            "Cache-Control": "public, max-age=3600",
            "X-Content-Type-Options": "nosniff",
        }
        return web.FileResponse(HERE / "static" / name, headers=headers)

    async def _read(self, request: web.Request) -> Standing:
        return await self._db.read(standing, request.match_info["token"])

    async def _looked_at(self, request: web.Request) -> Standing:
        """How things stand after the provider was asked, if it answers in time."""
        await self._db.write(_put_look, request.match_info["token"])
        return await self._until(request, lambda it: not it.asking)

    async def _until(self, request: web.Request, done: Callable[[Standing], bool]) -> Standing:
        patience = asyncio.get_running_loop().time() + PATIENCE
        while True:
            now = await self._read(request)
            if done(now) or asyncio.get_running_loop().time() > patience:
                return now
            await asyncio.sleep(STEP)

    def _show(self, request: web.Request, now: Standing, face: Face, problem: Refused | None = None) -> web.Response:
        locale = _locale(request, now.locale)

        def say(key: str) -> str:
            return self._texts.say(key, locale, now.texts, number=now.number, amount=now.amount, shop=now.shop)

        body = self._page.render(
            say=say,
            face=face.value,
            locale=locale,
            other=next(name for name in LOCALES if name != locale),
            here=request.path,
            now=now,
            amount=now.amount.format(locale),
            problem=self._texts.problem(problem, locale) if problem else "",
            offers_again=face in AGAIN,
            next=_turn(request, now, face),
            pause=PAUSES.get(face, 0),
        )
        return web.Response(text=body, content_type="text/html", headers=HEADERS, status=409 if problem else 200)

    def _nothing(self, request: web.Request) -> web.Response:
        locale = _locale(request, request.headers.get("Accept-Language", ""))

        def say(key: str) -> str:
            return self._texts.say(key, locale, None)

        body = self._missing.render(say=say, locale=locale)
        return web.Response(text=body, content_type="text/html", headers=HEADERS, status=404)


class Hook:
    """Notifications. Their content is never believed: it only says which payment to look at."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def yookassa(self, request: web.Request) -> web.Response:
        """200 as soon as the look is written down; then YooKassa does not repeat the notification."""
        body = await _body(request)
        try:
            orjson.loads(body)
        except orjson.JSONDecodeError:
            raise web.HTTPBadRequest(text="not JSON") from None
        notice = notice_of(body)
        try:
            kept = notice is None or await self._db.write(_hint, int(request.match_info["account_id"]), notice)
        except accounts.NoSuchPaymentAccount:
            raise web.HTTPNotFound(text="no such account") from None
        if not kept:
            raise web.HTTPServiceUnavailable(text="too many unknown payments, say it again later")
        crash.point("hook.after_store")
        return web.Response(text="ok")


def _hint(session: Session, account_id: int, notice: Notice) -> bool:
    account = accounts.get(session, account_id)
    if account.provider != "yookassa":
        raise accounts.NoSuchPaymentAccount(f"account {account_id} is not with YooKassa")
    return looking.hint(session, account.id, notice)


def _put_look(session: Session, token: str) -> None:
    looking.put_look(session, by_token(session, token))


async def _body(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > LONGEST_NOTICE:
            raise web.HTTPRequestEntityTooLarge(LONGEST_NOTICE, len(body))
    return bytes(body)


def _turn(request: web.Request, now: Standing, face: Face) -> str:
    """Where a waiting page goes by itself; empty if it stays."""
    turn = request.query.get("n", "0")
    count = int(turn) if turn.isdecimal() and len(turn) < 4 else MOST_TURNS
    if face not in PAUSES or count >= MOST_TURNS:
        return ""
    target = f"/p/{now.token}" + ("/back" if face is Face.CONFIRMING else "")
    query = {"n": str(count + 1)} | ({"lang": request.query["lang"]} if _asked(request) else {})
    return str(request.rel_url.with_path(target).with_query(query))


def _query(request: web.Request) -> str:
    return f"?lang={request.query['lang']}" if _asked(request) else ""


def _asked(request: web.Request) -> bool:
    return request.query.get("lang") in LOCALES


def _locale(request: web.Request, default: str) -> str:
    return request.query["lang"] if _asked(request) else nearest(default)


def _see_other(address: str) -> web.Response:
    return web.Response(status=303, headers={**HEADERS, "Location": address})
