"""The shop's own fields of its customers: the owner says what he wants to know of them."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy.orm import Session

from company.rights import Right
from customers import fields
from customers.tables import Field, FieldKind
from operator_console import shell
from operator_console.customer_shapes import kinds
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.visits import Form, NoSuchPage, Visit

HERE = "/settings/fields"

OPTION = "option-"
"""How the names of a choice's options begin in a form: option-<number>."""


async def show(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "settings")
    return visit.page("pages/fields.html", **frame, **await visit.read(_all, visit.shop.id))


async def add(visit: Visit) -> web.StreamResponse:
    await visit.write(_add, visit.shop.id, await visit.form())
    return visit.done(go=HERE)


async def edit(visit: Visit) -> web.StreamResponse:
    await visit.write(_edit, visit.shop.id, visit.number(), await visit.form())
    return visit.done(go=HERE)


async def shift(visit: Visit) -> web.StreamResponse:
    back = (await visit.form())["to"] == "back"
    await visit.write(fields.shift, visit.shop.id, visit.number(), back=back)
    return visit.done(go=HERE)


async def archive(visit: Visit) -> web.StreamResponse:
    away = (await visit.form())["away"] == "1"
    await visit.write(fields.archive, visit.shop.id, visit.number(), away=away)
    return visit.done(go=HERE)


async def remove(visit: Visit) -> web.StreamResponse:
    await visit.write(fields.remove, visit.shop.id, visit.number())
    return visit.done(go=HERE)


ROUTES: tuple[Route, ...] = (
    get(HERE, show, Right.SETTINGS),
    post(HERE, add, Right.SETTINGS),
    post(f"/fields/{ID}", edit, Right.SETTINGS),
    post(f"/fields/{ID}/shift", shift, Right.SETTINGS),
    post(f"/fields/{ID}/archive", archive, Right.SETTINGS),
    post(f"/fields/{ID}/remove", remove, Right.SETTINGS),
)


def _all(session: Session, shop_id: int) -> Shape:
    rows = fields.of_shop(session, shop_id, archived=True)
    used = fields.uses(session, [row.id for row in rows])
    live = [row for row in rows if row.archived_at is None]
    words = kinds()
    return {
        "kinds": [{"value": kind.value, "label": label} for kind, label in words.items()],
        "fields": [
            _field(row, used.get(row.id, 0), words) | {"first": row is live[0], "last": row is live[-1]} for row in live
        ],
        "put_away": [_field(row, used.get(row.id, 0), words) for row in rows if row.archived_at is not None],
    }


def _field(row: Field, used: int, words: dict[FieldKind, str]) -> Shape:
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "kind_words": words[FieldKind(row.kind)],
        "options": [{"id": number, "name": name} for number, name in fields.offered(row)],
        "required": row.required,
        "beside": row.beside,
        "used": used,
    }


def _add(session: Session, shop_id: int, form: Form) -> None:
    if form["kind"] not in set(FieldKind):
        raise NoSuchPage(f"no kind {form['kind'][:20]!r}")
    fields.add(
        session,
        shop_id,
        name=form["name"],
        kind=FieldKind(form["kind"]),
        options=form["options"].split("\n"),
        required=form["required"] == "on",
        beside=form["beside"] == "on",
    )


def _edit(session: Session, shop_id: int, field_id: int, form: Form) -> None:
    options = {
        int(name.removeprefix(OPTION)): form[name]
        for name in form
        if name.startswith(OPTION) and name.removeprefix(OPTION).isdecimal() and len(name) < 16
    }
    more = dict(enumerate(form["options"].split("\n"), start=-fields.MOST_OPTIONS))
    fields.edit(
        session,
        shop_id,
        field_id,
        name=form["name"],
        options={**more, **options},
        required=form["required"] == "on",
        beside=form["beside"] == "on",
    )
