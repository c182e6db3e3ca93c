"""Saved views above a list: which there are, which of them is open, and what of its filter is no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import parse_qsl

from sqlalchemy.orm import Session

from company import saved_views
from company.rights import Right
from company.tables import Listing, SavedView
from operator_console.people import Shape
from operator_console.texts import gettext as _
from operator_console.visits import Visit

PATHS = {Listing.INBOX: "/inbox", Listing.ORDERS: "/orders", Listing.CUSTOMERS: "/customers"}

Counted = Callable[[Sequence[Mapping[str, str]]], Sequence[int | str | None]]
"""How many each of these queries finds; None where that would cost too much."""


def titles() -> dict[Listing, str]:
    return {
        Listing.INBOX: _("Conversations"),
        Listing.ORDERS: _("Orders"),
        Listing.CUSTOMERS: _("Customers"),
    }


def query_of(url: str) -> str:
    """What a view keeps of a list's address."""
    return url.partition("?")[2]


def url(view: SavedView) -> str:
    path = PATHS[Listing(view.listing)]
    return f"{path}?{view.query}" if view.query else path


def bar(
    session: Session,
    visit: Visit,
    listing: Listing,
    here: str,
    *,
    counted: Counted | None = None,
    kept: Mapping[str, str] | None = None,
    gone: Sequence[Shape] = (),
) -> Shape:
    """`here` is the list's own address now; `kept` is what the filter form itself does not send of it."""
    views = saved_views.of(session, visit.shop.id, visit.staff.id, listing)
    asked = [dict(parse_qsl(view.query)) for view in views]
    counts = counted(asked) if counted and views else [None] * len(views)
    now = dict(parse_qsl(query_of(here)))
    return {
        "listing": listing.value,
        "kept": kept or {},
        "may_share": visit.may(Right.SETTINGS),
        "gone": list(gone),
        "views": [
            {"name": view.name, "url": url(view), "current": facts == now, "shared": view.shared, "count": count}
            for view, facts, count in zip(views, asked, counts, strict=True)
        ],
    }


def gone(filters: Iterable[Shape], without: Callable[[str], str]) -> list[Shape]:
    """Filters that ask for what is not offered any more; `without` is the address that asks for it no longer."""
    return [
        {"label": one["label"], "url": without(one["name"])}
        for one in filters
        if (value := one.get("chosen", one.get("value")))
        and value not in {choice["value"] for choice in one["options"]}
    ]
