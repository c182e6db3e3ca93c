"""Who may move what where."""

from __future__ import annotations

from itertools import product

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import Role
from company.texts import Texts
from orders import paying, pipelines, stages
from orders.events import StageMoved
from orders.stages import MoveRefused, NeedsPayment, NotForThem, ReasonNeeded, RefundFirst, Stale
from orders.tables import Group, Order, StageMove
from tests.orders.floor import ONLINE, OPERATOR, OWNER, PICKUP, Floor

TEXTS = Texts()
CODES = [spec.code for spec in pipelines.DEFAULT]

FREE: dict[tuple[str, str], str] = {
    ("new", "awaiting_payment"): "owner operator system",
    ("new", "paid"): "system",
    ("new", "assembling"): "owner operator system",
    ("new", "cancelled"): "owner operator customer system",
    ("awaiting_payment", "paid"): "system",
    ("awaiting_payment", "assembling"): "owner operator system",
    ("awaiting_payment", "cancelled"): "owner operator customer system",
    ("paid", "assembling"): "owner operator system",
    ("paid", "cancelled"): "owner operator customer system",
    ("assembling", "shipped"): "owner operator system",
    ("assembling", "cancelled"): "owner operator system",
    ("shipped", "delivered"): "owner operator system",
    ("shipped", "cancelled"): "owner system",
}
"""Who may make which move of the default pipeline when money does not stand in the way; no other pair is a way."""

MOVERS: dict[str, tuple[str, Role | None]] = {
    "owner": ("staff:1", OWNER),
    "operator": ("staff:2", OPERATOR),
    "customer": ("customer:1", None),
    "system": ("bot", None),
}


@pytest.fixture
def order(floor: Floor) -> Order:
    return floor.order(details=PICKUP)


def may(session: Session, order: Order, to: str, mover: str) -> bool:
    """Whether the move is made; the order is then put back."""
    actor, role = MOVERS[mover]
    attempt = session.begin_nested()
    try:
        stages.move(session, order, to=to, actor=actor, role=role, reason="так надо")
    except MoveRefused:
        return False
    else:
        return True
    finally:
        attempt.rollback()


@pytest.mark.parametrize("came", CODES)
def test_every_pair_of_stages_is_open_to_those_of_the_table_and_to_nobody_else(
    session: Session, floor: Floor, order: Order, came: str
) -> None:
    floor.put_in(order, came)
    made = {(to, mover) for to, mover in product(CODES, MOVERS) if may(session, order, to, mover)}
    assert made == {(to, mover) for (start, to), movers in FREE.items() if start == came for mover in movers.split()}


@pytest.mark.parametrize("came", CODES)
def test_what_a_role_is_offered_is_what_it_may_do(session: Session, floor: Floor, order: Order, came: str) -> None:
    floor.put_in(order, came)
    for mover, role in (("owner", OWNER), ("operator", OPERATOR), ("system", None)):
        offered = {stage.code for stage in stages.allowed(session, order, role)}
        assert offered == {to for (start, to), movers in FREE.items() if start == came and mover in movers.split()}


@pytest.mark.parametrize("to", CODES)
def test_an_unpaid_online_order_goes_no_further_than_cancelled(session: Session, floor: Floor, to: str) -> None:
    order = floor.order(details=ONLINE)
    assert order.stage.code == "awaiting_payment"
    assert may(session, order, to, "owner") is (to == "cancelled")


def test_an_unpaid_order_is_told_how_much_is_missing(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    with pytest.raises(NeedsPayment) as refused:
        stages.move(session, order, to="assembling", actor="staff:1", role=OWNER)
    assert refused.value.facts["left"] == order.total


def test_a_paid_order_is_not_cancelled_before_its_money_is_back(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    floor.pays(order)
    with pytest.raises(RefundFirst):
        stages.cancel(session, order, actor="staff:1", role=OWNER, reason="передумал")
    paying.money_returned(session, order, order.total)
    stages.cancel(session, order, actor="staff:1", role=OWNER, reason="передумал")
    assert order.stage.group == Group.CANCELLED


@pytest.mark.parametrize("reason", ["", "   "])
def test_nobody_cancels_without_a_reason(session: Session, order: Order, reason: str) -> None:
    for actor, role in MOVERS.values():
        with pytest.raises(ReasonNeeded):
            stages.cancel(session, order, actor=actor, role=role, reason=reason)


def test_a_move_from_a_stage_that_is_not_any_more_is_refused(session: Session, order: Order) -> None:
    stages.move(session, order, to="assembling", actor="staff:1", role=OWNER, expect_stage="new")
    with pytest.raises(Stale) as refused:
        stages.move(session, order, to="assembling", actor="staff:2", role=OPERATOR, expect_stage="new")
    assert TEXTS.problem(refused.value, "en").endswith("it is in “Assembling” now. Look again and decide.")
    with pytest.raises(Stale):
        stages.move(session, order, to="shipped", actor="staff:2", role=OPERATOR, expect_version=order.version + 1)


def test_a_member_of_staff_of_unknown_role_has_the_least_rights(session: Session, floor: Floor, order: Order) -> None:
    floor.put_in(order, "shipped")
    with pytest.raises(NotForThem):
        stages.cancel(session, order, actor="staff:2", reason="вернулся")


def test_an_actor_that_nobody_knows_moves_nothing(session: Session, order: Order) -> None:
    with pytest.raises(ValueError, match="stranger"):
        stages.move(session, order, to="assembling", actor="stranger")


def test_a_stage_of_no_such_code_is_refused(session: Session, order: Order) -> None:
    with pytest.raises(MoveRefused):
        stages.move(session, order, to="nowhere", actor="staff:1", role=OWNER)


def test_goods_follow_the_order_to_the_buyer_and_back(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1", on_hand=5)
    order = floor.order((mug, 2))
    assert floor.shelf(mug) == (5, 2)
    for to in ("assembling", "shipped"):
        stages.move(session, order, to=to, actor="staff:1", role=OPERATOR)
    assert floor.shelf(mug) == (3, 0)
    stages.cancel(session, order, actor="staff:1", role=OWNER, reason="не забрали")
    assert floor.shelf(mug) == (5, 0)


def test_a_cancelled_order_frees_its_goods(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1", on_hand=5)
    order = floor.order((mug, 2))
    stages.cancel(session, order, actor=f"customer:{floor.anna.id}", reason="передумала")
    assert floor.shelf(mug) == (5, 0)


def test_each_move_is_told_with_what_was_before_and_why(session: Session, floor: Floor, order: Order) -> None:
    stages.cancel(session, order, actor="staff:1", role=OPERATOR, reason="нет в наличии")
    told = floor.events(StageMoved)[-1]
    assert (told["from_code"], told["to_code"], told["group"]) == ("new", "cancelled", "cancelled")
    assert (told["order_id"], told["number"], told["reason"]) == (order.id, order.number, "нет в наличии")


def test_the_history_is_a_chain_without_gaps(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    floor.pays(order)
    for to in ("assembling", "shipped", "delivered"):
        stages.move(session, order, to=to, actor="staff:1", role=OPERATOR)
    rows = stages.history(session, order)
    assert [(move.seq, stage.code, move.actor) for move, stage in rows] == [
        (1, "new", f"customer:{floor.anna.id}"),
        (2, "awaiting_payment", "system"),
        (3, "paid", "payment"),
        (4, "assembling", "staff:1"),
        (5, "shipped", "staff:1"),
        (6, "delivered", "staff:1"),
    ]
    assert [move.from_stage_id for move, _ in rows] == [None, *(stage.id for _, stage in rows[:-1])]
    assert order.stage_id == rows[-1][1].id


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE stage_move SET reason = 'x'",
        "DELETE FROM stage_move",
        "INSERT OR REPLACE INTO stage_move (order_id, seq, to_stage_id, actor, reason, at)"
        " SELECT order_id, seq, to_stage_id, 'staff:9', reason, at FROM stage_move",
    ],
)
def test_the_database_itself_keeps_history_from_being_rewritten(session: Session, order: Order, sql: str) -> None:
    session.flush()
    if "REPLACE" in sql and session.get_bind().dialect.name != "sqlite":
        sql = "INSERT INTO stage_move SELECT * FROM stage_move ON CONFLICT (order_id, seq) DO UPDATE SET actor = 'x'"
    attempt = session.begin_nested()
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        session.execute(sa.text(sql))
    attempt.rollback()
    assert session.scalars(sa.select(StageMove.actor)).all() == [f"customer:{order.customer_id}"]
