"""Search over what was said: messages of buyers and staff, and notes, by any form of their words.

Nothing is indexed while somebody waits: a message is found some seconds after it was kept, when `catch_up` has come by.
What the bot says is not indexed; it says the same to everybody. Words are cut and stemmed as those of the catalogue
are (`catalog.words`) and lie in FTS5 on SQLite and in tsvector on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import words
from customers.tables import Customer
from inbox.tables import Author, Conversation, Message, SearchPlace
from kit.clock import utc_now
from storage.schema import Base

SEARCH_DDL: dict[str, list[str]] = {
    "sqlite": [
        "CREATE VIRTUAL TABLE IF NOT EXISTS search_message USING fts5"
        "(body, columnsize = 0, tokenize = 'unicode61 remove_diacritics 0')",
    ],
    "postgresql": [
        "CREATE TABLE IF NOT EXISTS search_message (message_id BIGINT PRIMARY KEY, document TSVECTOR NOT NULL)",
        "CREATE INDEX IF NOT EXISTS ix_search_message_document ON search_message USING gin (document)",
    ],
}
"""The tables of the search, by SQL dialect; made by a migration and by Base.metadata.create_all."""

for _dialect, _statements in SEARCH_DDL.items():
    for _statement in _statements:
        _ddl = sa.DDL(_statement)  # type: ignore[no-untyped-call]
        sa.event.listen(Base.metadata, "after_create", _ddl.execute_if(dialect=_dialect))

PORTION = 100
"""Messages that one transaction indexes, in a few milliseconds: others wait to write meanwhile."""

SETTLED = timedelta(minutes=2)
"""No transaction takes so long: below a message of this age no other can come to light any more. On SQLite, which has
one writer, none ever can."""

MOST_WORDS = 400
"""Words of one message that can be found."""

SHORT, LONG = 60, 140
"""Letters that an excerpt has before and after the word that was looked for."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that every word of the question fits."""

    message_id: int
    conversation_id: int
    customer_id: int | None
    name: str
    author: Author
    private: bool
    excerpt: str
    at: datetime


# Keeping the index


def catch_up(session: Session) -> bool:
    """Index the next messages that are not yet; True if there may be more. A second call has nothing to do."""
    border = session.scalar(sa.select(SearchPlace.message_id))
    beyond = Message.id > (border or 0)
    found = session.execute(
        sa.select(Message.id, Message.text, Message.created_at)
        .where(beyond, Message.author.in_(INDEXED), Message.text != "", _UNKNOWN[_dialect_of(session)])
        .order_by(Message.id)
        .limit(PORTION)
    ).all()
    put(session, [(row.id, row.text) for row in found])
    horizon = None if _dialect_of(session) == "sqlite" else utc_now() - SETTLED
    more = len(found) == PORTION
    if more:
        place = max((row.id for row in found if horizon is None or row.created_at < horizon), default=None)
    else:
        settled = sa.true() if horizon is None else Message.created_at < horizon
        place = session.scalar(sa.select(Message.id).where(beyond, settled).order_by(Message.id.desc()).limit(1))
    if place is not None:
        value = {"message_id": place}
        session.execute(
            sa.insert(SearchPlace).values(value) if border is None else sa.update(SearchPlace).values(value)
        )
    return more


def put(session: Session, messages: Sequence[tuple[int, str]]) -> None:
    """Make messages, told as (id, text), findable that are not so yet."""
    dialect = _dialect_of(session)
    rows = [{"id": id_, "body": _body(text, dialect)} for id_, text in messages]
    if full := [row for row in rows if row["body"]]:
        session.execute(_PUT[dialect], full)


def again(session: Session, message: Message) -> None:
    """The message has other words now."""
    dialect = _dialect_of(session)
    session.execute(_FORGET[dialect], {"id": message.id})
    put(session, [(message.id, message.text)])


def forget(session: Session, messages: sa.Select[int]) -> None:
    """Let nobody find these messages, told by their ids, any more."""
    index = sa.table("search_message", sa.column(_KEYS[_dialect_of(session)]))
    session.execute(sa.delete(index).where(next(iter(index.c)).in_(messages)))


def forget_all(session: Session) -> None:
    """Nothing is indexed any more: `catch_up` begins anew."""
    session.execute(sa.text("DELETE FROM search_message"))
    session.execute(sa.delete(SearchPlace))


_KEYS = {"sqlite": "rowid", "postgresql": "message_id"}
"""What an indexed message's id is called in search_message."""


INDEXED = (Author.BUYER, Author.STAFF)

_UNKNOWN = {
    "sqlite": sa.text("NOT EXISTS (SELECT 1 FROM search_message WHERE search_message.rowid = message.id)"),
    "postgresql": sa.text("NOT EXISTS (SELECT 1 FROM search_message WHERE search_message.message_id = message.id)"),
}
_PUT = {
    "sqlite": sa.text("INSERT INTO search_message (rowid, body) VALUES (:id, :body)"),
    "postgresql": sa.text(
        "INSERT INTO search_message VALUES (:id, CAST(:body AS tsvector)) ON CONFLICT (message_id) DO NOTHING"
    ),
}
_FORGET = {
    "sqlite": sa.text("DELETE FROM search_message WHERE rowid = :id"),
    "postgresql": sa.text("DELETE FROM search_message WHERE message_id = :id"),
}


def _dialect_of(session: Session) -> str:
    return session.get_bind().dialect.name


def _body(text: str, dialect: str) -> str:
    stems = dict.fromkeys(words.stems(text)[:MOST_WORDS])
    return " ".join(f"'{stem}'" if dialect == "postgresql" else stem for stem in stems)


# Asking

_FIND = {
    "sqlite": sa.text(
        "SELECT message.id, message.conversation_id FROM search_message"
        " JOIN message ON message.id = search_message.rowid"
        " JOIN conversation ON conversation.id = message.conversation_id"
        " WHERE search_message MATCH :question AND conversation.shop_id = :shop_id AND conversation.kind = 'buyer'"
        " ORDER BY search_message.rowid DESC LIMIT :most"
    ),
    "postgresql": sa.text(
        "SELECT message.id, message.conversation_id FROM search_message"
        " JOIN message ON message.id = search_message.message_id"
        " JOIN conversation ON conversation.id = message.conversation_id"
        " WHERE search_message.document @@ CAST(:question AS tsquery)"
        " AND conversation.shop_id = :shop_id AND conversation.kind = 'buyer'"
        " ORDER BY search_message.message_id DESC LIMIT :most"
    ),
}

_NEWEST = sa.text(
    "SELECT message.id, message.conversation_id, conversation.shop_id = :shop_id AND conversation.kind = 'buyer'"
    " FROM (SELECT message_id FROM search_message WHERE document @@ CAST(:question AS tsquery)"
    " ORDER BY message_id DESC LIMIT :most) AS newest"
    " JOIN message ON message.id = newest.message_id"
    " JOIN conversation ON conversation.id = message.conversation_id"
    " ORDER BY message.id DESC"
)
"""The newest of all shops, and whether they are to be found. PostgreSQL would look up the conversation of every message
that fits, tens of thousands of them, before it takes the newest."""

MOST_LOOKED_AT = 2000
"""Of a word that is in very many messages of the shop only the newest are looked at."""


def find(session: Session, shop_id: int, text: str, *, limit: int = 20) -> list[Hit]:
    """The newest messages of the shop that every word of the text fits; the last word may be unfinished.

    More are looked at than are wanted: the session may be one that does not find all of them.
    """
    ids = [message_id for message_id, _ in _matching(session, shop_id, text, max(limit, MOST_LOOKED_AT))]
    if not ids:
        return []
    rows = session.execute(
        sa.select(Message, Conversation.customer_id, Customer.name)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .outerjoin(Customer, Customer.id == Conversation.customer_id)
        .where(Message.id.in_(ids))
        .order_by(Message.id.desc())
        .limit(limit)
    )
    return [_hit(message, customer_id, name or "", text) for message, customer_id, name in rows]


def conversations_with(session: Session, shop_id: int, text: str) -> list[int]:
    """The shop's conversations in which it was said, the newest first."""
    return list(dict.fromkeys(id_ for _, id_ in _matching(session, shop_id, text, MOST_LOOKED_AT)))


def _matching(session: Session, shop_id: int, text: str, most: int) -> list[tuple[int, int]]:
    """(message, conversation) of the newest that fit."""
    asked = words.asked(text)
    if not asked or (len(asked) == 1 and len(asked[0]) < LEAST):
        return []
    dialect = _dialect_of(session)
    facts = {"question": _question(asked, dialect), "shop_id": shop_id, "most": most}
    if dialect == "postgresql":
        newest = session.execute(_NEWEST, facts).all()
        ours = [(message_id, conversation_id) for message_id, conversation_id, is_ours in newest if is_ours]
        if len(newest) < most or len(ours) > most // 2:
            return ours
    return [(row[0], row[1]) for row in session.execute(_FIND[dialect], facts)]


LEAST = 2
"""A single letter finds too much to mean anything."""


def _question(asked: Sequence[str], dialect: str) -> str:
    """Each word in any of its forms; the last also as the beginning of longer ones."""
    *whole, last = asked
    stem = words.stem(last)
    if dialect == "sqlite":
        ends = " OR ".join(f'"{form}"*' for form in dict.fromkeys((stem, last)))
        return " AND ".join([*(f'"{words.stem(word)}"' for word in whole), f"({ends})"])
    ends = " | ".join(f"'{form}':*" for form in dict.fromkeys((stem, last)))
    return " & ".join([*(f"'{words.stem(word)}'" for word in whole), f"({ends})"])


def _hit(message: Message, customer_id: int | None, name: str, text: str) -> Hit:
    return Hit(
        message_id=message.id,
        conversation_id=message.conversation_id,
        customer_id=customer_id,
        name=name,
        author=Author(message.author),
        private=message.private,
        excerpt=_excerpt(message.text, text),
        at=message.created_at,
    )


def _excerpt(said: str, asked: str) -> str:
    """A line of the message around the first word that was looked for."""
    line = " ".join(said.split())
    stems = tuple(words.stem(word) for word in words.asked(asked))
    folded = line.casefold().replace("ё", "е")
    places = [at for stem in stems if (at := folded.find(stem)) >= 0]
    begin = max(0, min(places, default=0) - SHORT)
    end = begin + SHORT + LONG
    return ("…" if begin else "") + line[begin:end].strip() + ("…" if end < len(line) else "")
