"""Receiving events from VK, in whichever process that is.

What is stored is what VK said, with the name of who speaks beside it, for VK names people by number alone. It is
stored before it is confirmed.

Source: https://dev.vk.com/api/bots-long-poll/getting-started, https://dev.vk.com/api/callback/getting-started
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import orjson

from bot.channels import vk_read, vk_server
from bot.channels.base import (
    Broken,
    ChannelError,
    Connection,
    Envelope,
    Holds,
    NotSent,
    Stranger,
    Throttled,
    Unconfirmed,
    Unreadable,
    check_secret,
    event_in,
)
from bot.channels.vk_calls import VERSION, Calls, parsed
from bot.channels.vk_catch_up import CatchUp
from bot.channels.vk_place import Reached
from kit import crash

logger = logging.getLogger(__name__)

POLL = 25
"""Seconds that one request waits at the long poll server."""

LONGEST_PAUSE = 30.0
"""Seconds between tries while VK cannot be reached or refuses us."""

NAMES_KEPT = 5000
IN_TIME = 3.0
"""Seconds that a question may hold up what is to be stored or answered."""

GO_ON, NEW_KEY = 1, 2
"""What `failed` says: go on from another ts; ask for a new key. Anything else: ask for both."""

WELL = "ok"
"""What VK wants to hear of an event that it need not bring again."""

Event = Mapping[str, Any]


class Foreign(Stranger):
    """Not VK, or not about our community."""

    status = 403


class VkReceiver:
    """One community's events, by its long poll server, or by a callback server when the account's settings say so."""

    channel = "vk"

    def __init__(self, connection: Connection) -> None:
        self._link = connection
        self.by_webhook = connection.settings.get("receive") == "webhook"
        secrets = orjson.loads(connection.secret)
        self.webhook_secret: str = secrets.get("webhook_secret", "") if self.by_webhook else ""
        self._token: str = secrets["token"]
        self._calls = self._line()
        self._code = ""
        self._names: OrderedDict[int, Event] = OrderedDict()
        self._reached = Reached(connection)
        self._catch_up = CatchUp(self._calls, connection, self._reached, self.take)

    async def receive(self, holds: Holds) -> None:
        try:
            await self._reached.load()
            if self.by_webhook:
                async with asyncio.TaskGroup() as group:
                    looking = group.create_task(self._catch_up.go_on(holds))
                    await self._keep_server(holds)
                    looking.cancel()
            else:
                await self._poll(holds)
        finally:
            await self._calls.close()

    async def called(self, headers: Mapping[str, str], body: bytes) -> str:
        """One event; VK repeats what we could not keep. The code is said for our own community alone."""
        event = event_in(body)
        if not self.webhook_secret or event.get("group_id") != int(self._link.external_id):
            raise Foreign("not our community")
        if event.get("type") == "confirmation" and "secret" not in event:
            return await self._confirmation()
        try:
            check_secret(str(event.get("secret", "")), self.webhook_secret)
        except Stranger as stranger:
            raise Foreign(str(stranger)) from None
        if event.get("type") == "confirmation":
            return await self._confirmation()
        if not isinstance(event.get("event_id"), str) or not isinstance(event.get("object"), dict):
            raise Unreadable("not an event")
        await self.take([{name: value for name, value in event.items() if name != "secret"}])
        return WELL

    async def take(self, events: Sequence[Event]) -> None:
        """Store events durably, those of dialogs with one person; what returns may be confirmed."""
        wanted = [event for event in events if vk_read.chat_of(event)]
        if not wanted:
            return
        profiles = await self._profiles({vk_read.speaker_of(event) for event in wanted} - {0})
        envelopes = [
            Envelope(vk_read.chat_of(event), vk_read.name_of(event), _with_name(event, profiles)) for event in wanted
        ]
        crash.point("intake.before_store")
        await self._link.accept(self._link.account_id, envelopes)
        crash.point("intake.after_store")

    # By a callback server

    async def _confirmation(self) -> str:
        if not self._code:
            group = {"group_id": int(self._link.external_id)}
            self._code = (await self._ask_once("groups.getCallbackConfirmationCode", group))["code"]
        return self._code

    async def _ask_once(self, method: str, fields: Event) -> Any:
        """Ask on a line of its own: whoever is called may not be the one that receives, and has none open."""
        calls = self._line()
        try:
            return await calls.call(method, fields, patience=IN_TIME)
        finally:
            await calls.close()

    def _line(self) -> Calls:
        return Calls(self._token, self._link.settings.get("api") or "")

    async def _keep_server(self, holds: Holds) -> None:
        """Tell VK where we are."""
        pause = 0.0
        while await holds():
            try:
                await vk_server.keep(self._calls, self._link)
                await self._report("ok", "")
                self._catch_up.wanted.set()
                # Nothing more to do; whoever takes the account over sets it anew.
                await asyncio.Event().wait()
            except ChannelError as failure:
                pause = await self._failed("the callback server could not be set", failure, pause)

    # By long polling

    async def _poll(self, holds: Holds) -> None:
        """Ask for events for as long as we hold the account. `ts` moves only past what is stored."""
        server: dict[str, Any] | None = None
        pause = 0.0
        while await holds():
            try:
                if server is None:
                    server = await self._begin()
                    await self._report("ok", "")
                told = await self._ask(server)
                failed = told.get("failed")
                if failed is None:
                    await self.take(told["updates"])
                    server["ts"] = told["ts"]
                    await self._reached.fetched(told["ts"])
                else:
                    server = await self._after_failed(server, failed, told)
                pause = 0.0
            except ChannelError as failure:
                server = None
                pause = await self._failed("polling failed", failure, pause)
            except Exception:
                logger.exception("account %d: events could not be stored", self._link.account_id)
                await asyncio.sleep(1)

    async def _begin(self) -> dict[str, Any]:
        group = {"group_id": int(self._link.external_id)}
        await vk_server.remove(self._calls, self._link)
        wanted = dict.fromkeys(vk_server.KINDS, True)
        await self._calls.call(
            "groups.setLongPollSettings", {**group, "enabled": True, "api_version": VERSION, **wanted}
        )
        server = dict(await self._calls.call("groups.getLongPollServer", group))
        if self._reached.ts:
            return {**server, "ts": self._reached.ts}
        await self._catch_up.run()
        # Kept before anything is waited for: a press that comes while we are away is in no dialog.
        await self._reached.fetched(str(server["ts"]))
        return server

    async def _after_failed(self, server: dict[str, Any], failed: int, told: Mapping[str, Any]) -> dict[str, Any]:
        """The server to ask next. What lies between the old ts and a new one is looked for in the dialogs, before
        anything newer is taken: so each dialog keeps its order."""
        group = {"group_id": int(self._link.external_id)}
        fresh = dict(server if failed == GO_ON else await self._calls.call("groups.getLongPollServer", group))
        if failed == NEW_KEY:
            return {**fresh, "ts": server["ts"]}
        ts = told.get("ts", fresh["ts"])
        await self._catch_up.run()
        await self._reached.fetched(str(ts))
        return {**fresh, "ts": ts}

    async def _ask(self, server: Mapping[str, Any]) -> dict[str, Any]:
        query = {"act": "a_check", "key": server["key"], "ts": server["ts"], "wait": str(POLL)}
        patience = aiohttp.ClientTimeout(POLL + 10)
        try:
            async with self._calls.http.get(server["server"], params=query, timeout=patience) as answer:
                told = parsed(await answer.read())
        except aiohttp.ClientConnectorError:
            raise NotSent("no connection to VK's long poll server") from None
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise Unconfirmed("VK's long poll server did not answer") from None
        if not isinstance(told, dict) or ("failed" not in told and "updates" not in told):
            raise Unconfirmed("the long poll server's answer makes no sense")
        return told

    # What both need

    async def _profiles(self, people: set[int]) -> Mapping[int, Event]:
        """Who they are, as far as VK tells it in time: a name is no reason to lose a message."""
        unknown = sorted(people - self._names.keys())
        if unknown:
            fields = {"user_ids": ",".join(map(str, unknown)), "fields": "screen_name"}
            with contextlib.suppress(ChannelError):
                for told in await self._ask_once("users.get", fields):
                    self._names[told["id"]] = told
        while len(self._names) > NAMES_KEPT:
            self._names.popitem(last=False)
        return self._names

    async def _failed(self, what: str, failure: ChannelError, pause: float) -> float:
        """Say so and wait. Gives the pause, for the next one to be longer."""
        logger.warning("account %d: %s: %s", self._link.account_id, what, failure)
        await self._report("broken", str(failure))
        pause = min(LONGEST_PAUSE, pause * 2 or 0.5)
        if isinstance(failure, Broken):
            pause = LONGEST_PAUSE
        await asyncio.sleep(max(pause, failure.retry_after) if isinstance(failure, Throttled) else pause)
        return pause

    async def _report(self, health: str, words: str) -> None:
        with contextlib.suppress(Exception):
            await self._link.report(self._link.account_id, health, words)


def _with_name(event: Event, names: Mapping[int, Event]) -> Event:
    """The event with who speaks, as VK's extended answers have it."""
    speaker = names.get(vk_read.speaker_of(event))
    return {**event, "profiles": [speaker]} if speaker is not None else event
