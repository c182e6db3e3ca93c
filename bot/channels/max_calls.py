"""Calling MAX's platform API with plain JSON, its files, and its refusals in our words.

The token goes in the Authorization header alone: an address may be logged on its way.

Source of all facts: https://dev.max.ru/docs-api
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urljoin

import aiohttp
import orjson

from bot.channels.base import (
    Attachment,
    Broken,
    ChannelError,
    NotSent,
    Rejected,
    Throttled,
    Unconfirmed,
    Unreadable,
    is_at,
    readable,
)
from kit.http import address_parts

API = "https://platform-api2.max.ru"

TIMEOUT = 20.0
"""Seconds that a call may take before its outcome counts as unknown."""

UPLOAD_TIMEOUT = 120.0

CONNECTIONS = 30
"""Calls that may be under way at a time. MAX takes 30 a second of one bot."""

LARGEST_ANSWER = 8_000_000
"""Bytes."""

MOST_HOPS = 3
"""Redirects that a download follows."""

HOSTS = ("max.ru", "oneme.ru", "okcdn.ru")
"""Where MAX keeps the pictures that people show of themselves; they are fetched from nowhere else."""

GONE = "MAX does not know this token any more"

NOT_READY = "attachment.not.ready"
"""MAX's word for a file that it has and has not digested yet."""


class NotReady(NotSent):
    """An uploaded file is not digested yet."""


class Calls:
    """One bot's line to MAX."""

    def __init__(self, token: str, api: str = "") -> None:
        self._api = (api or API).rstrip("/")
        self._headers = {"Authorization": token}
        self._http: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        patience: float = TIMEOUT,
    ) -> dict[str, Any]:
        """The answer. Raises ChannelError."""
        return await self._ask(
            method,
            f"{self._api}{path}",
            patience,
            params=query,
            data=orjson.dumps(body) if body is not None else None,
            headers={**self._headers, "Content-Type": "application/json"},
        )

    async def upload(self, url: str, attachment: Attachment) -> dict[str, Any]:
        """Put a file where POST /uploads told us to. Raises ChannelError.

        What is said of a video or a sound is no JSON, and tells nothing that we do not know: then it is empty.
        """
        with attachment.path.open("rb") as content:
            form = aiohttp.FormData()
            form.add_field("data", content, filename=attachment.name or "file", content_type=attachment.mime)
            try:
                status, said, _ = await self._exchange("POST", url, UPLOAD_TIMEOUT, data=form)
                return {} if status == 200 and said.lstrip().startswith(b"<") else _result(status, said, "")
            except Unconfirmed as failure:
                # Nobody sees a file until a message names it, so it may be uploaded again.
                raise NotSent(str(failure)) from None

    async def download(self, url: str, *, maxs: bool = False) -> AsyncIterator[bytes]:
        """The bytes behind an address that MAX gave, with `maxs` from MAX itself alone. Raises ChannelError."""
        try:
            for _ in range(MOST_HOPS):
                if maxs and not self.is_maxs(url):
                    raise Rejected("the file lies elsewhere than with MAX")
                if address_parts(url).scheme != address_parts(self._api).scheme:
                    raise Rejected("the file lies at a strange address")
                async with self._session().get(
                    url, timeout=aiohttp.ClientTimeout(UPLOAD_TIMEOUT), allow_redirects=False
                ) as answer:
                    if answer.status in (301, 302, 303, 307, 308):
                        url = urljoin(url, answer.headers.get("Location", ""))
                        continue
                    if answer.status >= 500:
                        raise NotSent(f"the file could not be fetched (status {answer.status})")
                    if answer.status != 200:
                        raise Rejected(f"the file is not there (status {answer.status})")
                    async for chunk in answer.content.iter_chunked(1 << 16):
                        yield chunk
                    return
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise NotSent("the file could not be fetched") from None
        raise Rejected("the file is sent from place to place")

    def is_maxs(self, address: str) -> bool:
        """Whether an address leads to MAX itself."""
        return address.startswith(f"{self._api}/") or is_at(address, HOSTS)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS))
        return self._http

    async def _ask(self, method: str, url: str, patience: float, **parts: Any) -> dict[str, Any]:
        return _result(*await self._exchange(method, url, patience, **parts))

    async def _exchange(self, method: str, url: str, patience: float, **parts: Any) -> tuple[int, bytes, str]:
        """(status, what was said, Retry-After)"""
        try:
            async with self._session().request(
                method, url, timeout=aiohttp.ClientTimeout(patience), allow_redirects=False, **parts
            ) as answer:
                said = await answer.content.read(LARGEST_ANSWER)
                while not answer.content.at_eof():
                    said += await answer.content.read(LARGEST_ANSWER)
                    if len(said) > LARGEST_ANSWER:
                        raise Unconfirmed("MAX's answer is too long")
                return answer.status, said, answer.headers.get("Retry-After", "")
        except aiohttp.ClientConnectorCertificateError:
            raise NotSent("MAX's certificate is not trusted by this machine") from None
        except aiohttp.ClientConnectorError:
            # A connection that was never made carried nothing; one that broke later may have carried everything.
            raise NotSent("no connection to MAX") from None
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise Unconfirmed("MAX did not answer") from None


def _result(status: int, said: bytes, retry_after: str) -> dict[str, Any]:
    try:
        body = readable(said)
    except Unreadable:
        body = None
    if not isinstance(body, dict):
        if status in (401, 429):
            raise refusal(status, "", "", retry_after)
        # Not the API itself: something on the way to it, or a half of its answer.
        raise Unconfirmed(f"MAX's answer makes no sense (status {status})")
    if status >= 400:
        raise refusal(status, str(body.get("code") or ""), str(body.get("message") or ""), retry_after)
    if body.get("success") is False:
        raise Rejected(str(body.get("message") or "refused"))
    return body


def refusal(status: int, code: str, reason: str, retry_after: str = "") -> ChannelError:
    """A refusal of MAX in our words."""
    if status == 429:
        return Throttled(float(retry_after) if retry_after.isdecimal() and int(retry_after) else 1.0)
    if status == 401 or code == "verify.token":
        return Broken(GONE)
    if code == NOT_READY:
        return NotReady("the file is not digested yet")
    words = reason or code or f"status {status}"
    if status >= 500:
        return Unconfirmed(f"MAX answered with an error of its own: {words}")
    # Whoever stopped the bot, or took the dialog away, is not to be reached until he is back.
    return Rejected(words, blocked=status == 403)
