"""The history of an order's stages. Rows are added and never changed: the database itself refuses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.clock import utc_now
from orders.events import CourierGiven, CourierTaken
from orders.reasons import kin, text_key
from orders.tables import Order, Stage, StageMove
from storage.tables import EventRow

HISTORY_DDL: dict[str, list[str]] = {
    "sqlite": [
        "CREATE TRIGGER stage_move_no_update BEFORE UPDATE ON stage_move "
        "BEGIN SELECT RAISE(ABORT, 'stage_move is append-only'); END",
        "CREATE TRIGGER stage_move_no_delete BEFORE DELETE ON stage_move "
        "BEGIN SELECT RAISE(ABORT, 'stage_move is append-only'); END",
        # INSERT OR REPLACE removes the old row without asking the delete trigger.
        "CREATE TRIGGER stage_move_no_replace BEFORE INSERT ON stage_move "
        "WHEN EXISTS (SELECT 1 FROM stage_move WHERE order_id = NEW.order_id AND seq = NEW.seq) "
        "BEGIN SELECT RAISE(ABORT, 'stage_move is append-only'); END",
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION stage_move_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'stage_move is append-only'; END $$",
        "CREATE TRIGGER stage_move_append_only BEFORE UPDATE OR DELETE ON stage_move "
        "FOR EACH ROW EXECUTE FUNCTION stage_move_refuse()",
    ],
}
"""What makes the table append-only, by SQL dialect. Migrations run it; so does Base.metadata.create_all."""

for _dialect, _statements in HISTORY_DDL.items():
    for _statement in _statements:
        _ddl = sa.DDL(_statement)  # type: ignore[no-untyped-call]
        sa.event.listen(StageMove.__table__, "after_create", _ddl.execute_if(dialect=_dialect))


def forget_words(session: Session, order_ids: Sequence[int]) -> None:
    """Take away what people wrote as reasons of these orders' moves; codes stay. The one change that there is, for
    somebody is to be forgotten: PostgreSQL keeps everybody from the table until the transaction ends."""
    theirs = sa.select(StageMove.reason).where(StageMove.order_id.in_(order_ids), StageMove.reason != "")
    said = [reason for reason in set(session.scalars(theirs)) if not (text_key(reason) or kin(reason))]
    if not said:
        return
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    off, on = _GUARD["sqlite" if on_sqlite else "postgresql"]
    session.execute(sa.text(off))
    blank = sa.update(StageMove).where(StageMove.order_id.in_(order_ids), StageMove.reason.in_(said)).values(reason="")
    session.execute(blank.execution_options(synchronize_session=False))
    session.execute(sa.text(on))


_GUARD = {
    "sqlite": ("DROP TRIGGER stage_move_no_update", HISTORY_DDL["sqlite"][0]),
    "postgresql": (
        "ALTER TABLE stage_move DISABLE TRIGGER stage_move_append_only",
        "ALTER TABLE stage_move ENABLE TRIGGER stage_move_append_only",
    ),
}
"""What lets a row be changed, and what forbids it again."""


def append(
    session: Session, order: Order, to: Stage, *, came_from: Stage | None, actor: str, reason: str = ""
) -> StageMove:
    """Add the next row. The caller holds the order's row, so the numbering has no gaps and no rivals."""
    last = session.scalar(sa.select(sa.func.max(StageMove.seq)).where(StageMove.order_id == order.id))
    move = StageMove(
        order_id=order.id,
        seq=(last or 0) + 1,
        from_stage_id=came_from.id if came_from else None,
        to_stage_id=to.id,
        actor=actor,
        reason=reason,
        at=utc_now(),
    )
    session.add(move)
    session.flush()
    return move


def history(session: Session, order: Order) -> list[tuple[StageMove, Stage]]:
    """Every move of the order, the first one first, each with the stage it led to."""
    moves = session.execute(
        sa.select(StageMove, Stage)
        .join(Stage, Stage.id == StageMove.to_stage_id)
        .where(StageMove.order_id == order.id)
        .order_by(StageMove.seq)
    )
    return [(move, stage) for move, stage in moves]


def of_customer(
    session: Session,
    shop_id: int,
    customer_id: int,
    *,
    placed: bool,
    before: datetime | None = None,
    limit: int = 50,
) -> list[tuple[StageMove, Order, Stage]]:
    """First moves, that made the customer's orders, or all the later ones; earlier than `before`, the latest first."""
    query = (
        sa.select(StageMove, Order, Stage)
        .join(Order, Order.id == StageMove.order_id)
        .join(Stage, Stage.id == StageMove.to_stage_id)
        .where(Order.customer_id == customer_id, Order.shop_id == shop_id)
        .where(StageMove.seq == 1 if placed else StageMove.seq > 1)
    )
    if before is not None:
        query = query.where(StageMove.at < before)
    newest = query.order_by(StageMove.at.desc(), StageMove.order_id.desc(), StageMove.seq.desc()).limit(limit)
    return list(session.execute(newest).all())


def couriers(session: Session, order: Order) -> list[EventRow]:
    """When the order was given to a courier, or taken from one: `courier_given`, `courier_taken`, the oldest first."""
    kinds = (CourierGiven.kind, CourierTaken.kind)
    query = sa.select(EventRow).where(EventRow.subject == f"order:{order.id}", EventRow.kind.in_(kinds))
    return list(session.scalars(query.order_by(EventRow.id)))
