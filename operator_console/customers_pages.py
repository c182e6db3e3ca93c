"""Customers of the shop: the list with its filters."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy.orm import Session

from company import accounts
from company.rights import Right
from company.tables import Listing, Shop
from customers import cards, fields
from customers.tables import Field, FieldKind
from inbox import listing
from kit.errors import Refused
from kit.money import Money
from operator_console import people, shell, spreadsheets, view_shapes
from operator_console.customer_import_pages import may_import
from operator_console.people import Shape
from operator_console.rendering import channel_name
from operator_console.routing import Route, get
from operator_console.texts import gettext as _
from operator_console.visits import Visit
from orders import buyers
from orders.buyers import Filter, Row, Sort, Sought

PER_PAGE = 50
MOST_PAGES = 10_000

OWN = "field-"
"""How the names of the filters by own fields begin: field-<number>, and -since, -until for days."""

NAMES = {
    *("q", "tag", "channel", "city", "bought", "mailing", "spent_from", "spent_to", "last_since", "last_until"),
    *("sort", "ascending", "page"),
}
"""What else an address of the list may say."""

SPENT = ("spent_from", "spent_to")
"""What asks for sums of purchases."""

FILTERED = (FieldKind.CHOICE, FieldKind.FLAG, FieldKind.DATE)
"""Kinds of own fields that the list can be filtered by."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as it was typed. Anything that makes no sense in it is as if it were not there."""

    query: Mapping[str, str]
    zone: ZoneInfo
    currency: str
    totals: bool
    """Whether the person may see what customers have paid in all, and so ask for it."""

    @classmethod
    def of(cls, visit: Visit, query: Mapping[str, str] | None = None) -> Asked:
        """What this query asks for, or the address."""
        asked = visit.request.query if query is None else query
        known = [name for name in asked if name in NAMES or name.startswith(OWN)]
        kept = {name: asked[name].replace("\x00", "")[:100].strip() for name in known}
        totals = visit.may(Right.TOTALS)
        said = {name: value for name, value in kept.items() if value and (totals or name not in SPENT)}
        return cls(said, visit.reader.zone, visit.shop.currency, totals)

    def __getitem__(self, name: str) -> str:
        return self.query.get(name, "")

    @property
    def sort(self) -> Sort:
        known = set(Sort) if self.totals else set(Sort) - {Sort.SPENT}
        return Sort(self["sort"]) if self["sort"] in known else Sort.NEW

    @property
    def ascending(self) -> bool:
        return self["ascending"] == "1"

    @property
    def page(self) -> int:
        text = self["page"]
        return max(1, min(int(text), MOST_PAGES)) if text.isascii() and text.isdecimal() and len(text) < 9 else 1

    @property
    def filter(self) -> Filter:
        until = self._day("last_until")
        return Filter(
            text=self["q"],
            tag=self["tag"],
            channel=self["channel"],
            city=self["city"],
            bought={"yes": True, "no": False}.get(self["bought"]),
            mailing={"yes": True, "no": False}.get(self["mailing"]),
            spent_from=self._sum("spent_from"),
            spent_to=self._sum("spent_to"),
            last_since=self._midnight(self._day("last_since")),
            last_until=self._midnight(until + timedelta(days=1) if until else None),
            own=self._own(),
        )

    @property
    def set_apart(self) -> int:
        """How many filters are set, the search not counted."""
        kept = {"q", "page", "sort", "ascending"}
        return sum(1 for name in self.query if name not in kept)

    def url(self, path: str = "/customers", **changes: object) -> str:
        """This page with something changed."""
        kept = {name: value for name, value in ({**self.query, **changes}).items() if value}
        return f"{path}?{urlencode(kept)}" if kept else path

    def _own(self) -> dict[int, Sought]:
        own: dict[int, Sought] = {}
        for name in self.query:
            number, _dash, bound = name.removeprefix(OWN).partition("-")
            if not name.startswith(OWN) or not number.isascii() or not number.isdecimal() or len(number) > 18:
                continue
            sought = own.get(int(number), Sought())
            if not bound:
                own[int(number)] = replace(sought, value=self[name])
            elif bound in ("since", "until") and (day := self._day(name)):
                own[int(number)] = replace(sought, **{bound: day.isoformat()})
        return own

    def _day(self, name: str) -> date | None:
        try:
            return date.fromisoformat(self[name])
        except ValueError:
            return None

    def _midnight(self, day: date | None) -> datetime | None:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone) if day and 1 < day.year < 9999 else None

    def _sum(self, name: str) -> int | None:
        try:
            return Money.parse(self[name], self.currency).amount if self[name] else None
        except Refused:
            return None


async def customers(visit: Visit) -> web.StreamResponse:
    """The page, or only the table of it when a script asks."""
    asked = Asked.of(visit)
    filled = await visit.read(_list, visit.shop, asked)
    filled["may_export"] = visit.may(Right.EXPORT)
    if visit.by_script:
        return visit.page("partials/customers.html", **filled)
    frame = await shell.frame(visit, "customers")
    around = await visit.read(_around, visit, asked)
    return visit.page(
        "pages/customers.html",
        **frame,
        **around,
        **filled,
        may_add=visit.may(Right.REPLY),
        may_import=may_import(visit),
        form_key=secrets.token_hex(16),
    )


ROUTES: tuple[Route, ...] = (get("/customers", customers),)


def _list(session: Session, shop: Shop, asked: Asked) -> Shape:
    found = buyers.page(
        session,
        shop.id,
        filter_of(session, shop, asked),
        sort=asked.sort,
        ascending=asked.ascending,
        number=asked.page,
        size=PER_PAGE,
    )
    channels = cards.channels(session, [row.customer.id for row in found.rows])
    last = max(1, -(-found.total // PER_PAGE))
    return {
        "total": found.total,
        "nobody_yet": not asked.query and not found.total,
        "downloads": spreadsheets.links(asked.url("/customers/export", page="")),
        "clear_url": "/customers",
        "filters_set": asked.set_apart,
        "sorts": {sort.value: _sort_shape(asked, sort) for sort in Sort},
        "totals": asked.totals,
        "customers": [_row(shop, row, channels.get(row.customer.id, []), totals=asked.totals) for row in found.rows],
        "pages": {
            "now": asked.page,
            "last": last,
            "before": asked.url(page=asked.page - 1) if asked.page > 1 else None,
            "after": asked.url(page=asked.page + 1) if asked.page < last else None,
        },
    }


def filter_of(session: Session, shop: Shop, asked: Asked) -> Filter:
    """What is asked for. Chats with the staff have cards, too, but are customers only once they have ordered."""
    return replace(asked.filter, without=listing.only_of_staff(session, shop.id))


def _row(shop: Shop, row: Row, channels: list[str], *, totals: bool) -> Shape:
    customer = row.customer
    return {
        **people.customer(customer.name, customer.id),
        "url": f"/customers/{customer.id}",
        "phone": customer.phone or "",
        "city": customer.city,
        "tags": customer.tags,
        "channels": channels,
        "orders": row.bought.orders,
        "spent": Money(row.bought.paid, shop.currency) if totals else None,
        "last": row.bought.last,
    }


def _sort_shape(asked: Asked, sort: Sort) -> Shape:
    """A name goes up at the first press, dates and sums go down."""
    here = asked.sort is sort
    up = not asked.ascending if here else sort is Sort.NAME
    return {
        "url": asked.url(sort=sort.value, ascending="1" if up else "", page=""),
        "aria": ("ascending" if asked.ascending else "descending") if here else "none",
    }


def _around(session: Session, visit: Visit, asked: Asked) -> Shape:
    """The search and the filters above the table."""
    shop_id = visit.shop.id
    channels = dict.fromkeys(account.channel for account in accounts.of_shop(session, shop_id))
    tags = [(tag, f"{tag} · {count}") for tag, count in cards.tags(session, shop_id)]
    own = [one for one in fields.of_shop(session, shop_id) if one.kind in FILTERED]
    filters = [
        _choice("tag", _("Tag"), asked["tag"], tags),
        _choice("channel", _("Channel"), asked["channel"], [(code, channel_name(code)) for code in channels]),
        _choice("bought", _("Orders"), asked["bought"], [("yes", _("has some")), ("no", _("none yet"))]),
        _choice("mailing", _("Offers"), asked["mailing"], [("yes", _("agrees to them")), ("no", _("does not"))]),
    ]
    own_filters = [_own_filter(asked, one) for one in own]
    chosen = [*filters, *(one for one in own_filters if not one["days"]), *_put_away(asked, own)]
    return {
        "query": asked["q"],
        "kept": {"sort": asked["sort"], "ascending": asked["ascending"]},
        "asked": {name: asked[name] for name in ("city", "spent_from", "spent_to", "last_since", "last_until")},
        "cities": cards.cities(session, shop_id),
        "more_open": any(asked[name] for name in ("spent_from", "spent_to", "last_since", "last_until"))
        or any(name.startswith(OWN) for name in asked.query),
        "filters": filters,
        "own_filters": own_filters,
        "saved": view_shapes.bar(
            session,
            visit,
            Listing.CUSTOMERS,
            asked.url(page=""),
            gone=view_shapes.gone(chosen, lambda name: asked.url(**{name: "", "page": ""})),
        ),
    }


def _put_away(asked: Asked, own: Iterable[Field]) -> list[Shape]:
    """Filters of the address by fields that are not filtered by any more."""
    known = {f"{OWN}{one.id}{bound}" for one in own for bound in ("", "-since", "-until")}
    names = [name for name in asked.query if name.startswith(OWN) and name not in known]
    return [{"name": name, "label": _("An own field"), "value": asked[name], "options": []} for name in names]


def _own_filter(asked: Asked, field: Field) -> Shape:
    name = f"{OWN}{field.id}"
    if field.kind == FieldKind.DATE:
        return {
            "days": True,
            "name": name,
            "label": field.name,
            "since": asked[f"{name}-since"],
            "until": asked[f"{name}-until"],
        }
    options = [(str(number), words) for number, words in fields.offered(field)]
    if field.kind == FieldKind.FLAG:
        options = [(fields.YES, _("yes")), (fields.NO, _("no"))]
    return {"days": False, **_choice(name, field.name, asked[name], options)}


def _choice(name: str, label: str, value: str, options: list[tuple[str, str]]) -> Shape:
    every = [("", _("any")), *options]
    return {
        "name": name,
        "label": label,
        "value": value,
        "options": [{"value": code, "label": words} for code, words in every],
    }
