"""The orders of the shop: the board, whose cards are moved from stage to stage, and the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy.orm import Session

from catalog.names import named
from company import accounts, staff
from company.rights import Powers, Right, may
from company.tables import Listing, Role, Staff
from kit.money import Money
from operator_console import bulk_order_acts, order_shapes, shell, spreadsheets, view_shapes
from operator_console.order_shapes import briefs, stages_of
from operator_console.people import Shape
from operator_console.rendering import channel_name
from operator_console.routing import Route, get
from operator_console.texts import gettext as _
from operator_console.texts import ngettext, reader
from operator_console.visits import Visit
from orders import book, stages
from orders.book import Filter, Payment, Sort
from orders.pipelines import NoPipeline
from orders.tables import Group, Pipeline

SHOWN = 20
"""Cards that a column of the board shows; the table shows the rest."""

PER_PAGE = 50
MOST_PAGES = 10_000

MOST_COUNTED = 100
"""Beside a saved view "99+" says enough."""

NOT_ON_THE_BOARD = (Group.CANCELLED,)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for. Anything that makes no sense in it is as if it were not there."""

    layout: str
    text: str
    lead: str
    courier: str
    channel: str
    payment: str
    pipeline: str
    stage: str
    sort: Sort
    ascending: bool
    page: int
    me: int

    @classmethod
    def of(cls, query: Mapping[str, str], me: int) -> Asked:
        page = query.get("page", "1")
        return cls(
            layout="table" if "table" in (query.get("layout"), query.get("view")) else "board",
            text=query.get("q", "").replace("\x00", "")[:100].strip(),
            lead="me" if query.get("lead") == str(me) else query.get("lead", ""),
            courier=query.get("courier", "")[:20],
            channel=query.get("channel", "")[:20],
            payment=query.get("payment", ""),
            pipeline=query.get("pipeline", ""),
            stage=query.get("stage", "")[:40],
            sort=Sort(query["sort"]) if query.get("sort") in set(Sort) else Sort.NUMBER,
            ascending=query.get("ascending") == "1",
            page=min(int(page), MOST_PAGES) if page.isascii() and page.isdecimal() and len(page) < 9 else 1,
            me=me,
        )

    @property
    def filter(self) -> Filter:
        lead = self.me if self.lead == "me" else _row(self.lead)
        return Filter(
            text=self.text,
            channel=self.channel,
            responsible_id=lead,
            nobodys=self.lead == "nobody",
            courier_id=_row(self.courier),
            payment=Payment(self.payment) if self.payment in set(Payment) else None,
            stage=self.stage if self.layout == "table" else "",
            pipeline_id=_row(self.pipeline) if self.layout == "table" else None,
        )

    def url(self, **changes: object) -> str:
        """This page with something changed."""
        query = {
            "layout": "table" if self.layout == "table" else "",
            "q": self.text,
            "lead": self.lead,
            "courier": self.courier,
            "channel": self.channel,
            "payment": self.payment,
            "pipeline": self.pipeline,
            "stage": self.stage,
            "sort": self.sort if self.sort is not Sort.NUMBER else "",
            "ascending": "1" if self.ascending else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        kept = urlencode({name: value for name, value in (query | changes).items() if value})
        return f"/orders?{kept}" if kept else "/orders"


def _row(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else None


async def orders(visit: Visit) -> web.StreamResponse:
    """The page, or only the board or the table of it when a script asks."""
    asked = Asked.of(visit.request.query, visit.staff.id)
    fill = _table if asked.layout == "table" else _board
    fragment = "partials/orders_table.html" if asked.layout == "table" else "partials/board.html"
    if visit.by_script:
        return visit.page(fragment, **await visit.read(fill, visit.shop.id, asked, visit.powers))
    frame = await shell.frame(visit, "orders")
    filled = await visit.read(fill, visit.shop.id, asked, visit.powers)
    around = await visit.read(_around, visit, asked)
    bar = await visit.read(bulk_order_acts.bar, visit) if asked.layout == "table" else None
    may_export = visit.may(Right.EXPORT)
    return visit.page("pages/orders.html", **frame, **around, **filled, may_export=may_export, bulk=bar)


ROUTES: tuple[Route, ...] = (get("/orders", orders),)


def _board(session: Session, shop_id: int, asked: Asked, powers: Powers) -> Shape:
    pipeline = _pipeline(stages.pipelines(session, shop_id), asked)
    known = stages_of(session, shop_id)
    columns = book.board(session, shop_id, pipeline.id, asked.filter, locale=reader().language, limit=SHOWN)
    cards = {card["id"]: card for card in briefs(session, [row for c in columns for row in c.rows], known, powers)}
    shown = [column for column in columns if column.group not in NOT_ON_THE_BOARD]
    return {
        "board_url": asked.url(),
        "summary": _summary([(column.count, column.sum) for column in columns if column.group in book.OPEN], powers),
        "columns": [
            {
                "stage": order_shapes.stage(known[pipeline.id, column.code]),
                "count": column.count,
                "sum": column.sum if may(powers, Right.TOTALS) else None,
                "orders": [cards[row.order.id] for row in column.rows],
                "more": column.count - len(column.rows),
                "more_url": replace(asked, layout="table").url(pipeline=pipeline.id, stage=column.code),
            }
            for column in shown
        ],
    }


def _table(session: Session, shop_id: int, asked: Asked, powers: Powers) -> Shape:
    page = book.table(
        session,
        shop_id,
        asked.filter,
        sort=asked.sort,
        descending=not asked.ascending,
        page=asked.page,
        size=PER_PAGE,
        locale=reader().language,
    )
    last = max(1, -(-page.total // PER_PAGE))
    return {
        "board_url": asked.url(),
        "summary": _summary([(page.total, page.sum)], powers),
        "orders": briefs(session, page.rows, stages_of(session, shop_id), powers),
        "may_tick": may(powers, Right.ORDERS),
        "sorts": {sort.value: _sort_shape(asked, sort) for sort in Sort},
        "pages": {
            "now": asked.page,
            "last": last,
            "before": asked.url(page=asked.page - 1) if asked.page > 1 else None,
            "after": asked.url(page=asked.page + 1) if asked.page < last else None,
        },
    }


def _sort_shape(asked: Asked, sort: Sort) -> Shape:
    here = asked.sort is sort
    turned = "1" if here and not asked.ascending else ""
    return {
        "url": asked.url(sort=sort.value, ascending=turned, page=""),
        "aria": ("ascending" if asked.ascending else "descending") if here else "none",
    }


def _summary(columns: list[tuple[int, Money]], powers: Powers) -> str:
    count = sum(n for n, _sum in columns)
    if not columns:
        return ""
    # Outside of the f-string, where what is to be translated is not found.
    orders = ngettext("{n} order", "{n} orders", count)
    if not may(powers, Right.TOTALS):
        return orders
    total = sum((each for _n, each in columns[1:]), columns[0][1])
    return f"{orders} · {total.format(reader().language)}"


def _around(session: Session, visit: Visit, asked: Asked) -> Shape:
    """What stands above the board and the table."""
    shop_id = visit.shop.id
    pipelines = stages.pipelines(session, shop_id)
    flagged = book.table(session, shop_id, Filter(payment=Payment.FLAGGED), size=1).total
    on = asked.payment == Payment.FLAGGED
    filters = _filters(session, shop_id, asked, pipelines)
    return {
        "layout": asked.layout,
        "query": asked.text,
        "urls": {
            "board": replace(asked, layout="board", page=1, stage="").url(),
            "table": replace(asked, layout="table").url(),
            "here": "/orders",
        },
        "downloads": spreadsheets.links(replace(asked, layout="table").url().replace("/orders", "/orders/export", 1)),
        "filters": filters,
        "saved": view_shapes.bar(
            session,
            visit,
            Listing.ORDERS,
            asked.url(page=""),
            counted=partial(_counted, session, visit),
            gone=view_shapes.gone(filters, lambda name: asked.url(**{name: "", "page": ""})),
        ),
        "kept": {"sort": asked.sort.value, "ascending": "1" if asked.ascending else ""},
        "flagged": {
            "count": flagged,
            "on": on,
            "url": replace(asked, layout="table", page=1).url(payment="" if on else Payment.FLAGGED.value),
        },
        "clear_url": replace(asked, text="", lead="", courier="", channel="", payment="", stage="", page=1).url(),
    }


def _counted(session: Session, visit: Visit, queries: Sequence[Mapping[str, str]]) -> list[str | None]:
    """All in one statement, each up to MOST_COUNTED; nobody counts what a search would find."""
    asked = [Asked.of(query, visit.staff.id) for query in queries]
    cheap = [one.filter for one in asked if not one.text]
    counts = iter(book.up_to(session, visit.shop.id, cheap, MOST_COUNTED))
    return [None if one.text else _up_to(next(counts)) for one in asked]


def _up_to(count: int) -> str:
    return f"{count - 1}+" if count >= MOST_COUNTED else str(count)


def _filters(session: Session, shop_id: int, asked: Asked, pipelines: list[Pipeline]) -> list[Shape]:
    everybody = staff.of_shop(session, shop_id)
    people = [person for person, role in everybody if role != Role.COURIER]
    couriers = [(str(person.id), person.name) for person, role in everybody if role == Role.COURIER]
    channels = dict.fromkeys(account.channel for account in accounts.of_shop(session, shop_id))
    payments = {
        Payment.PAID: _("paid"),
        Payment.UNPAID: _("not paid"),
        Payment.ON_RECEIPT: _("on receipt"),
        Payment.FLAGGED: _("look at the money"),
    }
    language = reader().language
    table = asked.layout == "table"
    chosen = _pipeline(pipelines, asked)
    filters = [
        _choice("lead", _("Led by"), asked.lead, [*_leads(), *((str(p.id), p.name) for p in _but(people, asked.me))]),
        _choice("channel", _("Channel"), asked.channel, [(code, channel_name(code)) for code in channels]),
        _choice("payment", _("Payment"), asked.payment, [(way.value, words) for way, words in payments.items()]),
    ]
    if couriers or asked.courier:
        filters.insert(1, _choice("courier", _("Courier"), asked.courier, couriers))
    if table:
        every = {stage.code: named(stage, language) for pipeline in pipelines for stage in pipeline.stages}
        filters.append(_choice("stage", _("Stage"), asked.stage, list(every.items())))
    if len(pipelines) > 1:
        lines = [(str(pipeline.id), named(pipeline, language)) for pipeline in pipelines]
        filters.insert(
            0,
            _choice("pipeline", _("Pipeline"), asked.pipeline if table else str(chosen.id), lines, anything=table),
        )
    return filters


def _leads() -> list[tuple[str, str]]:
    return [("me", _("me")), ("nobody", _("nobody"))]


def _but(people: list[Staff], me: int) -> list[Staff]:
    return [person for person in people if person.id != me]


def _choice(name: str, label: str, value: str, options: list[tuple[str, str]], *, anything: bool = True) -> Shape:
    everything = [{"value": "", "label": _("any")}] if anything else []
    return {
        "name": name,
        "label": label,
        "value": value if anything else "",
        "chosen": value,
        "options": everything + [{"value": code, "label": words} for code, words in options],
    }


def _pipeline(pipelines: list[Pipeline], asked: Asked) -> Pipeline:
    """The one that is asked for, or the shop's first."""
    if not pipelines:
        raise NoPipeline("the shop has no pipeline")
    return next((line for line in pipelines if str(line.id) == asked.pipeline), pipelines[0])
