"""What rings, and what is heard of it.

A ring names lanes and is heard by every worker, and each lane has one worker whom it concerns: the lanes are divided
among the workers that were heard of in the last seconds. So a ring costs one conditional update and not one for each
worker, on any broker, as no more is asked of it than to say a few bytes to all. When two disagree about who lives, a
lane is tried twice or is found by the sweep half a second later.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import orjson

logger = logging.getLogger(__name__)

LANES, EVENTS, ANSWERS, WORKERS = "lanes", "events", "answers", "workers"
"""What is spoken of: lanes with work, ids of events, answers to presses of the web chat, workers that live."""

LARGEST = 7000
"""Bytes of one message; PostgreSQL takes less than 8000."""

MOST_LANES, MOST_EVENTS, MOST_ANSWERS = 2000, 2000, 500
"""How much waits to be said at most. What is more is dropped: the sweep and the event log have it anyway."""

BEAT = 1.0
"""Seconds between signs of life."""

GONE = 4.0
"""Seconds of silence after which a worker gets no more rings, or the line itself counts as broken."""

PATIENCE = 5.0
"""Seconds that one word to the broker may take."""

LONGEST_PAUSE = 15.0
"""Seconds between tries to reach a broker that is down."""

GATHER = 0.015
"""Seconds for which events wait for more of them: no eye sees it. Lanes do not wait."""

Word = Mapping[str, Any]


class Line(Protocol):
    """A connection to a broker, for one use: it is opened once and closed once."""

    async def open(self, topics: Sequence[str]) -> None:
        """Connect and listen."""

    async def say(self, topic: str, payload: bytes) -> None:
        """To every process that listens to the topic, this one too."""

    def heard(self) -> AsyncIterator[tuple[str, bytes]]:
        """Topic and payload, as they come. Raises when the connection is lost."""

    async def close(self) -> None: ...


class Bell(Protocol):
    """How one process tells the others. Nothing here waits, blocks or raises."""

    def ring(self, lanes: Iterable[str]) -> None:
        """These lanes have work."""

    def tell(self, events: Iterable[int]) -> None:
        """These events are committed."""

    def answer(self, ack: str, text: str, alert: bool) -> None:
        """What a press in the web chat is answered, for the process that holds the visitor's request."""

    def concerns(self, lane: str) -> bool:
        """Whether this worker is the one to look at the lane."""

    def retire(self) -> None:
        """This process works no more: its share goes to the others."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Silent:
    """One process has nobody to tell."""

    def ring(self, lanes: Iterable[str]) -> None:
        return

    def tell(self, events: Iterable[int]) -> None:
        return

    def answer(self, ack: str, text: str, alert: bool) -> None:
        return

    def concerns(self, lane: str) -> bool:
        return True

    def retire(self) -> None:
        return

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        return


class Broadcast:
    """Through a broker. `open_line` makes a new line at each try; `space` keeps installations on one broker apart.

    `hears` says what this process listens to. Each listener gets what was said since it was last called, or None:
    something may have been missed, look for yourself.
    """

    def __init__(
        self,
        open_line: Callable[[], Line],
        *,
        space: str,
        lanes: Callable[[Sequence[str] | None], None] | None = None,
        events: Callable[[Sequence[int] | None], None] | None = None,
        answers: Callable[[str, str, bool], object] | None = None,
    ) -> None:
        self._open_line = open_line
        self._space = space
        self._lanes, self._events, self._answers = lanes, events, answers
        self.name = secrets.token_hex(4)
        self._to_ring: dict[str, None] = {}
        self._to_tell: list[int] = []
        self._to_answer: list[Word] = []
        self._something, self._all_said = asyncio.Event(), asyncio.Event()
        self._all_said.set()
        self._living: dict[str, float] = {}
        self._heard_at = 0.0
        self._life: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._complained = False
        self._leaving = False
        self._retired = False

    @property
    def works(self) -> bool:
        """Whether the broker answers."""
        return self._connected.is_set()

    async def start(self) -> None:
        """Returns at once: a broker that is down keeps nobody waiting."""
        self._life = asyncio.create_task(self._live())

    async def stop(self) -> None:
        """Say what waits, if that can be said, and leave."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                if self.works:
                    await self._all_said.wait()
        self._leaving = True
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)

    async def connected(self, *, within: float = 10.0) -> None:
        """Wait until the broker answers: for tests."""
        async with asyncio.timeout(within):
            await self._connected.wait()

    # What this process says

    def ring(self, lanes: Iterable[str]) -> None:
        for lane in lanes:
            if len(self._to_ring) < MOST_LANES:
                self._to_ring[lane] = None
        self._wake()

    def tell(self, events: Iterable[int]) -> None:
        self._to_tell += events
        del self._to_tell[MOST_EVENTS:]
        self._wake()

    def answer(self, ack: str, text: str, alert: bool) -> None:
        if len(self._to_answer) < MOST_ANSWERS:
            self._to_answer.append({"ack": ack, "text": text[:200], "alert": alert})
        self._wake()

    def retire(self) -> None:
        self._retired = True
        self._wake()

    def _wake(self) -> None:
        self._all_said.clear()
        self._something.set()

    def concerns(self, lane: str) -> bool:
        now = time.monotonic()
        others = {name for name, at in self._living.items() if now - at < GONE and name != self.name}
        living = sorted(others if self._retired else others | {self.name})
        return bool(living) and living[zlib.crc32(lane.encode()) % len(living)] == self.name

    # The line

    async def _live(self) -> None:
        pause = 0.0
        # A group whose tasks fail in the moment in which it is cancelled tells of them, and not of the cancellation.
        while not self._leaving:
            line = self._open_line()
            try:
                async with asyncio.timeout(PATIENCE):
                    await line.open([self._topic(name) for name in self._hears()])
                self._begin()
                pause = 0.0
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._listen(line))
                    group.create_task(self._speak(line))
                    group.create_task(self._beat(line))
            except Exception as failure:
                self._complain(failure)
            finally:
                self._connected.clear()
                await self._leave(line)
            if self._leaving:
                break
            pause = min(LONGEST_PAUSE, pause * 2 or 0.25)
            await asyncio.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311

    def _begin(self) -> None:
        if self._complained:
            logger.warning("the bell rings again")
        self._complained = False
        self._heard_at = time.monotonic()
        self._connected.set()
        if self._lanes is not None:
            self._lanes(None)
        if self._events is not None:
            self._events(None)

    def _complain(self, failure: Exception) -> None:
        """Once for each silence. The address may hold a password, and the failure may hold the address."""
        if not self._complained:
            causes = failure.exceptions if isinstance(failure, ExceptionGroup) else (failure,)
            names = ", ".join(sorted({type(cause).__name__ for cause in causes}))
            logger.warning("the bell is dead (%s): work is found by the sweep until it is back", names)
        self._complained = True

    async def _leave(self, line: Line) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(2):
                if self._works():
                    await line.say(self._topic(WORKERS), orjson.dumps({"gone": self.name}))
        with contextlib.suppress(Exception):
            async with asyncio.timeout(2):
                await line.close()

    def _works(self) -> bool:
        return self._lanes is not None and not self._retired

    def _hears(self) -> list[str]:
        heard = [self.name]
        heard += [LANES, WORKERS] if self._lanes is not None else []
        heard += [EVENTS] if self._events is not None else []
        heard += [ANSWERS] if self._answers is not None else []
        return heard

    def _topic(self, name: str) -> str:
        return f"prilavok_{self._space}_{name}"

    async def _listen(self, line: Line) -> None:
        begin = len(self._topic(""))
        async for topic, payload in line.heard():
            self._heard_at = time.monotonic()
            try:
                self._hear(topic[begin:], orjson.loads(payload))
            except (orjson.JSONDecodeError, KeyError, TypeError) as unknown:
                # Another version of Prilavok may speak otherwise.
                logger.debug("not understood: %s", type(unknown).__name__)
        raise ConnectionError("the line ended")

    def _hear(self, topic: str, word: Word) -> None:
        if topic == LANES and self._lanes is not None:
            mine = [lane for lane in word["lanes"] if self.concerns(lane)]
            if mine:
                self._lanes(mine)
        elif topic == EVENTS and self._events is not None and word["by"] != self.name:
            self._events(word["events"])
        elif topic == ANSWERS and self._answers is not None:
            self._answers(word["ack"], word["text"], word["alert"])
        elif topic == WORKERS and "gone" in word:
            self._living.pop(word["gone"], None)
        elif topic == WORKERS:
            self._living[word["here"]] = time.monotonic()

    async def _speak(self, line: Line) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            if self._to_tell and not self._to_ring:
                await asyncio.sleep(GATHER)
            for topic, word in self._words():
                async with asyncio.timeout(PATIENCE):
                    await line.say(self._topic(topic), orjson.dumps(word))
            if not self._something.is_set():
                self._all_said.set()

    def _words(self) -> Iterator[tuple[str, Word]]:
        """What waits to be said, in as few messages as their size allows."""
        lanes, self._to_ring = list(self._to_ring), {}
        events, self._to_tell = self._to_tell, []
        answers, self._to_answer = self._to_answer, []
        if self._retired:
            yield WORKERS, {"gone": self.name}
        for part in _parts(lanes):
            yield LANES, {"lanes": part}
        for part in _parts(events):
            yield EVENTS, {"by": self.name, "events": part}
        for word in answers:
            yield ANSWERS, word

    async def _beat(self, line: Line) -> None:
        """Say that we live, to the workers and to ourselves: a line on which we do not hear ourselves is broken."""
        while True:
            async with asyncio.timeout(PATIENCE):
                await line.say(self._topic(self.name), b"{}")
                if self._works():
                    await line.say(self._topic(WORKERS), orjson.dumps({"here": self.name}))
            await asyncio.sleep(BEAT)
            if time.monotonic() - self._heard_at > GONE + BEAT:
                raise TimeoutError("nothing is heard")


def _parts(things: Sequence[Any]) -> Iterator[Sequence[Any]]:
    part: list[Any] = []
    size = 0
    for thing in things:
        length = len(orjson.dumps(thing)) + 1
        if part and size + length > LARGEST:
            yield part
            part, size = [], 0
        part.append(thing)
        size += length
    if part:
        yield part
