"""Saved views: kept from the filter of a list, and their names and order on a page of their own."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy.orm import Session

from company import rights, saved_views
from company.rights import Right
from company.tables import Listing, SavedView
from operator_console import customers_pages, inbox_lists, orders_pages, shell, view_shapes
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.visits import Form, NoSuchPage, Visit

HERE = "/views"


async def show(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "me")
    return visit.page("pages/views.html", **frame, lists=await visit.read(_all, visit))


async def save(visit: Visit) -> web.StreamResponse:
    """The form has the fields of the list's filter beside its own."""
    form = await visit.form()
    if form["listing"] not in set(Listing):
        raise NoSuchPage("no such list")
    listing, shared = Listing(form["listing"]), bool(form["view_shared"])
    if shared:
        rights.demand(visit.powers, Right.SETTINGS)
    query = view_shapes.query_of(_address(visit, listing, form))
    await visit.write(saved_views.save, visit.shop.id, visit.staff.id, listing, form["view_name"], query, shared=shared)
    path = view_shapes.PATHS[listing]
    return visit.done(go=f"{path}?{query}" if query else path)


async def rename(visit: Visit) -> web.StreamResponse:
    name = (await visit.form())["name"]
    await visit.write(_rename, visit, visit.number(), name)
    return visit.done(go=HERE)


async def shift(visit: Visit) -> web.StreamResponse:
    down = (await visit.form())["way"] == "down"
    await visit.write(_shift, visit, visit.number(), 1 if down else -1)
    return visit.done(go=HERE)


async def remove(visit: Visit) -> web.StreamResponse:
    await visit.write(_remove, visit, visit.number())
    return visit.done(go=HERE)


ROUTES: tuple[Route, ...] = (
    get(HERE, show),
    post(HERE, save, Right.READ),
    post(f"{HERE}/{ID}/rename", rename, Right.READ),
    post(f"{HERE}/{ID}/shift", shift, Right.READ),
    post(f"{HERE}/{ID}/remove", remove, Right.READ),
)


def _address(visit: Visit, listing: Listing, form: Form) -> str:
    """The list's own address for what the form holds: what makes no sense to the list is left out of it."""
    if listing is Listing.INBOX:
        return f"/inbox{inbox_lists.ListOf.of(form).query()}"
    if listing is Listing.ORDERS:
        return orders_pages.Asked.of(form, visit.staff.id).url(page="")
    return customers_pages.Asked.of(visit, form).url(page="")


def _all(session: Session, visit: Visit) -> list[Shape]:
    views, titles = saved_views.of(session, visit.shop.id, visit.staff.id), view_shapes.titles()
    may_share = visit.may(Right.SETTINGS)
    return [
        {
            "title": title,
            "url": view_shapes.PATHS[listing],
            "views": [
                {
                    "id": view.id,
                    "name": view.name,
                    "url": view_shapes.url(view),
                    "shared": view.shared,
                    "may_change": may_share or not view.shared,
                }
                for view in views
                if view.listing == listing
            ],
        }
        for listing, title in titles.items()
    ]


def _changed(session: Session, visit: Visit, view_id: int) -> SavedView:
    """A view that this person may change: his own, or the shop's with the right to its settings."""
    view = saved_views.get(session, visit.shop.id, visit.staff.id, view_id)
    if view.shared:
        rights.demand(visit.powers, Right.SETTINGS)
    return view


def _rename(session: Session, visit: Visit, view_id: int, name: str) -> None:
    saved_views.rename(session, _changed(session, visit, view_id), name, by=visit.staff.id)


def _shift(session: Session, visit: Visit, view_id: int, places: int) -> None:
    saved_views.shift(session, _changed(session, visit, view_id), places, by=visit.staff.id)


def _remove(session: Session, visit: Visit, view_id: int) -> None:
    saved_views.remove(session, _changed(session, visit, view_id), by=visit.staff.id)
