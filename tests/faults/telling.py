"""How a story is told: a town, its hubs, what is done to them, and how everything comes to rest at the end."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import orjson
import sqlalchemy as sa
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
)
from sqlalchemy.orm import Session

from emulators.yookassa.records import Status
from kit.clock import utc_now
from kit.errors import Problem
from payments import polling
from payments.providers.yookassa_wire import notice_of
from payments.tables import Payment
from tests.faults import deeds
from tests.faults.house import Databases, House, Town
from tests.faults.outside import Clock, Died
from tests.faults.watch import Watcher

T = TypeVar("T")

LONGEST_REST = 150
"""Rounds after which a world that does not come to rest counts as one that never will."""

MOST_TICKS = 30
"""How often the poller comes to what the bank has decided: an old refund is looked at by one tick in ten."""

Act = Coroutine[Any, Any, T]


class Telling(RuleBasedStateMachine):
    """One town, one or two hubs in it, and how anything is done to them."""

    databases: ClassVar[Databases]
    runner: ClassVar[asyncio.Runner]
    clock: ClassVar[Clock]
    files: ClassVar[Path]
    hubs: ClassVar[int] = 1
    told: ClassVar[Counter[str]] = Counter()
    """What happened in all the stories so far."""
    diary: ClassVar[list[str]] = []
    """The acts of the story that was told last."""

    town: Town
    houses: list[House]
    watcher: Watcher
    slow: bool
    """Whether lanes are worked one at a time, when their turn is drawn; else all at once after each act."""

    # Always, and at the end

    @invariant()
    def nothing_is_wrong(self) -> None:
        self.told["acts"] += 1
        self.watcher.at_every_step()

    def teardown(self) -> None:
        if not hasattr(self, "watcher"):
            return
        failed = sys.exc_info()[0] is not None
        try:
            if not failed:
                self.comes_to_rest()
        finally:
            for house in self.houses:
                self.runner.run(house.die())
            self.watcher.close()

    def comes_to_rest(self) -> None:
        """Everything that is still to come comes, and everything that is due is done; twice, the second time later."""
        self.town.gate.planned = []
        for house in self.houses:
            house.death.disarm()
        self.clock.now = self.clock.latest
        self.rests()
        self.watcher.at_the_end()
        for refund in list(self.town.cashier.bank.refunds.values()):
            if refund.status is Status.PENDING:
                self.town.cashier.bank.finish_refund(refund.id)
        self.clock.now = self.clock.latest + timedelta(hours=26).total_seconds()
        self.rests()
        self.watcher.at_the_end()
        self.watcher.nothing_is_undecided()

    def rests(self) -> None:
        ticks = 0
        for _ in range(LONGEST_REST):
            while self.town.gate.held:
                self.town.gate.let_go()
                self.quiet()
            if self.town.messenger.pending:
                self.takes_updates(0, self.town.messenger.pending[:4])
            if not any(house.worker.rung for house in self.houses):
                self.sweeps()
            self.go_on()
            due = self.next_due()
            if due is not None and due <= self.clock.now + 4000:
                self.clock.now = max(self.clock.now, due)
            elif ticks == 0 or (ticks < MOST_TICKS and self.has_decided_refunds()):
                ticks += 1
                self.clock.now += 30
                self.polls(0)
            elif not self.town.messenger.pending:
                return
        waiting = self.rows(
            "SELECT j.kind, j.lane, j.run_at, l.lease_until, j.attempts, j.error FROM job j"
            " LEFT JOIN lane l ON l.lane = j.lane WHERE j.state = 'ready' ORDER BY j.id"
        )
        raise AssertionError(f"never comes to rest at {self.clock.now * 1000:.0f}: {waiting[:3]}")

    def has_decided_refunds(self) -> bool:
        """Whether the bank has done with a refund of which a hub does not know that."""
        refunds = self.town.cashier.bank.refunds
        waiting = self.rows("SELECT provider_id FROM refund WHERE state = 'pending'")
        return any(refunds[id_].status is not Status.PENDING for (id_,) in waiting)

    def go_on(self) -> None:
        """Take what has come and work every lane that was rung, once."""
        if self.town.messenger.pending:
            self.takes_updates(0, self.town.messenger.pending[:4])
        for house in list(self.houses):
            for lane in sorted(house.worker.rung):
                if house in self.houses:
                    self.works(house, lane)

    # How acts are done

    def does(self, hub: int, act: Callable[[House], Act[T]]) -> T | None:
        """Let this hub do it; None if it refused, or died of it."""
        house, came = self.houses[hub % len(self.houses)], None
        try:
            came = self.runner.run(act(house))
        except Problem:
            self.told["refused"] += 1
        except Died:
            assert house.death.struck
        self.quiet()
        return came

    def takes_updates(self, hub: int, came: Sequence[dict[str, Any]], *, copies: int = 1) -> None:
        self.told["updates delivered"] += len(came)
        if self.does(hub, lambda house: deeds.accept(house, came, copies=copies)):
            self.town.messenger.acknowledge_updates(came)

    def works(self, house: House, lane: str) -> None:
        async def begin() -> None:
            house.worker.begin(lane)

        self.runner.run(begin())
        self.quiet()

    def polls(self, hub: int) -> None:
        self.does(hub, lambda house: house.db.write(polling.due, utc_now()))

    def sweeps(self) -> None:
        for house in self.houses:
            self.runner.run(house.worker.sweep())

    def all_lanes(self, prefix: str) -> None:
        for house in list(self.houses):
            for lane in sorted(house.worker.rung):
                if lane.startswith(prefix):
                    self.works(house, lane)

    def quiet(self) -> None:
        """Until whatever runs has ended, or waits for the outside."""
        self.runner.run(self._ended_or_held())
        for house in list(self.houses):
            if house.death.struck:
                self.buries(house)

    async def _ended_or_held(self) -> None:
        gate = self.town.gate
        while len(running := {task for house in self.houses for task in house.worker.running}) > len(gate.held):
            gate.blocked.clear()
            blocked = asyncio.create_task(gate.blocked.wait())
            await asyncio.wait({*running, blocked}, return_when=asyncio.FIRST_COMPLETED)
            blocked.cancel()

    def buries(self, house: House) -> None:
        """The process is gone, and another one is started in its place."""
        self.told["deaths"] += 1
        place = self.houses.index(house)
        self.town.messenger.doubtful |= {
            row[0] for row in self.rows("SELECT id FROM message WHERE delivery = 'sending'")
        }
        self.runner.run(house.die())
        self.houses[place] = self.runner.run(self.town.house())
        self.houses[place].worker.prompt = not self.slow

    def to_an_order(self, hub: int, pick: int, act: Callable[..., Any], *facts: Any) -> None:
        ids = [row[0] for row in self.rows('SELECT id FROM "order" ORDER BY id')]
        if ids:
            self.does(hub, lambda house: house.db.write(act, ids[pick % len(ids)], *facts))

    def to_a_payment(self, hub: int, pick: int, act: Callable[[Session, Payment], Any]) -> None:
        paid = [row[0] for row in self.rows("SELECT id FROM payment ORDER BY state <> 'paid', id")]
        ids = paid[: 1 + pick % 3]
        if ids:
            id_ = ids[pick % len(ids)]
            self.does(hub, lambda house: house.db.write(lambda session: act(session, session.get_one(Payment, id_))))

    def hears(self, hub: int, event: str, content: dict[str, Any]) -> None:
        notice = notice_of(orjson.dumps({"type": "notification", "event": event, "object": content}))
        assert notice is not None
        self.told["notices"] += 1
        self.does(hub, lambda house: house.db.write(deeds.hear, notice))

    def belongings(self) -> list[Any]:
        return [
            self.rows('SELECT id, stage_id, paid, total FROM "order" ORDER BY id'),
            self.rows("SELECT cart_id, variant_id, quantity FROM cart_line ORDER BY cart_id, variant_id"),
        ]

    def rows(self, query: str) -> list[Any]:
        with self.town.reader.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    def next_due(self) -> float | None:
        """When the next job is due or the next lease ends, in seconds."""
        [(job,)] = self.rows(
            "SELECT MIN(CASE WHEN l.lease_until > j.run_at THEN l.lease_until + 1 ELSE j.run_at END) FROM job j"
            " LEFT JOIN lane l ON l.lane = j.lane WHERE j.state = 'ready' AND NOT EXISTS (SELECT 1 FROM job e"
            " WHERE e.lane = j.lane AND e.state = 'ready' AND e.id < j.id)"
        )
        return None if job is None else float(job) / 1000
