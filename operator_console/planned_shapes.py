"""Messages that wait to be sent, and those that were not, as they stand at the end of a thread."""

from __future__ import annotations

import math

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.rights import Right
from company.tables import Staff
from inbox import restored, scheduling
from inbox.content import load_outgoing
from inbox.tables import Conversation, Planned, ScheduledMessage
from kit.errors import Problem
from operator_console import formats, moment_shapes, spans
from operator_console.people import Shape
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Visit


def planned(session: Session, visit: Visit, conversation: Conversation) -> list[Shape]:
    """macros/planned.html takes them."""
    found = scheduling.shown(session, conversation.id)
    if not found:
        return []
    ids = {one.staff_id for one in found}
    names = dict(session.execute(sa.select(Staff.id, Staff.name).where(Staff.id.in_(ids))).all())
    offered = moment_shapes.offered()
    return [_card(visit, one, names.get(one.staff_id, ""), offered) for one in found]


def _card(visit: Visit, one: ScheduledMessage, name: str, offered: list[Shape]) -> Shape:
    outgoing, here = load_outgoing(one.content), f"/inbox/{one.conversation_id}/later/{one.id}"
    waits = one.state == Planned.WAITING
    return {
        "id": one.id,
        "who": name.split(" ")[0],
        "text": spans.html(outgoing.text),
        "files": [item.name or _("File") for item in outgoing.media],
        "brief": one.brief and waits,
        "waits": waits,
        "at": one.send_at,
        "left": max(0, math.ceil((one.send_at - reader().now).total_seconds())),
        "unless_answered": one.unless_answered and waits,
        "why": "" if waits else _why(visit, one),
        "may": visit.may(Right.REPLY),
        "moments": offered,
        "urls": {act: f"{here}/{act}" for act in ("now", "move", "edit", "withdraw")},
    }


def _why(visit: Visit, one: ScheduledMessage) -> str:
    when = formats.ahead(one.send_at)
    if one.state == Planned.STOPPED:
        return _("Not sent at {when}: the buyer wrote first", when=when)
    if one.why.get("code") == restored.RESTORED:
        return _("Not sent: the shop was restored from a backup, and it may have been sent before")
    problem = Problem("", **one.why.get("facts", {}))
    problem.code = one.why.get("code", "")
    return _("Not sent at {when}: {reason}", when=when, reason=visit.console.texts.problem(problem, reader().language))
