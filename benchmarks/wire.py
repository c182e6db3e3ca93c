"""HTTP/1.1 as little as a measurement needs: what drives the load must cost less than what it measures.

Both sides know whom they talk to, so anything but a request or an answer of known length is an error.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast
from urllib.parse import parse_qsl

import orjson

Fields = dict[str, object]

Answer = Callable[[str, Fields], object]
"""Takes the last part of the path and the fields of the request; gives what is answered as JSON."""

_JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


class Unreadable(Exception):
    """A request or an answer of a shape that this reader does not know."""


class Server(asyncio.Protocol):
    """One connection on which requests arrive. `answer` must not wait: it runs in the reader."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._came = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        while (end := self._came.find(b"\r\n\r\n")) >= 0:
            head = self._came[:end]
            length = _length(head)
            if len(self._came) < end + 4 + length:
                return
            body = self._came[end + 4 : end + 4 + length]
            self._came = self._came[end + 4 + length :]
            path = head[: head.index(b"\r\n")].split(b" ")[1].partition(b"?")[0].decode()
            answer = orjson.dumps(self._answer(path.rpartition("/")[2], _fields(head, body)))
            assert self._transport is not None
            self._transport.write(_JSON % (len(answer), answer))


async def serve(answer: Answer) -> tuple[asyncio.Server, int]:
    """Listen on a free port of this machine. Gives the server and the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(answer), "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


class _Line(asyncio.Protocol):
    """One keep-alive connection of a client, with one request at a time."""

    def __init__(self, free: Callable[[_Line], None]) -> None:
        self._free = free
        self._came = b""
        self._waits: asyncio.Future[int] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, failure: Exception | None) -> None:
        if self._waits is not None and not self._waits.done():
            self._waits.set_exception(ConnectionError("the connection was closed before the answer"))

    def ask(self, request: bytes, waits: asyncio.Future[int]) -> None:
        assert self.transport is not None
        self._waits = waits
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._came += data
        end = self._came.find(b"\r\n\r\n")
        if end < 0 or len(self._came) < end + 4 + _length(self._came[:end]):
            return
        status, self._came = int(self._came[9:12]), b""
        waits, self._waits = self._waits, None
        self._free(self)
        if waits is not None and not waits.done():
            waits.set_result(status)


class Client:
    """Posts JSON to one address over so many keep-alive connections; more requests wait for a free one."""

    def __init__(self, port: int, path: str, headers: dict[str, str]) -> None:
        told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n{told}"
            "Content-Length: %d\r\n\r\n"
        ).encode()
        self._port = port
        self._idle: deque[_Line] = deque()
        self._all: list[_Line] = []
        self._waiting: deque[tuple[bytes, asyncio.Future[int]]] = deque()

    async def connect(self, connections: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, line = await loop.create_connection(lambda: _Line(self._free), "127.0.0.1", self._port)
            self._all.append(line)
            self._idle.append(line)

    def close(self) -> None:
        for line in self._all:
            if line.transport is not None:
                line.transport.close()

    def post(self, body: bytes) -> asyncio.Future[int]:
        """Send; the future gives the status of the answer."""
        waits: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        request = self._head % len(body) + body
        if self._idle:
            self._idle.popleft().ask(request, waits)
        else:
            self._waiting.append((request, waits))
        return waits

    def _free(self, line: _Line) -> None:
        if self._waiting:
            line.ask(*self._waiting.popleft())
        else:
            self._idle.append(line)


def _length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"\r\ncontent-length:")
    if at < 0:
        if b"\r\ntransfer-encoding:" in lowered:
            raise Unreadable("a body of unknown length")
        return 0
    end = lowered.find(b"\r\n", at + 2)
    return int(lowered[at + 17 : end if end > 0 else None])


def _fields(head: bytes, body: bytes) -> Fields:
    if not body:
        return {}
    if body[:1] == b"{":
        fields: Fields = orjson.loads(body)
        return fields
    if b"multipart/form-data" in head:
        raise Unreadable("a form of several parts")
    return dict(parse_qsl(body.decode(), keep_blank_values=True))
