"""Planned misbehaviour: what a network and a busy service do to the next calls."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from emulators.yookassa.errors import ApiRefusal

SILENCE = 60.0
"""Seconds a call hangs when it is to get no answer."""


class Fault(StrEnum):
    """`_BEFORE` means that nothing was done, `_AFTER` that all was done and only the answer suffers."""

    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    BUSY = "busy"
    SILENCE_BEFORE = "silence_before"
    SILENCE_AFTER = "silence_after"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    HALF_ANSWER = "half_answer"
    BAD_GATEWAY = "bad_gateway"


AFTER = frozenset({Fault.ERROR_AFTER, Fault.SILENCE_AFTER, Fault.RESET_AFTER, Fault.HALF_ANSWER})


MOST_CALLS = 10_000
NO_ANSWER = 599
"""Marks within the emulator that the connection was broken off; never seen outside."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call under /v3 and what was answered; `status` 0 if the client got no whole answer."""

    method: str
    path: str
    query: dict[str, str]
    key: str | None
    body: Any
    status: int
    answer: Any


@dataclass(slots=True)
class Planned:
    fault: Fault
    left: int
    on: str


class Network:
    """Stands before the API: turns refusals into answers and spoils the calls that are planned to be spoiled."""

    def __init__(self) -> None:
        self.latency = 0.0
        """Seconds that every call takes longer."""
        self.silence = SILENCE
        """Seconds that a call hangs when it is to get no answer."""
        self.rates: dict[Fault, float] = {}
        """Chances from 0 to 1 that a call meets a fault that nobody planned."""
        self.dice = random.Random(1)  # noqa: S311 - chance, not secrecy
        self.struck: dict[Fault, int] = {}
        """How many calls each fault has hit so far."""
        self.calls: deque[Call] = deque(maxlen=MOST_CALLS)
        """The last calls, the oldest first, without credentials."""
        self._planned: list[Planned] = []
        self._closing = asyncio.Event()

    def plan(self, fault: Fault, count: int, on: str) -> None:
        """Spoil the next `count` calls that begin with `on`, as `POST /v3/payments`; an empty one is every call."""
        self._planned.append(Planned(fault, count, on))

    def clear(self) -> None:
        self._planned.clear()
        self.rates.clear()

    def close(self) -> None:
        """Let silent calls go, so that the server can stop."""
        self._closing.set()

    def middleware(self) -> Middleware:
        @web.middleware
        async def through_the_network(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not request.path.startswith("/v3/"):
                return await handler(request)
            if self.latency:
                await asyncio.sleep(self.latency)
            fault = self._next_for(f"{request.method} {request.path}")
            if fault is None:
                response = await _answered(request, handler)
            else:
                response = await self._spoil(fault, request, handler)
            self.calls.append(await _call(request, response))
            return response

        return through_the_network

    def _next_for(self, call: str) -> Fault | None:
        """The fault that strikes this call, used up by the asking."""
        for planned in self._planned:
            if planned.left > 0 and call.startswith(planned.on):
                planned.left -= 1
                return self._struck(planned.fault)
        for fault, chance in self.rates.items():
            if self.dice.random() < chance:
                return self._struck(fault)
        return None

    def _struck(self, fault: Fault) -> Fault:
        self.struck[fault] = self.struck.get(fault, 0) + 1
        return fault

    async def _spoil(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await _answered(request, handler) if fault in AFTER else None
        match fault:
            case Fault.BUSY:
                return _refusal(ApiRefusal(429, "too_many_requests", "Too many requests"))
            case Fault.ERROR_BEFORE | Fault.ERROR_AFTER:
                return _refusal(ApiRefusal(500, "internal_server_error", "Internal server error"))
            case Fault.BAD_GATEWAY:
                return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
            case Fault.HALF_ANSWER:
                _send_half(request, response)
            case Fault.SILENCE_BEFORE | Fault.SILENCE_AFTER:
                await self._stay_silent()
        if request.transport is not None and fault is not Fault.HALF_ANSWER:
            request.transport.abort()
        return web.Response(status=NO_ANSWER)

    async def _stay_silent(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.silence):
                await self._closing.wait()


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiRefusal as refusal:
        return _refusal(refusal)
    except web.HTTPMethodNotAllowed:
        return _refusal(ApiRefusal(405, "invalid_request", "The method is not allowed here"))
    except web.HTTPNotFound:
        return _refusal(ApiRefusal(404, "not_found", "There is no such method of the API"))


def _refusal(refusal: ApiRefusal) -> web.Response:
    return web.Response(status=refusal.status, body=orjson.dumps(refusal.body()), content_type="application/json")


def _send_half(request: web.Request, response: web.StreamResponse | None) -> None:
    """An answer that promises more than it carries, as when a proxy dies in the middle."""
    assert isinstance(response, web.Response), "the API answers with whole bodies"
    assert isinstance(response.body, bytes), "the API answers with bytes"
    assert request.transport is not None, "a call that is being answered has a connection"
    body = response.body
    head = f"HTTP/1.1 {response.status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    request.transport.write(head.encode() + body[: len(body) // 2])
    request.transport.close()


async def _call(request: web.Request, response: web.StreamResponse) -> Call:
    answer = response.body if isinstance(response, web.Response) else None
    return Call(
        method=request.method,
        path=request.path,
        query=dict(request.query),
        key=request.headers.get("Idempotence-Key"),
        body=_loaded(await request.read()),
        status=0 if response.status == NO_ANSWER else response.status,
        answer=_loaded(answer if isinstance(answer, bytes) else b""),
    )


def _loaded(raw: bytes) -> Any:
    try:
        return orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        return raw.decode(errors="replace")
