"""The updates that a bot has not taken yet, and long polling."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from emulators.telegram.errors import ApiError, cut_off_by_webhook, polled_elsewhere
from emulators.telegram.faults import Faults
from emulators.telegram.journal import Journal
from emulators.telegram.world import Json

FIRST_UPDATE_ID = 100_000_001
BATCH_LIMIT = 100
POLL_LIMIT = 50
"""Seconds that a poll is held at most, whatever it asks for."""
ONLY_WHEN_ASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Kinds that a bot gets only by naming them. Source: https://core.telegram.org/bots/api#getupdates"""


@dataclass(slots=True)
class Update:
    """`lane` is the queue that keeps its order: updates of one lane follow each other, lanes overtake each other."""

    id: int
    kind: str
    lane: str
    payload: Json = field(repr=False)

    def wire(self) -> Json:
        return {"update_id": self.id, self.kind: self.payload}


class UpdateQueue:
    """The updates of one bot in the order of their ids. `on_push` hands a new one to the webhook, if there is one."""

    def __init__(self, bot_id: int, *, faults: Faults, counters: Counter[str], journal: Journal | None) -> None:
        self.bot_id = bot_id
        self.next_id = FIRST_UPDATE_ID
        self.pending: dict[int, Update] = {}
        self.allowed: frozenset[str] | None = None
        self.on_push: Callable[[Update], None] | None = None
        self._faults = faults
        self._counters = counters
        self._journal = journal
        self._poller: asyncio.Future[None] | None = None
        self._again: list[Update] = []

    def push(self, kind: str, payload: Json, *, lane: str) -> Update | None:
        """Queue an update; None when the bot did not ask for this kind."""
        if not self._wanted(kind):
            return None
        update = Update(self.next_id, kind, lane, payload)
        self.next_id += 1
        self.pending[update.id] = update
        self._counters["updates"] += 1
        self.note(update, "created")
        if self.on_push is not None:
            self.on_push(update)
        else:
            self.release_poller()
        return update

    def _wanted(self, kind: str) -> bool:
        return kind not in ONLY_WHEN_ASKED if self.allowed is None else kind in self.allowed

    def allow(self, kinds: Iterable[str] | None) -> None:
        """Remember which kinds the bot wants from now on; None keeps the former choice, an empty list is the usual."""
        if kinds is not None:
            self.allowed = frozenset(kinds) or None

    async def poll(self, *, offset: int, limit: int, hold: float) -> list[Json]:
        """Updates from `offset` on; waits up to `hold` seconds for the first one.

        All updates before the offset are confirmed and forgotten. A negative offset keeps that many from the end.
        Raises ApiError 409 if another poll or a webhook cuts this one off.
        """
        self._cut_off(polled_elsewhere())
        self._confirm(offset)
        limit = limit if 1 <= limit <= BATCH_LIMIT else BATCH_LIMIT
        batch = self._batch(limit)
        if batch or hold <= 0:
            return batch
        loop = asyncio.get_running_loop()
        poller = self._poller = loop.create_future()
        bell = loop.call_later(min(hold, POLL_LIMIT), self.release_poller)
        try:
            await poller
        finally:
            bell.cancel()
            if self._poller is poller:
                self._poller = None
        return self._batch(limit)

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            offset = next(iter([*self.pending][offset:]), self.next_id)
        for update_id in [update_id for update_id in self.pending if update_id < offset]:
            update = self.done(update_id, "confirmed")
            if update is not None and self._faults.doubled():
                self._again.append(update)

    def _batch(self, limit: int) -> list[Json]:
        updates = [*self._again, *self.pending.values()][:limit]
        self._again.clear()
        for place in range(len(updates) - 1):
            apart = updates[place].lane != updates[place + 1].lane
            if self._faults.disordered() or (apart and self._faults.overtaken()):
                updates[place], updates[place + 1] = updates[place + 1], updates[place]
        return [update.wire() for update in updates]

    def done(self, update_id: int, state: str) -> Update | None:
        """Forget an update that was confirmed, delivered or dropped."""
        update = self.pending.pop(update_id, None)
        if update is not None:
            self._counters[f"updates_{state}"] += 1
            self.note(update, state)
        return update

    def drop_pending(self) -> None:
        for update_id in [*self.pending]:
            self.done(update_id, "dropped")

    def note(self, update: Update, state: str, **facts: object) -> None:
        if self._journal is not None:
            self._journal.write("update", bot=self.bot_id, update_id=update.id, type=update.kind, state=state, **facts)

    def end_polling(self) -> None:
        """A webhook was set: whoever polls is told so."""
        self._cut_off(cut_off_by_webhook())

    def release_poller(self) -> None:
        """Answer a waiting poll with what there is, if only because the server stops."""
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(None)

    def _cut_off(self, why: ApiError) -> None:
        if self._poller is not None and not self._poller.done():
            self._poller.set_exception(why)
