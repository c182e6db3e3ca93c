"""Delivery of outgoing messages: remember → call → record.

A message is marked `sending`, committed, and only then sent. A process that dies in between leaves `sending`
behind: then nobody knows whether the message arrived. One that may be repeated without harm (it carries its order
number) is sent once more; any other becomes `unknown`, and a person decides. Channels that know our key of a message,
or let us read the chat, clear such a doubt up by themselves: see doubts.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import doubts, enclosed, meanwhile, tries
from bot.channels.base import (
    Broken,
    Channel,
    ChannelError,
    Closed,
    NotSent,
    Parcel,
    Preparing,
    Rejected,
    Throttled,
    Unconfirmed,
)
from company.tables import ChannelAccount
from inbox import aging, content, delivered, seen, sending, typing, windows
from inbox.capabilities import Doubt
from inbox.content import Media
from inbox.tables import Author, Conversation, Delivery, Message
from kit import crash
from kit.clock import utc_now
from storage import pace
from storage.files import Blob, FileStore, FileTooLarge, record
from storage.hot import Load, get, inserted, save
from storage.jobs import Again, Effect, Job
from storage.pace import Turn

logger = logging.getLogger(__name__)

NO_WAIT = timedelta()

TOO_MANY = "too many by itself"
"""The error of a message that the bot was not let send: a person looks at what is going on there."""

_LOCKED = Load(
    lambda query: (
        query.join(Conversation, Conversation.id == Message.conversation_id)
        .join(ChannelAccount, ChannelAccount.id == Message.account_id)
        .where(Message.id == sa.bindparam("message_id"))
        .with_for_update(of=Message)
    ),
    Message,
    Conversation,
    ChannelAccount,
)


@dataclass(frozen=True, slots=True)
class _Errand:
    """One call to make for one account."""

    shop_id: int
    account_id: int
    conversation_id: int
    parcel: Parcel
    wait: timedelta = NO_WAIT
    """Until the account's turn."""
    look: doubts.Look | None = None
    """Look first whether it arrived at an earlier try."""
    sign: meanwhile.Sign | None = None
    """How the buyer is shown that it is on its way, while that takes long."""


class Courier:
    """Carries messages to the channels; makes the job handlers."""

    def __init__(self, channel_of: Callable[[int], Channel], files: FileStore) -> None:
        self._channel_of = channel_of
        self._files = files
        self._signs = meanwhile.Signs()

    @property
    def handlers(self) -> dict[str, Effect[Any, Any]]:
        return {
            "message.deliver": Effect(self._remember, self._send, self._record, prompt=True),
            "message.mail": Effect(self._remember_mail, self._send, self._record),
            "message.edit": Effect(self._remember_edit, self._edit, self._record_edit, prompt=True),
            "message.fetch": Effect(self._remember_fetch, self._fetch, self._record_fetch),
            "press.answer": Effect(_remember_answer, self._answer, _forget, prompt=True, once=True),
            seen.SHOW: Effect(seen.remember, self._show_seen, _forget, prompt=True, once=True),
            typing.SHOW: Effect(typing.remember, self._show_typing, _forget, prompt=True, once=True),
        }

    # A new message

    def _remember(self, session: Session, job: Job, *, can_wait: bool = False) -> _Errand | Again | None:
        message, conversation = _load(session, job)
        look = None
        if message.delivery == Delivery.SENDING:
            # No answer came, or whoever sent it died before the answer was recorded.
            look = doubts.look(session, conversation, message)
            doubt = doubts.of(session, message)
            if doubt is Doubt.TOLD:
                doubts.put_off(session, message)
                return None
            if doubt is Doubt.STAYS:
                if not message.repeatable or message.error == doubts.REPEATED:
                    _settle(session, conversation.shop_id, message, Delivery.UNKNOWN, "interrupted")
                    return None
                message.error = doubts.REPEATED
        elif message.delivery != Delivery.QUEUED:
            return None
        if conversation.blocked:
            _settle(session, conversation.shop_id, message, Delivery.FAILED, "blocked")
            return None
        if delivered.too_many(session, message):
            _settle(session, conversation.shop_id, message, Delivery.FAILED, TOO_MANY)
            conversation.waiting_since = conversation.waiting_since or utc_now()
            return None
        turn = _turn(session, message, can_wait=can_wait)
        if turn.again is not None:
            return Again(turn.again)
        if aging.is_old(message) and message.delivery == Delivery.QUEUED:
            aging.date(session, conversation, message)
        message.delivery = Delivery.SENDING
        save(session, message)
        errand = self._errand(session, conversation, message, wait=turn.wait, look=look)
        if can_wait or not enclosed.any_in(errand.parcel):
            return errand
        return replace(errand, sign=meanwhile.sign_for(session, conversation, message))

    def _remember_mail(self, session: Session, job: Job) -> _Errand | Again | None:
        """One of many: what is said to people who wait for it goes first."""
        return self._remember(session, job, can_wait=True)

    async def _send(self, errand: _Errand) -> str | ChannelError:
        if errand.wait:
            await asyncio.sleep(errand.wait.total_seconds())
        try:
            channel = self._channel_of(errand.account_id)
            if enclosed.any_in(errand.parcel):
                await self._prepare(channel, errand)
            crash.point("delivery.before_send")
            if errand.look is not None and (there := await doubts.found(channel, errand.parcel, errand.look)):
                return there
            sent = await channel.send(errand.parcel)
            self._signs.ended(errand.account_id, errand.parcel.chat)
        except ChannelError as failure:
            return failure
        crash.point("delivery.after_send")
        return sent

    async def _prepare(self, channel: Channel, errand: _Errand) -> None:
        """Files take long: the buyer is shown that an answer is on its way, until just before it comes."""
        if isinstance(channel, Preparing):
            async with self._signs.during(channel, errand.account_id, errand.sign):
                await channel.prepare(errand.parcel)
        elif enclosed.is_large(errand.parcel):
            await self._signs.show(channel, errand.account_id, errand.sign)

    def _record(self, session: Session, job: Job, errand: _Errand, result: str | ChannelError) -> Again | None:
        if isinstance(result, str):
            version = delivered.sent(
                session,
                errand.shop_id,
                errand.conversation_id,
                job.payload["message_id"],
                external_id=f"{errand.parcel.chat}:{result}",
            )
            if version > errand.parcel.version:
                sending.queue_edit(session, _message(session, job))
            return None
        return _after_failure(session, job, _message(session, job), result)

    # An edit of a message that was sent

    def _remember_edit(self, session: Session, job: Job) -> _Errand | None:
        message, conversation = _load(session, job)
        overtaken = job.payload["version"] < message.version
        if overtaken or message.external_id is None or conversation.blocked:
            return None
        return self._errand(session, conversation, message)

    async def _edit(self, errand: _Errand) -> str | ChannelError:
        crash.point("delivery.before_edit")
        try:
            shown = await self._channel_of(errand.account_id).edit(errand.parcel)
        except ChannelError as failure:
            return failure
        crash.point("delivery.after_edit")
        return shown

    def _record_edit(self, session: Session, job: Job, errand: _Errand, result: str | ChannelError) -> Again | None:
        if result == errand.parcel.external_id:
            return None
        message = _message(session, job)
        if isinstance(result, str):
            message.external_id = f"{errand.parcel.chat}:{result}"
            save(session, message)
            return None
        if isinstance(result, Rejected | Broken):
            logger.warning("edit of message %d was refused: %s", message.id, result)
            return None
        # An edit says where the message shall end up, so it may be repeated freely.
        return tries.later(job, result)

    # An attachment that came in

    def _remember_fetch(self, session: Session, job: Job) -> tuple[int, Media] | None:
        message, _ = _load(session, job)
        media = content.load_incoming(message.content).media[job.payload["n"]]
        return (message.account_id, media) if media.file_id is None and media.remote else None

    async def _fetch(self, memo: tuple[int, Media]) -> Blob | ChannelError | FileTooLarge:
        account_id, media = memo
        try:
            channel = self._channel_of(account_id)
            crash.point("delivery.before_fetch")
            return await self._files.save(channel.fetch(media), limit=50_000_000)
        except (Rejected, FileTooLarge) as final:
            return final

    def _record_fetch(
        self, session: Session, job: Job, memo: tuple[int, Media], result: Blob | ChannelError | FileTooLarge
    ) -> None:
        message, conversation = _load(session, job)
        n, media = job.payload["n"], memo[1]
        if isinstance(result, Blob):
            stored = record(session, result, name=media.name, mime=media.mime, shop_id=conversation.shop_id)
            media = replace(media, file_id=stored.id, mime=stored.mime, size=result.size)
        else:
            media = replace(media, remote="")
        form = list(message.content["media"])
        form[n] = content.dump(content.Outgoing(media=(media,)))["media"][0]
        message.content = {**message.content, "media": form}
        session.flush()
        delivered.tell_changed(session, conversation.shop_id, message)

    # The answer to a button press

    async def _answer(self, memo: Mapping[str, Any]) -> None:
        try:
            channel = self._channel_of(memo["account_id"])
            await channel.acknowledge(memo["ack"], memo["text"], alert=memo["alert"])
            crash.point("answer.after_call")
        except ChannelError as failure:
            # Presses are answered within seconds or not at all; the message itself shows what happened.
            logger.info("a press was not answered: %s", failure)

    # That somebody writes

    async def _show_typing(self, memo: Mapping[str, Any]) -> None:
        try:
            self._signs.told(memo["account_id"], memo["chat"])
            await self._channel_of(memo["account_id"]).typing(memo["chat"], memo.get("said", ""))
        except ChannelError as failure:
            logger.info("it was not shown that somebody writes: %s", failure)

    # That somebody has read

    async def _show_seen(self, memo: Mapping[str, Any]) -> None:
        try:
            await self._channel_of(memo["account_id"]).seen(memo["chat"], memo["said"])
        except ChannelError as failure:
            logger.info("it was not shown that somebody has read: %s", failure)

    def _errand(
        self,
        session: Session,
        conversation: Conversation,
        message: Message,
        *,
        wait: timedelta = NO_WAIT,
        look: doubts.Look | None = None,
    ) -> _Errand:
        outgoing = content.load_outgoing(message.content)
        parcel = Parcel(
            message_id=message.id,
            version=message.version,
            chat=conversation.chat,
            outgoing=outgoing,
            attachments=enclosed.files(session, self._files, outgoing.media),
            pictures=enclosed.pictures(session, self._files, outgoing),
            reply_to=_external(session, conversation, message.reply_to_id),
            external_id=_own_part(conversation, message.external_id),
            locale=conversation.locale,
            by_machine=message.author != Author.STAFF,
            context=conversation.context,
            made_ms=int(message.created_at.timestamp() * 1000),
        )
        return _Errand(conversation.shop_id, message.account_id, conversation.id, parcel, wait, look)


def _load(session: Session, job: Job) -> tuple[Message, Conversation]:
    """The job's message, locked, and its conversation: the message may be edited by a press this moment."""
    message_id = job.payload["message_id"]
    ours = inserted(session, Message, message_id) or delivered.held(session, message_id)
    if ours is not None:
        return ours, get(session, Conversation, ours.conversation_id)
    found = _LOCKED.first(session, message_id=message_id)
    assert found is not None, "messages are never deleted"
    message, conversation, _account = found
    return message, conversation


def _message(session: Session, job: Job) -> Message:
    """The job's message alone, locked."""
    message = delivered.locked(session, job.payload["message_id"])
    assert message is not None, "messages are never deleted"
    return message


def _turn(session: Session, message: Message, *, can_wait: bool) -> Turn:
    """The account's next turn to send."""
    per_second = sending.per_second(get(session, ChannelAccount, message.account_id))
    if not per_second:
        return Turn()
    return pace.turn(session, sending.pace_of(message.account_id), per_second=per_second, can_wait=can_wait)


def _settle(session: Session, shop_id: int, message: Message, state: Delivery, error: str) -> None:
    message.delivery, message.error = state, error[:300]
    save(session, message)
    delivered.tell_changed(session, shop_id, message)
    if state is Delivery.FAILED:
        delivered.tell_failed(session, shop_id, message)


def _after_failure(session: Session, job: Job, message: Message, failure: ChannelError) -> Again | None:
    conversation = session.get_one(Conversation, message.conversation_id)
    if isinstance(failure, Unconfirmed):
        doubt = doubts.of(session, message)
        if doubt is Doubt.TOLD:
            if message.delivery == Delivery.SENDING:
                doubts.put_off(session, message)
            return None
        if doubt is not Doubt.STAYS:
            message.delivery = Delivery.SENDING
            return tries.later(job, failure)
        if message.repeatable and message.error != doubts.REPEATED:
            message.delivery, message.error = Delivery.SENDING, ""
            return Again(timedelta(seconds=1))
        _settle(session, conversation.shop_id, message, Delivery.UNKNOWN, str(failure))
        return None
    if isinstance(failure, Throttled | NotSent) and tries.are_left(job, failure):
        message.delivery = Delivery.QUEUED
        return tries.later(job, failure)
    if isinstance(failure, Closed) and message.author == Author.BOT:
        windows.hold(session, conversation, message)
        return None
    if isinstance(failure, Rejected) and failure.blocked:
        conversation.blocked = True
    _settle(session, conversation.shop_id, message, Delivery.FAILED, str(failure))
    return None


def _external(session: Session, conversation: Conversation, message_id: int | None) -> str:
    if message_id is None:
        return ""
    target = session.get(Message, message_id)
    return _own_part(conversation, target.external_id if target else None)


def _own_part(conversation: Conversation, external_id: str | None) -> str:
    return (external_id or "").removeprefix(f"{conversation.chat}:")


def _remember_answer(session: Session, job: Job) -> Mapping[str, Any]:
    return job.payload


def _forget(session: Session, job: Job, memo: Mapping[str, Any], result: None) -> None:
    """Nothing to record: it was done in time or not at all."""
