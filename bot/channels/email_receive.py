"""Receiving letters, in whichever process that is.

Letters are fetched in the order of their numbers, and the place moves on only past what is stored. Where the mailbox
was numbered anew (its UIDVALIDITY changed), all letters of the last days are gone through again: each has the same name
as before, so none is handled twice. The folder is only read: nothing is marked as seen, nothing moved.

Source: https://www.rfc-editor.org/rfc/rfc3501#section-2.3.1.1
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email import policy
from typing import Any

import orjson

from bot.channels import email_parts, email_read, email_servers
from bot.channels.base import Broken, ChannelError, Connection, Envelope, Holds, Stranger
from bot.channels.email_imap import Heading, Mailbox
from bot.channels.email_read import Own
from kit import crash

logger = logging.getLogger(__name__)

WAIT = 25.0
"""Seconds that a server is left to tell us of a letter. Source: RFC 2177 wants it ended within 29 minutes; shorter lets
the account go soon when another process takes it."""

EVERY = 15.0
"""Seconds between looks where the server tells nothing."""

LONGEST_PAUSE = 60.0

LOOK_BACK = timedelta(days=2)
"""How far before the last look letters are gone through when the mailbox was numbered anew."""

AT_ONCE = 20
"""Letters that are asked about together."""

LARGEST = 30_000_000
"""Bytes of a letter that is fetched whole; of a larger one only its head."""

WHOLE = 100_000
"""Bytes of a letter that is stored as it came; of a larger one, attachments are left in the mailbox."""

LARGEST_STORED = 1_000_000


class EmailReceiver:
    """One mailbox's letters."""

    channel = "email"

    def __init__(self, connection: Connection) -> None:
        self._link = connection
        secrets = orjson.loads(connection.secret)
        self._password: str = secrets["token"]
        self._servers = email_servers.parse(connection.settings["api"])
        self._own = Own(self._servers.address, secrets.get("webhook_secret", ""))

    async def called(self, headers: Mapping[str, str], body: bytes) -> str:
        """Nobody brings letters to us. Raises Stranger."""
        raise Stranger("mailboxes are fetched from")

    def button(self, token: str) -> tuple[int, int]:
        name, index = email_read.button_of(token, self._own.key)
        if name is None:
            raise Stranger("no link of ours")
        return name.message_id, index

    async def pressed(self, token: str, once: str) -> None:
        name, _index = email_read.button_of(token, self._own.key)
        if name is None:
            raise Stranger("no link of ours")
        digest = hashlib.sha256(f"{token}\n{once}".encode()).hexdigest()[:32]
        envelope = Envelope(name.chat, f"press-{digest}", {"press": token, "once": digest})
        await self._link.accept(self._link.account_id, [envelope])

    async def receive(self, holds: Holds) -> None:
        pause = 0.0
        while await holds():
            box = Mailbox(self._servers)
            try:
                await box.open(self._password)
                await self._report("ok", "")
                pause = 0.0
                await self._follow(box, holds)
            except ChannelError as failure:
                pause = await self._failed(failure, pause)
            except Exception:
                logger.exception("account %d: letters could not be stored", self._link.account_id)
                await asyncio.sleep(1)
            finally:
                await box.close()

    async def _follow(self, box: Mailbox, holds: Holds) -> None:
        """Take what is new, wait for more, for as long as we hold the account."""
        validity, last, looked = await self._place()
        if not validity:
            # The account begins with what comes from now on.
            last = max(0, box.next_uid - 1)
            await self._keep(box.validity, last)
        elif validity != box.validity:
            since = datetime.fromtimestamp(looked or time.time(), UTC) - LOOK_BACK
            logger.warning("account %d: the mailbox was numbered anew", self._link.account_id)
            await self._take(box, await box.since(since), 0, moves=False)
            last = max(0, box.next_uid - 1)
            await self._keep(box.validity, last)
        while True:
            while uids := await box.after(last):
                last = await self._take(box, uids, last)
            if not await holds():
                return
            await box.wait(WAIT if box.can_idle else EVERY)

    async def _take(self, box: Mailbox, uids: list[int], last: int, *, moves: bool = True) -> int:
        """Store these letters; returns the number of the last one that is stored. The place `moves` with each."""
        for start in range(0, len(uids), AT_ONCE):
            batch = uids[start : start + AT_ONCE]
            for heading in await box.headings(batch):
                envelope = await self._envelope(box, heading)
                crash.point("intake.before_store")
                if envelope is not None:
                    await self._link.accept(self._link.account_id, [envelope])
                crash.point("intake.after_store")
                last = max(last, heading.uid)
                if moves:
                    await self._keep(box.validity, last)
            # Of what somebody deleted meanwhile, nothing is told.
            last = max(last, *batch)
        return last

    async def _envelope(self, box: Mailbox, heading: Heading) -> Envelope | None:
        """A letter as it is stored; None for our own, and for one that is gone by now."""
        too_large = heading.size > LARGEST
        source = await box.letter(heading.uid, "HEADER" if too_large else "")
        if not source:
            return None
        try:
            chat, name, kept = await asyncio.to_thread(_known, source, self._own)
        except Exception:
            # A letter that nobody foresaw is kept like any other, and holds up none.
            logger.exception("account %d: letter %d could not be read", self._link.account_id, heading.uid)
            chat, name, kept = email_read.NOBODY, hashlib.sha256(source).hexdigest()[:32], source[:WHOLE]
        if not chat:
            return None
        raw: dict[str, Any] = {
            "letter": kept.replace(b"\0", b" ").decode("latin-1"),
            "uid": heading.uid,
            "validity": box.validity,
            "size": heading.size,
            "at": heading.at,
        }
        if too_large:
            raw["too_large"] = True
        return Envelope(chat, name, raw)

    async def _place(self) -> tuple[int, int, float]:
        """(UIDVALIDITY, the last number that is stored, when that was), zeros before the first letter."""
        words = (await self._link.place.get(self._link.account_id)).split(" ")
        return (int(words[0]), int(words[1]), float(words[2])) if len(words) == 3 else (0, 0, 0.0)

    async def _keep(self, validity: int, last: int) -> None:
        await self._link.place.keep(self._link.account_id, f"{validity} {last} {time.time():.0f}")

    async def _failed(self, failure: ChannelError, pause: float) -> float:
        """Say so and wait. Gives the pause, for the next one to be longer."""
        logger.warning("account %d: the mailbox could not be read: %s", self._link.account_id, failure)
        await self._report("broken", str(failure))
        pause = LONGEST_PAUSE if isinstance(failure, Broken) else min(LONGEST_PAUSE, pause * 2 or 0.5)
        await asyncio.sleep(pause)
        return pause

    async def _report(self, health: str, words: str) -> None:
        with contextlib.suppress(Exception):
            await self._link.report(self._link.account_id, health, words)


def _known(source: bytes, own: Own) -> tuple[str, str, bytes]:
    """(whose conversation it is, what it is called, its source as it is stored: attachments stay in the mailbox)."""
    letter = email_read.parsed(source)
    chat, name = email_read.chat_of(letter, own), email_read.name_of(letter, source)
    if len(source) <= WHOLE:
        return chat, name, source
    thin = email_read.parsed(source)
    for part in email_parts.leaves(thin):
        if email_parts.is_file(part):
            part.set_payload("")
    try:
        kept = thin.as_bytes(policy=policy.compat32.clone(max_line_length=None))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        kept = source
    return chat, name, kept[:LARGEST_STORED]
