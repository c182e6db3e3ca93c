"""Calling Telegram's Bot API with plain JSON, and its refusals in our words.

This carries everything that needs no upload: a call costs a tenth of what aiogram takes for it, which makes a form of
every call and a model of every answer.

Source: https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from bot.channels.base import Broken, ChannelError, NotSent, Rejected, Throttled, Unconfirmed, Unreadable, readable

API = "https://api.telegram.org"

TIMEOUT = 20.0
"""Seconds that a call may take before its outcome counts as unknown."""

CONNECTIONS = 100
"""Calls that may be under way at a time."""

GONE = "Telegram does not know this token any more"

_JSON = {"Content-Type": "application/json"}


class Calls:
    """One bot's line to the Bot API. Its failures never show the token, which stands in the address."""

    def __init__(self, token: str, api: str = "") -> None:
        self._address = f"{(api or API).rstrip('/')}/bot{token}/"
        self._http: aiohttp.ClientSession | None = None

    async def call(self, method: str, fields: Mapping[str, Any], *, patience: float = TIMEOUT) -> Any:
        """The method's result. Fields of None are left out. Raises ChannelError."""
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS), cookie_jar=aiohttp.DummyCookieJar()
            )
        body = orjson.dumps({name: value for name, value in fields.items() if value is not None})
        try:
            async with self._http.post(
                self._address + method,
                data=body,
                headers=_JSON,
                timeout=aiohttp.ClientTimeout(patience),
                allow_redirects=False,
            ) as answer:
                status, said = answer.status, await answer.read()
        except aiohttp.ClientConnectorError:
            # A connection that was never made carried nothing; one that broke later may have carried everything.
            raise NotSent("no connection to Telegram") from None
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise Unconfirmed("Telegram did not answer") from None
        return _result(status, said)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None


def _result(status: int, said: bytes) -> Any:
    try:
        body = readable(said)
    except Unreadable:
        body = None
    if not isinstance(body, dict) or "ok" not in body:
        # Not the Bot API itself: something on the way to it, or a half of its answer.
        raise Unconfirmed(f"Telegram's answer makes no sense (status {status})")
    if body["ok"]:
        return body.get("result")
    facts = body.get("parameters")
    retry_after = facts.get("retry_after") if isinstance(facts, dict) else None
    raise refusal(int(body.get("error_code") or status), str(body.get("description") or ""), retry_after)


def refusal(code: int, reason: str, retry_after: float | None = None) -> ChannelError:
    """A refusal of Telegram in our words."""
    if code == 429:
        return Throttled(float(retry_after or 1))
    if code == 401:
        return Broken(GONE)
    if code == 403:
        return Rejected(reason, blocked=True)
    if code >= 500:
        return Unconfirmed(f"Telegram answered with an error of its own: {reason}")
    return Rejected(reason)
