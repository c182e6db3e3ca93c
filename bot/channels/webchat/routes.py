"""The web chat's addresses.

/webchat/widget.js              the one script that a shop puts on its pages
/webchat/frame                  the chat itself, inside the iframe; ?site=&lang=&theme=
/webchat/static/<version>/…     its scripts and styles
/webchat/api/session     POST   who the visitor is, and the newest of his thread
/webchat/api/messages    GET    ?before= an older page, ?after= what came since
/webchat/api/events      GET    the live stream; Last-Event-ID resumes it
/webchat/api/message     POST   words and files        /webchat/api/press    POST  a button
/webchat/api/contact     POST   a phone number         /webchat/api/start    POST  came by a link
/webchat/api/upload      POST   one file's bytes       /webchat/api/seen     POST  what has been shown
/webchat/api/typing      POST   the visitor is writing

A request says which site and which visitor it is in headers of its own. A foreign page cannot set them, and a browser
that tells where a request comes from is believed as well.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from bot.channels.base import Accept, Envelope, Unreadable, readable
from bot.channels.webchat import events, forms, thread, visitors
from bot.channels.webchat.answers import ANSWERS
from bot.channels.webchat.frame import Asset, Assets, Frames
from bot.channels.webchat.limits import Allowance, Limits, TooFast
from bot.channels.webchat.stream import Stream
from bot.channels.webchat.thread import NoSuchSite, Site
from company.texts import Texts, nearest
from inbox import reading, typing
from inbox.channels import CAPABILITIES
from kit import crash, http, packing
from kit.clock import utc_now
from storage.database import Database
from storage.files import Blob, FileStore, FileTooLarge, NoSuchFile, record
from storage.live import LiveBus
from storage.tables import StoredFile

logger = logging.getLogger(__name__)

SITE_HEADER, VISITOR_HEADER, NAME_HEADER = "X-Webchat-Site", "X-Webchat-Visitor", "X-File-Name"

ANSWER_WITHIN = 4.0
"""Seconds that a press waits for its answer; what it did shows in the thread anyway."""

LARGEST_FORM = 64_000
"""Bytes of a request that is no upload."""

PER_VISITOR: Mapping[str, Allowance] = {
    "say": Allowance(10, 1.5),
    "press": Allowance(30, 0.3),
    "upload": Allowance(10, 6),
    "read": Allowance(60, 0.5),
    "typing": Allowance(5, 3),
}
PER_ADDRESS: Mapping[str, Allowance] = {
    "say": Allowance(60, 0.5),
    "press": Allowance(200, 0.1),
    "upload": Allowance(40, 3),
    "read": Allowance(600, 0.1),
    "typing": Allowance(60, 0.3),
    "megabytes": Allowance(300, 20),
}
"""An office or a mobile network may be one address to us, so it is allowed several times what one visitor is. Files are
kept whether a message ever names them or not, so their megabytes count too: nobody shall fill the disk."""

FRAME_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self' {origins}"
)

Form = TypeVar("Form", bound=BaseModel)
Deed = TypeVar("Deed", bound=forms.Deed)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a known visitor of a known site."""

    site: Site
    chat: str


def setup(
    app: web.Application, *, db: Database, files: FileStore, live: LiveBus, accept: Accept, public_url: str
) -> None:
    app.add_routes(Pages(db, Texts()).routes())
    app.add_routes(Api(db, files, live, accept, public_url).routes())


class Pages:
    """What browsers load before anything is said."""

    def __init__(self, db: Database, texts: Texts) -> None:
        self._db = db
        self._assets = Assets()
        self._frames = Frames(texts, self._assets.version)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/webchat/widget.js", self.widget),
            web.get("/webchat/frame", self.frame),
            web.get("/webchat/static/{version}/{name}", self.static),
        ]

    async def widget(self, request: web.Request) -> web.Response:
        asset = self._assets.get("widget.js")
        assert asset is not None
        headers = {"Cache-Control": "public, max-age=600", "Cross-Origin-Resource-Policy": "cross-origin"}
        return _file(request, asset, headers)

    async def static(self, request: web.Request) -> web.Response:
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound(text="no such file")
        kept = request.match_info["version"] == self._assets.version
        headers = {"Cache-Control": "public, max-age=31536000, immutable" if kept else "no-cache"}
        return _file(request, asset, headers)

    async def frame(self, request: web.Request) -> web.Response:
        locale = nearest(request.query.get("lang", ""))
        theme = request.query.get("theme", "auto")
        theme = theme if theme in ("light", "dark") else "auto"
        try:
            site = await self._db.read(thread.site, request.query.get("site", ""))
        except NoSuchSite:
            # Whoever put a wrong key on a page must be able to read what is wrong, wherever that page is.
            page = self._frames.unknown(locale, theme)
            return _page(page, policy=FRAME_POLICY.format(origins="*"), status=404)
        return _page(self._frames.chat(site, locale, theme), policy=FRAME_POLICY.format(origins=" ".join(site.origins)))


class Api:
    """What the page inside the iframe asks for."""

    def __init__(self, db: Database, files: FileStore, live: LiveBus, accept: Accept, public_url: str) -> None:
        self._db = db
        self._files = files
        self._live = live
        self._accept = accept
        self._own = urlsplit(public_url).netloc
        self._limits = Limits()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/webchat/api/session", self.session),
            web.get("/webchat/api/messages", self.messages),
            web.get("/webchat/api/events", self.events),
            web.post("/webchat/api/message", self.message),
            web.post("/webchat/api/press", self.press),
            web.post("/webchat/api/contact", self.contact),
            web.post("/webchat/api/start", self.start),
            web.post("/webchat/api/upload", self.upload),
            web.post("/webchat/api/seen", self.seen),
            web.post("/webchat/api/typing", self.typing),
        ]

    # Reading

    async def session(self, request: web.Request) -> web.Response:
        """Resume a visitor, or give a new one his key."""
        site = await self._site(request)
        key = request.headers.get(VISITOR_HEADER, "")
        chat = visitors.chat_of(key)
        self._take("read", request, chat)
        if not chat:
            return _json({"visitor": visitors.new_key(), **thread.Page().form()})
        settled = self._live.settled
        page = await self._db.read(thread.page, site.account.id, chat)
        return _json({"visitor": key, **page.upto(settled).form()})

    async def messages(self, request: web.Request) -> web.Response:
        visit = await self._visit(request, "read")
        before, after = _number(request, "before"), _number(request, "after")
        settled = self._live.settled
        page = await self._db.read(thread.page, visit.site.account.id, visit.chat, before=before, after=after)
        return _json(page.upto(settled).form())

    async def events(self, request: web.Request) -> web.StreamResponse:
        visit = await self._visit(request, "read")
        told = request.headers.get("Last-Event-ID", "")
        since = int(told) if told.isdecimal() and len(told) < 19 else 0
        return await Stream(self._db, self._live, visit.site, visit.chat, since).serve(request)

    # Saying. Each answers only when what was said is safely stored; the same key again is the same thing.

    async def message(self, request: web.Request) -> web.Response:
        visit = await self._visit(request, "say")
        form = await _form(request, forms.MessageForm)
        text = form.text.strip()
        if not text and not form.files:
            raise _refusal(web.HTTPBadRequest, "empty")
        try:
            files = await self._db.read(thread.attachments, visit.site.shop.id, form.files)
        except NoSuchFile:
            raise _refusal(web.HTTPBadRequest, "no_such_file") from None
        await self._store(visit, _event("message", visit, form, text=text, files=files, reply_to=form.reply_to))
        return _json({})

    async def contact(self, request: web.Request) -> web.Response:
        visit = await self._visit(request, "say")
        form = await _form(request, forms.ContactForm)
        await self._store(visit, _event("contact", visit, form, phone=form.phone.strip()))
        return _json({})

    async def start(self, request: web.Request) -> web.Response:
        visit = await self._visit(request, "say")
        form = await _form(request, forms.StartForm)
        await self._store(visit, _event("start", visit, form, start=form.start))
        return _json({})

    async def press(self, request: web.Request) -> web.Response:
        """A button. Waits a little for what is said to it, so that the button can stop waiting too."""
        visit = await self._visit(request, "press")
        form = await _form(request, forms.PressForm)
        with ANSWERS.expect(events.ack_of(visit.chat, form.key)) as place:
            await self._store(visit, _event("press", visit, form, button=form.button))
            try:
                async with asyncio.timeout(ANSWER_WITHIN):
                    answer = await place
            except TimeoutError:
                return _json({})
        return _json({"text": answer.text, "alert": answer.alert})

    async def upload(self, request: web.Request) -> web.Response:
        """One file as the request's body. It belongs to nobody until a message names it."""
        visit = await self._visit(request, "upload", form=False)
        most = CAPABILITIES["webchat"].file_in
        self._take("megabytes", request, "", min(request.content_length or most, most) / 1e6)
        name = "".join(filter(str.isprintable, unquote(request.headers.get(NAME_HEADER, ""))))[:200]
        try:
            blob = await self._files.save(request.content.iter_chunked(1 << 16), limit=most)
        except FileTooLarge:
            raise _refusal(web.HTTPRequestEntityTooLarge, "too_large") from None
        if not blob.size:
            raise _refusal(web.HTTPBadRequest, "empty")
        stored = await self._db.write(_keep, blob, name, _claimed(request), visit.site.shop.id)
        return _json({"file": stored.token, "kind": thread.kind_of(stored.mime), "url": f"/files/{stored.token}"})

    async def seen(self, request: web.Request) -> web.Response:
        visit = await self._visit(request, "read")
        form = await _form(request, forms.SeenForm)
        await self._db.write(_confirm, visit.site.account.id, visit.chat, form.up_to, form.read)
        return _json({})

    async def typing(self, request: web.Request) -> web.Response:
        visit = await self._visit(request, "typing")
        await self._db.write(_began_typing, visit.site.account.id, visit.chat)
        return _json({})

    # Who asks

    async def _visit(self, request: web.Request, what: str, *, form: bool = True) -> Visit:
        site = await self._site(request, form=form)
        chat = visitors.chat_of(request.headers.get(VISITOR_HEADER, ""))
        if not chat:
            raise _refusal(web.HTTPUnauthorized, "no_visitor")
        self._take(what, request, chat)
        return Visit(site, chat)

    async def _site(self, request: web.Request, *, form: bool = True) -> Site:
        if not self._is_own_page(request):
            raise _refusal(web.HTTPForbidden, "foreign_page")
        if form and (request.content_length or 0) > LARGEST_FORM:
            raise _refusal(web.HTTPRequestEntityTooLarge, "too_large")
        try:
            return await self._db.read(thread.site, request.headers.get(SITE_HEADER, ""))
        except NoSuchSite:
            raise _refusal(web.HTTPNotFound, "unknown_site") from None

    def _is_own_page(self, request: web.Request) -> bool:
        came_from = request.headers.get("Sec-Fetch-Site")
        if came_from is not None:
            return came_from == "same-origin"
        origin = request.headers.get("Origin")
        return origin is None or http.address_parts(origin).netloc in (self._own, request.host)

    def _take(self, what: str, request: web.Request, chat: str, amount: float = 1) -> None:
        address = http.client_address(request, request.app.get(http.TRUSTED, ()))
        try:
            self._limits.take(what, f"address {address}", PER_ADDRESS[what], amount)
            if chat:
                self._limits.take(what, f"visitor {chat}", PER_VISITOR[what])
        except TooFast as fast:
            headers = {"Retry-After": str(math.ceil(fast.wait))}
            raise _refusal(web.HTTPTooManyRequests, "too_fast", headers=headers) from None

    async def _store(self, visit: Visit, envelope: Envelope) -> None:
        await self._accept(visit.site.account.id, [envelope])
        crash.point("said.after_store")


def _event(kind: str, visit: Visit, form: forms.Deed, **facts: Any) -> Envelope:
    return events.envelope(
        kind,
        visit.chat,
        form.key,
        locale=form.locale,
        context=form.context.known(),
        at=utc_now().timestamp(),
        **facts,
    )


async def _form(request: web.Request, shape: type[Form]) -> Form:
    body = await request.read()
    if len(body) > LARGEST_FORM:
        raise _refusal(web.HTTPRequestEntityTooLarge, "too_large")
    try:
        return shape.model_validate(readable(body))
    except Unreadable:
        raise _refusal(web.HTTPBadRequest, "bad_form", fields=[]) from None
    except ValidationError as wrong:
        where = [".".join(str(part) for part in error["loc"]) for error in wrong.errors(include_input=False)]
        raise _refusal(web.HTTPBadRequest, "bad_form", fields=where) from None


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _claimed(request: web.Request) -> str:
    """The type that the browser names. A picture is known by its bytes, so one that only claims to be is none."""
    mime = request.content_type
    return "application/octet-stream" if mime.startswith("image/") or len(mime) > 100 else mime


def _keep(session: Session, blob: Blob, name: str, mime: str, shop_id: int) -> StoredFile:
    return record(session, blob, name=name, mime=mime, shop_id=shop_id)


def _confirm(session: Session, account_id: int, chat: str, up_to: int, read: bool) -> None:
    talk = thread.conversation(session, account_id, chat)
    if talk is not None:
        reading.confirm(session, talk, up_to=up_to, read=read)


def _began_typing(session: Session, account_id: int, chat: str) -> None:
    talk = thread.conversation(session, account_id, chat)
    if talk is not None:
        typing.began(session, talk, by=None)


def _json(form: Mapping[str, Any], *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(form), content_type="application/json", status=status)


def _refusal(
    kind: type[web.HTTPException], code: str, *, headers: Mapping[str, str] | None = None, **facts: Any
) -> web.HTTPException:
    """An error that the page can read."""
    body = orjson.dumps({"error": code, **facts}).decode()
    if kind is web.HTTPRequestEntityTooLarge:
        return web.HTTPRequestEntityTooLarge(0, 0, text=body, content_type="application/json", headers=headers)
    return kind(text=body, content_type="application/json", headers=headers)


def _file(request: web.Request, asset: Asset, headers: Mapping[str, str]) -> web.Response:
    """A static file, packed for whoever takes it so."""
    told = {**headers, "Vary": "Accept-Encoding"}
    if not packing.wanted(request):
        return web.Response(body=asset.body, content_type=asset.mime, charset="utf-8", headers=told)
    told["Content-Encoding"] = "gzip"
    return web.Response(body=asset.packed, content_type=asset.mime, charset="utf-8", headers=told)


def _page(text: str, *, policy: str, status: int = 200) -> web.Response:
    headers = {"Content-Security-Policy": policy, "Cross-Origin-Resource-Policy": "cross-origin"}
    return web.Response(text=text, content_type="text/html", headers=headers, status=status)
