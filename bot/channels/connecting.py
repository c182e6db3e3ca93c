"""Connecting an account by what its owner pastes: whose is it, and does it work."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.channels.base import Unreadable, readable
from inbox.templates import Approved
from kit.errors import Refused

logger = logging.getLogger(__name__)

PATIENCE = aiohttp.ClientTimeout(total=10)

LARGEST_ANSWER = 100_000
"""Bytes."""


class BadToken(Refused):
    """The channel does not know this token, or it opens too little."""

    code = "bad_token"

    def __init__(self, channel: str) -> None:
        super().__init__(f"{channel} refuses the token", channel=channel)


class ChannelSilent(Refused):
    """The channel could not be asked."""

    code = "channel_silent"

    def __init__(self, channel: str) -> None:
        super().__init__(f"{channel} did not answer", channel=channel)


class WrongValue(Refused):
    """One of the values beside the token does not fit it; `value` is its name."""

    code = "wrong_value"

    def __init__(self, channel: str, value: str) -> None:
        self.value = value
        self.code = f"wrong_value.{value}"
        super().__init__(f"{channel}: {value} does not fit the token", channel=channel, value=value)


class NotAccepted(Refused):
    """The channel lets us in and does not take the test message."""

    code = "test_not_accepted"

    def __init__(self, channel: str, why: str) -> None:
        super().__init__(f"{channel} does not take a test message: {why}", channel=channel, why=why)


@dataclass(frozen=True, slots=True)
class Found:
    """Whose token it is. `external_id` tells the account from others of its channel, for good."""

    external_id: str
    name: str
    username: str = ""
    """What stands in the address that opens it."""
    secret: Mapping[str, str] = field(default_factory=dict)
    """What is to be kept sealed beside the token."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What is to be kept openly beside it."""


@dataclass(frozen=True, slots=True)
class Connector:
    """How an account of one channel is connected.

    `ask` takes the token, the channel's address and the values that are `needed` beside the token, and gives whose it
    is. Raises BadToken, ChannelSilent, WrongValue; none shows the token.
    """

    api: str
    ask: Callable[[str, str, Mapping[str, str]], Awaitable[Found]]
    gone: str
    """What is reported of an account whose token is no good any more: the adapter's own words for it."""
    prefers_webhook: bool = False
    """Polling is for trying out; where there is a public address, the channel is to call us."""
    webhook_only: bool = False
    """The channel cannot be asked for what is new."""
    needed: tuple[str, ...] = ()
    """Names of what is entered beside the token."""
    templates: Callable[[str, str, Mapping[str, Any]], Awaitable[list[Approved]]] | None = None
    """The approved templates, by the token, the channel's address and the account's settings."""
    called_in_file: str = "token"
    """What the configuration file calls it."""
    calls: bool = True
    """The channel can call us at /hooks; elsewhere it is only asked."""
    address_of: Callable[[Mapping[str, str]], str] | None = None
    """The channel's address out of what the owner entered, where each account has its own. Raises Refused."""
    probe: Callable[[str, str, str, str, str], Awaitable[None]] | None = None
    """Send a test (token, the channel's address, who sends, to whom, words), where a person has an address there
    without having written first. Raises BadToken, ChannelSilent, NotAccepted."""


def by_token(
    whose: Callable[[str, str], Awaitable[Found]],
) -> Callable[[str, str, Mapping[str, str]], Awaitable[Found]]:
    """For a channel where the token is all that is entered."""
    return lambda token, api, _more: whose(token, api)


async def told(channel: str, url: str, *, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """(status, the answer as JSON) to a question. Raises ChannelSilent. The address may hold a secret."""
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE) as http,
            http.get(url, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status, readable(await answer.content.read(LARGEST_ANSWER))
    except (TimeoutError, aiohttp.ClientError, Unreadable) as failure:
        logger.warning("%s was asked whose a token is and did not answer: %s", channel, type(failure).__name__)
        raise ChannelSilent(channel) from None
