"""The golden story in all six channels at once: chosen, ordered, paid, shipped, and its money given back.

It is told `size` times in each channel, in one hub, while updates are doubled and disordered, calls are refused, lost
and cut, and each wire in turn falls ill; nobody at the counter does anything about it. In `six-killed` hubs die too.
"""

from __future__ import annotations

import time

import sqlalchemy as sa

from tests.faults.experiments.base import Ask, Experiment
from tests.faults.experiments.network import ILLS, suffer
from tests.faults.place import OTHERS, Place
from tests.faults.queries import WHOLE_STORIES
from tests.faults.run import Trial, kill, trade
from tests.faults.weather import ROUGH, Weather

DISORDER = Weather(doubled=0.1, overtaken=0.1)

CHANNELS = ("telegram", *OTHERS, "webchat")

LONGEST = 600.0
"""Seconds within which one more story is told to its end in each channel."""


async def unattended(ask: Ask) -> None:
    await _in_all(ask, killed=False)


async def killed(ask: Ask) -> None:
    await _in_all(ask, killed=True)


async def disordered(ask: Ask) -> None:
    """Only updates come twice and out of turn: all wires are well, and what there is to wait for is the story."""
    await _in_all(ask, killed=False, weather=DISORDER)


async def _in_all(ask: Ask, *, killed: bool, weather: Weather = ROUGH) -> None:
    for database in ask.databases:

        async def disturb(trial: Trial) -> None:
            for stories in range(1, ask.size + 1):
                until = time.monotonic() + LONGEST
                while min(_told(trial.place).values()) < stories and time.monotonic() < until:
                    await (trial.serve_a_while() if weather is DISORDER else _once(trial, killed=killed))

        plan = ask.plan(database=database, channels=tuple(OTHERS), golden=True, proxied=True, weather=weather)
        report = await trade(plan, disturb, 1)
        told = {channel: report.reckoning.counts[f"whole stories in {channel}"] for channel in CHANNELS}
        report.measured["whole stories"] = told
        few = {channel: number for channel, number in told.items() if number < ask.size}
        report.failures += [f"only {number} whole stories in {channel}" for channel, number in few.items()]
        ask.told(report)


async def _once(trial: Trial, *, killed: bool) -> None:
    """A wire falls ill, or the hub dies."""
    if killed and trial.dice.random() < 1 / 3:
        await kill(trial)
        return
    there = [(name, plan) for name, plan in ILLS if name in trial.place.wires]
    name, plan = trial.dice.choice(there)
    await suffer(trial, name, plan)


def _told(place: Place) -> dict[str, int]:
    """How many stories were told to their end in each channel so far."""
    with place.session() as session:
        found = {str(channel): int(number) for channel, number in session.execute(sa.text(WHOLE_STORIES))}
    return {channel: found.get(channel, 0) for channel in CHANNELS}


TITLE = "the golden story in six channels at once, in bad weather and on ill wires"
SIX = Experiment(TITLE, unattended, release=20, quick=1)
SIX_KILLED = Experiment(f"{TITLE}, and kill -9", killed, release=20, quick=1)
