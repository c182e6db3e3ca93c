"""What an operator says: at once, with some seconds to take it back, or later; what he does with it until it goes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from sqlalchemy.orm import Session

from company import staff
from company.rights import Right
from inbox import conversations, drafts, messages, scheduling
from inbox.content import Media, MediaKind, Outgoing, load_outgoing
from inbox.mentions import MARK
from inbox.tables import Conversation
from kit.clock import utc_now
from kit.errors import Refused
from operator_console import formats, moment_shapes, uploads
from operator_console.composer_shapes import KEY_LENGTH, begun_here
from operator_console.inbox_pages import found_in
from operator_console.people import Shape
from operator_console.routing import ID, Route, post
from operator_console.texts import gettext as _
from operator_console.visits import Form, Visit
from storage.files import Blob, record

MOST_FILES = 10

LATER, AND_CLOSE, AND_SNOOZE = "later", "close", "snooze"
"""What the composer's menu asks for, apart from sending."""


class TooManyFiles(Refused):
    code = "too_many_files"

    def __init__(self) -> None:
        super().__init__(f"more than {MOST_FILES} files", most=MOST_FILES)


# Saying


async def say(visit: Visit) -> web.StreamResponse:
    """An answer or a note. The form's key makes a repeated send the same message."""
    form = await visit.form()
    if form["private"]:
        await visit.write(_note, visit, visit.number(), form)
        return visit.done()
    moment = moment_shapes.chosen(visit, form) if form["act"] in (LATER, AND_SNOOZE) else None
    attached = await _kept(visit, form)
    await visit.write(_reply, visit, visit.number(), form, attached, moment)
    if form["act"] == LATER and moment is not None:
        return visit.done(await visit.read(lambda _session: _("Will be sent: {when}", when=formats.ahead(moment))))
    return visit.done()


def _note(session: Session, visit: Visit, id_: int, form: Form) -> None:
    """`mentioned` are the ids, with spaces between them, of colleagues whom the writer chose from the list."""
    here, key = found_in(session, visit, id_, lock=True), form["key"][:KEY_LENGTH]
    messages.note(
        session,
        here,
        form["text"],
        visit.staff,
        client_key=key or None,
        people=[person for person, _role in staff.of_shop(session, visit.shop.id)] if MARK in form["text"] else (),
        chosen={int(one) for one in form["mentioned"].split() if one.isascii() and one.isdecimal()},
    )
    drafts.clear(session, here, visit.staff, private=True, key=key)


def _reply(
    session: Session,
    visit: Visit,
    id_: int,
    form: Form,
    attached: Sequence[tuple[Blob, str, str]],
    moment: datetime | None,
) -> None:
    here = found_in(session, visit, id_, lock=True)
    media = tuple(_media(session, visit, blob, name, mime) for blob, name, mime in attached)
    quoted = messages.answerable(session, form.number("reply_to"), here) if form["reply_to"] else None
    outgoing = Outgoing(text=form["text"].strip(), media=_again(session, here, form) + media)
    key = form["key"][:KEY_LENGTH] or secrets.token_hex(16)
    then: dict[str, Any] = {}
    if form["act"] == AND_CLOSE:
        then = {"close": True}
    elif form["act"] == AND_SNOOZE and moment is not None:
        then = {"snooze": moment.isoformat()}
    reply_to = quoted.id if quoted is not None else None
    if form["act"] == LATER and moment is not None:
        scheduling.plan(
            session,
            here,
            visit.staff,
            outgoing,
            at=moment,
            client_key=key,
            unless_answered=bool(form["unless_answered"]),
            reply_to_id=reply_to,
        )
    elif visit.staff.undo_seconds:
        conversations.take(session, here, visit.staff)
        scheduling.plan(
            session,
            here,
            visit.staff,
            outgoing,
            at=utc_now() + timedelta(seconds=visit.staff.undo_seconds),
            client_key=key,
            unless_answered=False,
            reply_to_id=reply_to,
            brief=True,
            then=then,
        )
    else:
        said = messages.reply(session, here, visit.staff, outgoing, client_key=key)
        if reply_to is not None and said[0].reply_to_id is None:
            said[0].reply_to_id = reply_to
        scheduling.follow(session, here, then, by=visit.staff)
    drafts.clear(session, here, visit.staff, private=False, key=form["key"][:KEY_LENGTH])


def _media(session: Session, visit: Visit, blob: Blob, name: str, mime: str) -> Media:
    row = record(session, blob, name=name, mime=mime, shop_id=visit.shop.id)
    kind = MediaKind.PHOTO if blob.mime in uploads.PICTURES else MediaKind.DOCUMENT
    return Media(kind, file_id=row.id, name=row.name, mime=row.mime, size=row.size)


def _again(session: Session, here: Conversation, form: Form) -> tuple[Media, ...]:
    """The files of a message that was taken back into the composer."""
    if not form["again"]:
        return ()
    planned = scheduling.get(session, form.number("again"), here)
    return load_outgoing(planned.content).media


async def _kept(visit: Visit, form: Form) -> list[tuple[Blob, str, str]]:
    """The form's files in the files folder, with their names and claimed types."""
    fields = form.files("files")
    if len(fields) > MOST_FILES:
        raise TooManyFiles()
    return [await uploads.kept(visit, field) for field in fields]


# What waits to be said


async def send_now(visit: Visit) -> web.StreamResponse:
    await visit.write(_send_now, visit, visit.number(), visit.number("planned"))
    return visit.done()


async def move(visit: Visit) -> web.StreamResponse:
    moment = moment_shapes.chosen(visit, await visit.form())
    await visit.write(_move, visit, visit.number(), visit.number("planned"), moment)
    return visit.done(await visit.read(lambda _session: _("Will be sent: {when}", when=formats.ahead(moment))))


async def withdraw(visit: Visit) -> web.StreamResponse:
    await visit.write(_withdraw, visit, visit.number(), visit.number("planned"))
    return visit.done()


async def edit(visit: Visit) -> web.StreamResponse:
    """Take it back into the composer: what composer.js needs to show it there."""
    return web.json_response(await visit.write(_edit, visit, visit.number(), visit.number("planned")))


def _send_now(session: Session, visit: Visit, id_: int, planned_id: int) -> None:
    here = found_in(session, visit, id_, lock=True)
    scheduling.send_now(session, here, scheduling.get(session, planned_id, here), by=visit.staff)


def _move(session: Session, visit: Visit, id_: int, planned_id: int, moment: datetime) -> None:
    here = found_in(session, visit, id_, lock=True)
    scheduling.move(session, here, scheduling.get(session, planned_id, here), moment, by=visit.staff)


def _withdraw(session: Session, visit: Visit, id_: int, planned_id: int) -> None:
    here = found_in(session, visit, id_, lock=True)
    scheduling.withdraw(session, here, scheduling.get(session, planned_id, here), by=visit.staff)


def _edit(session: Session, visit: Visit, id_: int, planned_id: int) -> Shape:
    """The text goes behind what the person has begun already; the draft is saved before the plan is gone."""
    here = found_in(session, visit, id_, lock=True)
    planned = scheduling.get(session, planned_id, here)
    scheduling.withdraw(session, here, planned, by=visit.staff)
    taken = load_outgoing(planned.content)
    begun = next((one.text for one in drafts.of(session, id_, visit.staff.id) if not one.private), "")
    text = "\n\n".join(part for part in (begun, taken.text) if part.strip())
    again = planned if taken.media else None
    quoted = messages.answerable(session, planned.reply_to_id, here) if planned.reply_to_id is not None else None
    drafts.keep(session, here, visit.staff, text, private=False, key=secrets.token_hex(16), again=again, quoted=quoted)
    back: Shape = begun_here(session, visit, id_)["reply"]
    return back


_PLANNED = rf"/inbox/{ID}/later/{{planned:\d{{1,18}}}}"

ROUTES: tuple[Route, ...] = (
    post(f"/inbox/{ID}/messages", say, Right.REPLY),
    post(f"{_PLANNED}/now", send_now, Right.REPLY),
    post(f"{_PLANNED}/move", move, Right.REPLY),
    post(f"{_PLANNED}/edit", edit, Right.REPLY),
    post(f"{_PLANNED}/withdraw", withdraw, Right.REPLY),
)
