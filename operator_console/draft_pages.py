"""Drafts: the composer keeps what is being written, and asks for what was written elsewhere."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy.orm import Session

from company.rights import Right
from inbox import drafts, messages, scheduling
from operator_console.composer_shapes import KEY_LENGTH, begun_here
from operator_console.inbox_pages import found_in
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.visits import Form, Visit


async def kept(visit: Visit) -> web.StreamResponse:
    """What this person has begun to write in the conversation, as composer.js reads it."""
    return web.json_response(await visit.read(_kept, visit, visit.number()))


async def keep(visit: Visit) -> web.StreamResponse:
    """Says whether the draft was `late`: the message of its key has been sent. One that is saved in `leaving` may come
    after the page that follows was drawn: that page is told."""
    form = await visit.form()
    return web.json_response(await visit.write(_keep, visit, visit.number(), form))


ROUTES: tuple[Route, ...] = (
    get(f"/inbox/{ID}/draft", kept, Right.REPLY),
    post(f"/inbox/{ID}/draft", keep, Right.REPLY),
)


def _kept(session: Session, visit: Visit, id_: int) -> Shape:
    found_in(session, visit, id_)
    return begun_here(session, visit, id_)


def _keep(session: Session, visit: Visit, id_: int, form: Form) -> Shape:
    here = found_in(session, visit, id_, lock=True)
    private, key = bool(form["private"]), form["key"][:KEY_LENGTH]
    again = scheduling.get(session, form.number("again"), here) if form["again"] else None
    quoted = messages.answerable(session, form.number("reply_to"), here) if form["reply_to"] and not private else None
    in_time = drafts.keep(
        session, here, visit.staff, form["text"], private=private, key=key, again=again, quoted=quoted
    )
    if in_time and form["leaving"]:
        drafts.tell_left(session, here, visit.staff)
    return {"late": not in_time}
