"""The demo's tasks: each view has something to show, and the owner is reminded soon after the opening."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation import task_lists
from automation.task_lists import View
from kit.clock import utc_now
from prilavok.demo import errands
from prilavok.demo.fill import Filled
from storage.tables import Job
from tests.worlds import World


def test_every_view_of_tasks_has_something_to_show(session: Session, world: World) -> None:
    now = utc_now()
    people = {"owner": world.owner, "operator": world.operator}
    errands.fill_tasks(session, Filled(world.shop, people, {}, {}, {}, {}), now)
    shown = {view: task_lists.how_many(session, world.shop.id, view, world.operator.id) for view in View}
    assert shown == {View.MINE: 2, View.ALL: 3, View.OVERDUE: 1, View.DONE: 1}
    planned = session.scalars(sa.select(Job.run_at).where(Job.kind == "task.remind")).all()
    assert any(0 < moment - now.timestamp() * 1000 <= timedelta(minutes=5).total_seconds() * 1000 for moment in planned)
