"""Calling the VK API, and its refusals in our words.

Source: https://dev.vk.com/api/api-requests, https://dev.vk.com/reference/errors
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import orjson

from bot.channels.base import Broken, ChannelError, NotSent, Rejected, Throttled, Unconfirmed, Unreadable, readable

API = "https://api.vk.com"

VERSION = "5.199"
"""The version of the API whose words we speak. Source: https://dev.vk.com/reference/versions"""

TIMEOUT = 20.0
"""Seconds that a call may take before its outcome counts as unknown."""

CONNECTIONS = 40
"""Calls that may be under way at a time."""

GONE = "VK does not know this token any more"

TOO_FAST = 6
BREATHS = (0.3, 0.6)
"""Seconds to wait before a call is made again that VK refused because a community may make 20 a second."""


def _throttled(seconds: float) -> Callable[[str], ChannelError]:
    return lambda _words: Throttled(seconds)


def _blocked(words: str) -> ChannelError:
    return Rejected(words, blocked=True)


ERRORS: Mapping[int, Callable[[str], ChannelError]] = {
    1: Unconfirmed,
    5: lambda _words: Broken(GONE),
    TOO_FAST: _throttled(1.0),
    9: _throttled(10.0),
    10: Unconfirmed,
    14: lambda words: Broken(f"VK wants a person to look: {words}"),
    17: lambda words: Broken(f"VK wants a person to look: {words}"),
    18: _blocked,
    27: lambda _words: Broken(GONE),
    29: _throttled(60.0),
    36: Unconfirmed,
    900: _blocked,
    901: _blocked,
    902: _blocked,
    1117: lambda _words: Broken(GONE),
}
"""What a code of VK means to us; any other is a refusal for good."""


class Refused(Rejected):
    """A refusal for good, with VK's code."""

    def __init__(self, code: int, words: str) -> None:
        self.code = code
        super().__init__(words)


class Calls:
    """One community's line to the API. The token travels in the body, so no address and no failure shows it."""

    def __init__(self, token: str, api: str = "") -> None:
        self._token = token
        self.api = (api or API).rstrip("/")
        self._http: aiohttp.ClientSession | None = None

    @property
    def http(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS))
        return self._http

    async def call(self, method: str, fields: Mapping[str, Any], *, patience: float = TIMEOUT) -> Any:
        """The method's response. Fields of None are left out, lists and objects go as JSON. Raises ChannelError."""
        form = {name: _written(value) for name, value in fields.items() if value is not None}
        form |= {"access_token": self._token, "v": VERSION}
        for breath in BREATHS:
            status, said = await self._post(f"{self.api}/method/{method}", form, patience)
            if _code(said) != TOO_FAST:
                break
            await asyncio.sleep(breath)
        return _response(status, said)

    async def _post(self, address: str, form: Mapping[str, str], patience: float) -> tuple[int, Any]:
        try:
            async with self.http.post(
                address, data=form, timeout=aiohttp.ClientTimeout(patience), allow_redirects=False
            ) as answer:
                return answer.status, parsed(await answer.read())
        except aiohttp.ClientConnectorError:
            # A connection that was never made carried nothing; one that broke later may have carried everything.
            raise NotSent("no connection to VK") from None
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise Unconfirmed("VK did not answer") from None

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else str(value)


def parsed(said: bytes) -> Any:
    """JSON, whatever it calls itself; None for anything else."""
    try:
        return readable(said)
    except Unreadable:
        return None


def _code(said: Any) -> int:
    error = said.get("error") if isinstance(said, dict) else None
    return int(error.get("error_code") or 0) if isinstance(error, dict) else 0


def _response(status: int, said: Any) -> Any:
    if isinstance(said, dict) and "response" in said:
        return said["response"]
    if code := _code(said):
        raise refusal(code, str(said["error"].get("error_msg") or ""))
    # Not the API itself: something on the way to it, or a half of its answer.
    raise Unconfirmed(f"VK's answer makes no sense (status {status})")


def refusal(code: int, words: str) -> ChannelError:
    """A refusal of VK in our words."""
    named = ERRORS.get(code)
    return Refused(code, words) if named is None else named(words)
