"""What a person may decide about a job that is stuck or dead: run it again, or give it up with a reason."""

from __future__ import annotations

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from inbox import delivered
from inbox.tables import Conversation, Delivery, Message
from kit.clock import now_ms
from kit.errors import Missing, Refused
from operation import subjects
from operation.events import JobGivenUp, JobRunAgain
from operation.watching import DELIVERIES
from storage import jobs
from storage.events import publish
from storage.tables import Job, Lane

LONGEST_REASON = 200


class NoSuchJob(Missing):
    code = "no_such_job"


class JobIsDone(Refused):
    """It was done, or given up, meanwhile."""

    code = "job_is_done"


class JobIsRunning(Refused):
    """A worker has it in hand right now, so nobody can say yet how it ends."""

    code = "job_is_running"


class NoReason(Refused):
    """Giving up needs a reason: the next person will want to know."""

    code = "no_reason"


def run_again(session: Session, shop_id: int, job_id: int, *, actor: str) -> Job:
    """Have the job run now, with all its attempts before it. Raises NoSuchJob, JobIsDone, JobIsRunning."""
    job = _open(session, shop_id, job_id)
    error, job.error = job.error or "", None
    job.state, job.attempts, job.waited, job.run_at, job.closed_at = "ready", 0, 0, now_ms(), None
    _message_is(session, job, Delivery.QUEUED, "")
    jobs.ring(session, job.lane, job.kind)
    publish(
        session,
        JobRunAgain(
            shop_id=shop_id, subject=f"job:{job.id}", actor=actor, job_id=job.id, job_kind=job.kind, error=error
        ),
    )
    return job


def give_up(session: Session, shop_id: int, job_id: int, *, reason: str, actor: str) -> Job:
    """The job shall not be done; its message, if it delivers one, has failed. Raises NoReason too."""
    reason = " ".join(reason.split())[:LONGEST_REASON]
    if not reason:
        raise NoReason("giving up needs a reason")
    job = _open(session, shop_id, job_id)
    error = job.error or ""
    job.state, job.closed_at, job.error = "done", now_ms(), f"given up by {actor}: {reason}"
    _message_is(session, job, Delivery.FAILED, reason)
    # What stood behind it in its lane may go on.
    jobs.ring(session, job.lane, job.kind)
    publish(
        session,
        JobGivenUp(
            shop_id=shop_id,
            subject=f"job:{job.id}",
            actor=actor,
            job_id=job.id,
            job_kind=job.kind,
            error=error,
            reason=reason,
        ),
    )
    return job


def find(session: Session, shop_id: int, job_id: int) -> Job:
    """A job of the shop, or of none. Raises NoSuchJob."""
    job = session.get(Job, job_id)
    about = subjects.of(session, [job])[job.id] if job is not None else subjects.NOTHING
    if job is None or about.shop_id not in (shop_id, None):
        raise NoSuchJob(f"job {job_id} of shop {shop_id}")
    return job


def message_failed(session: Session, job: Job) -> None:
    """The job that was to deliver a message has died: the message shows as failed, and why."""
    _message_is(session, job, Delivery.FAILED, job.error or "")


def _open(session: Session, shop_id: int, job_id: int) -> Job:
    """The job, its lane held still until the transaction ends."""
    job = find(session, shop_id, job_id)
    lane = session.get(Lane, job.lane, with_for_update=True)
    session.refresh(job)
    if job.state == "done":
        raise JobIsDone(f"job {job_id} is done")
    if job.state == "ready" and lane is not None and lane.lease_until > now_ms():
        raise JobIsRunning(f"job {job_id} is in hand")
    return job


def _message_is(session: Session, job: Job, state: Delivery, error: str) -> None:
    if job.kind not in DELIVERIES:
        return
    message = session.get(Message, orjson.loads(job.payload)["message_id"], with_for_update=True)
    if message is None or message.delivery not in (Delivery.QUEUED, Delivery.FAILED, Delivery.UNKNOWN):
        return
    if (message.delivery, message.error) == (state, error[:300]) or _is_sent_otherwise(session, job):
        return
    message.delivery, message.error = state, error[:300]
    session.flush()
    shop_id = session.get_one(Conversation, message.conversation_id).shop_id
    delivered.tell_changed(session, shop_id, message)
    if state is Delivery.FAILED:
        delivered.tell_failed(session, shop_id, message)


def _is_sent_otherwise(session: Session, job: Job) -> bool:
    """Whether somebody had the message sent again meanwhile: then another job decides about it."""
    other = sa.select(Job.id).where(
        Job.lane == job.lane,
        Job.state == "ready",
        Job.kind == job.kind,
        Job.payload == job.payload,
        Job.id != job.id,
    )
    return session.scalar(other.limit(1)) is not None
