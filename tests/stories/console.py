"""A member of staff at the console: a browser's requests and its event stream, without the browser."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from sqlalchemy.orm import Session

from tests.stories import books
from tests.stories.street import PASSWORD, Street

PATIENCE = 10.0
_CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Heard:
    """One event of the stream that pages live by."""

    kind: str
    facts: dict[str, Any]


class Desk:
    """One signed-in person. Everything that he does goes over HTTP, under his own session and its token."""

    def __init__(self, street: Street, email: str) -> None:
        self._street = street
        self.email = email
        self.heard: list[Heard] = []
        self._changed = asyncio.Event()
        self.listens = asyncio.Event()
        self._cookie = self._csrf = ""

    async def sign_in(self) -> None:
        form = {"email": self.email, "password": PASSWORD, "next": "/inbox"}
        async with self._street.http.post(f"{self._street.url}/login", data=form, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
            self._cookie = "; ".join(f"{cookie.key}={cookie.value}" for cookie in answer.cookies.values())
        found = _CSRF.search(await self.page("/inbox"))
        assert found is not None
        self._csrf = found[1]

    @property
    def session(self) -> str:
        """The secret that the browser keeps."""
        return self._cookie.partition("=")[2]

    async def page(self, path: str) -> str:
        async with self._street.http.get(f"{self._street.url}{path}", headers={"Cookie": self._cookie}) as answer:
            text = await answer.text()
            assert answer.status == 200, (path, answer.status, text[:500])
            return text

    async def fetch(self, path: str) -> bytes:
        """A picture or another file that a page shows."""
        async with self._street.http.get(f"{self._street.url}{path}", headers={"Cookie": self._cookie}) as answer:
            assert answer.status == 200, (path, answer.status)
            return await answer.read()

    async def act(self, path: str, files: dict[str, tuple[str, bytes]] | None = None, **form: object) -> str:
        """Do something; the answer's text. Raises Declined with the words that the person is shown."""
        body = aiohttp.FormData({name: str(value) for name, value in form.items()})
        for name, (file_name, content) in (files or {}).items():
            body.add_field(name, content, filename=file_name)
        headers = {"Cookie": self._cookie, "X-CSRF-Token": self._csrf, "HX-Request": "true"}
        async with self._street.http.post(f"{self._street.url}{path}", data=body, headers=headers) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise Declined(answer.status, text)
            return text

    # Talking

    async def hears(self, words: str) -> int:
        """Wait until a message with these words shows in some conversation, without asking anew; its conversation."""
        looked = 0
        async with asyncio.timeout(PATIENCE):
            while True:
                while looked < len(self.heard):
                    event, looked = self.heard[looked], looked + 1
                    if event.kind == "message_added":
                        here = int(event.facts["conversation_id"])
                        if words in await self.page(f"/inbox/{here}/feed?first=1"):
                            return here
                self._changed.clear()
                await self._changed.wait()

    async def told_of(self, kind: str, **facts: object) -> None:
        """Wait until the stream brings such an event."""
        async with asyncio.timeout(PATIENCE):
            while not any(e.kind == kind and facts.items() <= e.facts.items() for e in self.heard):
                self._changed.clear()
                await self._changed.wait()

    async def answers(self, conversation: int, text: str, **files: tuple[str, bytes]) -> None:
        await self.act(f"/inbox/{conversation}/messages", files or None, text=text, key=secrets.token_hex(12))

    async def answers_to(self, conversation: int, words: str, text: str) -> None:
        """In answer to the message with these words."""
        asked = await self._street.ask(books.message_saying, conversation, words)
        await self.act(f"/inbox/{conversation}/messages", text=text, key=secrets.token_hex(12), reply_to=asked)

    async def releases(self, conversation: int) -> None:
        await self.act(f"/inbox/{conversation}/release")

    # Orders

    async def moves(self, number: int, to: str, reason: str = "") -> None:
        order, version, stage, onward = await self._street.ask(_place, number, to)
        form: dict[str, object] = {"stage": onward, "from": stage, "version": version, "reason": reason}
        await self.act(f"/orders/{order}/move", None, **form)

    async def refunds(self, number: int, amount: str, reason: str, *, key: str = "") -> None:
        payment = await self._street.ask(books.paid_payment, number)
        key = key or secrets.token_hex(16)
        await self.act(f"/payments/{payment}/refund", amount=amount, reason=reason, key=key)

    # The stream

    async def listen(self) -> None:
        headers = {"Cookie": self._cookie}
        address = f"{self._street.url}/live/events"
        timeout = aiohttp.ClientTimeout(total=None, sock_read=30)
        async with self._street.http.get(address, headers=headers, timeout=timeout) as stream:
            async for raw in stream.content:
                self.listens.set()
                if raw.startswith(b"data: ") and b'"kind"' in raw:
                    facts = orjson.loads(raw[6:])
                    self.heard.append(Heard(facts["kind"], facts))
                    self._changed.set()


class Declined(Exception):
    """The console refuses; `words` are what the person reads."""

    def __init__(self, status: int, words: str) -> None:
        self.status, self.words = status, words
        super().__init__(f"{status}: {words}")


@asynccontextmanager
async def desk(street: Street, email: str) -> AsyncIterator[Desk]:
    """Somebody who has signed in and keeps the console open."""
    somebody = Desk(street, email)
    await somebody.sign_in()
    listening = asyncio.create_task(somebody.listen())
    try:
        async with asyncio.timeout(PATIENCE):
            await somebody.listens.wait()
        yield somebody
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError, aiohttp.ClientError):
            await listening


def _place(session: Session, number: int, to: str) -> tuple[int, int, int, int]:
    """The order's id, version and stage, and the stage that is meant by `to`: what its page holds."""
    order = books.order(session, number)
    return order.id, order.version, order.stage_id, books.stage(session, order, to).id
