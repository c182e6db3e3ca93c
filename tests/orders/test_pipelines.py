from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from company import shops
from orders import pipelines
from orders.pipelines import BadPipeline, NoPipeline, StageSpec
from orders.tables import Group
from tests.orders.floor import ONLINE, Floor
from tests.worlds import World

NEW = StageSpec("new", "Новый", "New", Group.NEW, ("cancelled",))
CANCELLED = StageSpec("cancelled", "Отменён", "Cancelled", Group.CANCELLED)


@pytest.mark.parametrize(
    ("stages", "problem"),
    [
        ((), "first stage"),
        ((CANCELLED, NEW), "first stage"),
        ((NEW, CANCELLED, replace(CANCELLED)), "same code"),
        ((replace(NEW, next_codes=("nowhere",)), CANCELLED), "unknown stages: nowhere"),
        ((replace(NEW, next_codes=("done",)), StageSpec("done", "Готов", "Done", Group.COMPLETE)), "cancelled"),
        (
            (replace(NEW, next_codes=("limbo",)), StageSpec("limbo", "Лимб", "Limbo", Group.APPROVAL), CANCELLED),
            "never be completed",
        ),
    ],
)
def test_stages_that_do_not_make_a_pipeline_are_refused(
    session: Session, floor: Floor, stages: tuple[StageSpec, ...], problem: str
) -> None:
    with pytest.raises(BadPipeline, match=problem):
        pipelines.create_pipeline(session, floor.shop, "Плохая", stages)


def test_a_shop_has_its_pipelines_in_the_order_they_were_made(session: Session, floor: Floor) -> None:
    pipelines.create_pipeline(session, floor.shop, "Предзаказ", pipelines.PREORDER, name_en="Preorder")
    mine = pipelines.pipelines(session, floor.shop.id)
    assert [pipeline.name for pipeline in mine] == ["Заказы", "Предзаказ"]
    assert [stage.code for stage in mine[1].stages][:3] == ["new", "agreed", "awaiting_payment"]


def test_a_pipeline_of_another_shop_is_not_there(session: Session, floor: Floor) -> None:
    with pytest.raises(NoPipeline):
        pipelines.pipeline(session, floor.shop.id + 1, floor.pipeline.id)


def test_a_preorder_waits_for_a_person_before_it_asks_for_money(session: Session, floor: Floor) -> None:
    preorder = pipelines.create_pipeline(session, floor.shop, "Предзаказ", pipelines.PREORDER)
    order = floor.makes((floor.item("V-1"), 1), details=ONLINE, pipeline_id=preorder.id)
    assert (order.stage.code, order.reserved_until) == ("new", None)


def test_a_copy_for_another_shop_leaves_stages_out_of_use_behind(world: World, session: Session) -> None:
    row = pipelines.create_default_pipeline(session, world.shop)
    gone = next(stage for stage in row.stages if stage.code == pipelines.PAID)
    gone.archived, gone.position = True, len(row.stages)
    other = shops.create(session, name="Лист и ветка")
    pipelines.copy(session, world.shop, other)
    session.expire_all()
    copied = pipelines.pipeline(session, other.id)
    assert [stage.code for stage in copied.stages] == [
        spec.code for spec in pipelines.DEFAULT if spec.code != pipelines.PAID
    ]
    assert copied.stages[0].next_codes == [pipelines.AWAITING_PAYMENT, "assembling", "cancelled"]
    assert pipelines.pipeline(session, world.shop.id).id == row.id
