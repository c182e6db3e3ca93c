"""F22: a job that fails whatever happens must not hold up its chat for ever."""

from __future__ import annotations

import time

import orjson
import sqlalchemy as sa

from company.tables import ChannelAccount
from kit.clock import now_ms
from storage.tables import EventRow, Job
from tests.faults.experiments.base import Ask, Experiment
from tests.faults.messengers import FIRST_BUYER
from tests.faults.run import Trial, trade
from tests.faults.weather import FAIR

MOST_TRIES = 5
DIES_WITHIN = 300.0
"""Seconds: the pauses between the tries add up to about 85."""


async def poison(ask: Ask) -> None:
    """Every one of `size` buyers gets a message into his lane that no hub can handle, and goes on buying behind it."""
    for database in ask.databases:
        plan = ask.plan(database=database, buyers=ask.size, others=0, visitors=0, weather=FAIR, patient=True)
        ask.told(await trade(plan, _poison_all, 1))


async def _poison_all(trial: Trial) -> None:
    await trial.serve_a_while(2.0)
    began = time.monotonic()
    with trial.place.writing() as session:
        account = session.scalars(sa.select(ChannelAccount).where(ChannelAccount.channel == "telegram")).one()
        for n in range(trial.plan.buyers):
            chat = str(FIRST_BUYER + n)
            payload = {"account_id": 10**9, "chat": chat, "raw": {}}
            session.add(
                Job(
                    lane=f"in:{account.id}:{chat}",
                    kind="incoming.handle",
                    payload=orjson.dumps(payload).decode(),
                    dedup_key=f"poison:{n}",
                    run_at=now_ms(),
                    created_at=now_ms(),
                )
            )
    await trial.until(lambda: len(_dead(trial)) == trial.plan.buyers, within=DIES_WITHIN)
    trial.report.faults["poisonous jobs"] += trial.plan.buyers
    tries = {job.attempts for job in _dead(trial)}
    trial.demand(tries == {MOST_TRIES}, f"tried {tries} times")
    with trial.place.session() as session:
        told = session.scalar(sa.select(sa.func.count(EventRow.id)).where(EventRow.kind == "job_died"))
    trial.demand(told == trial.plan.buyers, f"{told} of {trial.plan.buyers} deaths were told of")
    for n in range(trial.plan.buyers):
        phone = trial.place.phones[n]
        before = phone.last
        phone.say("Каталог")
        await phone.wait_for_text("Каталог", after=before.id if before else 0, timeout=60)
    trial.report.recoveries.append(time.monotonic() - began)
    trial.excused["dead jobs"] = trial.plan.buyers


def _dead(trial: Trial) -> list[Job]:
    with trial.place.session() as session:
        return list(session.scalars(sa.select(Job).where(Job.state == "dead", Job.dedup_key.startswith("poison:"))))


F22 = Experiment("a message that no hub can handle, in every chat at once", poison, release=20, quick=3)
