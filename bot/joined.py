"""Customers whom a number makes one, that two messengers vouch for: joined as an operator would, and told of.

Either side may say that it is somebody else; then they are two again, and stay so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from bot.between import Between
from bot.flows import menu
from bot.flows.proven import JOIN, PART
from bot.flows.voice import written
from company.tables import ChannelAccount
from company.texts import Texts
from customers import cards, merging, proofs
from customers.duplicates import keep_apart
from customers.merging import Holders
from customers.tables import Identity, Merge
from inbox import conversations
from inbox.content import Action, Outgoing
from inbox.tables import Conversation, Kind
from kit.errors import Problem
from storage.jobs import Job, Step


def handlers(texts: Texts, holders: Holders) -> Mapping[str, Step]:
    def join(session: Session, job: Job) -> None:
        _Join(session, job, texts, holders).go()

    def part(session: Session, job: Job) -> None:
        _Part(session, job, texts, holders).go()

    return {JOIN: Step(join), PART: Step(part, prompt=True)}


class _Join(Between):
    @property
    def identity(self) -> Identity:
        return self.session.get_one(Identity, self.job.payload["identity_id"])

    @property
    def shop_id(self) -> int:
        return self.session.get_one(ChannelAccount, self.identity.account_id).shop_id

    def go(self) -> None:
        row = self._merge()
        here = self.conversation(self.job.payload["conversation_id"])
        self.session.refresh(here)
        if row is None or here.customer_id != row.kept_id:
            return
        others = self.others(here, row.kept_id)
        for other in others:
            self._tell(other, here, row, "buyer.proven.there")
        if others:
            self._tell(here, others[0], row, "buyer.proven.here")

    def _merge(self) -> Merge | None:
        """Nothing of it is locked before, so that whatever else merges these two is waited for and then seen."""
        identity, here = self.identity, self._here()
        twin = proofs.twin(self.session, identity)
        if twin is None or here.kind != Kind.BUYER or here.customer_id != identity.customer_id:
            return None
        mine = self.session.get_one(ChannelAccount, identity.account_id).channel
        theirs = proofs.channels(self.session, twin).get(identity.phone or "", [])
        kept, gone = sorted((identity.customer_id, twin.id))
        try:
            return merging.merge(
                self.session,
                self.shop_id,
                kept,
                gone,
                why=" ".join(sorted({mine, *theirs})),
                actor=f"customer:{identity.customer_id}",
                holders=self.holders,
            )
        except Problem:
            # Somebody else was quicker.
            return None

    def _here(self) -> Conversation:
        return conversations.get(self.session, self.job.payload["conversation_id"], self.shop_id)

    def _tell(self, conversation: Conversation, other: Conversation, row: Merge, key: str) -> None:
        voice = self.voice(conversation)
        not_me = voice.button("buyer.proven.not_me", Action("proven.part", {"merge": row.id}))
        told = written(voice.marked(key, where=self.where(other)), rows=((not_me,),))
        self.speak(conversation, told, f"proven:{row.id}:{conversation.id}")
        self.note(conversation, "proven.joined", other)


class _Part(Between):
    @property
    def shop_id(self) -> int:
        shop_id: int = self.job.payload["shop_id"]
        return shop_id

    def go(self) -> None:
        here = self.conversation(self.job.payload["conversation_id"])
        row = merging.get(self.session, self.shop_id, self.job.payload["merge_id"])
        if here.customer_id is None or here.customer_id != cards.get(self.session, row.kept_id, self.shop_id).id:
            return
        others, actor, voice = self.others(here, row.kept_id), f"customer:{here.customer_id}", self.voice(here)
        try:
            merging.undo(self.session, self.shop_id, row.id, actor=actor, holders=self.holders)
        except Problem as problem:
            self.speak(here, Outgoing(text=voice.problem(problem)), f"proven:{row.id}:kept")
            return
        kept, gone = (cards.exactly(self.session, each, self.shop_id) for each in (row.kept_id, row.gone_id))
        keep_apart(self.session, kept, gone, actor=actor)
        parted = written(voice.marked("buyer.proven.parted"), keyboard=menu.keyboard(voice))
        self.speak(here, parted, f"proven:{row.id}:parted")
        self._note(here, others)

    def _note(self, here: Conversation, others: Sequence[Conversation]) -> None:
        self.session.refresh(here)
        for other in others:
            self.session.refresh(other)
            if other.customer_id != here.customer_id:
                self.note(here, "proven.parted", other)
                self.note(other, "proven.parted", here)
