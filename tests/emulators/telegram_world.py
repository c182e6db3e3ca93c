"""A Telegram emulator whose every answer is checked against the Bot API's own description."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from emulators.telegram import Bot, Person, Settings, TelegramEmulator
from tests.emulators import telegram_spec

TOKEN = "42:TEST-TOKEN"
ANNA = Person(7001, "Анна", "Ветрова", "anna_v", "+79000000001")
RUSLAN = Person(7002, "Руслан", phone="+79000000002")


class CheckedEmulator(TelegramEmulator):
    """Collects in `problems` whatever the specification would not allow in an answer or an update."""

    def application(self) -> web.Application:
        self.problems: list[str] = []
        app = super().application()
        app.middlewares.append(self._check)
        return app

    @web.middleware
    async def _check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        method = request.match_info.get("method")
        if method and isinstance(response, web.Response) and response.content_type == "application/json":
            assert isinstance(response.body, bytes)
            answer = orjson.loads(response.body)
            if telegram_spec.SPECS.is_dir() and answer.get("description") != "Not Found: method not found":
                self.problems += telegram_spec.answer_problems(method, answer)
        return response


class Wire:
    """A plain HTTP client of the Bot API: what a program in any language would send."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self.session = session
        self.base_url = base_url

    async def __call__(self, method: str, **parameters: Any) -> Any:
        """The result; of a refused call its whole answer."""
        async with self.session.post(f"{self.base_url}/bot{TOKEN}/{method}", json=parameters) as response:
            answer = await response.json()
        return answer["result"] if answer["ok"] else answer

    async def refusal(self, method: str, **parameters: Any) -> str:
        answer = await self(method, **parameters)
        assert isinstance(answer, dict)
        assert answer.get("ok") is False, answer
        return f"{answer['error_code']} {answer['description']}"


@pytest.fixture(name="settings")
def settings_fixture() -> Settings:
    return Settings(webhook_pace=0.01)


@pytest.fixture(name="emulator")
async def emulator_fixture(settings: Settings) -> AsyncIterator[CheckedEmulator]:
    emulator = CheckedEmulator([Bot(TOKEN, "Глина и лён", "clay_linen_bot")], [ANNA, RUSLAN], settings=settings)
    await emulator.start()
    yield emulator
    await emulator.stop()
    assert emulator.problems == []


@pytest.fixture(name="wire")
async def wire_fixture(emulator: CheckedEmulator) -> AsyncIterator[Wire]:
    async with aiohttp.ClientSession() as session:
        yield Wire(session, emulator.base_url)
