"""A narrowed session narrows every statement that reads a guarded table, whatever its shape."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from company.tables import Sees
from operator_console import sight
from orders.tables import Order, Stage

_other = aliased(Order)
_table = Order.__table__
_ids = sa.select(Order.id)

SHAPES: dict[str, tuple[sa.Executable, int]] = {
    "rows": (sa.select(Order), 1),
    "a column": (_ids, 1),
    "a count": (sa.select(sa.func.count()).where(Order.shop_id == 1), 1),
    "a count of the class": (sa.select(sa.func.count()).select_from(Order), 1),
    "a class by its table's column": (sa.select(sa.func.count()).select_from(Order).where(_table.c.id == 1), 1),
    "whether there is one": (sa.select(sa.exists().where(Order.shop_id == 1)), 1),
    "a condition": (sa.select(Stage.id).where(Stage.id.in_(sa.select(Order.stage_id))), 1),
    "a count of a subquery": (sa.select(sa.func.count()).select_from(_ids.limit(3).subquery()), 1),
    "a union": (sa.union_all(_ids, _ids), 2),
    "a join": (sa.select(Stage).join(Order, Order.stage_id == Stage.id), 1),
    "an outer join": (sa.select(Stage).outerjoin(Order, Order.stage_id == Stage.id), 1),
    "an alias": (sa.select(_other.id), 1),
    "an alias beside the class": (sa.select(Order.id).join(_other, _other.id == Order.id), 2),
    "a common table": (sa.select(_ids.cte("found").c.id), 1),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sees", [Sees.OWN, Sees.DELIVERIES])
def test_every_statement_is_narrowed(session: Session, shape: str, sees: Sees) -> None:
    statement, times = SHAPES[shape]
    asked: list[str] = []

    def hear(_connection: object, _cursor: object, text: str, *_rest: object) -> None:
        if text.startswith(("SELECT", "WITH")) and "SAVEPOINT" not in text:
            asked.append(text)

    sa.event.listen(session.get_bind(), "before_cursor_execute", hear)
    try:
        with sight.narrowed(session, sees, 1, 7):
            session.execute(statement)
        session.execute(statement)
    finally:
        sa.event.remove(session.get_bind(), "before_cursor_execute", hear)
    mark = "assignee_id =" if sees is Sees.OWN else "courier_id ="
    assert [text.count(mark) for text in asked] == [times, 0]
