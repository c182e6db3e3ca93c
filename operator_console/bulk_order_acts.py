"""The same done with all ticked orders of the table: each by the rules by which it is done singly.

Each order is a transaction of its own: what is refused for one leaves it as it was and touches no other, and no two
people who do this at once hold what the other waits for. The answer says how many were done and names each of the rest
with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from catalog.names import named
from company import staff
from company.rights import Right
from kit.clock import utc_now
from kit.errors import Problem, Refused
from operator_console import money_pages
from operator_console.people import Shape, colleague
from operator_console.routing import Route, post
from operator_console.texts import ngettext, reader, reading
from operator_console.visits import Form, NoSuchPage, Visit
from orders import book, details, stages
from orders.tables import Group, Stage

URL = "/orders/bulk"

MOST = 200
"""Orders that one act takes: more than a page of the table has."""

MOVE, ASSIGN, CANCEL, LINK = "move", "assign", "cancel", "link"


class TooMany(Refused):
    code = "too_many_orders"

    def __init__(self) -> None:
        super().__init__(f"more than {MOST} orders", most=MOST)


class PaidOnReceipt(Refused):
    """Nobody is asked by the dozen for money that he pays when he gets the goods."""

    code = "paid_on_receipt"


@dataclass(frozen=True, slots=True)
class Ticked:
    """An order as the person sees it in the table."""

    id: int
    version: int
    stage_id: int

    @classmethod
    def of(cls, text: str) -> Ticked:
        if not re.fullmatch(r"\d{1,18}-\d{1,18}-\d{1,18}", text, re.ASCII):
            raise NoSuchPage(f"not an order of the table: {text[:40]!r}")
        return cls(*map(int, text.split("-")))


Act = Callable[[Session, Visit, Ticked], None]
"""Does it to one order, in a transaction of its own. Raises what refuses it."""


async def bulk(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    ticked = {one.id: one for one in map(Ticked.of, form["ids"].split(","))}
    if len(ticked) > MOST:
        raise TooMany()
    numbers = await visit.read(book.numbers, visit.shop.id, list(ticked))
    act, name = await visit.read(_act, visit, form)
    left = []
    for id_, number in numbers.items():
        try:
            await visit.write(act, visit, ticked[id_])
        except Problem as problem:
            why = visit.console.texts.problem(problem, visit.reader.language)
            left.append({"id": id_, "number": number, "url": f"/orders/{id_}", "why": why})
    with reading(visit.reader):
        words = _words(form["act"], len(ticked) - len(left), name)
    return visit.page("partials/bulk_left.html", done=words, left=left) if left else visit.done(words)


ROUTES: tuple[Route, ...] = (post(URL, bulk, Right.ORDERS),)


def bar(session: Session, visit: Visit) -> Shape | None:
    """What the bar under the table offers; None to those who may only read."""
    if not visit.may(Right.ORDERS):
        return None
    names = _stage_names(session, visit.shop.id)
    people = [colleague(person) for person in staff.at_the_counter(session, visit.shop.id)]
    return {
        "url": URL,
        "stages": [{"code": code, "name": name, "colour": colour} for code, (name, colour) in names.items()],
        "colleagues": people,
        "me": visit.staff.id,
    }


def _stage_names(session: Session, shop_id: int) -> dict[str, tuple[str, str]]:
    """Names and colours of stages by their codes; what pipelines call otherwise has all its names. None that cancel."""
    found: dict[str, tuple[list[str], str]] = {}
    for pipeline in stages.pipelines(session, shop_id):
        for stage in pipeline.stages:
            if stage.archived or stage.group == Group.CANCELLED:
                continue
            names, _colour = found.setdefault(stage.code, ([], stage.colour))
            if (name := named(stage, reader().language)) not in names:
                names.append(name)
    return {code: (" / ".join(names), colour) for code, (names, colour) in found.items()}


def _act(session: Session, visit: Visit, form: Form) -> tuple[Act, str]:
    """What is to be done with each, and the name of where or to whom it goes."""
    if form["act"] == MOVE:
        names = _stage_names(session, visit.shop.id)
        if form["stage"] not in names:
            raise NoSuchPage("no such stage")
        return partial(_move, to=form["stage"]), names[form["stage"]][0]
    if form["act"] == ASSIGN:
        to = form.number("staff")
        if not staff.is_at_the_counter(session, to, visit.shop.id):
            raise NoSuchPage(f"staff {to} is not of this shop")
        return partial(_assign, to=to), staff.get(session, to).name
    if form["act"] == CANCEL:
        return partial(_cancel, reason=form["reason"]), ""
    if form["act"] == LINK:
        return _send_link, ""
    raise NoSuchPage("no such act")


def _move(session: Session, visit: Visit, seen: Ticked, *, to: str) -> None:
    order = book.get(session, visit.shop.id, seen.id)
    stages.move(
        session,
        order,
        to=to,
        actor=visit.actor,
        role=visit.role,
        expect_stage=_code(session, seen.stage_id),
        expect_version=seen.version,
    )


def _cancel(session: Session, visit: Visit, seen: Ticked, *, reason: str) -> None:
    order = book.get(session, visit.shop.id, seen.id)
    stages.cancel(
        session,
        order,
        actor=visit.actor,
        role=visit.role,
        reason=reason,
        expect_stage=_code(session, seen.stage_id),
        expect_version=seen.version,
    )


def _assign(session: Session, visit: Visit, seen: Ticked, *, to: int) -> None:
    details.assign(session, book.get(session, visit.shop.id, seen.id), to, actor=visit.actor)


def _send_link(session: Session, visit: Visit, seen: Ticked) -> None:
    """Once an hour at most: of two operators who send all links at once, one writes to the buyer."""
    order = book.get(session, visit.shop.id, seen.id)
    if order.payment_method != "online":
        raise PaidOnReceipt()
    console, hour = visit.console, f"{utc_now():%Y%m%d%H}"
    money_pages.send(
        session, visit.shop, seen.id, visit.staff.id, console.texts, console.public_url, key=f"many:{hour}"
    )


def _code(session: Session, stage_id: int) -> str:
    """The code of the stage that the order was seen in; nothing that an order could be in if there is none."""
    return session.scalar(sa.select(Stage.code).where(Stage.id == stage_id)) or ""


def _words(act: str, n: int, name: str) -> str:
    return {
        MOVE: ngettext("“{stage}”: {n} order", "“{stage}”: {n} orders", n, stage=name),
        ASSIGN: ngettext("{n} order is given to {name}", "{n} orders are given to {name}", n, name=name),
        CANCEL: ngettext("{n} order is cancelled", "{n} orders are cancelled", n),
        LINK: ngettext("{n} payment link is sent", "{n} payment links are sent", n),
    }[act]
