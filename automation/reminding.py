"""Reminding the assignee when a task is due: one durable job for each due time, in a lane of its own.

The job of a time that was changed, or of a task that was closed, finds so and does nothing.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from automation.events import TaskDue
from automation.tables import Task, TaskState
from storage import jobs
from storage.events import publish
from storage.jobs import Handlers, Job, Step

REMIND = "task.remind"
"""The kind of the job."""


def plan(session: Session, task: Task) -> None:
    """Have the assignee reminded at the due time; planning the same time again changes nothing."""
    if task.due_at is None or task.reminded_for == task.due_at:
        return
    due = int(task.due_at.timestamp())
    jobs.put(
        session,
        REMIND,
        {"task_id": task.id, "due": due},
        # What is due earlier must not wait behind what was once planned for later.
        lane=f"{REMIND}:{task.id}:{due}",
        dedup_key=f"{REMIND}:{task.id}:{due}",
        run_at=task.due_at,
    )


def remind(session: Session, job: Job) -> None:
    """Say that the task is due, once for each due time."""
    task = session.get(Task, job.payload["task_id"], with_for_update=True)
    if task is None or task.state != TaskState.OPEN or task.due_at is None or task.reminded_for == task.due_at:
        return
    if int(task.due_at.timestamp()) != job.payload["due"]:
        return
    task.reminded_for = task.due_at
    session.flush()
    publish(session, TaskDue.of(task, actor="schedule", due=task.due_at.isoformat()))


JOBS: Handlers = {REMIND: Step(remind)}
