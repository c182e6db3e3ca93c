"""Pipelines: which stages there are, and which leads where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from company.tables import Shop
from kit.errors import Missing, Refused
from orders.tables import Group, Pipeline, Stage

AWAITING_PAYMENT = "awaiting_payment"
"""The stage in which an order waits for money, with its goods reserved for a time."""

PAID = "paid"
"""The stage that full payment leads to."""

SYSTEM_ONLY = ("system",)
"""Roles of a stage that no person moves an order into."""


class NoPipeline(Missing):
    """The shop has no such pipeline, or none at all."""

    code = "no_such_pipeline"


class BadPipeline(Refused):
    """The stages do not make a pipeline."""

    code = "bad_pipeline"

    def __init__(self, problem: str, **facts: object) -> None:
        super().__init__(problem, problem=problem, **facts)


class NotNewAtFirst(BadPipeline):
    """Orders must begin in a stage of the group new."""

    code = "pipeline_begins_otherwise"


class NothingCancels(BadPipeline):
    """There must be a stage of the group cancelled."""

    code = "pipeline_without_cancelled"


class NoWayOut(BadPipeline):
    """An order that came into this stage could never be completed or cancelled."""

    code = "stage_without_way_out"

    def __init__(self, spec: StageSpec) -> None:
        super().__init__(f"an order in {spec.code} could never be completed or cancelled", stage=spec.name)


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A stage to make: names in Russian and English, and the codes of the stages after it."""

    code: str
    name: str
    name_en: str
    group: Group
    next_codes: tuple[str, ...] = ()
    colour: str = "new"
    roles: tuple[str, ...] = ()
    needs_payment: bool = False


DEFAULT = (
    StageSpec("new", "Новый", "New", Group.NEW, (AWAITING_PAYMENT, PAID, "assembling", "cancelled"), "new"),
    StageSpec(
        AWAITING_PAYMENT, "Ждёт оплаты", "Awaiting payment", Group.APPROVAL, (PAID, "assembling", "cancelled"), "wait"
    ),
    StageSpec(PAID, "Оплачен", "Paid", Group.APPROVAL, ("assembling", "cancelled"), "paid", SYSTEM_ONLY),
    StageSpec(
        "assembling", "Сборка", "Assembling", Group.ASSEMBLING, ("shipped", "cancelled"), "pack", needs_payment=True
    ),
    StageSpec("shipped", "В пути", "Shipped", Group.DELIVERY, ("delivered", "cancelled"), "ship", needs_payment=True),
    StageSpec("delivered", "Доставлен", "Delivered", Group.COMPLETE, (), "done"),
    StageSpec("cancelled", "Отменён", "Cancelled", Group.CANCELLED, (), "cancelled"),
)
"""Goods to hand. new → assembling is for orders paid on receipt: needs_payment holds the others back."""

PREORDER = (
    StageSpec("new", "Заявка", "Request", Group.NEW, ("agreed", "cancelled"), "new"),
    StageSpec("agreed", "Согласован", "Agreed", Group.APPROVAL, (AWAITING_PAYMENT, "making", "cancelled"), "new"),
    StageSpec(
        AWAITING_PAYMENT, "Ждёт оплаты", "Awaiting payment", Group.APPROVAL, (PAID, "making", "cancelled"), "wait"
    ),
    StageSpec(PAID, "Оплачен", "Paid", Group.APPROVAL, ("making", "cancelled"), "paid", SYSTEM_ONLY),
    StageSpec("making", "Изготовление", "In the making", Group.ASSEMBLING, ("shipped", "cancelled"), "pack", (), True),
    StageSpec("shipped", "В пути", "Shipped", Group.DELIVERY, ("delivered", "cancelled"), "ship", needs_payment=True),
    StageSpec("delivered", "Доставлен", "Delivered", Group.COMPLETE, (), "done"),
    StageSpec("cancelled", "Отменён", "Cancelled", Group.CANCELLED, (), "cancelled"),
)
"""Goods made to order: a person agrees first, then the money is asked for."""


def create_default_pipeline(session: Session, shop: Shop) -> Pipeline:
    english = shop.locale.startswith("en")
    return create_pipeline(session, shop, "Orders" if english else "Заказы", DEFAULT, name_en="Orders")


def create_pipeline(
    session: Session, shop: Shop, name: str, stages: Sequence[StageSpec], *, name_en: str = ""
) -> Pipeline:
    """Make a pipeline, the last of its shop; the first stage is where its orders begin.

    Stage names are kept in the shop's language, and in English beside it. Raises BadPipeline.
    """
    check(stages)
    english = shop.locale.startswith("en")
    last = session.scalar(sa.select(sa.func.max(Pipeline.position)).where(Pipeline.shop_id == shop.id))
    pipeline = Pipeline(
        shop_id=shop.id,
        name=name,
        translations={"en": {"name": name_en}} if name_en else {},
        position=0 if last is None else last + 1,
        stages=[
            Stage(
                code=spec.code,
                name=spec.name_en if english else spec.name,
                translations={"ru": {"name": spec.name}} if english else {"en": {"name": spec.name_en}},
                colour=spec.colour,
                group=spec.group,
                next_codes=list(spec.next_codes),
                roles=list(spec.roles),
                needs_payment=spec.needs_payment,
                position=position,
            )
            for position, spec in enumerate(stages)
        ],
    )
    session.add(pipeline)
    session.flush()
    return pipeline


def copy(session: Session, source: Shop, shop: Shop) -> list[Pipeline]:
    """The same pipelines in a shop that has none, in their order; stages out of use are left behind."""
    copies = []
    for position, row in enumerate(pipelines(session, source.id)):
        used = [stage for stage in row.stages if not stage.archived]
        codes = {stage.code for stage in used}
        copies.append(
            Pipeline(
                shop_id=shop.id,
                name=row.name,
                translations=dict(row.translations),
                position=position,
                stages=[
                    Stage(
                        code=stage.code,
                        name=stage.name,
                        translations=dict(stage.translations),
                        colour=stage.colour,
                        group=stage.group,
                        next_codes=[code for code in stage.next_codes if code in codes],
                        roles=list(stage.roles),
                        needs_payment=stage.needs_payment,
                        position=place,
                    )
                    for place, stage in enumerate(used)
                ],
            )
        )
    session.add_all(copies)
    session.flush()
    return copies


def pipelines(session: Session, shop_id: int) -> list[Pipeline]:
    """The shop's pipelines with their stages; the first is the one that orders take by themselves."""
    rows = session.scalars(
        sa.select(Pipeline)
        .where(Pipeline.shop_id == shop_id)
        .order_by(Pipeline.position, Pipeline.id)
        .options(selectinload(Pipeline.stages))
    )
    return list(rows)


def pipeline(session: Session, shop_id: int, pipeline_id: int | None = None) -> Pipeline:
    """This pipeline of the shop, or its first. Raises NoPipeline."""
    for row in pipelines(session, shop_id):
        if pipeline_id in (None, row.id):
            return row
    raise NoPipeline(f"shop {shop_id} has no pipeline {pipeline_id or ''}")


def check(stages: Sequence[StageSpec]) -> None:
    """Raises BadPipeline, or what it is in particular, for stages through which an order could not come to an end."""
    codes = [spec.code for spec in stages]
    if not stages or stages[0].group is not Group.NEW:
        raise NotNewAtFirst("the first stage must be of the group new")
    if len(set(codes)) < len(codes):
        raise BadPipeline("two stages have the same code")
    for spec in stages:
        unknown = set(spec.next_codes) - set(codes)
        if unknown:
            raise BadPipeline(f"{spec.code} leads to unknown stages: {', '.join(sorted(unknown))}")
    closed = {spec.code for spec in stages if spec.group in (Group.COMPLETE, Group.CANCELLED)}
    if not any(spec.group is Group.CANCELLED for spec in stages):
        raise NothingCancels("there must be a stage of the group cancelled")
    for spec in stages:
        if not closed & _reachable(spec.code, {s.code: s.next_codes for s in stages}):
            raise NoWayOut(spec)


def _reachable(code: str, leads: dict[str, tuple[str, ...]]) -> set[str]:
    """The stage itself and all that can be got to from it."""
    seen, ahead = set[str](), [code]
    while ahead:
        at = ahead.pop()
        if at not in seen:
            seen.add(at)
            ahead += leads[at]
    return seen
