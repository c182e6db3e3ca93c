"""The palette: one field that finds anything and leads anywhere, opened by Ctrl+K on every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web
from sqlalchemy.orm import Session

from catalog import names, search
from company import saved_views
from company.rights import Right
from company.tables import Listing
from customers import cards
from customers.tables import Customer
from inbox import listing, searching
from inbox.tables import Author
from operator_console import formats, list_shapes, people, view_shapes
from operator_console.people import Shape
from operator_console.rendering import channel_name
from operator_console.routing import Route, get
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Visit
from orders import book

OF_EACH = 5
"""Things of one kind that are offered."""

LOOKED_AT = 20
"""Customers whose orders and conversations are among what is offered."""

LONGEST_NUMBER = 10
"""Digits that no number of an order has."""


@dataclass(frozen=True, slots=True)
class Command:
    """A place to go to, for those who have the right; also found by the words after it."""

    label: str
    mark: str
    url: str
    right: Right
    also: str = ""


async def find(visit: Visit) -> web.StreamResponse:
    text = visit.query("q").replace("\x00", "").strip()[:100]
    return visit.page("partials/palette_list.html", query=text, groups=await visit.read(_groups, visit, text))


ROUTES: tuple[Route, ...] = (get("/find", find),)


def _groups(session: Session, visit: Visit, text: str) -> list[Shape]:
    """Customers are looked for once; their orders and conversations are then read from indexes."""
    if not text:
        groups = [
            (_("Last conversations"), _talks(listing.rows(session, visit.shop.id, limit=OF_EACH))),
            (_("Saved views"), _views(session, visit, "")),
            (_("Go to"), _commands(visit, "")),
        ]
    else:
        found = cards.search(session, visit.shop.id, text, limit=LOOKED_AT)
        ids = [row.id for row in found]
        groups = [
            (_("Orders"), _orders(session, visit, text, ids)),
            (_("Customers"), _customers(found[:OF_EACH])),
            (_("Conversations"), _talks(listing.of_customers(session, visit.shop.id, ids, limit=OF_EACH))),
            (_("Said"), _said(session, visit, text)),
            (_("Products"), _products(session, visit, text)),
            (_("Saved views"), _views(session, visit, text)),
            (_("Go to"), _commands(visit, text)),
        ]
    return [{"title": title, "found": shown} for title, shown in groups if shown]


def _one(mark: str, label: str, note: str, url: str) -> Shape:
    return {"mark": mark, "label": label, "note": note, "url": url}


def _talks(found: Sequence[listing.Row]) -> list[Shape]:
    return [
        _one(
            "inbox",
            people.customer(row.name, row.customer_id)["name"],
            f"{channel_name(row.channel)} · {list_shapes.preview(row.last_text)}",
            f"/inbox/{row.id}",
        )
        for row in found
    ]


def _said(session: Session, visit: Visit, text: str) -> list[Shape]:
    return [
        _one(
            "lock" if hit.private else "reply" if hit.author is Author.STAFF else "inbox",
            hit.excerpt,
            f"{people.customer(hit.name, hit.customer_id)['name']} · {formats.moment(hit.at)}",
            f"/inbox/{hit.conversation_id}?message={hit.message_id}#message-{hit.message_id}",
        )
        for hit in searching.find(session, visit.shop.id, text, limit=OF_EACH)
    ]


def _orders(session: Session, visit: Visit, text: str, customer_ids: Sequence[int]) -> list[Shape]:
    digits = text.lstrip("#№ ")
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < LONGEST_NUMBER else None
    found = book.latest(session, visit.shop.id, number=number, customer_ids=customer_ids, limit=OF_EACH)
    return [
        _one(
            "board",
            _("Order No. {number}", number=order.number),
            f"{order.recipient} · {names.named(order.stage, reader().language)} · {formats.money(order.total)}",
            f"/orders/{order.id}",
        )
        for order in found
    ]


def _customers(found: Sequence[Customer]) -> list[Shape]:
    return [
        _one(
            "person",
            people.customer(row.name, row.id)["name"],
            " · ".join(part for part in (row.phone, row.city) if part),
            f"/customers/{row.id}",
        )
        for row in found
    ]


def _products(session: Session, visit: Visit, text: str) -> list[Shape]:
    return [
        _one(
            "box",
            names.named(product, reader().language),
            " · ".join(variant.sku for variant in product.variants[:3]),
            f"/products/{product.id}",
        )
        for product in search.find(session, visit.shop.id, text, limit=OF_EACH)
    ]


def _views(session: Session, visit: Visit, text: str) -> list[Shape]:
    titles = view_shapes.titles()
    return [
        _one("filter", view.name, titles[Listing(view.listing)], view_shapes.url(view))
        for view in saved_views.of(session, visit.shop.id, visit.staff.id)
        if _begins(f"{view.name} {titles[Listing(view.listing)]}", text)
    ]


def _commands(visit: Visit, text: str) -> list[Shape]:
    return [
        _one(command.mark, command.label, "", command.url)
        for command in _all_commands()
        if visit.may(command.right) and _begins(f"{command.label} {command.also}", text)
    ]


def _begins(words: str, text: str) -> bool:
    """Whether every word of the text is the beginning of one of the words."""
    known = words.casefold().split()
    return all(any(word.startswith(part) for word in known) for part in text.casefold().split())


def _all_commands() -> Sequence[Command]:
    return (
        Command(_("New order"), "plus", "/orders/new", Right.ORDERS, _("make add")),
        Command(_("Those who wait for an answer"), "clock", "/inbox?view=waiting", Right.READ),
        Command(_("My conversations"), "inbox", "/inbox?view=mine", Right.READ),
        Command(_("Board of orders"), "board", "/orders", Right.READ),
        Command(_("Table of orders"), "board", "/orders?layout=table", Right.READ, _("list")),
        Command(_("Tasks"), "done", "/tasks", Right.READ, _("reminders")),
        Command(_("Notifications"), "clock", "/notifications", Right.READ),
        Command(_("Products"), "box", "/products", Right.READ, _("goods catalogue stock")),
        Command(_("Categories"), "box", "/categories", Right.CATALOG_EDIT),
        Command(_("Products from a file"), "box", "/products/import", Right.CATALOG_EDIT),
        Command(_("Customers"), "people", "/customers", Right.READ, _("clients buyers")),
        Command(_("Possible duplicates"), "people", "/customers/duplicates", Right.READ, _("merge")),
        Command(_("Operation"), "chart", "/operation", Right.OPERATION, _("queues alarms")),
        Command(_("Settings"), "settings", "/settings", Right.SETTINGS, _("shop delivery payment staff channels")),
        Command(_("Pipelines"), "settings", "/settings/pipelines", Right.SETTINGS, _("stages")),
        Command(_("Working hours"), "clock", "/settings#hours", Right.SETTINGS, _("days off")),
        Command(_("Own fields"), "settings", "/settings/fields", Right.SETTINGS),
        Command(_("Own sets of rights"), "settings", "/settings/rights", Right.SETTINGS, _("staff roles limits")),
        Command(_("Tags"), "settings", "/settings/tags", Right.SETTINGS),
        Command(_("Ready answers"), "settings", "/settings/replies", Right.SETTINGS),
        Command(_("Words of the bot"), "settings", "/settings/texts", Right.SETTINGS, _("texts greeting")),
        Command(_("Saved views"), "filter", "/views", Right.READ, _("filters")),
        Command(_("About me"), "person", "/me", Right.OWN, _("password language theme")),
    )
