"""The same done with all ticked conversations: one request, one transaction, and words for what was left and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy.orm import Session

from company import staff
from company.rights import Right
from inbox import many
from inbox.many import Result
from inbox.tables import Conversation
from operator_console import formats, moment_shapes
from operator_console.people import Shape, colleague
from operator_console.routing import Route, post
from operator_console.texts import gettext as _
from operator_console.texts import ngettext
from operator_console.visits import Form, NoSuchPage, Visit, whole

URL = "/inbox/bulk"

CLOSE, REOPEN, ASSIGN, SNOOZE, ANSWERED = "close", "reopen", "assign", "snooze", "answered"


async def bulk(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    act, ids = form["act"], [whole(id_) for id_ in form["ids"].split(",")]
    if act not in (CLOSE, REOPEN, ASSIGN, SNOOZE, ANSWERED):
        raise NoSuchPage("no such act")
    await visit.demand_sight(Conversation, *ids)
    until = moment_shapes.chosen(visit, form) if act == SNOOZE else None
    words, done = await visit.write(_done, visit, act, ids, form, until)
    undo: dict[str, Any] | None = None
    if act == CLOSE and done:
        undo = {"url": URL, "values": {"act": REOPEN, "ids": ",".join(map(str, done))}}
    return visit.done(words, undo=undo)


ROUTES: tuple[Route, ...] = (post(URL, bulk, Right.REPLY),)


def bar(session: Session, visit: Visit) -> Shape | None:
    """What the bar under the list offers; None to those who may only read."""
    if not visit.may(Right.REPLY):
        return None
    people = [colleague(person) for person in staff.at_the_counter(session, visit.shop.id)]
    return {"url": URL, "moments": moment_shapes.offered(), "colleagues": people, "me": visit.staff.id}


def _done(
    session: Session, visit: Visit, act: str, ids: Sequence[int], form: Form, until: datetime | None
) -> tuple[str, list[int]]:
    shop, by, name = visit.shop.id, visit.staff, ""
    if act == CLOSE:
        result = many.close(session, shop, ids, by=by)
    elif act == REOPEN:
        result = many.undo_close(session, shop, ids, by=by)
    elif act == ASSIGN:
        to = form.number("staff")
        if not staff.is_at_the_counter(session, to, shop):
            raise NoSuchPage(f"staff {to} is not of this shop")
        person = staff.get(session, to)
        result, name = many.hand_over(session, shop, ids, person, by=by), person.name
    elif until is not None:
        result = many.put_off(session, shop, ids, until, by=by)
    else:
        result = many.no_answer_needed(session, shop, ids, by=by)
    return _words(act, result, name=name, until=until), result.done


def _words(act: str, result: Result, *, name: str, until: datetime | None) -> str:
    n, when = len(result.done), formats.ahead(until) if until is not None else ""
    said = {
        CLOSE: ngettext("{n} conversation is closed", "{n} conversations are closed", n),
        REOPEN: ngettext("{n} conversation is open again", "{n} conversations are open again", n),
        ASSIGN: ngettext("{n} conversation is given to {name}", "{n} conversations are given to {name}", n, name=name),
        SNOOZE: ngettext(
            "{n} conversation is put off until {when}", "{n} conversations are put off until {when}", n, when=when
        ),
        ANSWERED: ngettext("{n} conversation needs no answer", "{n} conversations need no answer", n),
    }[act]
    left = [_("{n} left: {name} leads", n=count, name=leader) for leader, count in result.taken.items()]
    if result.as_they_were:
        left.append(_("nothing to do in {n}", n=result.as_they_were))
    return "; ".join([said, *left])
