"""The web chat's side of the contract: nothing goes over a wire, so only its people can be played."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from inbox.capabilities import Heard
from tests.contract.sides import NAME, PHONE, WORDS
from tests.stories.buyers import Seen, Visitor, following
from tests.stories.goods import picture
from tests.stories.street import Street

FILES: dict[Heard, tuple[bytes, str]] = {
    Heard.PHOTO: (picture(10), "image/jpeg"),
    Heard.DOCUMENT: (b"%PDF-1.4", "application/pdf"),
    Heard.VIDEO: (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "video/mp4"),
    Heard.AUDIO: (b"ID3\x04\x00", "audio/mpeg"),
}


class WebChatHand(Visitor):
    async def does(self, what: Heard) -> None:
        if what in FILES:
            await self._deed("message", text=WORDS, files=[await self._upload(*FILES[what])])
        elif what is Heard.ALBUM:
            both = [await self._upload(picture(shade), "image/jpeg") for shade in (10, 90)]
            await self._deed("message", text=WORDS, files=both)
        elif what is Heard.REPLY:
            await self._deed("message", text=WORDS, reply_to=str(self._shops()[-1]["id"]))
        elif what is Heard.CONTACT:
            await self.share_phone(PHONE)
        elif what is Heard.START:
            await self._deed("start", start="spring")
        else:
            assert what is Heard.TEXT, what
            await self.say(WORDS)

    async def press_again(self, seen: Seen, label: str) -> None:
        [name] = [name for text, name in seen.names.items() if label in text]
        await self._deed("press", button=name)

    async def says_twice(self, text: str) -> None:
        key = secrets.token_urlsafe(16)
        for _ in range(2):
            await self._post("message", {"key": key, "locale": "ru", "text": text})

    async def _upload(self, content: bytes, mime: str) -> str:
        headers = self._headers() | {"Content-Type": mime, "X-File-Name": "file"}
        address = f"{self._street.url}/webchat/api/upload"
        async with self._street.http.post(address, data=content, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())["file"])


class WebChatSide:
    channel = "webchat"
    part_of_street = True

    async def start(self) -> None:
        """It stands on every street."""

    async def stop(self) -> None:
        """Nothing is open."""

    def sections(self) -> dict[str, Any]:
        return {}

    def untold(self) -> bool:
        return False

    @asynccontextmanager
    async def hand(self, street: Street) -> AsyncIterator[WebChatHand]:
        somebody = WebChatHand(street, NAME)
        async with following(somebody):
            yield somebody
