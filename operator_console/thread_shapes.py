"""A thread as templates draw it: messages of every kind, and lines about what happened between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise

import sqlalchemy as sa
from markupsafe import Markup
from sqlalchemy.orm import Session

from bot.alarm_notices import named as in_words
from catalog.names import named
from company.rights import Right
from company.tables import Staff
from inbox import mentions
from inbox.content import Incoming, Media, MediaKind, Outgoing, load_incoming, load_outgoing
from inbox.fitting import as_buttons
from inbox.tables import Author, Conversation, Delivery, Message
from operator_console import card_shapes, composer_shapes, formats, photos, spans
from operator_console.card_shapes import Cards
from operator_console.people import Shape
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Visit
from orders.tables import Order, Stage
from storage.tables import EventRow

LATE = timedelta(minutes=3)
"""An attachment that was not fetched by then is shown as missing."""


@dataclass(frozen=True, slots=True)
class _Around:
    """What the messages of one page refer to."""

    visit: Visit
    conversation: Conversation
    buyer: str
    staff: Mapping[int, str]
    quoted: Mapping[int, Message]
    cards: Cards


def days(
    session: Session,
    visit: Visit,
    conversation: Conversation,
    found: Sequence[Message],
    *,
    buyer: str,
    order: Order | None,
    whole: bool,
) -> list[Shape]:
    """The messages by days of the reader's clock. `whole`: they begin where the conversation began."""
    said = [load_outgoing(m.content) for m in found if m.author != Author.BUYER and not m.private]
    around = _Around(
        visit=visit,
        conversation=conversation,
        buyer=buyer,
        staff=_staff(session, found),
        quoted=_quoted(session, found),
        cards=card_shapes.gather(session, visit, conversation.id, said, order),
    )
    shapes = [_message(message, around) for message in found]
    begin = found[0].created_at if found and not whole else None
    shapes = sorted([*shapes, *_lines(session, visit, conversation, since=begin)], key=lambda it: it["at"])
    _join(shapes)
    return [
        {"at": day[0]["at"], "messages": day}
        for day in (list(group) for _date, group in groupby(shapes, key=lambda it: reader().local(it["at"]).date()))
    ]


def _message(message: Message, around: _Around) -> Shape:
    shape = {
        "id": message.id,
        "author": str(message.author),
        "who": _who(message, around),
        "private": message.private,
        "at": message.created_at,
        "text": Markup(""),
        "media": [],
        "contact": None,
        "location": None,
        "unsupported": "",
        "reply": _reply(message, around),
        "quotable": around.visit.may(Right.REPLY) and message.delivery != Delivery.FAILED,
        "edited": message.edited_at is not None and message.author == Author.BUYER,
        "history": _history(message) if message.author == Author.BUYER else [],
        "signs": " ".join(message.signs),
        "removed": message.removed_at,
        "continued": False,
        "card": None,
        "rows": [],
        "delivery": str(message.delivery),
        "error": in_words(around.visit.console.texts, "why", message.error, reader().language) if message.error else "",
        "retry_url": None,
        "mark": "",
    }
    if message.private:
        return shape | {"text": _note(message, around.visit.staff.id)}
    if message.author == Author.BUYER:
        return shape | _heard(message, load_incoming(message.content))
    return shape | _said(message, load_outgoing(message.content), around)


def _history(message: Message) -> list[Shape]:
    """What the message said before each edit, and when that was written; the first comes first."""
    return [{"text": was["text"], "at": datetime.fromisoformat(was["at"])} for was in message.history or ()]


def _note(message: Message, reader_id: int) -> Markup:
    """The note with the colleagues whom it calls marked, the reader most of all."""
    text, parts, at = message.text, Markup(""), 0
    for called in mentions.load(message.content):
        if called.offset < at:
            continue
        mine = " mention-me" if called.staff_id == reader_id else ""
        end = called.offset + called.length
        name = Markup('<b class="mention{}">{}</b>').format(mine, text[called.offset : end])
        parts, at = parts + spans.html(text[at : called.offset]) + name, end
    return parts + spans.html(text[at:])


def _heard(message: Message, incoming: Incoming) -> Shape:
    contact, location = incoming.contact, incoming.location
    began = incoming.start is not None and not message.text
    return {
        "text": Markup("<i>{}</i>").format(_("opened the chat")) if began else spans.html(message.text, incoming.spans),
        "media": _media(message, incoming.media),
        "contact": {"name": contact.name, "phone": contact.phone} if contact else None,
        "location": location,
        "unsupported": incoming.unsupported,
    }


def _said(message: Message, outgoing: Outgoing, around: _Around) -> Shape:
    card = around.cards.of(outgoing)
    resendable = message.delivery in (Delivery.FAILED, Delivery.UNKNOWN)
    return {
        "text": Markup("") if card else spans.html(message.text, outgoing.spans),
        "media": [] if card else _media(message, outgoing.media),
        "card": card,
        "rows": [[{"label": button.label, "pressed": False} for button in row] for row in as_buttons(outgoing).rows],
        "retry_url": f"/inbox/{around.conversation.id}/messages/{message.id}/resend" if resendable else None,
    }


def _media(message: Message, media: Iterable[Media]) -> list[Shape]:
    return [
        {
            "kind": item.kind.value,
            "url": _attachment(message, n, item) if item.file_id is not None else None,
            "coming": item.file_id is None and reader().now - message.created_at < LATE,
            "name": item.name,
            "size": item.size,
            "duration": item.duration,
            "emoji": item.emoji,
        }
        for n, item in enumerate(media)
    ]


def _attachment(message: Message, n: int, item: Media) -> str:
    width = {MediaKind.PHOTO: photos.LARGE, MediaKind.STICKER: photos.MIDDLE}.get(item.kind)
    return f"/attachments/{message.id}/{n}" + (f"?w={width}" if width else "")


def _who(message: Message, around: _Around) -> str:
    match message.author:
        case Author.BUYER:
            return around.buyer
        case Author.STAFF:
            return around.staff.get(message.staff_id or 0, "").split(" ")[0]
        case Author.BOT:
            return _("Bot")
        case _other:
            return ""


def _reply(message: Message, around: _Around) -> Shape | None:
    quoted = around.quoted.get(message.reply_to_id or 0)
    if quoted is None:
        return None
    return {
        "url": f"/inbox/{quoted.conversation_id}?message={quoted.id}#message-{quoted.id}",
        "who": _who(quoted, around),
        "text": composer_shapes.quoted(quoted.text),
    }


def _join(shapes: list[Shape]) -> None:
    """Messages of one author within a minute stand together; the last of them says who and when."""
    for this, following in pairwise(shapes):
        this["continued"] = (
            not this["private"]
            and not following["private"]
            and this["author"] == following["author"] != "system"
            and this["who"] == following["who"]
            and following["at"] - this["at"] < timedelta(minutes=1)
        )


def _staff(session: Session, found: Iterable[Message]) -> dict[int, str]:
    ids = {message.staff_id for message in found if message.staff_id is not None}
    return {row.id: row.name for row in session.execute(sa.select(Staff.id, Staff.name).where(Staff.id.in_(ids)))}


def _quoted(session: Session, found: Iterable[Message]) -> dict[int, Message]:
    ids = {message.reply_to_id for message in found if message.reply_to_id is not None}
    return {row.id: row for row in session.scalars(sa.select(Message).where(Message.id.in_(ids)))} if ids else {}


# Lines about what happened


TOLD = ("conversation_changed", "conversation_assigned", "order_placed", "stage_moved")
MOST_LINES = 200


def _lines(session: Session, visit: Visit, conversation: Conversation, *, since: datetime | None) -> Iterable[Shape]:
    """From the event log: who took the conversation, which orders were made in it, where they went."""
    orders = list(
        session.scalars(
            sa.select(Order.id).where(Order.conversation_id == conversation.id, Order.shop_id == visit.shop.id)
        )
    )
    subjects = [f"conversation:{conversation.id}", *(f"order:{id_}" for id_ in orders)]
    query = sa.select(EventRow).where(EventRow.subject.in_(subjects), EventRow.kind.in_(TOLD))
    if since is not None:
        query = query.where(EventRow.at >= since)
    events = list(session.scalars(query.order_by(EventRow.id.desc()).limit(MOST_LINES)))[::-1]
    names = _actors(session, events)
    stages = _stages(session, orders)
    for event in events:
        if (told := _line(event, names, stages)) is not None:
            mark, text = told
            yield _line_shape(event, mark, text)


def _line(event: EventRow, names: Mapping[str, str], stages: Mapping[str, str]) -> tuple[str, str] | None:
    who = names.get(event.actor, "")
    facts = event.payload
    if event.kind == "order_placed":
        link = Markup('<a href="/orders/{}">{}</a>').format(
            facts["order_id"], _("order No. {number}", number=facts["number"])
        )
        return "basket", _("{who} made {link}", who=who, link=link) if who else _("New {link}", link=link)
    if event.kind == "stage_moved":
        stage = stages.get(facts["to_code"], facts["to_code"])
        return "board", _("Order No. {number}: “{stage}”", number=facts["number"], stage=stage)
    if event.kind == "conversation_assigned":
        return _assigned(facts.get("reason", ""), names.get(f"staff:{facts['staff_id']}", ""), who)
    return _turns(facts["change"], who, facts.get("until"))


def _assigned(reason: str, to: str, who: str) -> tuple[str, str]:
    """By the shop's rule, and why; or by a person."""
    if reason == "known":
        return "person", _("{who} is to answer: talked to this customer last", who=to)
    if reason == "absent":
        return "person", _("{who} leads now: the colleague who led is not there", who=to)
    if reason:
        return "person", _("{who} is to answer: has the fewest open", who=to)
    return "person", _("{who} handed the conversation over to {name}", who=who, name=to)


def _turns(change: str, who: str, until: str | None) -> tuple[str, str] | None:
    when = formats.ahead(datetime.fromisoformat(until)) if until else ""
    turns = {
        "taken": ("hand", _("{who} took the conversation", who=who)),
        "released": ("robot", _("{who} gave the conversation back to the bot", who=who)),
        "closed": ("check", _("{who} closed the conversation", who=who)),
        "reopened": ("retry", _("{who} opened the conversation again", who=who)),
        "snoozed": ("snooze", _("{who} put the conversation off until {when}", who=who, when=when)),
        "brought_back": ("inbox", _("{who} brought the conversation back", who=who)),
        "came_back": ("clock", _("The conversation is back: its time has come")),
        "later_stopped": ("clock", _("The buyer wrote first: the message planned for {when} is not sent", when=when)),
        "later_refused": ("warning", _("The message planned for {when} could not be sent", when=when)),
        "buyer_wrote": ("inbox", _("The conversation is back: the buyer wrote")),
        "customer": ("people", _("{who} led the conversation to another card of the customer", who=who)),
    }
    return turns.get(change)


def _line_shape(event: EventRow, mark: str, text: str) -> Shape:
    return {
        "id": f"event-{event.id}",
        "author": "system",
        "who": "",
        "private": False,
        "at": event.at,
        "text": text,
        "mark": mark,
        "continued": False,
    }


def _actors(session: Session, events: Iterable[EventRow]) -> dict[str, str]:
    """First names of the staff who did it; others are not named."""
    events = list(events)
    ids = {int(event.actor.removeprefix("staff:")) for event in events if event.actor.startswith("staff:")}
    ids |= {event.payload["staff_id"] for event in events if event.kind == "conversation_assigned"}
    rows = session.execute(sa.select(Staff.id, Staff.name).where(Staff.id.in_(ids))) if ids else ()
    return {f"staff:{id_}": name.split(" ")[0] for id_, name in rows}


def _stages(session: Session, order_ids: Sequence[int]) -> dict[str, str]:
    if not order_ids:
        return {}
    pipelines = sa.select(Order.pipeline_id).where(Order.id.in_(order_ids))
    rows = session.scalars(sa.select(Stage).where(Stage.pipeline_id.in_(pipelines)))
    return {stage.code: named(stage, reader().language) for stage in rows}
