"""F14: PostgreSQL is killed, stopped, paused, its sessions ended, and the answer to a COMMIT is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from tests.faults.experiments.base import Ask, Experiment
from tests.faults.postgres import Server, own_server
from tests.faults.proxy import Ill, Plan
from tests.faults.run import Trial, trade
from tests.faults.weather import FAIR

BACK_WITHIN = 10.0
"""Seconds in which a hub serves again after its database does."""

PAUSE = (1.0, 30.0)


async def lost_server(ask: Ask) -> None:
    """Each kind of trouble in turn, `size` in all."""
    with own_server() as server:
        turn = 0

        async def disturb(trial: Trial) -> None:
            nonlocal turn
            kind, act = KINDS[turn % len(KINDS)]
            turn += 1
            await trial.serve_a_while(1.5)
            watching = asyncio.create_task(_watch(trial))
            try:
                back = await act(trial, server)
            finally:
                watching.cancel()
                trial.note_window()
            trial.report.faults[kind] += 1
            await trial.sign_of_life(back)
            took = time.monotonic() - back
            trial.demand(took <= BACK_WITHIN, f"{kind}: {took:.1f} s until the hub served again")

        ask.told(await trade(ask.plan(database=server.address, proxied=True, weather=FAIR), disturb, ask.size))


async def _watch(trial: Trial) -> None:
    """Note what is being sent while the database comes and goes."""
    while True:
        await asyncio.to_thread(trial.note_window_if_possible)
        await asyncio.sleep(0.05)


async def _killed(trial: Trial, server: Server) -> float:
    server.kill()
    await asyncio.to_thread(server.start)
    return time.monotonic()


async def _stopped(trial: Trial, server: Server) -> float:
    await asyncio.to_thread(server.stop_at_once)
    await asyncio.sleep(trial.dice.uniform(0.0, 3.0))
    await asyncio.to_thread(server.start)
    return time.monotonic()


async def _ended(trial: Trial, server: Server) -> float:
    await asyncio.to_thread(server.terminate_sessions)
    return time.monotonic()


async def _paused(trial: Trial, server: Server) -> float:
    processes = server.pause()
    await asyncio.sleep(trial.dice.uniform(*PAUSE))
    server.resume(processes)
    return time.monotonic()


async def _lost_commit(trial: Trial, server: Server) -> float:
    """The next few COMMITs are done, and the hub hears nothing but a reset."""
    proxy = trial.place.wires["postgres"]
    before = proxy.met[Ill.LOST_ANSWER]
    await proxy.plan(Plan(Ill.LOST_ANSWER, words=b"COMMIT", times=trial.dice.randint(1, 4)))
    await trial.until(lambda: proxy.met[Ill.LOST_ANSWER] > before, within=30)
    await asyncio.sleep(trial.dice.uniform(0.2, 1.0))
    await proxy.heal()
    return time.monotonic()


KINDS: tuple[tuple[str, Callable[[Trial, Server], Awaitable[float]]], ...] = (
    ("postmaster killed", _killed),
    ("sessions ended", _ended),
    ("answers to COMMIT lost", _lost_commit),
    ("server stopped at once", _stopped),
    ("server paused", _paused),
)

F14 = Experiment("PostgreSQL killed, stopped, paused, its sessions ended, COMMITs unanswered", lost_server, 150, 5)
