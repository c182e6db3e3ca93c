"""What a buyer puts on messages and what he takes away: shown where it stands, and nobody waits because of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
import sqlalchemy as sa

from bot.channels import max_read, telegram_read, vk_read, whatsapp_read
from bot.channels.base import Channel
from bot.incoming import Intake
from inbox import messages
from inbox.content import Incoming, Outgoing, Profile
from inbox.tables import Author, Conversation, Message
from storage.database import Database
from storage.jobs import Job
from storage.tables import EventRow
from tests.bot.chats import TEXTS, Chat, Counter
from tests.worlds import World

GLEB = Profile("gleb", name="Глеб")


class Said:
    """A channel that brings what it is told to."""

    def __init__(self) -> None:
        self.next: Sequence[Incoming] = ()

    def parse(self, raw: Mapping[str, Any]) -> Sequence[Incoming]:
        return self.next


class Talk:
    """Глеб has greeted the shop, and an operator has answered."""

    def __init__(self, world: World) -> None:
        self.counter = Counter(world)
        self.session = world.session
        self.chat = Chat(self.counter, self.counter.account, GLEB)
        self._said = Said()
        self._intake = Intake(
            cast(Database, None), lambda _: cast(Channel, self._said), TEXTS, "https://counter.example"
        )
        self.hears(Incoming("1", GLEB, text="Здравствуйте"))
        (self.answer, *_) = messages.say(
            self.session, self.chat.conversation, Outgoing(text="Подойдёт такая?"), author=Author.STAFF
        )
        self.answer.external_id = "chat-gleb:9"
        self.chat.conversation.held = True
        self.chat.conversation.waiting_since = None
        self.session.flush()

    def hears(self, *said: Incoming, chat: str = "chat-gleb") -> None:
        self._said.next = said
        payload = {"account_id": self.counter.account.id, "chat": chat, "raw": {}}
        self._intake.handle(self.session, Job(1, "in", "incoming.handle", payload, 1, 0))
        self.session.flush()
        self.session.expire_all()

    def signs(self, *signs: str, on: str = "9", name: str = "sign", chat: str = "chat-gleb") -> None:
        self.hears(Incoming(name, GLEB, reply_to=on, signs=signs), chat=chat)

    @property
    def conversation(self) -> Conversation:
        return self.chat.conversation

    def messages(self, author: Author) -> list[Message]:
        mine = sa.select(Message).where(Message.conversation_id == self.conversation.id, Message.author == author)
        return list(self.session.scalars(mine.order_by(Message.id)))

    def changes(self) -> int:
        told = sa.select(sa.func.count()).where(EventRow.kind == "message_changed")
        return self.session.scalar(told) or 0


@pytest.fixture
def talk(world: World) -> Talk:
    return Talk(world)


def test_a_sign_is_on_its_message_and_makes_nobody_wait(talk: Talk) -> None:
    unread, said = talk.conversation.unread, len(talk.messages(Author.BOT))
    talk.signs("👍")
    assert talk.answer.signs == ["👍"]
    assert (talk.conversation.last_text, talk.conversation.last_author) == ("👍", Author.BUYER)
    assert (talk.conversation.unread, talk.conversation.waiting_since) == (unread, None)
    assert len(talk.messages(Author.BUYER)) == 1
    assert len(talk.messages(Author.BOT)) == said


def test_the_last_word_holds_and_the_same_again_tells_nobody(talk: Talk) -> None:
    talk.signs("👍", "🔥")
    talk.signs("🔥")
    assert talk.answer.signs == ["🔥"]
    before = talk.changes()
    talk.signs("🔥")
    assert talk.changes() == before
    talk.signs()
    assert talk.answer.signs == []
    assert talk.changes() == before + 1


def test_a_sign_on_ones_own_words_is_no_news_in_the_list(talk: Talk) -> None:
    before = talk.conversation.last_text
    talk.signs("😂", on="1")
    (mine,) = talk.messages(Author.BUYER)
    assert mine.signs == ["😂"]
    assert talk.conversation.last_text == before


def test_a_sign_on_what_is_not_known_here_is_kept_by_itself(talk: Talk) -> None:
    talk.signs("🔥", on="404")
    assert [message.text for message in talk.messages(Author.BUYER)] == ["Здравствуйте", "🔥"]
    assert talk.conversation.waiting_since is None
    talk.signs(on="405", name="off")
    assert len(talk.messages(Author.BUYER)) == 2


def test_nobody_signs_what_stands_in_anothers_chat_or_is_a_note(talk: Talk) -> None:
    talk.signs("💩", chat="chat-other")
    note = messages.note(talk.session, talk.conversation, "Наш человек", talk.counter.world.operator)
    note.external_id = "chat-gleb:10"
    talk.session.flush()
    talk.signs("💩", on="10", name="on-note")
    assert (talk.answer.signs, note.signs) == ([], [])


def test_a_heap_of_signs_is_cut(talk: Talk) -> None:
    talk.signs(*("👍" * 50 for _ in range(50)))
    assert len(talk.answer.signs) == 8
    assert {len(sign) for sign in talk.answer.signs} == {32}


def test_what_the_buyer_takes_away_is_marked_and_kept(talk: Talk) -> None:
    talk.hears(Incoming("1", GLEB, removed=True))
    (mine,) = talk.messages(Author.BUYER)
    at = mine.removed_at
    assert (mine.text, at is not None) == ("Здравствуйте", True)
    talk.hears(Incoming("1", GLEB, removed=True))
    assert talk.messages(Author.BUYER)[0].removed_at == at


def test_a_buyer_takes_away_neither_the_shops_words_nor_anothers(talk: Talk) -> None:
    talk.hears(Incoming("9", GLEB, removed=True))
    talk.hears(Incoming("1", GLEB, removed=True), chat="chat-other")
    talk.hears(Incoming("404", GLEB, removed=True))
    assert [row.removed_at for row in (talk.answer, *talk.messages(Author.BUYER))] == [None, None]
    assert talk.session.scalar(sa.select(sa.func.count()).select_from(Conversation)) == 1, "no chat is made of it"


@pytest.mark.parametrize(
    ("new", "signs"),
    [
        ([{"type": "emoji", "emoji": "👍"}, {"type": "emoji", "emoji": "🔥"}], ("👍", "🔥")),
        ([], ()),
        ([{"type": "custom_emoji", "custom_emoji_id": "5"}, {"type": "paid"}], ("⭐", "⭐")),
    ],
)
def test_telegrams_reactions(new: list[dict[str, str]], signs: tuple[str, ...]) -> None:
    told = {"chat": {"id": 7, "type": "private"}, "message_id": 4, "date": 5, "old_reaction": [], "new_reaction": new}
    update = {"update_id": 1, "message_reaction": {**told, "user": {"id": 7, "is_bot": False, "first_name": "Глеб"}}}
    (said,) = telegram_read.read(update)
    assert (said.reply_to, said.signs, said.profile.external_id) == ("4", signs, "7")
    group = {**told, "chat": {"id": -7, "type": "supergroup"}, "actor_chat": {"id": -7, "type": "supergroup"}}
    assert telegram_read.read({"update_id": 2, "message_reaction": group}) == ()


def test_vks_reactions_come_by_number() -> None:
    def read(**told: int) -> Sequence[Incoming]:
        facts = {"peer_id": 41, "cmid": 9, "reacted_id": 41, **told}
        return vk_read.read({"type": "message_reaction_event", "event_id": "e", "object": facts})

    assert [said.signs for said in read(reaction_id=4)] == [("👍",)]
    assert [said.signs for said in read(reaction_id=64)] == [("♡",)]
    assert [(said.signs, said.reply_to) for said in read()] == [((), "9")]
    assert read(reacted_id=-1, reaction_id=4) == ()
    assert read(peer_id=2_000_000_001, reaction_id=4) == ()


def test_whatsapps_reactions() -> None:
    def read(emoji: str) -> Sequence[Incoming]:
        held = {"from": "79000000041", "id": "wamid.1", "type": "reaction"}
        message = {**held, "reaction": {"message_id": "wamid.0", "emoji": emoji}}
        return whatsapp_read.read({"field": "messages", "value": {"messages": [message]}})

    assert [(said.reply_to, said.signs, said.text) for said in read("👍")] == [("wamid.0", ("👍",), "")]
    assert [said.signs for said in read("")] == [()]


def test_what_is_taken_away_in_max_is_told_apart_by_its_message() -> None:
    around = {"update_type": "message_removed", "timestamp": 1, "chat_id": 77, "user_id": 500}
    first, second = {**around, "message_id": "mid.1"}, {**around, "message_id": "mid.2"}
    assert max_read.id_of(first) != max_read.id_of(second)
    assert max_read.chat_of(first) == "77"
    assert [(said.external_id, said.removed) for said in max_read.read(first, "token")] == [("mid.1", True)]
