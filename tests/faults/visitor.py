"""A page with the web chat in a visitor's hands: what the widget does, without the browser around it.

What he does is said to the hub one after another, each under a key of its own and as often as it takes until the hub
answers that it is stored: a page that lost its connection does the same. `said` is the harness's own record of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from emulators.telegram.phones import Button, NoSuchThing, Shown
from tests.faults.place import SITE, Place

AGAIN = 0.3
"""Seconds until the page tries again what got no answer."""

PHONE_NUMBER = "+79005550101"


@dataclass(slots=True)
class Said:
    """One thing that the visitor did. `answer` is what came back when it was acknowledged."""

    what: str
    key: str
    form: dict[str, Any]
    acknowledged: bool = False
    tries: int = 0
    answer: Mapping[str, Any] | None = None


class Window:
    """One visitor's chat. `live` is what its page does while it is open."""

    def __init__(self, place: Place, http: aiohttp.ClientSession, dice: random.Random) -> None:
        self._place = place
        self._http = http
        self._dice = dice
        self._queue: asyncio.Queue[Said] = asyncio.Queue()
        self._messages: dict[int, dict[str, Any]] = {}
        self._changed = asyncio.Event()
        self._key = ""
        self.said: list[Said] = []
        self.errors = 0
        """How often the hub answered with an error of its own."""

    @property
    def chat(self) -> str:
        """The name of the chat in the hub's database."""
        from bot.channels.webchat import visitors

        return visitors.chat_of(self._key)

    @property
    def idle(self) -> bool:
        """Whether everything that was done is acknowledged."""
        return all(each.acknowledged for each in self.said)

    # What one sees

    @property
    def from_bot(self) -> Sequence[Shown]:
        return [_shown(form) for _, form in sorted(self._messages.items()) if form["author"] != "buyer"]

    @property
    def last(self) -> Shown | None:
        return next(iter(reversed(self.from_bot)), None)

    @property
    def keys(self) -> Sequence[str]:
        return [key["label"] for key in self._keyboard()]

    def _keyboard(self) -> list[dict[str, Any]]:
        for _, form in sorted(self._messages.items(), reverse=True):
            if form["author"] != "buyer" and (form["keyboard"] or form["drop_keyboard"]):
                return [key for row in form["keyboard"] for key in row]
        return []

    # What one does

    def start(self) -> object:
        return self._do("start", start="")

    def say(self, text: str) -> object:
        return self._do("message", text=text)

    def tap(self, label: str) -> object:
        key = next((key for key in self._keyboard() if key["label"] == label), None)
        if key is None:
            raise NoSuchThing(f"no key {label!r}")
        return self._do("contact", phone=PHONE_NUMBER) if key.get("contact") else self.say(label)

    def press(self, label: str, *, message_id: int) -> Said:
        form = self._messages[message_id]
        for button in (button for row in form["rows"] for button in row):
            if label in button["label"] and "name" in button:
                return self._do("press", button=button["name"])
        raise NoSuchThing(f"no button {label!r} on message {message_id}")

    def send_photo(self, content: bytes) -> object:
        """Uploads are not part of the trade in the web chat."""
        return None

    async def wait_for(self, seen: Callable[[Any], Any], *, timeout: float) -> Any:  # noqa: ASYNC109
        async with asyncio.timeout(timeout):
            while not (result := seen(self)):
                self._changed.clear()
                await self._changed.wait()
            return result

    async def sent(self) -> None:
        """Wait until everything that was done is acknowledged."""
        while not self.idle:
            self._changed.clear()
            await self._changed.wait()

    # What the page does

    async def live(self) -> None:
        """Say what is to be said and follow the stream, for ever."""
        await self._arrive()
        await asyncio.gather(self._speak(), self._listen())

    async def _arrive(self) -> None:
        while not self._key:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with self._http.post(self._address("session"), json={}, headers=self._headers()) as answer:
                    if answer.status == 200:
                        self._key = (await answer.json())["visitor"]
                        return
            await asyncio.sleep(AGAIN)

    async def _speak(self) -> None:
        while True:
            said = await self._queue.get()
            while not said.acknowledged:
                said.tries += 1
                await asyncio.sleep(await self._post(said))
            self._changed.set()

    async def _post(self, said: Said) -> float:
        """Seconds to wait before anything else is said."""
        form = {"key": said.key, "locale": "ru", **said.form}
        try:
            async with self._http.post(self._address(said.what), json=form, headers=self._headers()) as answer:
                body = await answer.read()
                if answer.status == 429:
                    return float(answer.headers.get("Retry-After", 1))
                if answer.status >= 500:
                    self.errors += 1
                    return AGAIN
                if answer.status != 200:
                    raise AssertionError(f"{said.what}: {answer.status} {body[:200]!r}")
                said.answer, said.acknowledged = orjson.loads(body), True
                return 0.0
        except (aiohttp.ClientError, TimeoutError):
            return AGAIN

    async def _listen(self) -> None:
        cursor = ""
        while True:
            headers = self._headers() | ({"Last-Event-ID": cursor} if cursor else {})
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)
                async with self._http.get(self._address("events"), headers=headers, timeout=timeout) as stream:
                    async for raw in stream.content:
                        if raw.startswith(b"id: "):
                            cursor = raw[4:].strip().decode()
                        elif raw.startswith(b"data: "):
                            self._take(orjson.loads(raw[6:]))
            await asyncio.sleep(AGAIN)

    def _take(self, page: dict[str, Any]) -> None:
        for message in page["messages"]:
            self._messages[message["id"]] = message
        self._changed.set()

    def _do(self, what: str, **form: Any) -> Said:
        said = Said(what, f"{self._dice.getrandbits(96):024x}", form)
        self.said.append(said)
        self._queue.put_nowait(said)
        return said

    def _address(self, what: str) -> str:
        return f"{self._place.address}/webchat/api/{what}"

    def _headers(self) -> dict[str, str]:
        return {"X-Webchat-Site": SITE} | ({"X-Webchat-Visitor": self._key} if self._key else {})


def _shown(form: dict[str, Any]) -> Shown:
    return Shown(
        id=form["id"],
        by_bot=True,
        kind="text",
        text=form["text"],
        rows=tuple(
            tuple(Button(each["label"], each.get("name", ""), each.get("url", "")) for each in row)
            for row in form["rows"]
        ),
        edited=bool(form.get("edited")),
        raw=form,
    )
