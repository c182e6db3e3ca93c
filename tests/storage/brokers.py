"""Brokers for tests that end them: on a port of their own, or the machine's own one behind a wire that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tests.ports import free_port

RABBITMQ = os.environ.get("PRILAVOK_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")

Command = Callable[[int, Path], list[str]]

COMMANDS: Mapping[str, Command] = {
    "redis": lambda port, folder: [
        *("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
        *("--dir", str(folder)),
    ],
    "nats": lambda port, folder: ["nats-server", "-a", "127.0.0.1", "-p", str(port)],
}


class Broker:
    """Can be ended and begun again at one address."""

    url = ""

    async def start(self) -> None: ...

    async def kill(self) -> None: ...


class OwnServer(Broker):
    """Redis or NATS as a process of ours."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._port = free_port()
        self._command = COMMANDS[kind](self._port, folder)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"{kind}://127.0.0.1:{self._port}"

    async def start(self) -> None:
        self._process = await asyncio.to_thread(_popen, self._command)
        async with asyncio.timeout(20):
            while not answers(self._port):
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
            self._process = None


class Wire(Broker):
    """A way to the server at an address, which can be cut: every connection breaks and no new one is made."""

    def __init__(self, address: str) -> None:
        self._there = urlsplit(address)
        self._port = free_port()
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        secret = f"{self._there.username}:{self._there.password}@" if self._there.password else ""
        user = secret or (f"{self._there.username}@" if self._there.username else "")
        query = f"?{self._there.query}" if self._there.query else ""
        self.url = f"{self._there.scheme}://{user}127.0.0.1:{self._port}{self._there.path}{query}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self._port)

    async def kill(self) -> None:
        if self._server is not None:
            self._server.close()
        self.break_all()
        self._server = None
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def break_all(self) -> None:
        """End the connections that there are; new ones may be made."""
        for end in list(self._ends):
            end.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            there, back = await asyncio.open_connection(self._there.hostname, self._there.port)
        except OSError:
            writer.transport.abort()
            self._tasks.discard(task)
            return
        self._ends |= {writer, back}
        try:
            await asyncio.gather(_carry(reader, back), _carry(there, writer))
        finally:
            self._ends -= {writer, back}
            self._tasks.discard(task)
            for end in (writer, back):
                end.transport.abort()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    target.transport.abort()


def _popen(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def lacking(kind: str) -> str:
    """What this machine lacks for the broker; "" if nothing."""
    if kind == "rabbitmq":
        there = urlsplit(RABBITMQ)
        return "" if answers(there.port or 5672, there.hostname or "") else "no RabbitMQ at PRILAVOK_TEST_RABBITMQ"
    if kind == "postgresql":
        return "" if os.environ.get("PRILAVOK_TEST_POSTGRES") else "no PostgreSQL: set PRILAVOK_TEST_POSTGRES"
    return "" if shutil.which(f"{kind}-server") else f"no {kind}-server on PATH"


@contextlib.asynccontextmanager
async def opened(kind: str) -> AsyncIterator[Broker]:
    """A broker that runs, for as long as the block."""
    with tempfile.TemporaryDirectory(prefix="prilavok-broker-") as folder:
        broker: Broker
        if kind == "rabbitmq":
            broker = Wire(RABBITMQ)
        elif kind == "postgresql":
            broker = Wire(os.environ["PRILAVOK_TEST_POSTGRES"].replace("+psycopg", ""))
        else:
            broker = OwnServer(kind, Path(folder))
        await broker.start()
        try:
            yield broker
        finally:
            await broker.kill()


def answers(port: int, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
