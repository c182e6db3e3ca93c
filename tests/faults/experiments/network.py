"""F7 and more: what networks do to the hub's connections with the messengers, YooKassa and PostgreSQL."""

from __future__ import annotations

import asyncio
import time

from tests.faults.experiments.base import Ask, Experiment
from tests.faults.proxy import Ill, Plan
from tests.faults.run import Trial, trade
from tests.faults.weather import FAIR

ILLS: tuple[tuple[str, Plan], ...] = (
    ("telegram", Plan(Ill.LATENCY, seconds=0.7)),
    ("telegram", Plan(Ill.HANG, chance=0.3, seconds=3)),
    ("telegram", Plan(Ill.RESET, chance=0.3)),
    ("telegram", Plan(Ill.CUT, chance=0.4, after=60)),
    ("telegram", Plan(Ill.LOST_ANSWER, chance=0.3)),
    ("telegram", Plan(Ill.REFUSE)),
    ("telegram", Plan(Ill.HALF_CLOSE, chance=0.3)),
    ("max", Plan(Ill.HANG, chance=0.3, seconds=3)),
    ("max", Plan(Ill.CUT, chance=0.4, after=60)),
    ("max", Plan(Ill.LOST_ANSWER, chance=0.3)),
    ("max", Plan(Ill.REFUSE)),
    ("vk", Plan(Ill.RESET, chance=0.3)),
    ("vk", Plan(Ill.CUT, chance=0.4, after=60)),
    ("vk", Plan(Ill.LOST_ANSWER, chance=0.3)),
    ("vk", Plan(Ill.REFUSE)),
    ("whatsapp", Plan(Ill.HANG, chance=0.3, seconds=3)),
    ("whatsapp", Plan(Ill.CUT, chance=0.4, after=60)),
    ("whatsapp", Plan(Ill.LOST_ANSWER, chance=0.3)),
    ("whatsapp", Plan(Ill.REFUSE)),
    ("imap", Plan(Ill.LATENCY, seconds=0.7)),
    ("imap", Plan(Ill.RESET, chance=0.3)),
    ("imap", Plan(Ill.CUT, chance=0.3, after=60)),
    ("imap", Plan(Ill.HANG, chance=0.3, seconds=3)),
    ("imap", Plan(Ill.REFUSE)),
    ("smtp", Plan(Ill.LATENCY, seconds=0.7)),
    ("smtp", Plan(Ill.RESET, chance=0.1)),
    ("smtp", Plan(Ill.LOST_ANSWER, chance=0.5, words=b"\r\n.\r\n")),
    ("smtp", Plan(Ill.HANG, chance=0.1, seconds=3)),
    ("smtp", Plan(Ill.REFUSE)),
    ("hooks", Plan(Ill.LATENCY, seconds=0.7)),
    ("hooks", Plan(Ill.RESET, chance=0.3)),
    ("hooks", Plan(Ill.CUT, chance=0.4, after=20)),
    ("hooks", Plan(Ill.LOST_ANSWER, chance=0.4)),
    ("hooks", Plan(Ill.REFUSE)),
    ("yookassa", Plan(Ill.LATENCY, seconds=0.7)),
    ("yookassa", Plan(Ill.HANG, chance=0.5, seconds=3)),
    ("yookassa", Plan(Ill.RESET, chance=0.5)),
    ("yookassa", Plan(Ill.CUT, chance=0.5, after=60)),
    ("yookassa", Plan(Ill.LOST_ANSWER, chance=0.5, words=b"POST ")),
    ("yookassa", Plan(Ill.REFUSE)),
    ("postgres", Plan(Ill.LATENCY, seconds=0.05)),
    ("postgres", Plan(Ill.RESET, chance=0.02)),
    ("postgres", Plan(Ill.LOST_ANSWER, words=b"COMMIT", times=3)),
    ("postgres", Plan(Ill.REFUSE)),
)
"""What happens where; `times` and `chance` leave some calls whole, so that trade goes on."""

SENDING = {"telegram": "telegram", "max": "max", "vk": "vk", "whatsapp": "whatsapp", "smtp": "email"}
"""Wires that messages go out by, and whose they are."""

LASTS = (1.0, 4.0)
"""Seconds that one trouble lasts."""


async def wires(ask: Ask) -> None:
    """Every trouble in turn, `size` in all."""
    for database in ask.databases:
        turn = iter(range(10**6))

        async def disturb(trial: Trial, turn: object = turn) -> None:
            there = [(name, plan) for name, plan in ILLS if name in trial.place.wires]
            name, plan = there[next(turn) % len(there)]  # type: ignore[call-overload]
            await suffer(trial, name, plan)

        ask.told(await trade(ask.plan(database=database, proxied=True, weather=FAIR), disturb, ask.size))


async def suffer(trial: Trial, name: str, plan: Plan) -> None:
    """Let it happen on this wire for a few seconds, and wait for a sign of life."""
    await trial.serve_a_while(1.5)
    proxy = trial.place.wires[name]
    fresh = Plan(plan.ill, plan.chance, plan.seconds, plan.after, plan.words, plan.times)
    await proxy.plan(fresh)
    until = time.monotonic() + trial.dice.uniform(*LASTS)
    while time.monotonic() < until:
        _note(trial, name)
        await asyncio.sleep(0.05)
    _note(trial, name)
    healed = time.monotonic()
    await proxy.heal()
    await trial.sign_of_life(healed)


def _note(trial: Trial, name: str) -> None:
    """Nobody can know what becomes of what is sent over this wire, or over any while the database is away."""
    if name == "postgres":
        trial.note_window()
    elif name in SENDING:
        trial.note_window(SENDING[name])


F7 = Experiment("latency, hangs, resets, cuts, lost answers, refusals on every wire", wires, release=100, quick=26)
