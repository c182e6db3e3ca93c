"""The list of conversations as templates draw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.names import named
from company import settings
from company.hours import worked
from company.settings import WorkingHours
from company.tables import Shop
from customers import portraits
from inbox import drafts, listing
from inbox.keeping import PREVIEW
from inbox.listing import Row, View
from inbox.tables import Author, State
from operator_console.people import Shape, customer, person
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Visit
from orders.tables import Order, Stage

WARN, BAD = timedelta(minutes=10), timedelta(minutes=30)
"""How long a buyer may wait before his waiting is marked."""


def rows(
    session: Session, visit: Visit, found: Sequence[Row], *, view: View, current: int | None, query: str
) -> list[Shape]:
    """`query` is the list's own address, so that a conversation opens with the list as it is."""
    begun = drafts.among(session, [row.id for row in found if row.id != current], visit.staff.id)
    shapes = _rows(session, visit.shop, found, _said(session, found), visit.staff.id)
    return [
        shape
        | {
            "url": f"/inbox/{row.id}{query}",
            "draft": " ".join(begun.get(row.id, "")[:PREVIEW].split()),
            "current": row.id == current,
            "order": listing.places(row).get(view, 0),
        }
        for row, shape in zip(found, shapes, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Alike:
    """A row as it is for everybody who sees everything, but for those to whom it is another: who has begun to write
    there, and whose the last words are. It is in no list yet: nothing is current, and it leads to the plain inbox."""

    row: Row
    shape: Shape
    others: frozenset[int]


def alike(session: Session, shop: Shop, found: Sequence[Row]) -> list[Alike]:
    begun = drafts.who_began(session, [row.id for row in found])
    said = _said(session, found)
    return [
        Alike(row, shape, begun.get(row.id, frozenset()) | ({said[row.id][0]} if row.id in said else set()))
        for row, shape in zip(found, _rows(session, shop, found, said, 0), strict=True)
    ]


def _rows(
    session: Session, shop: Shop, found: Sequence[Row], said: Mapping[int, tuple[int, str]], reader_id: int
) -> list[Shape]:
    stages = _last_orders(session, {row.customer_id for row in found if row.customer_id is not None})
    hours = settings.of(shop).hours
    shown = portraits.of(session, {row.customer_id for row in found if row.customer_id is not None})
    return [
        _row(row, stages.get(row.customer_id or 0), hours, shown.get(row.customer_id or 0))
        | {"by": _first_name(said.get(row.id), reader_id)}
        for row in found
    ]


def _said(session: Session, found: Sequence[Row]) -> dict[int, tuple[int, str]]:
    return listing.last_said_by(session, [row.id for row in found if row.last_author is Author.STAFF])


def _first_name(who: tuple[int, str] | None, reader_id: int) -> str:
    """Whose the last words are; empty for the reader's own."""
    return who[1].partition(" ")[0] if who is not None and who[0] != reader_id else ""


def _row(row: Row, order: Shape | None, hours: WorkingHours, portrait: int | None) -> Shape:
    return {
        "id": row.id,
        "url": f"/inbox/{row.id}",
        "customer": customer(row.name, row.customer_id, portrait),
        "channel": row.channel,
        "unread": row.unread,
        "last": preview(row.last_text),
        "draft": "",
        "ours": row.last_author.value if row.last_author in (Author.BOT, Author.STAFF) else "",
        "last_at": row.last_at,
        "waiting_since": row.waiting_since if row.snoozed_until is None else None,
        "snoozed_until": row.snoozed_until,
        "level": _level(row, hours),
        "stage": order,
        "stage_note": order["note"] if order else "",
        "leader": person(row.assignee, row.assignee_id) if row.assignee_id is not None else None,
        "held": row.held,
        "blocked": False,
        "current": False,
        "order": 0,
        "closed": row.state == State.CLOSED,
    }


def _level(row: Row, hours: WorkingHours) -> str:
    """Nights and days off are nobody's fault: only hours in which the shop works are counted."""
    if row.waiting_since is None:
        return ""
    waits = worked(hours, reader().zone, row.waiting_since, reader().now)
    return "bad" if waits >= BAD else "warn" if waits >= WARN else ""


def preview(last: str) -> str:
    """The last message in a line; a mark such as "[photo]" stands for one without words."""
    marks = {
        "[photo]": _("Photo"),
        "[document]": _("File"),
        "[video]": _("Video"),
        "[voice]": _("Voice message"),
        "[audio]": _("Audio"),
        "[sticker]": _("Sticker"),
        "[contact]": _("Contact"),
        "[location]": _("Place"),
        "[unsupported]": _("A message that we cannot show"),
    }
    return marks.get(last, last)


def _last_orders(session: Session, customer_ids: set[int]) -> dict[int, Shape]:
    """The stage of each customer's newest order, with its sum."""
    if not customer_ids:
        return {}
    newest = sa.select(sa.func.max(Order.id)).where(Order.customer_id.in_(customer_ids)).group_by(Order.customer_id)
    found = session.execute(sa.select(Order, Stage).join(Stage, Stage.id == Order.stage_id).where(Order.id.in_(newest)))
    language = reader().language
    return {
        order.customer_id: {
            "name": named(stage, language),
            "colour": stage.colour,
            "note": order.total.format(language),
        }
        for order, stage in found
    }
