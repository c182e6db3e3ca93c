"""Reading a visitor's thread: the site, the conversation, and its messages as the widget shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.channels.base import button_name
from company import accounts, shops
from company.tables import ChannelAccount, Shop, Staff
from inbox.content import Button, Media, Outgoing, Span, load_incoming, load_outgoing
from inbox.tables import Author, Conversation, Delivery, Message
from storage.files import NoSuchFile, by_token
from storage.tables import EventRow, StoredFile

PAGE = 40
"""Messages of one page."""

PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})

Json = dict[str, Any]

_ORIGIN = re.compile(r"^https?://[A-Za-z0-9.\-]+(:\d{1,5})?$|^https?://\[[0-9a-f:]+\](:\d{1,5})?$")


class NoSuchSite(accounts.NoSuchChannel):
    """The site key of the tag belongs to no web chat."""


@dataclass(frozen=True, slots=True)
class Site:
    """A web chat as a request finds it."""

    account: ChannelAccount
    shop: Shop

    @property
    def origins(self) -> tuple[str, ...]:
        """Sites whose pages may hold the widget. Anything but a plain address would change the page's policy."""
        named = (str(origin).rstrip("/") for origin in self.account.settings.get("origins", ()))
        return tuple(origin for origin in named if _ORIGIN.match(origin))


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages and where in the flow of events they stand."""

    messages: Sequence[Json] = ()
    more: bool = False
    """There are older ones."""
    cursor: int = 0
    """Everything up to this event is in the messages."""
    leader: str = ""
    """Who of the shop talks with the visitor; "" while the bot does."""

    def form(self) -> Json:
        return {"messages": self.messages, "more": self.more, "cursor": self.cursor, "leader": self.leader}

    def upto(self, settled: int | None) -> Page:
        """The same, to be gone on from an event below which nothing can come to light any more."""
        return self if settled is None else replace(self, cursor=min(self.cursor, max(1, settled)))


def site(session: Session, key: str) -> Site:
    """Raises NoSuchSite."""
    # Whatever strangers name as one is asked for, also what no database can look for.
    account = accounts.by_external_id(session, "webchat", key) if key.isprintable() else None
    if account is None:
        raise NoSuchSite("no web chat has this site key")
    return Site(account, shops.get(session, account.shop_id))


def conversation(session: Session, account_id: int, chat: str) -> Conversation | None:
    return session.scalar(
        sa.select(Conversation).where(Conversation.account_id == account_id, Conversation.chat == chat)
    )


def page(session: Session, account_id: int, chat: str, *, before: int | None = None, after: int | None = None) -> Page:
    """The newest messages, those before an older one, or those after the last that is known."""
    talk = conversation(session, account_id, chat)
    if talk is None:
        return Page()
    cursor = _newest_event(session, talk)
    query = _visible(talk)
    if after is not None:
        rows = list(session.scalars(query.where(Message.id > after).order_by(Message.id).limit(PAGE)))
        return Page(shown(session, talk, rows), cursor=cursor, leader=_leader(session, talk))
    if before is not None:
        query = query.where(Message.id < before)
    rows = list(session.scalars(query.order_by(Message.id.desc()).limit(PAGE + 1)))
    return Page(
        shown(session, talk, rows[:PAGE][::-1]),
        more=len(rows) > PAGE,
        cursor=cursor,
        leader=_leader(session, talk),
    )


def changed(session: Session, talk: Conversation, since: int) -> Page:
    """What was added or changed after the event `since`."""
    cursor = max(since, _newest_event(session, talk))
    events = session.scalars(
        sa.select(EventRow)
        .where(
            EventRow.subject == _subject(talk),
            EventRow.id > since,
            EventRow.kind.in_(("message_added", "message_changed")),
        )
        .order_by(EventRow.id)
    )
    ids = {event.payload["message_id"] for event in events}
    rows = list(session.scalars(_visible(talk).where(Message.id.in_(ids)).order_by(Message.id))) if ids else []
    return Page(shown(session, talk, rows), cursor=cursor, leader=_leader(session, talk))


def attachments(session: Session, shop_id: int, tokens: Sequence[str]) -> list[Json]:
    """Uploaded files as the raw event names them. Raises NoSuchFile for one that is not this shop's."""
    rows = [by_token(session, token) for token in tokens]
    for row in rows:
        if row.shop_id != shop_id:
            raise NoSuchFile(f"file {row.id} is another shop's")
    return [_attachment(row) for row in rows]


def kind_of(mime: str) -> str:
    """How a file of this type is shown."""
    if mime in PICTURES:
        return "photo"
    family = mime.partition("/")[0]
    return family if family in ("video", "audio") else "document"


def shown(session: Session, talk: Conversation, rows: Sequence[Message]) -> list[Json]:
    """Messages as the page reads them; what is only for the shop's own people never gets here."""
    contents = {row.id: _content(row) for row in rows}
    files = _files(session, (media for content in contents.values() for media in content.media))
    names = _names(session, {row.staff_id for row in rows if row.staff_id is not None})
    quoted = _quoted(session, talk, {row.reply_to_id for row in rows if row.reply_to_id is not None})
    return [_message(row, contents[row.id], files, names, quoted) for row in rows if not _is_start(row)]


def _message(
    row: Message, content: Outgoing, files: dict[int, StoredFile], names: dict[int, str], quoted: dict[int, Json]
) -> Json:
    form: Json = {
        "id": row.id,
        "key": (row.external_id or "").partition(":")[2] or str(row.id),
        "author": str(row.author),
        "version": row.version,
        "delivery": str(row.delivery),
        "at": int(row.created_at.timestamp() * 1000),
        "text": content.text,
        "spans": [_span(span) for span in content.spans],
        "media": [_medium(media, files) for media in content.media],
        "rows": _rows(row, content),
        "keyboard": [[_key(button) for button in keys] for keys in content.keyboard],
        "drop_keyboard": content.drop_keyboard,
    }
    if row.edited_at is not None and row.author != Author.BOT:
        form["edited"] = True
    if row.staff_id is not None:
        form["name"] = names.get(row.staff_id, "")
    if content.card is not None:
        card = content.card
        form["card"] = {"kind": card.kind, "title": card.title, "price": card.price, "note": card.note}
    if row.reply_to_id in quoted:
        form["reply_to"] = quoted[row.reply_to_id]
    if row.author == Author.BUYER and row.content.get("contact"):
        form["contact"] = row.content["contact"]["phone"]
    return form


def _content(row: Message) -> Outgoing:
    """Both ways of a message in the one form that has all the parts a page can show."""
    if row.author != Author.BUYER:
        return load_outgoing(row.content)
    incoming = load_incoming(row.content)
    return Outgoing(text=row.text, spans=incoming.spans, media=incoming.media)


def _span(span: Span) -> Json:
    return {"style": span.style.value, "offset": span.offset, "length": span.length, "url": span.url}


def _medium(media: Media, files: dict[int, StoredFile]) -> Json:
    stored = files.get(media.file_id) if media.file_id is not None else None
    form: Json = {"kind": media.kind.value, "name": media.name, "emoji": media.emoji}
    if stored is not None:
        form |= {
            "url": f"/files/{stored.token}",
            "name": media.name or stored.name,
            "mime": stored.mime,
            "size": stored.size,
            "width": stored.width,
            "height": stored.height,
        }
    return form


def _rows(row: Message, content: Outgoing) -> list[list[Json]]:
    rows, index = [], 0
    for buttons in content.rows:
        keys = []
        for button in buttons:
            key = _key(button)
            if not button.url:
                key["name"] = button_name(row.id, row.version, index)
            keys.append(key)
            index += 1
        rows.append(keys)
    return rows


def _key(button: Button) -> Json:
    key: Json = {"label": button.label}
    if button.url:
        key["url"] = button.url
    if button.ask_contact:
        key["contact"] = True
    return key


def _attachment(stored: StoredFile) -> Json:
    return {
        "file_id": stored.id,
        "kind": kind_of(stored.mime),
        "name": stored.name,
        "mime": stored.mime,
        "size": stored.size,
    }


def _visible(talk: Conversation) -> sa.Select[Message]:
    return sa.select(Message).where(
        Message.conversation_id == talk.id,
        Message.private.is_(False),
        Message.author != Author.SYSTEM,
        Message.delivery != Delivery.FAILED,
    )


def _is_start(row: Message) -> bool:
    return row.author == Author.BUYER and row.content.get("start") is not None


def _subject(talk: Conversation) -> str:
    return f"conversation:{talk.id}"


def _newest_event(session: Session, talk: Conversation) -> int:
    newest = session.scalar(sa.select(sa.func.max(EventRow.id)).where(EventRow.subject == _subject(talk)))
    return newest or 0


def _leader(session: Session, talk: Conversation) -> str:
    if not talk.held or talk.assignee_id is None:
        return ""
    return _names(session, {talk.assignee_id}).get(talk.assignee_id, "")


def name_of(session: Session, staff_id: int) -> str:
    return _names(session, {staff_id}).get(staff_id, "")


def _names(session: Session, ids: set[int]) -> dict[int, str]:
    if not ids:
        return {}
    return {row.id: row.name for row in session.execute(sa.select(Staff.id, Staff.name).where(Staff.id.in_(ids)))}


def _files(session: Session, media: Iterable[Media]) -> dict[int, StoredFile]:
    ids = {medium.file_id for medium in media if medium.file_id is not None}
    if not ids:
        return {}
    return {row.id: row for row in session.scalars(sa.select(StoredFile).where(StoredFile.id.in_(ids)))}


def _quoted(session: Session, talk: Conversation, ids: set[int]) -> dict[int, Json]:
    if not ids:
        return {}
    rows = session.scalars(_visible(talk).where(Message.id.in_(ids)))
    return {row.id: {"id": row.id, "author": str(row.author), "text": row.text[:120]} for row in rows}
