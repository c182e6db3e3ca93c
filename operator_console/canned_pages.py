"""Answers that are given often: the owner's list of them, and what the composer offers after a slash."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy.orm import Session

from catalog.names import named
from company.rights import Right
from inbox import canned
from operator_console import shell
from operator_console.inbox_pages import beside, found_in
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.visits import Form, Visit

OFFERED = 20
"""Replies in the composer's list."""


async def show(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "settings")
    rows = await visit.read(canned.replies, visit.shop.id)
    return visit.page("pages/canned.html", **frame, replies=rows, facts=canned.FACTS)


async def add(visit: Visit) -> web.StreamResponse:
    await visit.write(_add, visit.shop.id, await visit.form())
    return visit.done(go="/settings/replies")


async def edit(visit: Visit) -> web.StreamResponse:
    await visit.write(_edit, visit.shop.id, visit.number(), await visit.form())
    return visit.done(go="/settings/replies")


async def remove(visit: Visit) -> web.StreamResponse:
    await visit.write(canned.remove, visit.shop.id, visit.number())
    return visit.done(go="/settings/replies")


async def offered(visit: Visit) -> web.StreamResponse:
    """What fits the letters after the slash, filled for this conversation."""
    rows = await visit.read(_offered, visit, visit.number(), visit.query("q"))
    return visit.page("partials/canned_list.html", replies=rows, may_edit=visit.may(Right.SETTINGS))


ROUTES: tuple[Route, ...] = (
    get("/settings/replies", show, Right.SETTINGS),
    post("/settings/replies", add, Right.SETTINGS),
    post(f"/replies/{ID}", edit, Right.SETTINGS),
    post(f"/replies/{ID}/remove", remove, Right.SETTINGS),
    get(f"/inbox/{ID}/canned", offered, Right.REPLY),
)


def _add(session: Session, shop_id: int, form: Form) -> None:
    canned.add(session, shop_id, name=form["name"], text=form["text"])


def _edit(session: Session, shop_id: int, reply_id: int, form: Form) -> None:
    canned.edit(session, shop_id, reply_id, name=form["name"], text=form["text"])


def _offered(session: Session, visit: Visit, conversation_id: int, words: str) -> list[Shape]:
    around = beside(session, visit, found_in(session, visit, conversation_id))
    order, language = around.current, around.conversation.locale
    facts = {
        "name": (around.customer.name or "").split(" ")[0],
        "operator": visit.staff.name.split(" ")[0],
        "shop": visit.shop.name,
    }
    if order is not None:
        facts |= {
            "order": str(order.number),
            "sum": order.total.format(language),
            "stage": named(order.stage, language),
        }
    found = canned.replies(session, visit.shop.id, words[:100], limit=OFFERED)
    return [{"id": one.id, "name": one.name, "text": canned.filled(one.text, facts)} for one in found]
