"""Finding orders: one, a customer's, the board's columns, the table's pages."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from catalog.names import named
from company.tables import ChannelAccount, Shop, Staff
from customers.tables import Customer
from kit.errors import Missing
from kit.money import Money
from orders.filters import OPEN as OPEN
from orders.filters import Filter as Filter
from orders.filters import Payment as Payment
from orders.filters import conditions, stages_of
from orders.tables import Group, Order, Stage
from orders.views import LineView as LineView
from orders.views import OrderView as OrderView
from orders.views import view as view

AnySelect = sa.Select[*tuple[Any, ...]]


class NoOrder(Missing):
    """There is no such order in this shop."""

    code = "no_such_order"


class Sort(StrEnum):
    NUMBER = "number"
    CUSTOMER = "customer"
    STAGE = "stage"
    TOTAL = "total"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class Row:
    """An order in a list, with the names of those around it."""

    order: OrderView
    customer: str
    channel: str
    """The channel it came from; empty for one that an operator made without a conversation."""
    responsible: str


@dataclass(frozen=True, slots=True)
class Column:
    """One stage of the board. `count` and `sum` are of all its orders, `rows` only the newest of them."""

    code: str
    name: str
    colour: str
    group: Group
    count: int
    sum: Money
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Page:
    rows: tuple[Row, ...]
    total: int
    sum: Money


def get(session: Session, shop_id: int, order_id: int) -> Order:
    """The order with its lines and stage. Raises NoOrder, also for an order of another shop."""
    return _one(session, Order.shop_id == shop_id, Order.id == order_id)


def by_number(session: Session, shop_id: int, number: int) -> Order:
    return _one(session, Order.shop_id == shop_id, Order.number == number)


def numbers(session: Session, shop_id: int, ids: Collection[int]) -> dict[int, int]:
    """The orders' own numbers, by id, in the order of the ids. Raises NoOrder if one is not of this shop."""
    query = sa.select(Order.id, Order.number).where(Order.shop_id == shop_id, Order.id.in_(ids)).order_by(Order.id)
    found = dict(session.execute(query).all())
    if len(found) < len(set(ids)):
        raise NoOrder(f"{len(set(ids)) - len(found)} of {len(set(ids))} orders are not of shop {shop_id}")
    return found


def locked(session: Session, order_id: int) -> Order:
    """The order as it is now, its row held until the transaction ends. Every change of an order begins here."""
    session.flush()
    # The stage comes by a query of its own: PostgreSQL, having waited for the row, joins it to the stage it had before.
    order = session.scalar(
        sa.select(Order)
        .where(Order.id == order_id)
        .options(selectinload(Order.lines), selectinload(Order.stage))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if order is None:
        raise NoOrder(f"no order {order_id}")
    return order


def stage_of(session: Session, order: Order, code: str) -> Stage:
    """A stage of the order's pipeline."""
    return session.scalars(sa.select(Stage).where(Stage.pipeline_id == order.pipeline_id, Stage.code == code)).one()


def latest(
    session: Session, shop_id: int, *, number: int | None, customer_ids: Sequence[int], limit: int
) -> list[Order]:
    """The order of this number, and the newest of these customers. Both are read from indexes."""
    ways = [Order.customer_id.in_(customer_ids)] + ([Order.number == number] if number is not None else [])
    query = whole(Order.shop_id == shop_id, sa.or_(*ways))
    return list(session.scalars(query.order_by((Order.number == number).desc(), Order.id.desc()).limit(limit)))


def of_customer(session: Session, shop_id: int, customer_id: int, limit: int = 20) -> list[Order]:
    """The customer's orders, the newest first."""
    query = whole(Order.shop_id == shop_id, Order.customer_id == customer_id)
    return list(session.scalars(query.order_by(Order.id.desc()).limit(limit)))


def carried_by(session: Session, shop_id: int, courier_id: int, limit: int = 100) -> list[Order]:
    """What the courier has still to take to customers: first what is on its way, then what is being made ready."""
    open_ = Order.stage_id.in_(stages_of(shop_id, Stage.group.in_(OPEN)))
    away = Order.stage_id.in_(stages_of(shop_id, Stage.group == Group.DELIVERY))
    query = whole(Order.shop_id == shop_id, Order.courier_id == courier_id, open_)
    return list(session.scalars(query.order_by(sa.case((away, 0), else_=1), Order.id).limit(limit)))


def counts(session: Session, shop_id: int, pipeline_id: int | None = None) -> dict[str, int]:
    """How many orders stand in each stage, by its code."""
    query = (
        sa.select(Stage.code, sa.func.count(Order.id))
        .join(Order, Order.stage_id == Stage.id)
        .where(Order.shop_id == shop_id)
        .group_by(Stage.code)
    )
    if pipeline_id is not None:
        query = query.where(Order.pipeline_id == pipeline_id)
    return dict(session.execute(query).all())


def standing(session: Session, shop_id: int) -> dict[int, int]:
    """How many orders stand in each stage that has any, by the stage's id."""
    query = sa.select(Order.stage_id, sa.func.count()).where(Order.shop_id == shop_id).group_by(Order.stage_id)
    return dict(session.execute(query).all())


def open_count(session: Session, shop_id: int) -> int:
    """Orders that somebody still has to do something about."""
    going = Order.stage_id.in_(stages_of(shop_id, Stage.group.in_(OPEN)))
    return session.scalar(sa.select(sa.func.count()).where(Order.shop_id == shop_id, going)) or 0


def board(
    session: Session,
    shop_id: int,
    pipeline_id: int,
    filters: Filter | None = None,
    *,
    locale: str = "ru",
    limit: int = 30,
) -> list[Column]:
    """The pipeline's stages, each with at most `limit` of its newest orders. One query for all the columns."""
    shop = session.get_one(Shop, shop_id)
    filters = filters or Filter()
    where = [*conditions(session, shop_id, filters), Order.pipeline_id == pipeline_id]
    stages = session.scalars(sa.select(Stage).where(Stage.pipeline_id == pipeline_id).order_by(Stage.position)).all()
    newest: Collection[int] | sa.CompoundSelect[int]
    if filters.text.strip():
        sums, newest = _found_by_stage(session, where, limit)
    else:
        sums = {
            stage_id: (count, total)
            for stage_id, count, total in session.execute(
                sa.select(Order.stage_id, sa.func.count(), sa.func.sum(Order.total_amount))
                .where(*where)
                .group_by(Order.stage_id)
            )
        }
        newest = sa.union_all(*(_newest(where, stage.id, limit) for stage in stages))
    rows = _rows(session, shop, locale, _listed().where(Order.id.in_(newest)).order_by(Order.id.desc()))
    return [
        Column(
            code=stage.code,
            name=named(stage, locale),
            colour=stage.colour,
            group=Group(stage.group),
            count=sums.get(stage.id, (0, 0))[0],
            sum=Money(int(sums.get(stage.id, (0, 0))[1]), shop.currency),
            rows=tuple(row for row in rows if row.order.stage_code == stage.code),
        )
        for stage in stages
        if not stage.archived or stage.id in sums
    ]


def _newest(where: Sequence[sa.ColumnElement[bool]], stage_id: int, limit: int) -> sa.Select[int]:
    """The ids of a stage's newest orders. A query for each stage reads so many rows of the index and no more."""
    ids = sa.select(Order.id).where(*where, Order.stage_id == stage_id).order_by(Order.id.desc()).limit(limit)
    return sa.select(ids.subquery().c.id)


def _found_by_stage(
    session: Session, where: Sequence[sa.ColumnElement[bool]], limit: int
) -> tuple[dict[int, tuple[int, int]], list[int]]:
    """The count and sum of each stage's orders, and the ids of the newest. What a search finds it finds once."""
    newest = Order.id.desc()
    found = (
        sa.select(
            Order.id,
            Order.stage_id,
            sa.func.count().over(partition_by=Order.stage_id).label("n"),
            sa.func.sum(Order.total_amount).over(partition_by=Order.stage_id).label("total"),
            sa.func.row_number().over(partition_by=Order.stage_id, order_by=newest).label("place"),
        )
        .where(*where)
        .subquery()
    )
    rows = session.execute(sa.select(found).where(found.c.place <= limit)).all()
    return {row.stage_id: (row.n, row.total) for row in rows}, [row.id for row in rows]


def table(
    session: Session,
    shop_id: int,
    filters: Filter | None = None,
    *,
    sort: Sort = Sort.NUMBER,
    descending: bool = True,
    page: int = 1,
    size: int = 50,
    locale: str = "ru",
) -> Page:
    """One page of the orders that fit, and the count and sum of all that do. Pages begin with 1."""
    shop = session.get_one(Shop, shop_id)
    filters = filters or Filter()
    where = conditions(session, shop_id, filters)
    key, before = _SORTS[sort], (max(page, 1) - 1) * size
    order_by = (key.desc(), Order.id.desc()) if descending else (key, Order.id)
    if filters.text.strip():
        count, total, ids = _found(session, where, sort, descending, before, size)
        query = _listed().where(Order.id.in_(ids)).order_by(*order_by)
    else:
        count, total = session.execute(
            sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(Order.total_amount), 0)).where(*where)
        ).one()
        query = _listed().where(*where).order_by(*order_by).limit(size).offset(before)
    return Page(rows=_rows(session, shop, locale, query), total=count, sum=Money(int(total), shop.currency))


def _found(
    session: Session, where: Sequence[sa.ColumnElement[bool]], sort: Sort, descending: bool, before: int, size: int
) -> tuple[int, int, list[int]]:
    """The count and sum of all that fit, and the ids of a page. What a search finds has no index by which it could be
    read in order: it is found once, and sorted without all that only a page's rows are shown with."""
    key = _SORTS[sort]
    sought = sa.select(Order.id.label("id"), Order.total_amount.label("total"), key.label("place")).where(*where)
    if sort is Sort.STAGE:
        sought = sought.join(Stage, Stage.id == Order.stage_id)
    elif sort is Sort.CUSTOMER:
        sought = sought.join(Customer, Customer.id == Order.customer_id)
    found = sought.cte("found")
    total = sa.func.coalesce(sa.func.sum(found.c.total), 0)
    sums = sa.select(sa.func.count().label("n"), total.label("total")).subquery()
    columns = (found.c.place.desc(), found.c.id.desc()) if descending else (found.c.place, found.c.id)
    shown = sa.select(found.c.id).order_by(*columns).limit(size).offset(before).subquery()
    rows = session.execute(sa.select(sums.c.n, sums.c.total, shown.c.id).outerjoin_from(sums, shown, sa.true())).all()
    return rows[0].n, rows[0].total, [row.id for row in rows if row.id is not None]


def up_to(session: Session, shop_id: int, filters: Sequence[Filter], most: int) -> list[int]:
    """How many orders fit each filter, counted no further than `most`. One statement for all."""
    if not filters:
        return []
    found = [
        sa.select(Order.id).where(*conditions(session, shop_id, one, once=True)).limit(most).subquery()
        for one in filters
    ]
    counts = [sa.select(sa.func.count()).select_from(rows).scalar_subquery() for rows in found]
    return list(session.execute(sa.select(*counts)).one())


def after(
    session: Session, shop_id: int, filters: Filter, number: int, *, size: int = 500, locale: str = "ru"
) -> tuple[Row, ...]:
    """Orders that fit, by their numbers, from the one after `number` on: for whoever walks through all of them."""
    shop = session.get_one(Shop, shop_id)
    where = (*conditions(session, shop_id, filters), Order.number > number)
    return _rows(session, shop, locale, _listed().where(*where).order_by(Order.number).limit(size))


def found(session: Session, shop_id: int, filters: Filter) -> array[int]:
    """The ids of all orders that fit, by their numbers, eight bytes each.

    For whoever walks through what a search finds: `after` would search for it again with each step.
    """
    query = sa.select(Order.id).where(*conditions(session, shop_id, filters, once=True)).order_by(Order.number)
    return array("q", session.scalars(query.execution_options(yield_per=FOUND_AT_ONCE)))


def these(session: Session, shop_id: int, ids: Sequence[int], *, locale: str = "ru") -> tuple[Row, ...]:
    """Those of the shop's orders, by their numbers, as they are now."""
    shop = session.get_one(Shop, shop_id)
    query = _listed().where(Order.shop_id == shop_id, Order.id.in_(ids)).order_by(Order.number)
    return _rows(session, shop, locale, query)


FOUND_AT_ONCE = 10_000
"""Ids that come from the database at a time."""

_SORTS: dict[Sort, Any] = {
    Sort.NUMBER: Order.number,
    Sort.CUSTOMER: sa.func.lower(Customer.name),
    Sort.STAGE: Stage.position,
    Sort.TOTAL: Order.total_amount,
    Sort.UPDATED: Order.updated_at,
}


def _one(session: Session, *where: sa.ColumnElement[bool]) -> Order:
    order = session.scalar(whole(*where))
    if order is None:
        raise NoOrder("no such order in this shop")
    return order


def whole(*where: sa.ColumnElement[bool]) -> sa.Select[Order]:
    """Orders with everything that reading or changing one needs."""
    return sa.select(Order).where(*where).options(selectinload(Order.lines), joinedload(Order.stage, innerjoin=True))


def _listed() -> AnySelect:
    """Orders with the names of those around them."""
    return (
        sa.select(Order, Customer.name, ChannelAccount.channel, Staff.name)
        .join(Stage, Stage.id == Order.stage_id)
        .join(Customer, Customer.id == Order.customer_id)
        .outerjoin(ChannelAccount, ChannelAccount.id == Order.account_id)
        .outerjoin(Staff, Staff.id == Order.responsible_id)
        .options(selectinload(Order.lines), joinedload(Order.stage, innerjoin=True))
    )


def _rows(session: Session, shop: Shop, locale: str, query: AnySelect) -> tuple[Row, ...]:
    return tuple(
        Row(
            order=view(order, shop, locale),
            customer=customer or order.recipient,
            channel=channel or "",
            responsible=responsible or "",
        )
        for order, customer, channel, responsible in session.execute(query)
    )
