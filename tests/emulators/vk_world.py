"""A VK emulator whose every answer and event is checked against VK's own schema."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from emulators.telegram.parameters import read_parameters
from emulators.vk import Community, Person, Settings, VkEmulator
from tests.emulators import vk_spec

TOKEN = "vk1.a.TEST-TOKEN"
GROUP = 4242
ANNA = Person(7001, "Анна", "Ветрова", "anna_v")
RUSLAN = Person(7002, "Руслан", language_code="en")
NOT_METHODS = frozenset({"messages.unheardOf"})


class CheckedVk(VkEmulator):
    """Collects in `problems` whatever the schema would not allow in a call, an answer or an event."""

    def application(self) -> web.Application:
        self.problems: list[str] = []
        app = super().application()
        app.middlewares.append(self._check)
        return app

    @web.middleware
    async def _check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        method = request.match_info.get("name", "")
        if "." not in method or method in NOT_METHODS or not vk_spec.SCHEMA.is_dir():
            return response
        if isinstance(response, web.Response) and response.content_type == "application/json":
            assert isinstance(response.body, bytes)
            values = (await read_parameters(request)).values
            self.problems += vk_spec.answer_problems(method, values, orjson.loads(response.body))
        return response

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the community heard of, oldest first."""
        return [event.wire for event in self.cloud.community(GROUP).log.kept]


class Wire:
    """A plain HTTP client of the API: what a program in any language would send."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self.session = session
        self.address = address

    async def __call__(self, method: str, **parameters: Any) -> Any:
        """The response; of a refused call its error's code and words."""
        form = {
            name: value if isinstance(value, str) else orjson.dumps(value).decode()
            for name, value in parameters.items()
        }
        form = {"access_token": TOKEN, "v": "5.199"} | form
        async with self.session.post(f"{self.address}/method/{method}", data=form) as answer:
            told = await answer.json()
        if "error" in told:
            return f"{told['error']['error_code']} {told['error']['error_msg']}"
        return told["response"]

    async def send(self, text: str = "", *, to: int = ANNA.id, key: int = 0, **more: Any) -> Any:
        told = await self("messages.send", peer_ids=to, random_id=key, message=text, **more)
        return told if isinstance(told, str) else told[0].get("conversation_message_id") or told[0]["error"]["code"]


@pytest.fixture(name="vk_settings")
def vk_settings_fixture() -> Settings:
    return Settings(webhook_pace=0.001)


@pytest.fixture(name="vk")
async def vk_fixture(vk_settings: Settings) -> AsyncIterator[CheckedVk]:
    emulator = CheckedVk([Community(GROUP, TOKEN, "Глина и лён", "clay_linen")], [ANNA, RUSLAN], settings=vk_settings)
    await emulator.start()
    yield emulator
    await emulator.stop()
    if vk_spec.SCHEMA.is_dir():
        emulator.problems += [found for event in emulator.events for found in vk_spec.event_problems(event)]
    assert not emulator.problems, "\n".join(emulator.problems)


@pytest.fixture(name="vk_wire")
async def vk_wire_fixture(vk: CheckedVk) -> AsyncIterator[Wire]:
    async with aiohttp.ClientSession() as session:
        yield Wire(session, vk.address)
