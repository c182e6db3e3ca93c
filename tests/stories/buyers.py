"""Buyers with a messenger in their hands. A story is told once and played on a phone and in the web chat alike."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import orjson

from emulators.telegram import TelegramEmulator
from emulators.telegram.phones import Phone, Shown
from tests.stories.street import SITE, Street

PATIENCE = 10.0
"""Seconds to wait for what must come. Two busy cores answer in well under one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A message of the shop as the buyer sees it now."""

    id: int
    text: str
    labels: tuple[str, ...]
    links: dict[str, str]
    """Addresses of the buttons that are links, by label."""
    pictures: int
    names: dict[str, str] = field(default_factory=dict)
    """What the buttons that call the shop send, by label."""


class Buyer(Protocol):
    name: str

    lasting: bool
    """What the shop has said stays as it was, and a press is answered by what comes next: letters are like that."""

    async def start(self) -> None: ...

    async def say(self, text: str) -> None: ...

    async def tap(self, label: str) -> None:
        """A key of the menu under the place where one types."""

    async def press(self, label: str) -> str:
        """A button under a message. What the bot answered to the press."""

    async def share_phone(self, number: str) -> None:
        """By the messenger's own contact button where there is one."""

    async def sees(self, text: str, button: str = "") -> Seen:
        """Wait for a message with this text, and with this button under it; the newest if there are several."""

    def screen(self) -> list[Seen]:
        """The shop's messages, the oldest first."""


class PhoneBuyer:
    """Somebody with Telegram."""

    lasting = False

    def __init__(self, telegram: TelegramEmulator, person_id: int) -> None:
        self.phone: Phone = telegram.phone(person_id)
        self.name = self.phone.chat.person.name

    async def start(self) -> None:
        self.phone.start()

    async def say(self, text: str) -> None:
        self.phone.say(text)

    async def tap(self, label: str) -> None:
        await self.phone.wait_for(lambda phone: label in phone.keys, timeout=PATIENCE)
        self.phone.tap(label)

    async def press(self, label: str) -> str:
        press = self.phone.press(label)
        answer = await self.phone.wait_for_answer(press, timeout=PATIENCE)
        return str(answer["text"])

    async def share_phone(self, number: str) -> None:
        await self.tap("Отправить мой номер")

    async def sees(self, text: str, button: str = "") -> Seen:
        found = await self.phone.wait_for(lambda _: _newest(self.screen(), text, button), timeout=PATIENCE)
        assert isinstance(found, Seen)
        return found

    def screen(self) -> list[Seen]:
        return [_on_phone(message) for message in self.phone.from_bot]


def _on_phone(message: Shown) -> Seen:
    return Seen(
        id=message.id,
        text=message.text,
        labels=tuple(message.labels),
        links={button.text: button.url for button in message.buttons if button.url},
        pictures=1 if message.kind == "photo" else 0,
        names={button.text: button.data for button in message.buttons if button.data},
    )


class Visitor:
    """Somebody on the shop's site: the widget's requests and its live stream, without the browser around them."""

    lasting = False

    def __init__(self, street: Street, name: str) -> None:
        self.name = name
        self._street = street
        self._key = ""
        self._messages: dict[int, dict[str, Any]] = {}
        self._changed = asyncio.Event()
        self.connections = 0

    async def arrive(self) -> None:
        session = await self._post("session")
        self._key = session["visitor"]
        self._take(session)

    async def start(self) -> None:
        """His first words: a visitor who only looks makes no conversation."""
        await self._deed("start", start="", context={"page": "http://shop.example/mugs", "utm_source": "letter"})

    async def say(self, text: str) -> None:
        await self._deed("message", text=text)

    async def tap(self, label: str) -> None:
        await self._until(lambda: label in self._keys())
        await self.say(label)

    async def press(self, label: str) -> str:
        for message in reversed(self._shops()):
            for button in (button for row in message["rows"] for button in row):
                if label in button["label"] and "name" in button:
                    answer = await self._deed("press", button=button["name"])
                    return str(answer.get("text", ""))
        raise LookupError(f"no button {label!r}")

    async def share_phone(self, number: str) -> None:
        await self._deed("contact", phone=number)

    async def sees(self, text: str, button: str = "") -> Seen:
        found = await self._until(lambda: _newest(self.screen(), text, button))
        assert isinstance(found, Seen)
        return found

    def screen(self) -> list[Seen]:
        return [_in_widget(message) for message in self._shops()]

    # The live stream

    async def listen(self) -> None:
        """Follow the stream for ever, from the last event that was seen: what the widget does."""
        cursor = ""
        while True:
            headers = self._headers() | ({"Last-Event-ID": cursor} if cursor else {})
            with suppress(aiohttp.ClientError, ConnectionError):
                async with self._street.http.get(
                    f"{self._street.url}/webchat/api/events",
                    headers=headers,
                    timeout=aiohttp.ClientTimeout(total=None, sock_read=30),
                ) as stream:
                    self.connections += 1
                    async for raw in stream.content:
                        if raw.startswith(b"id: "):
                            cursor = raw[4:].strip().decode()
                        elif raw.startswith(b"data: "):
                            self._take(orjson.loads(raw[6:]))
            await asyncio.sleep(0.2)

    def _take(self, page: dict[str, Any]) -> None:
        for message in page["messages"]:
            self._messages[message["id"]] = message
        self._changed.set()

    async def _until(self, seen: Callable[[], Any]) -> Any:
        try:
            async with asyncio.timeout(PATIENCE):
                while not (result := seen()):
                    self._changed.clear()
                    await self._changed.wait()
                return result
        except TimeoutError:
            lines = [f"{message['author']}: {message['text'][:60]}" for message in self._messages.values()]
            raise TimeoutError("not seen in time; the chat ends with:\n" + "\n".join(lines[-8:])) from None

    # Requests

    def _shops(self) -> list[dict[str, Any]]:
        return [message for _, message in sorted(self._messages.items()) if message["author"] != "buyer"]

    def _keys(self) -> list[str]:
        for message in reversed(self._shops()):
            if message["keyboard"] or message["drop_keyboard"]:
                return [key["label"] for row in message["keyboard"] for key in row]
        return []

    def _headers(self) -> dict[str, str]:
        return {"X-Webchat-Site": SITE} | ({"X-Webchat-Visitor": self._key} if self._key else {})

    async def _deed(self, what: str, **form: Any) -> dict[str, Any]:
        return await self._post(what, {"key": secrets.token_urlsafe(16), "locale": "ru", **form})

    async def _post(self, what: str, form: dict[str, Any] | None = None) -> dict[str, Any]:
        """Who types faster than the chat allows is told to wait, and does."""
        address = f"{self._street.url}/webchat/api/{what}"
        while True:
            async with self._street.http.post(address, json=form or {}, headers=self._headers()) as response:
                body: dict[str, Any] = await response.json()
                if response.status != 429:
                    assert response.status == 200, body
                    return body
                wait = int(response.headers["Retry-After"])
            await asyncio.sleep(wait)


@asynccontextmanager
async def visitor(street: Street, name: str) -> AsyncIterator[Visitor]:
    """Somebody whose page with the web chat is open."""
    somebody = Visitor(street, name)
    async with following(somebody):
        yield somebody


@asynccontextmanager
async def following(somebody: Visitor) -> AsyncIterator[None]:
    """His page is opened, and its stream is followed."""
    await somebody.arrive()
    listening = asyncio.create_task(somebody.listen())
    try:
        yield
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


def _in_widget(message: dict[str, Any]) -> Seen:
    buttons = [button for row in message["rows"] for button in row]
    return Seen(
        id=message["id"],
        text=message["text"],
        labels=tuple(button["label"] for button in buttons),
        links={button["label"]: button["url"] for button in buttons if "url" in button},
        pictures=sum(medium["kind"] == "photo" for medium in message["media"]),
        names={button["label"]: button["name"] for button in buttons if "name" in button},
    )


def _newest(screen: list[Seen], text: str, button: str) -> Seen | None:
    for message in reversed(screen):
        if text in message.text and (not button or any(button in label for label in message.labels)):
            return message
    return None
