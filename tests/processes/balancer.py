"""What stands before several web processes: the installation's one address, without sticky sessions."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence

from tests.processes.fleet import Member

LOOK = 0.1
"""Seconds between looks at who is ready."""


class Balancer:
    """Each connection goes to the next process that is ready."""

    def __init__(self, port: int, members: Sequence[Member]) -> None:
        self._port = port
        self._members = members
        self._ready: list[Member] = []
        self._turn = itertools.count()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Balancer:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self._port)
        self._keep(asyncio.create_task(self._look()))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self) -> None:
        while True:
            states = await asyncio.gather(*(member.status("ready") for member in self._members))
            self._ready = [member for member, state in zip(self._members, states, strict=True) if state == 200]
            await asyncio.sleep(LOOK)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._keep(task)
        try:
            there = await self._open()
            if there is not None:
                await asyncio.gather(_carry(reader, there[1]), _carry(there[0], writer))
                there[1].transport.abort()
        except asyncio.CancelledError:
            # asyncio's server looks for the failure of a task of its own, and takes a cancelled one for a failure.
            return
        finally:
            writer.transport.abort()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A process that takes the connection; one that has just died is passed over."""
        ready = list(self._ready)
        first = next(self._turn)
        for n in range(len(ready)):
            member = ready[(first + n) % len(ready)]
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", member.port)
        return None


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    with contextlib.suppress(OSError):
        target.write_eof()
