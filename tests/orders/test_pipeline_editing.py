"""What an owner changes of the pipelines, and what a pipeline must stay through it."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from orders import book, pipeline_editing, pipelines, stages
from orders.events import PipelineChanged
from orders.pipeline_editing import (
    BeginsHere,
    NameNeeded,
    NoStage,
    PipelineMovedOn,
    Rules,
    Wording,
)
from orders.pipelines import NothingCancels, NotNewAtFirst, NoWayOut
from orders.tables import Group, Pipeline, Stage
from tests.orders.floor import Floor

WHO = "staff:1"


def line(session: Session, floor: Floor) -> Pipeline:
    return pipelines.pipeline(session, floor.shop.id)


def stage(session: Session, floor: Floor, code: str) -> Stage:
    return next(row for row in line(session, floor).stages if row.code == code)


def codes(session: Session, floor: Floor) -> list[str]:
    return [row.code for row in line(session, floor).stages if not row.archived]


def add_packing(session: Session, floor: Floor, after: str = "assembling") -> Stage:
    names = Wording(name="Упаковка", translated="Packing")
    at, row = stage(session, floor, after), line(session, floor)
    return pipeline_editing.add_stage(session, floor.shop, at.id, names, Group.ASSEMBLING, seen=row.version, actor=WHO)


def rules(row: Stage, *leads_to: str) -> Rules:
    return Rules(colour=row.colour, leads_to=leads_to, needs_payment=row.needs_payment)


def test_a_new_stage_stands_behind_the_one_named_and_on_the_orders_way(session: Session, floor: Floor) -> None:
    made = add_packing(session, floor)
    assert made.code == "packing"
    assert codes(session, floor)[3:6] == ["assembling", "packing", "shipped"]
    assert stage(session, floor, "assembling").next_codes == ["packing", "shipped", "cancelled"]
    assert made.next_codes == ["shipped", "cancelled"]
    assert made.needs_payment, "as the stage before it"


def test_two_stages_of_one_name_have_two_codes(session: Session, floor: Floor) -> None:
    assert [add_packing(session, floor).code, add_packing(session, floor).code] == ["packing", "packing_2"]


def test_an_order_goes_the_way_that_the_owner_has_drawn(session: Session, floor: Floor) -> None:
    add_packing(session, floor)
    order = floor.order()
    for code in ("assembling", "packing", "shipped"):
        stages.move(session, order, to=code, actor=WHO)
    assert book.locked(session, order.id).stage.code == "shipped"


def test_a_stage_out_of_use_is_bridged_and_its_orders_go_on(session: Session, floor: Floor) -> None:
    order = floor.order()
    stages.move(session, order, to="assembling", actor=WHO)
    row = line(session, floor)
    left = pipeline_editing.archive_stage(
        session, floor.shop, stage(session, floor, "assembling").id, seen=row.version, actor=WHO
    )
    assert left == 1
    assert "assembling" not in codes(session, floor)
    assert stage(session, floor, "paid").next_codes == ["shipped", "cancelled"]
    columns = book.board(session, floor.shop.id, row.id)
    assert [column.count for column in columns if column.code == "assembling"] == [1], "it is not out of sight"
    stages.move(session, order, to="shipped", actor=WHO)
    columns = book.board(session, floor.shop.id, row.id)
    assert "assembling" not in [column.code for column in columns]


def test_a_stage_taken_back_into_use_is_the_last(session: Session, floor: Floor) -> None:
    made = add_packing(session, floor)
    pipeline_editing.archive_stage(session, floor.shop, made.id, seen=line(session, floor).version, actor=WHO)
    assert stage(session, floor, "assembling").next_codes == ["shipped", "cancelled"]
    pipeline_editing.use_again(session, floor.shop, made.id, seen=line(session, floor).version, actor=WHO)
    assert codes(session, floor)[-1] == "packing"


@pytest.mark.parametrize("leads_to", [(), ("awaiting_payment",)])
def test_no_stage_is_left_from_which_an_order_cannot_come_to_an_end(
    session: Session, floor: Floor, leads_to: tuple[str, ...]
) -> None:
    row = stage(session, floor, "paid")
    dead_end = stage(session, floor, "awaiting_payment")
    seen = line(session, floor).version
    if leads_to:
        dead_end.next_codes = ["paid"]
    with pytest.raises(NoWayOut):
        pipeline_editing.edit_stage(
            session, floor.shop, row.id, Wording(name="Оплачен"), rules(row, *leads_to), seen=seen, actor=WHO
        )


def test_the_only_cancelled_stage_stays(session: Session, floor: Floor) -> None:
    row = stage(session, floor, "cancelled")
    with pytest.raises(NothingCancels):
        pipeline_editing.archive_stage(session, floor.shop, row.id, seen=line(session, floor).version, actor=WHO)


def test_orders_begin_where_a_new_order_is_meant(session: Session, floor: Floor) -> None:
    first = stage(session, floor, "new")
    with pytest.raises(BeginsHere):
        pipeline_editing.archive_stage(session, floor.shop, first.id, seen=line(session, floor).version, actor=WHO)
    with pytest.raises(NotNewAtFirst):
        pipeline_editing.shift_stage(
            session, floor.shop, first.id, back=False, seen=line(session, floor).version, actor=WHO
        )


def test_who_has_seen_an_older_pipeline_changes_nothing(session: Session, floor: Floor) -> None:
    seen = line(session, floor).version
    pipeline_editing.rename(session, floor.shop, line(session, floor).id, Wording(name="Розница"), seen=seen, actor=WHO)
    with pytest.raises(PipelineMovedOn):
        pipeline_editing.rename(session, floor.shop, line(session, floor).id, Wording(name="Опт"), seen=seen, actor=WHO)
    assert line(session, floor).name == "Розница"


def test_names_are_not_empty(session: Session, floor: Floor) -> None:
    row = line(session, floor)
    with pytest.raises(NameNeeded):
        pipeline_editing.rename(session, floor.shop, row.id, Wording(name="  "), seen=row.version, actor=WHO)


def test_another_shop_has_no_such_stage(session: Session, floor: Floor) -> None:
    row = stage(session, floor, "paid")
    with pytest.raises(NoStage):
        pipeline_editing.archive_stage(
            session, Floor(session, operator="sofya@example.org").shop, row.id, seen=1, actor=WHO
        )


def test_orders_take_the_pipeline_that_was_put_first(session: Session, floor: Floor) -> None:
    made = pipeline_editing.add_pipeline(
        session, floor.shop, Wording(name="Под заказ", translated="To order"), pipelines.PREORDER, actor=WHO
    )
    assert line(session, floor).id != made.id
    pipeline_editing.put_first(session, floor.shop, made.id, seen=made.version, actor=WHO)
    assert line(session, floor).id == made.id


def test_the_log_says_who_changed_what_and_what_was_before(session: Session, floor: Floor) -> None:
    row = stage(session, floor, "shipped")
    seen = line(session, floor).version
    pipeline_editing.edit_stage(
        session,
        floor.shop,
        row.id,
        Wording(name="У курьера"),
        Rules(colour="violet", leads_to=["delivered", "cancelled", "unknown"], entered_by="owner"),
        seen=seen,
        actor=WHO,
    )
    assert (row.name, row.colour, row.roles, row.next_codes) == (
        "У курьера",
        "violet",
        ["owner"],
        ["delivered", "cancelled"],
    )
    [told] = floor.events(PipelineChanged)
    assert (told["what"], told["which"], told["before"]["name"]) == ("stage_edited", "shipped", "В пути")
