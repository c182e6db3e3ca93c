"""From a raw event to a handled message: accept, then handle.

`accept` makes each envelope one durable job before the channel hears "got it". The job runs in the chat's own lane,
in one transaction: customer, conversation, message, the flow's step and the answers, all or nothing. Where a worker
lives in the same process and the lane is free, that is the transaction which stores the envelope.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot import lanes, missed
from bot.channels.base import UNKNOWN_CHAT, Broken, Channel, Envelope
from bot.flows import dialog, proven
from bot.flows.turn import StaffActs, Turn
from company import settings
from company.tables import ChannelAccount
from company.texts import Texts
from customers import identities, proofs
from customers.tables import Customer, Identity
from inbox import conversations, delivered, messages, reading, signs, windows
from inbox.channels import CAPABILITIES, card_of
from inbox.content import Incoming, Profile
from inbox.tables import Conversation, Kind, Message
from kit import crash
from kit.clock import utc_now
from storage import jobs
from storage.database import Database
from storage.hot import inserted, save
from storage.jobs import Job, New, Step
from storage.worker import Worker

logger = logging.getLogger(__name__)

TRIES = 2
"""How often an event is handled as it was read, before only its arrival is kept."""


class Intake:
    """Takes envelopes from every channel and handles them."""

    def __init__(
        self,
        db: Database,
        channel_of: Callable[[int], Channel],
        texts: Texts,
        public_url: str,
        staff_acts: StaffActs | None = None,
    ) -> None:
        self._db = db
        self._channel_of = channel_of
        self._texts = texts
        self._public_url = public_url
        self._staff_acts = staff_acts or {}
        self._take_in: Callable[[Session, Sequence[New]], None] | None = None

    @property
    def handlers(self) -> dict[str, Step]:
        return {"incoming.handle": Step(self.handle, prompt=True)}

    def go_on_with(self, worker: Worker) -> None:
        """Have this process's worker handle what comes in at once."""
        self._take_in = worker.take_in

    async def accept(self, account_id: int, envelopes: Sequence[Envelope]) -> int:
        """Store envelopes durably; one that is known by its external id is passed over. Returns how many came."""
        if not envelopes:
            return 0
        new = [_job(account_id, envelope) for envelope in envelopes]
        if self._take_in is not None:
            try:
                await self._db.write_short(self._take_in, new)
                return len(envelopes)
            except Exception as failure:
                # What cannot be handled can still be kept; the worker will count the attempts.
                logger.info("envelopes for account %d are only stored: %s", account_id, type(failure).__name__)
        await self._db.write_short(jobs.put_all, new)
        return len(envelopes)

    def handle(self, session: Session, job: Job) -> None:
        crash.point("handle.begun")
        for incoming in self._parse(session, job):
            if job.attempts < TRIES:
                self._handle_one(session, job.payload["account_id"], job.payload["chat"], incoming)
            else:
                self._handle_or_keep(session, job, incoming)
        crash.point("handle.done")

    def _handle_or_keep(self, session: Session, job: Job, incoming: Incoming) -> None:
        """What it says may be what no table takes; that something came is kept all the same."""
        try:
            with session.begin_nested():
                self._handle_one(session, job.payload["account_id"], job.payload["chat"], incoming)
                session.flush()
        except OperationalError:
            raise
        except Exception:
            logger.exception("event of job %d could not be kept as it was read", job.id)
            self._handle_one(session, job.payload["account_id"], job.payload["chat"], _unreadable(session, job))

    def _parse(self, session: Session, job: Job) -> Sequence[Incoming]:
        try:
            return self._channel_of(job.payload["account_id"]).parse(job.payload["raw"])
        except Broken:
            raise
        except Exception:
            # A shape that nobody foresaw must not be lost: the raw event stays in the message's content.
            logger.exception("event of job %d could not be read", job.id)
            return [_unreadable(session, job)]

    def _handle_one(self, session: Session, account_id: int, chat: str, incoming: Incoming) -> None:
        if incoming.receipt is not None:
            reading.told(session, account_id, chat, incoming.receipt)
            return
        if incoming.removed:
            signs.take_away(session, account_id, chat, incoming.external_id)
            return
        account, shop, known = identities.heard_on(session, account_id, incoming.profile.external_id)
        conversation, identity, customer = _whose(session, account, chat, incoming, known)
        if incoming.profile.phone:
            _vouched_for(session, account, conversation, identity, customer, incoming.profile.phone)
        if incoming.left:
            conversation.blocked = True
            return
        if conversation.blocked:
            conversation.blocked = False
        windows.heard(
            session,
            conversation,
            account,
            incoming.sent_at,
            sum_up=lambda old: missed.tell(
                session, conversation, shop, old, texts=self._texts, public_url=self._public_url
            ),
        )
        if incoming.context:
            known_now = {**conversation.context, **incoming.context}
            conversation.context = {name: fact for name, fact in known_now.items() if fact}
        if incoming.signs is not None:
            _sign(session, conversation, incoming)
            return
        pressed = _pressed(session, conversation, incoming)
        message = None
        if incoming.press is None or incoming.text:
            message = messages.receive(session, conversation, incoming)
            if message is None:
                return
        if incoming.by_machine:
            return
        turn = Turn(
            session=session,
            shop=shop,
            settings=settings.of(shop),
            account=account,
            capabilities=card_of(account, conversation.context),
            conversation=conversation,
            customer=customer,
            incoming=incoming,
            message=message,
            pressed=pressed,
            texts=self._texts,
            locale=conversation.locale,
            public_url=self._public_url,
            staff_acts=self._staff_acts,
        )
        if not session.in_nested_transaction():
            # What the flow raises goes through, and the worker runs the job again in a savepoint.
            dialog.handle(turn)
        else:
            _handle_carefully(turn)
        save(session, conversation)


def _handle_carefully(turn: Turn) -> None:
    try:
        with turn.session.begin_nested():
            dialog.handle(turn)
            turn.session.flush()
    except OperationalError:
        # The database's trouble, not the flow's: the whole job is tried again.
        raise
    except Exception:
        # The buyer's words are kept whatever the flow does; a person answers instead of it.
        conversation = turn.conversation
        logger.exception("the flow failed in conversation %d", conversation.id)
        turn.session.refresh(conversation)
        conversation.waiting_since = conversation.waiting_since or utc_now()


def _unreadable(session: Session, job: Job) -> Incoming:
    """That something came, from whoever the chat is known to be with."""
    account_id, chat = job.payload["account_id"], job.payload["chat"]
    person = session.scalar(
        sa.select(Identity.external_id)
        .join(Conversation, Conversation.customer_id == Identity.customer_id)
        .where(Conversation.account_id == account_id, Conversation.chat == chat, Identity.account_id == account_id)
        .limit(1)
    )
    return Incoming(
        external_id=f"job-{job.id}",
        profile=Profile(external_id=person or chat),
        unsupported="unreadable",
        by_machine=chat == UNKNOWN_CHAT,
    )


def _job(account_id: int, envelope: Envelope) -> New:
    return New(
        "incoming.handle",
        {"account_id": account_id, "chat": envelope.chat, "raw": envelope.raw},
        lane=lanes.coming_from(account_id, envelope.chat),
        dedup_key=lanes.key_of(account_id, envelope.external_id),
    )


def _whose(
    session: Session, account: ChannelAccount, chat: str, incoming: Incoming, known: identities.Known | None
) -> tuple[Conversation, Identity, Customer]:
    identity, customer = _speaker(session, account, incoming, known)
    conversation = conversations.open_for(session, account, chat, customer_id=customer.id, locale=customer.locale)
    if known is not None and inserted(session, Conversation, conversation.id) is not None:
        # Known, and without a chat: perhaps he was forgotten while we waited for it. Then he is somebody new.
        identity, customer = _speaker(session, account, incoming)
        conversation.customer_id = customer.id
    if conversation.customer_id != customer.id:
        # Perhaps his card was put into another one while we waited for the conversation: then he is somebody else now.
        identity, customer = _speaker(session, account, incoming)
        conversations.belongs_to(session, conversation, customer)
    return conversation, identity, customer


def _speaker(
    session: Session, account: ChannelAccount, incoming: Incoming, known: identities.Known | None = None
) -> identities.Known:
    profile = incoming.profile
    return identities.speaker(
        session,
        account,
        external_id=profile.external_id,
        name=profile.name,
        username=profile.username,
        locale=profile.locale,
        email=profile.email,
        known=known,
    )


def _vouched_for(
    session: Session,
    account: ChannelAccount,
    conversation: Conversation,
    identity: Identity,
    customer: Customer,
    phone: str,
) -> None:
    """The channel vouches for his number. Whoever has shown the same one elsewhere is he: a job of its own joins them,
    once this is seen by all, so that of two who show it at once the later one finds the other."""
    if conversation.kind != Kind.BUYER or not CAPABILITIES[account.channel].vouches:
        return
    if proofs.take(session, account, identity, customer, phone):
        lane = lanes.coming_from(account.id, conversation.chat)
        jobs.put(session, proven.JOIN, {"identity_id": identity.id, "conversation_id": conversation.id}, lane=lane)


def _sign(session: Session, conversation: Conversation, incoming: Incoming) -> None:
    """On the message that it was put on; by itself where that one is not known here. Nothing answers it."""
    said = incoming.signs or ()
    if not signs.put(session, conversation, incoming.reply_to, said) and said:
        messages.receive(session, conversation, replace(incoming, text=" ".join(said), reply_to=""))
    save(session, conversation)


def _pressed(session: Session, conversation: Conversation, incoming: Incoming) -> Message | None:
    """The message whose button was pressed, if it stands in this very conversation."""
    if incoming.press is None or not incoming.press.message_id:
        return None
    # Locked, for its delivery may be being recorded this moment: one of the two must see the other.
    message = delivered.locked(session, incoming.press.message_id)
    if message is None or message.conversation_id != conversation.id:
        return None
    if incoming.press.place:
        delivered.found_at(session, conversation, message, incoming.press.place)
    return message
