"""The tags of customers: how many have each, and their names."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy.orm import Session

from company.rights import Right
from customers import cards, tagging
from operator_console import shell
from operator_console.people import Shape
from operator_console.routing import Route, get, post
from operator_console.visits import Visit

HERE = "/settings/tags"


async def show(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "settings")
    return visit.page("pages/tags.html", **frame, tags=await visit.read(_all, visit.shop.id))


async def rename(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    await visit.write(tagging.rename, visit.shop.id, form["tag"], form["to"], actor=visit.actor)
    return visit.done(go=HERE)


async def remove(visit: Visit) -> web.StreamResponse:
    await visit.write(tagging.remove, visit.shop.id, (await visit.form())["tag"], actor=visit.actor)
    return visit.done(go=HERE)


ROUTES: tuple[Route, ...] = (
    get(HERE, show, Right.SETTINGS),
    post(f"{HERE}/rename", rename, Right.SETTINGS),
    post(f"{HERE}/remove", remove, Right.SETTINGS),
)


def _all(session: Session, shop_id: int) -> list[Shape]:
    return [
        {"name": tag, "count": count, "url": f"/customers?{urlencode({'tag': tag})}"}
        for tag, count in cards.tags(session, shop_id)
    ]
