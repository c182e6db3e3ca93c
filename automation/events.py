"""What happens to tasks, as the rest of the system hears of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from automation.tables import Task
from storage.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent(Event):
    task_id: int
    assignee_id: int
    author_id: int

    @classmethod
    def of(cls, task: Task, *, actor: str, **facts: Any) -> Self:
        """The event of this task; `facts` are the subclass's own fields."""
        return cls(
            shop_id=task.shop_id,
            subject=f"task:{task.id}",
            actor=actor,
            task_id=task.id,
            assignee_id=task.assignee_id,
            author_id=task.author_id,
            **facts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAdded(TaskEvent):
    kind: ClassVar[str] = "task_added"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChanged(TaskEvent):
    """`change`: edited, done, reopened, cancelled. `before` has what was there of the fields that are now otherwise."""

    kind: ClassVar[str] = "task_changed"

    change: str
    before: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDue(TaskEvent):
    """The time has come: told once for each due time. `due` is that time, in ISO 8601."""

    kind: ClassVar[str] = "task_due"

    due: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationAdded(Event):
    kind: ClassVar[str] = "notification_added"

    notification_id: int
    staff_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationsRead(Event):
    """The person has read one, the newest of several, or `notification_id` 0 for all."""

    kind: ClassVar[str] = "notifications_read"

    notification_id: int
    staff_id: int
