"""What both servers are: a port, and the connections that are open at it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Generic, Protocol, TypeVar

from emulators.mail.world import World


class Conversation(Protocol):
    """One connection of a program."""

    async def serve(self) -> None:
        """Answer until it ends."""

    def cut(self) -> None:
        """Break it."""


C = TypeVar("C", bound=Conversation)


class Serving(Generic[C]):
    def __init__(self, world: World) -> None:
        self._world = world
        self._server: asyncio.Server | None = None
        self._open: dict[C, asyncio.Task[None]] = {}

    async def start(self, host: str, port: int) -> int:
        """Listen; 0 takes a free port. Gives the port."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=1 << 20)
        taken: int = self._server.sockets[0].getsockname()[1]
        return taken

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            open_now = list(self._open.values())
            self.cut()
            await asyncio.gather(*open_now, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    def cut(self) -> None:
        """Break every connection that there is."""
        for connection, task in list(self._open.items()):
            connection.cut()
            task.cancel()

    def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> C:
        raise NotImplementedError

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = self._connection(reader, writer)
        serving = asyncio.ensure_future(connection.serve())
        self._open[connection] = serving
        try:
            await asyncio.gather(serving, return_exceptions=True)
        finally:
            self._open.pop(connection, None)
            with contextlib.suppress(OSError):
                writer.close()
                await writer.wait_closed()
