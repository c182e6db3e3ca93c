"""Messages: what came in, what goes out, and notes among the staff.

An outgoing message's row is also its delivery record; a job in the conversation's own lane sends it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount, Staff
from inbox import (
    content,
    conversations,
    delivered,
    interrupting,
    keeping,
    mentions,
    quoting,
    searching,
    seen,
    sending,
    windows,
)
from inbox.channels import card_of
from inbox.content import Button, Incoming, Outgoing
from inbox.fitting import fit
from inbox.tables import Author, Conversation, Delivery, Message, State
from kit.clock import utc_now
from kit.errors import Missing, Refused
from storage import hot, jobs


class NoSuchMessage(Missing):
    code = "no_such_message"


class NothingToSay(Refused):
    """A message without text and attachments."""

    code = "nothing_to_say"


def receive(session: Session, conversation: Conversation, incoming: Incoming) -> Message | None:
    """Keep what the buyer said. None if it was known already, or is no message at all (a press, a leave).

    An edit changes the text of the message it edits and keeps the old one; parts of an album join into one message.
    """
    external = f"{conversation.chat}:{incoming.external_id}"
    if incoming.edited and (known := _known(session, conversation, external)) is not None:
        _edited(session, conversation, known, incoming)
        return None
    if incoming.album and (first := _album(session, conversation, incoming.album)) is not None:
        _join(session, conversation, first, incoming)
        return None
    quoted = quoting.replied_to(session, conversation, incoming.reply_to)
    message = keeping.keep(
        session,
        conversation,
        keeping.NEW_ONCE,
        author=Author.BUYER,
        text=incoming.text,
        form=content.dump(incoming),
        delivery=Delivery.RECEIVED,
        external_id=external,
        client_key=f"album:{incoming.album}" if incoming.album else None,
        reply_to_id=quoted,
        sent_at=datetime.fromtimestamp(incoming.sent_at, UTC) if incoming.sent_at else utc_now(),
    )
    if message is None:
        return None
    if incoming.reply_to and quoted is None:
        quoting.link_later(session, conversation, message, incoming.reply_to)
    if conversation.snoozed_until is not None or conversation.scheduled:
        interrupting.by_buyer(session, conversation)
    if not incoming.by_machine:
        conversation.unread += 1
    if conversation.held and not (incoming.by_machine or incoming.signs):
        conversation.waiting_since = conversation.waiting_since or message.created_at
    _fetch_media(session, message, incoming)
    return message


def say(
    session: Session,
    conversation: Conversation,
    outgoing: Outgoing,
    *,
    author: Author,
    staff_id: int | None = None,
    client_key: str | None = None,
    repeatable: bool = False,
    mail: bool = False,
) -> list[Message]:
    """Write the shop's message and queue its delivery; one row for each message that the channel needs.

    The same `client_key` in the same conversation finds what was said before and says nothing new. `mail` is for one
    of many that nobody waits for: it goes when its turn comes, after all answers, and holds up nothing in its chat.
    Raises NothingToSay for an empty one, windows.WindowClosed for a person's words that the channel would not take now;
    what the shop says of itself goes as a template then, or is held.
    """
    if not (outgoing.text.strip() or outgoing.media):
        raise NothingToSay("a message needs text or a file")
    conversations.hold(session, conversation)
    if client_key is not None and (said := _said(session, conversation, client_key)):
        return said
    account = hot.get(session, ChannelAccount, conversation.account_id)
    held = False
    if outgoing.template is None and not windows.is_open(conversation, account):
        template = windows.as_template(outgoing, account)
        if template is None and author is Author.STAFF:
            raise windows.WindowClosed()
        outgoing, held = template or outgoing, template is None
    held_for = {windows.HELD_FOR: windows.of_the_way(outgoing.occasion.name)} if held and outgoing.occasion else {}
    fitted = fit(outgoing, card_of(account, conversation.context))
    if fitted.offered or conversation.offered:
        conversation.offered = [{"name": a.name, "args": dict(a.args)} for a in fitted.offered]
    messages = []
    for n, part in enumerate(fitted.parts):
        message = keeping.add(
            session,
            conversation,
            author=author,
            text=part.text,
            form=content.dump(part) | held_for,
            delivery=Delivery.HELD if held else Delivery.QUEUED,
            staff_id=staff_id,
            client_key=client_key if client_key is None or n == 0 else f"{client_key}#{n}",
            repeatable=repeatable,
        )
        if held:
            windows.tell_held(session, conversation, message)
        elif mail:
            sending.queue_mail(session, message)
        else:
            sending.queue(session, "message.deliver", message)
        messages.append(message)
    return messages


def recall(
    session: Session,
    conversation: Conversation,
    outgoing: Outgoing,
    *,
    author: Author,
    external_id: str,
    staff_id: int | None = None,
    delivery: Delivery = Delivery.SENT,
) -> Message:
    """Keep a message that went out earlier or from elsewhere: it stands in the thread and is not sent."""
    return keeping.add(
        session,
        conversation,
        author=author,
        text=outgoing.text,
        form=content.dump(outgoing),
        delivery=delivery,
        staff_id=staff_id,
        external_id=f"{conversation.chat}:{external_id}",
        sent_at=utc_now(),
    )


def reply(
    session: Session, conversation: Conversation, staff: Staff, outgoing: Outgoing, *, client_key: str | None = None
) -> list[Message]:
    """An operator's answer: takes the conversation if nobody leads it. Raises AlreadyTaken if a colleague does.

    A closed conversation is open again; one that was put off stays so.
    """
    conversations.take(session, conversation, staff)
    said = say(session, conversation, outgoing, author=Author.STAFF, staff_id=staff.id, client_key=client_key)
    if conversation.unread:
        seen.show(session, conversation)
    conversation.waiting_since, conversation.unread = None, 0
    if conversation.state == State.CLOSED:
        conversation.state = State.OPEN
    return said


def edit(session: Session, conversation: Conversation, message: Message, outgoing: Outgoing) -> None:
    """Show something else in place of a sent message; buttons of its earlier version are out of date from now on.

    Nothing happens on a channel that changes no message: what stands there is what the buyer sees.
    """
    card = card_of(hot.get(session, ChannelAccount, conversation.account_id), conversation.context)
    if not card.edit:
        return
    fitted = fit(outgoing, card)
    part = fitted.parts[0]
    form = content.dump(part)
    if form == message.content:
        return
    if fitted.offered:
        conversation.offered = [{"name": a.name, "args": dict(a.args)} for a in fitted.offered]
    message.text, message.content = part.text, form
    message.version += 1
    message.edited_at = utc_now()
    hot.save(session, message)
    if message.delivery not in (Delivery.QUEUED, Delivery.SENDING, Delivery.FAILED):
        sending.queue_edit(session, message)
    delivered.tell_changed(session, conversation.shop_id, message)


def note(
    session: Session,
    conversation: Conversation,
    text: str,
    staff: Staff,
    *,
    client_key: str | None = None,
    people: Sequence[Staff] = (),
    chosen: Collection[int] = (),
) -> Message:
    """A private note among the staff. The same `client_key` again finds the first one.

    Who of `people` is called in it by name is told; `chosen` are the ids that the writer chose among equal names.
    """
    if not text.strip():
        raise NothingToSay("a note needs text")
    if client_key is not None and (said := _said(session, conversation, client_key)):
        return said[0]
    called = mentions.find(text.strip(), people, chosen=chosen)
    message = keeping.add(
        session,
        conversation,
        author=Author.STAFF,
        text=text.strip(),
        form={"mentions": mentions.dump(called)} if called else {},
        delivery=Delivery.KEPT,
        staff_id=staff.id,
        private=True,
        client_key=client_key,
    )
    mentions.tell(session, conversation, message, called, by=staff)
    return message


def is_said(session: Session, conversation: Conversation, client_key: str) -> bool:
    """Whether what was sent under this key is in the thread already. The conversation must be locked."""
    return bool(_said(session, conversation, client_key))


def line(session: Session, conversation: Conversation, code: str, facts: dict[str, Any]) -> Message:
    """A system line in the thread: `code` and `facts` become words in the reader's language."""
    return keeping.add(
        session,
        conversation,
        author=Author.SYSTEM,
        text=code,
        form={"line": code, "facts": facts},
        delivery=Delivery.KEPT,
        private=True,
    )


def get(session: Session, message_id: int, conversation: Conversation) -> Message:
    found = session.get(Message, message_id)
    if found is None or found.conversation_id != conversation.id:
        raise NoSuchMessage(f"message {message_id}")
    return found


def answerable(session: Session, message_id: int, conversation: Conversation) -> Message | None:
    """What an answer may refer to: a message of this conversation that its buyer has. None for anything else, so that
    the answer goes without it."""
    found = session.get(Message, message_id)
    known = found is not None and found.conversation_id == conversation.id and not found.private
    return found if known else None


def texts(session: Session, message_ids: Collection[int]) -> dict[int, str]:
    if not message_ids:
        return {}
    return dict(session.execute(sa.select(Message.id, Message.text).where(Message.id.in_(message_ids))).all())


def thread(
    session: Session, conversation_id: int, *, before: int | None = None, after: int | None = None, limit: int = 50
) -> list[Message]:
    """A page of the conversation, oldest first: the newest `limit`, or those before or after a message's id."""
    query = sa.select(Message).where(Message.conversation_id == conversation_id)
    if after is not None:
        return list(session.scalars(query.where(Message.id > after).order_by(Message.id).limit(limit)))
    if before is not None:
        query = query.where(Message.id < before)
    return list(session.scalars(query.order_by(Message.id.desc()).limit(limit)))[::-1]


def without_buttons(outgoing: Outgoing) -> Outgoing:
    """The same message with only its links left to press."""
    links: tuple[tuple[Button, ...], ...] = tuple(
        kept for row in outgoing.rows if (kept := tuple(button for button in row if button.url))
    )
    return replace(outgoing, rows=links)


def _known(session: Session, conversation: Conversation, external: str) -> Message | None:
    return session.scalar(
        sa.select(Message).where(Message.account_id == conversation.account_id, Message.external_id == external)
    )


def _edited(session: Session, conversation: Conversation, message: Message, incoming: Incoming) -> None:
    if message.text == incoming.text:
        return
    at = (message.edited_at or message.created_at).isoformat()
    message.history = [*message.history, {"text": message.text, "at": at}]
    message.text, message.edited_at = incoming.text, utc_now()
    fresh = content.dump(incoming)
    message.content = {**message.content, **{k: fresh.get(k, []) for k in ("text", "spans")}}
    message.version += 1
    session.flush()
    searching.again(session, message)
    delivered.tell_changed(session, conversation.shop_id, message)


def _album(session: Session, conversation: Conversation, album: str) -> Message | None:
    return session.scalar(
        sa.select(Message).where(Message.conversation_id == conversation.id, Message.client_key == f"album:{album}")
    )


def _join(session: Session, conversation: Conversation, first: Message, part: Incoming) -> None:
    """Add a further part of an album; its caption, if the first had none, becomes the text."""
    taken = {media["remote"] for media in first.content.get("media", ())}
    fresh = [m for m in content.dump(part).get("media", []) if m.get("remote") not in taken]
    if not fresh:
        return
    start = len(first.content.get("media", ()))
    first.content = {**first.content, "media": [*first.content.get("media", ()), *fresh]}
    if part.text and not first.text:
        first.text = part.text
    session.flush()
    for n in range(start, start + len(fresh)):
        _fetch(session, first, n)
    delivered.tell_changed(session, conversation.shop_id, first)


def _fetch_media(session: Session, message: Message, incoming: Incoming) -> None:
    for n, media in enumerate(incoming.media):
        if media.remote and media.file_id is None:
            _fetch(session, message, n)


def _fetch(session: Session, message: Message, n: int) -> None:
    jobs.put(
        session,
        "message.fetch",
        {"message_id": message.id, "n": n},
        lane=f"fetch:{message.id}",
        dedup_key=f"fetch:{message.id}:{n}",
    )


def _said(session: Session, conversation: Conversation, client_key: str) -> list[Message]:
    return list(
        session.scalars(
            sa.select(Message)
            .where(
                Message.conversation_id == conversation.id,
                sa.or_(
                    Message.client_key == client_key,
                    Message.client_key.startswith(f"{client_key}#", autoescape=True),
                ),
            )
            .order_by(Message.id)
        )
    )
