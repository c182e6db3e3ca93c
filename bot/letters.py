"""The page behind a link in a letter: it shows what would be chosen, and a button that chooses it.

Programs that look for harm follow every link of a letter before its reader does, so looking chooses nothing. A page may
be sent once; who opens the link again may choose again, as with any button.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
from collections.abc import Callable

from aiohttp import web
from sqlalchemy.orm import Session

from bot.channels import email_words
from bot.channels.base import Pressable, Receiver, Stranger
from inbox.content import load_outgoing
from inbox.tables import Author, Conversation, Message
from kit import http
from storage.database import Database

STYLE = (
    "body{margin:0;min-height:100vh;display:grid;place-items:center;font:17px/1.5 system-ui,sans-serif;"
    "background:#f3f4f6;color:#1a1a1a}main{max-width:420px;padding:32px;text-align:center}"
    "h1{font-size:22px;margin:0 0 8px}p{margin:0 0 20px}"
    "button{font:inherit;font-weight:600;padding:12px 26px;border:0;border-radius:10px;background:#1a5fb4;color:#fff;"
    "cursor:pointer}button:focus-visible{outline:3px solid #8ab8f0;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){body{background:#14171b;color:#e8ebee}button{background:#78b0f5;color:#0d1b2c}}"
)
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
ONCE = re.compile(r"[A-Za-z0-9_-]{22}")


class Letters:
    """Handlers of one process."""

    def __init__(self, db: Database, receiver_of: Callable[[int], Receiver | None]) -> None:
        self._db = db
        self._receiver_of = receiver_of

    def routes(self) -> list[web.RouteDef]:
        address = r"/letters/{account_id:\d{1,18}}/{token:[A-Za-z0-9_.-]{10,400}}"
        return [web.get(address, self.look), web.post(address, self.press)]

    async def look(self, request: web.Request) -> web.Response:
        """What the link would choose."""
        try:
            label, locale = await self._db.read(_button, *self._receiver(request).button(_token(request)))
        except Stranger:
            return _page("ru", "press_old", status=404)
        if not label:
            return _page(locale, "press_old", status=404)
        return _page(locale, "press_asks", label=label, once=secrets.token_urlsafe(16))

    async def press(self, request: web.Request) -> web.Response:
        """It is chosen. What comes of it is told by letter."""
        once = str((await http.posted(request)).get("once", ""))
        try:
            receiver = self._receiver(request)
            label, locale = await self._db.read(_button, *receiver.button(_token(request)))
            if not label or not ONCE.fullmatch(once):
                return _page(locale, "press_old", status=404)
            await receiver.pressed(_token(request), once)
        except Stranger:
            return _page("ru", "press_old", status=404)
        return _page(locale, "pressed", label=label)

    def _receiver(self, request: web.Request) -> Pressable:
        """Raises Stranger for an account that has no such links."""
        receiver = self._receiver_of(int(request.match_info["account_id"]))
        if not isinstance(receiver, Pressable):
            raise Stranger("no such account")
        return receiver


def _token(request: web.Request) -> str:
    return request.match_info["token"]


def _button(session: Session, message_id: int, index: int) -> tuple[str, str]:
    """(the button's label, the reader's language); ("", …) where there is no such button any more."""
    message = session.get(Message, message_id)
    if message is None or message.author == Author.BUYER or message.private:
        return "", "ru"
    locale = session.get_one(Conversation, message.conversation_id).locale
    buttons = load_outgoing(message.content).buttons()
    return (buttons[index].label, locale) if index < len(buttons) else ("", locale)


def _page(locale: str, said: str, *, label: str = "", once: str = "", status: int = 200) -> web.Response:
    words = email_words.of(locale)
    form = (
        f'<form method="post"><input type="hidden" name="once" value="{once}">'
        f"<button>{html.escape(words['press_button'])}</button></form>"
        if once
        else ""
    )
    text = (
        f'<!doctype html><html lang="{html.escape(locale)}"><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(words['press_title'])}</title><style>{STYLE}</style>"
        f"<main><h1>{html.escape(label or words['press_title'])}</h1><p>{html.escape(words[said])}</p>{form}</main>"
        "</html>"
    )
    return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)
