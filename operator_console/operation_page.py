"""Whether the machinery runs well, for the owner: alarms, queues, jobs that want a decision, channels and providers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from bot import alarm_notices
from bot.flows.voice import Voice
from company import accounts, settings, shops
from company.rights import Right
from company.settings import Alarms
from company.tables import Shop
from company.texts import Texts
from customers.tables import Customer
from inbox.content import styled
from inbox.tables import Conversation, Delivery, Message
from kit.errors import Refused
from operation import alarms, deciding, pulse, queues, subjects
from operation.subjects import About
from operation.tables import AccountPulse, Alarm, AlarmKind, Side
from operator_console import shell
from operator_console.payment_shapes import actor_names
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.texts import reader, reading
from operator_console.visits import Form, Visit
from payments import accounts as payment_accounts
from storage.tables import EventRow, Job

UNKNOWN_SHOWN = 50
PREVIEW = 80

MOST_SILENT = 24 * 30


class BadAlarms(Refused):
    """Quiet hours are times of the day, and silence is counted in whole hours."""

    code = "bad_alarms"


async def show(visit: Visit) -> web.StreamResponse:
    """The page, or only what changes in it when a script asks."""
    if visit.by_script:
        return visit.page("partials/operation.html", **await visit.read(_now, visit))
    frame = await shell.frame(visit, "operation")
    around = await visit.read(_rules, visit.shop.id)
    return visit.page("pages/operation.html", **frame, **around, **await visit.read(_now, visit))


async def show_job(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "operation")
    return visit.page("pages/job.html", **frame, **await visit.read(_one, visit, visit.number()))


async def run_again(visit: Visit) -> web.StreamResponse:
    await visit.write(deciding.run_again, visit.shop.id, visit.number(), actor=visit.actor)
    return _decided(visit, again=True)


async def give_up(visit: Visit) -> web.StreamResponse:
    reason = (await visit.form())["reason"]
    await visit.write(deciding.give_up, visit.shop.id, visit.number(), reason=reason, actor=visit.actor)
    return _decided(visit, again=False)


async def change_alarms(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    await visit.write(_change, visit.shop.id, form, set(form.all("told")))
    with reading(visit.reader):
        return visit.done(_("Kept"), go="" if visit.by_script else "/operation")


ROUTES: tuple[Route, ...] = (
    get("/operation", show, Right.OPERATION),
    post("/operation/alarms", change_alarms, Right.OPERATION),
    get(f"/jobs/{ID}", show_job, Right.OPERATION),
    post(f"/jobs/{ID}/again", run_again, Right.OPERATION),
    post(f"/jobs/{ID}/give-up", give_up, Right.OPERATION),
)


def _decided(visit: Visit, *, again: bool) -> web.StreamResponse:
    with reading(visit.reader):
        words = _("It runs again") if again else _("Given up; the reason is kept")
    here = "/jobs/" not in visit.request.headers.get("HX-Current-URL", "/jobs/")
    return visit.done(words, go="" if here else "/operation")


def _now(session: Session, visit: Visit) -> Shape:
    shop, texts = visit.shop, visit.console.texts
    voice = Voice.of(texts, reader().language, settings.of(shops.get(session, shop.id)))
    signs = pulse.of(session, Side.CHANNEL)
    return {
        "alarms": [_alarm(voice, shop, alarm) for alarm in alarms.of_shop(session, shop.id)],
        "past_alarms": [_alarm(voice, shop, alarm) for alarm in alarms.past(session, shop.id, limit=5)],
        "dead": _jobs(session, texts, shop.id, list(queues.dead(session))),
        "stuck": _jobs(session, texts, shop.id, list(queues.stuck(session))),
        "unknown": _unknown(session, shop.id),
        "channels": [
            {
                "channel": row.channel,
                "name": row.name,
                "active": row.active,
                "health": row.health,
                "words": _why(texts, row.health_text) if row.health != "ok" else "",
                "since": row.health_at,
                **_sign(texts, signs.get(row.id)),
            }
            for row in accounts.of_shop(session, shop.id)
        ],
        "providers": _providers(session, texts, shop.id),
        "queues": [_queue(texts, queue) for queue in queues.queues(session)],
    }


def _alarm(voice: Voice, shop: Shop, alarm: Alarm) -> Shape:
    marked = alarm_notices.words(voice, shop, alarm.kind, alarm.facts)
    return {
        "text": styled(marked)[0],
        "money": alarm.money,
        "since": alarm.raised_at,
        "until": alarm.cleared_at,
        "told": alarm.told_at,
    }


def _jobs(session: Session, texts: Texts, shop_id: int, jobs: list[Job]) -> list[Shape]:
    """Those of this shop, and those of nobody."""
    about = subjects.of(session, jobs)
    return [_job(texts, job, about[job.id]) for job in jobs if about[job.id].shop_id in (shop_id, None)]


def _job(texts: Texts, job: Job, about: About) -> Shape:
    return {
        "id": job.id,
        "kind": alarm_notices.named(texts, "job", job.kind, reader().language),
        "dead": job.state == "dead",
        "error": job.error or "",
        "attempts": job.attempts,
        "at": _moment(job.closed_at or job.created_at),
        "again_at": _moment(job.run_at) if job.state == "ready" and job.run_at > job.created_at else None,
        **_about(about),
    }


def _about(about: About) -> Shape:
    """Whom or what it is for, and where that is seen."""
    if about.order_id is not None:
        return {
            "whom": _("Order No. {number}", number=about.order_number),
            "url": f"/orders/{about.order_id}",
            "text": "",
        }
    if about.conversation_id is not None:
        text = " ".join(about.text.split())
        cut = text if len(text) <= PREVIEW else f"{text[:PREVIEW].rstrip()}…"
        return {"whom": about.customer or _("a chat"), "url": f"/inbox/{about.conversation_id}", "text": cut}
    return {"whom": about.account, "url": "", "text": ""}


def _queue(texts: Texts, queue: queues.Queue) -> Shape:
    return {
        "name": alarm_notices.named(texts, "queue", queue.name, reader().language),
        "due": queue.due,
        "running": queue.running,
        "planned": queue.planned,
        "oldest": reader().now - timedelta(seconds=queue.oldest) if queue.due else None,
        "slow": queue.due and queue.oldest > queues.LATE.total_seconds(),
    }


def _unknown(session: Session, shop_id: int) -> list[Shape]:
    """Messages of which nobody knows whether they arrived, the newest first."""
    rows = session.execute(
        sa.select(Message, Customer.name)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .outerjoin(Customer, Customer.id == Conversation.customer_id)
        .where(Message.delivery == Delivery.UNKNOWN, Conversation.shop_id == shop_id)
        .order_by(Message.id.desc())
        .limit(UNKNOWN_SHOWN)
    )
    return [
        {"at": row.created_at, **_about(About(conversation_id=row.conversation_id, customer=name or "", text=row.text))}
        for row, name in rows
    ]


def _sign(texts: Texts, sign: AccountPulse | None) -> Shape:
    failing = sign is not None and sign.failing_since is not None
    return {
        "heard": sign.heard_at if sign else None,
        "reached": sign.reached_at if sign else None,
        "failing": sign.failing_since if sign else None,
        "error": _why(texts, sign.error) if sign is not None and failing else "",
        "trouble": _why(texts, sign.trouble) if sign else "",
    }


def _why(texts: Texts, words: str) -> str:
    return alarm_notices.named(texts, "why", words, reader().language) if words else ""


def _providers(session: Session, texts: Texts, shop_id: int) -> list[Shape]:
    signs = pulse.of(session, Side.PROVIDER)
    return [
        {"name": row.name, "provider": row.provider, "active": row.active, **_sign(texts, signs.get(row.id))}
        for row in payment_accounts.of_shop(session, shop_id)
        if row.provider != payment_accounts.MANUAL
    ]


def _one(session: Session, visit: Visit, job_id: int) -> Shape:
    """Everything about one job, and what people decided about it before."""
    job = deciding.find(session, visit.shop.id, job_id)
    about = subjects.of(session, [job])[job.id]
    rows = session.scalars(
        sa.select(EventRow).where(EventRow.subject == f"job:{job.id}").order_by(EventRow.id.desc()).limit(20)
    ).all()
    names = actor_names(session, [row.actor for row in rows])
    said: Mapping[str, str] = {
        "job_died": _("failed for the last time"),
        "job_run_again": _("run again"),
        "job_given_up": _("given up"),
    }
    return {
        "job": _job(visit.console.texts, job, about)
        | {"made": _moment(job.created_at), "lane": job.lane, "open": job.state in ("ready", "dead")},
        "decisions": [
            {
                "what": said.get(row.kind, row.kind),
                "who": names[row.actor],
                "at": row.at,
                "why": row.payload.get("reason") or row.payload.get("error") or "",
            }
            for row in rows
        ],
    }


def _rules(session: Session, shop_id: int) -> Shape:
    rules = settings.of(shops.get(session, shop_id)).alarms
    return {
        "alarm_kinds": [
            {"kind": kind.value, "label": label, "told": kind not in rules.muted} for kind, label in kinds().items()
        ],
        "alarm_rules": {
            "quiet_from": f"{rules.quiet_from:%H:%M}" if rules.quiet_from else "",
            "quiet_to": f"{rules.quiet_to:%H:%M}" if rules.quiet_to else "",
            "silent_hours": rules.silent_hours,
        },
    }


def kinds() -> dict[AlarmKind, str]:
    return {
        AlarmKind.JOB_DIED: _("work failed for good"),
        AlarmKind.CHANNEL_BROKEN: _("a channel has no connection"),
        AlarmKind.CHANNEL_CONFLICT: _("another program takes the bot’s messages"),
        AlarmKind.WEBHOOK_GONE: _("a webhook was gone or fails"),
        AlarmKind.CHANNEL_SILENT: _("a channel is unusually silent"),
        AlarmKind.PROVIDER_FAILING: _("a payment provider does not answer"),
    }


def _change(session: Session, shop_id: int, form: Form, told: set[str]) -> None:
    hours = form["silent_hours"].strip()
    if not hours.isascii() or not hours.isdecimal() or len(hours) > 4 or int(hours) > MOST_SILENT:
        raise BadAlarms("silent_hours")
    rules = Alarms(
        muted=tuple(kind for kind in AlarmKind if kind not in told),
        quiet_from=_time(form["quiet_from"]),
        quiet_to=_time(form["quiet_to"]),
        silent_hours=int(hours),
    )
    settings.change(session, shops.get(session, shop_id), alarms=rules.model_dump())


def _time(text: str) -> time | None:
    if not text.strip():
        return None
    try:
        return time.fromisoformat(text.strip())
    except ValueError:
        raise BadAlarms("quiet hours") from None


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
