"""A TCP proxy that does to connections what networks do.

It stands between the hub and Telegram, YooKassa or PostgreSQL and knows nothing of what it carries, but for the words
after which an answer is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

PIECE = 1 << 16


class Ill(StrEnum):
    """What may happen to a connection."""

    LATENCY = "latency"
    """Every piece comes later."""
    HANG = "hang"
    """Nothing goes through any more, and nobody is told."""
    RESET = "reset"
    """RST in both directions, with whatever was under way."""
    CUT = "cut"
    """So many bytes of the answer, then RST."""
    LOST_ANSWER = "lost_answer"
    """The request arrives and is worked on; what comes back is thrown away, and the connection with it."""
    REFUSE = "refuse"
    """Nobody listens there."""
    HALF_CLOSE = "half_close"
    """The far end says that it will send no more, in the middle of an answer."""


@dataclass(slots=True)
class Plan:
    """What happens to connections from now on.

    `chance` per piece of a request; `seconds` of LATENCY and HANG; `after` bytes of the answer for CUT and HALF_CLOSE;
    `words` that a request must contain for LOST_ANSWER (any request if empty); `times` how often at most.
    """

    ill: Ill
    chance: float = 1.0
    seconds: float = 0.2
    after: int = 40
    words: bytes = b""
    times: int = 1_000_000


@dataclass(eq=False)
class _Link:
    """One connection and its continuation."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    loses_answer: bool = False
    answer_left: int | None = None
    halved: bool = False

    def reset(self) -> None:
        """Both ends get RST, not a polite end."""
        for writer in (self.near, self.far):
            raw = writer.get_extra_info("socket")
            if raw is not None:
                with contextlib.suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """One listening port before one service; `met` counts what it did."""

    def __init__(self, host: str, port: int, *, seed: int = 1) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._plans: list[Plan] = []
        self._dice = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.met: Counter[str] = Counter()

    async def start(self) -> None:
        """Listen; a proxy that was started before takes the same port again."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Tear every connection and wait for its end: asyncio complains of one that was cancelled."""
        await self._refuse()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def plan(self, *plans: Plan) -> None:
        """Let these happen instead of what was planned before."""
        self._plans = list(plans)
        if any(plan.ill is Ill.REFUSE for plan in plans):
            self.met[Ill.REFUSE] += 1
            await self._refuse()
        elif self._server is None:
            await self.start()

    async def heal(self) -> None:
        """Serve as before; connections that hang are dropped."""
        if any(plan.ill is Ill.HANG for plan in self._plans):
            for link in [*self._links]:
                link.reset()
        await self.plan()

    def reset_all(self) -> None:
        """RST to every connection that is open now."""
        for link in [*self._links]:
            self.met[Ill.RESET] += 1
            link.reset()

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for link in [*self._links]:
            link.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            self._tasks.discard(task)
            return
        link = _Link(writer, far_writer)
        self._links.add(link)
        try:
            await asyncio.gather(self._requests(reader, link), self._answers(far_reader, link))
        except OSError:
            link.reset()
        finally:
            self._links.discard(link)
            self._tasks.discard(task)
            for end in (writer, far_writer):
                end.close()

    async def _requests(self, reader: asyncio.StreamReader, link: _Link) -> None:
        while piece := await reader.read(PIECE):
            plan = self._struck(piece)
            if plan is not None:
                await self._strike(plan, link)
            link.far.write(piece)
            await link.far.drain()
        if not link.far.is_closing():
            link.far.write_eof()

    async def _answers(self, reader: asyncio.StreamReader, link: _Link) -> None:
        while piece := await reader.read(PIECE):
            if link.loses_answer:
                link.reset()
                return
            if link.answer_left is not None:
                piece, link.answer_left = piece[: link.answer_left], link.answer_left - len(piece)
            if not link.halved:
                link.near.write(piece)
                await link.near.drain()
            if link.answer_left is not None and link.answer_left <= 0:
                link.reset()
                return
        if not link.near.is_closing():
            link.near.write_eof()

    def _struck(self, piece: bytes) -> Plan | None:
        for plan in self._plans:
            if plan.times > 0 and plan.words in piece and self._dice.random() < plan.chance:
                plan.times -= 1
                self.met[plan.ill] += 1
                return plan
        return None

    async def _strike(self, plan: Plan, link: _Link) -> None:
        match plan.ill:
            case Ill.LATENCY:
                await asyncio.sleep(plan.seconds)
            case Ill.HANG:
                await asyncio.sleep(plan.seconds)
                link.reset()
            case Ill.RESET:
                link.reset()
            case Ill.LOST_ANSWER:
                link.loses_answer = True
            case Ill.CUT:
                link.answer_left = plan.after
            case Ill.HALF_CLOSE:
                link.halved = True
                link.near.write_eof()
