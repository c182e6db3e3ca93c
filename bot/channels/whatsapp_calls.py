"""Calling the WhatsApp Cloud API, and its refusals in our words.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes,
https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import orjson

from bot.channels.base import (
    Broken,
    ChannelError,
    Closed,
    Connection,
    Faltered,
    NotSent,
    Rejected,
    Throttled,
    Unconfirmed,
    Unreadable,
    is_at,
    readable,
)

API = "https://graph.facebook.com"

VERSION = "v23.0"
"""The version of the Graph API whose words we speak."""

TIMEOUT = 20.0
"""Seconds that a call may take before its outcome counts as unknown."""

CONNECTIONS = 100
"""Calls that may be under way at a time."""

GONE = "WhatsApp does not know this token any more"

MEDIA_HOSTS = ("fbsbx.com", "fbcdn.net", "facebook.com", "whatsapp.net")
"""Where Meta keeps the files of messages; the token is shown to nobody else."""


def _throttled(seconds: float) -> Callable[[str], ChannelError]:
    return lambda _words: Throttled(seconds)


def _broken(what: str) -> Callable[[str], ChannelError]:
    return lambda _words: Broken(what)


def _gone(_words: str) -> ChannelError:
    return Broken(GONE)


def _rejected(what: str) -> Callable[[str], ChannelError]:
    return lambda _words: Rejected(what)


LACKS = "the WhatsApp token lacks a right that the shop needs"

CLOSED = "more than 24 hours since the customer last wrote"

ERRORS: Mapping[int, Callable[[str], ChannelError]] = {
    0: _gone,
    1: Unconfirmed,
    2: Unconfirmed,
    3: _broken(LACKS),
    4: _throttled(60.0),
    10: _broken(LACKS),
    33: _broken("WhatsApp has no such number any more"),
    190: _gone,
    368: _broken("WhatsApp has blocked the account for a time"),
    80007: _throttled(5.0),
    130429: _throttled(2.0),
    130472: _rejected("the number takes part in an experiment of Meta’s"),
    130497: _rejected("the account may not write to this country"),
    # "Message failed to send due to an unknown error. Try again.": Meta says more than that it does not know.
    131000: Faltered,
    131005: _broken(LACKS),
    131016: _throttled(10.0),
    131021: _rejected("the shop’s own number"),
    131026: _rejected("the customer cannot be reached on WhatsApp"),
    131031: _broken("WhatsApp has locked the account"),
    131042: _rejected("WhatsApp wants the account’s way of payment to be set"),
    131047: lambda _words: Closed(CLOSED),
    131048: _rejected("too many of the shop’s messages were reported as spam"),
    131049: _rejected("WhatsApp has held the message back for the sake of its user"),
    131050: _rejected("the customer wants no advertising of the shop’s"),
    131051: _rejected("WhatsApp does not know this kind of message"),
    131052: _rejected("the file could not be fetched"),
    131053: _rejected("WhatsApp does not take this file"),
    131056: _throttled(6.0),
    131057: _throttled(60.0),
    132000: _rejected("the template has another number of gaps"),
    132001: _rejected("the template is not there, or not approved in this language"),
    132005: _rejected("the template is too long when it is filled in"),
    132007: _rejected("the template breaks WhatsApp’s rules"),
    132012: _rejected("the template’s gaps want something of another form"),
    132015: _rejected("WhatsApp has paused the template"),
    132016: _rejected("WhatsApp has switched the template off"),
    133004: _throttled(30.0),
    133010: _broken("the number is not registered with the WhatsApp Cloud API"),
}
"""What a code of WhatsApp means to us; any other is a refusal for good. Rights have the codes from 200 to 299 too."""


def secret_parts(connection: Connection) -> dict[str, str]:
    parts: dict[str, str] = orjson.loads(connection.secret)
    return parts


class Calls:
    """One number's line to the API. The token travels in a header, so no address and no failure shows it."""

    def __init__(self, token: str, api: str = "", version: str = "") -> None:
        self._headers = {"Authorization": f"Bearer {token}"}
        self.api = (api or API).rstrip("/")
        self._version = version or VERSION
        self._http: aiohttp.ClientSession | None = None

    @classmethod
    def of(cls, connection: Connection) -> Calls:
        settings = connection.settings
        return cls(secret_parts(connection)["token"], settings.get("api") or "", settings.get("version") or "")

    @property
    def http(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(headers=self._headers, connector=aiohttp.TCPConnector(limit=CONNECTIONS))
        return self._http

    async def get(self, path: str, query: Mapping[str, str] | None = None, *, patience: float = TIMEOUT) -> Any:
        return await self._call("GET", path, patience, params=query)

    async def post(self, path: str, body: Any, *, patience: float = TIMEOUT) -> Any:
        """The answer. `body` is what goes as JSON, or a form with a file. Raises ChannelError."""
        if isinstance(body, aiohttp.FormData):
            return await self._call("POST", path, patience, data=body)
        said = orjson.dumps(body)
        return await self._call("POST", path, patience, data=said, headers={"Content-Type": "application/json"})

    async def _call(self, method: str, path: str, patience: float, **parts: Any) -> Any:
        address = f"{self.api}/{self._version}/{path}"
        try:
            async with self.http.request(
                method, address, timeout=aiohttp.ClientTimeout(patience), allow_redirects=False, **parts
            ) as answer:
                return understood(answer.status, parsed(await answer.read()))
        except aiohttp.ClientConnectorError:
            # A connection that was never made carried nothing; one that broke later may have carried everything.
            raise NotSent("no connection to WhatsApp") from None
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise Unconfirmed("WhatsApp did not answer") from None

    def is_metas(self, address: str) -> bool:
        """Whether the token may be shown at this address."""
        return address.startswith(f"{self.api}/") or is_at(address, MEDIA_HOSTS)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None


def parsed(said: bytes) -> Any:
    try:
        return readable(said)
    except Unreadable:
        return None


def understood(status: int, said: Any) -> Any:
    error = said.get("error") if isinstance(said, dict) else None
    if isinstance(error, dict):
        raise refusal(error)
    if status == 200 and isinstance(said, dict):
        return said
    if status == 429:
        raise Throttled(10.0)
    # Not the API itself: something on the way to it, or a half of its answer.
    raise Unconfirmed(f"WhatsApp's answer makes no sense (status {status})")


class Refused(Rejected):
    """A refusal for good, with WhatsApp's code."""

    def __init__(self, code: int, words: str) -> None:
        self.code = code
        super().__init__(words)


def refusal(error: Mapping[str, Any]) -> ChannelError:
    """An error of the API, or of a status, in our words."""
    code = error.get("code")
    code = code if isinstance(code, int) else -1
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, Mapping) else ""
    words = str(details or error.get("message") or error.get("title") or "")[:200]
    if (named := ERRORS.get(code)) is not None:
        return named(words)
    return Broken(LACKS) if 200 <= code < 300 else Refused(code, f"{words} ({code})")
