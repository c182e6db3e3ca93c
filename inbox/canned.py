"""Answers that are given often: kept by the shop, filled from the conversation, sent by a person."""

from __future__ import annotations

import re
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from inbox.tables import CannedReply
from kit.errors import Missing, Refused

FACTS = ("name", "order", "sum", "stage", "operator", "shop")
"""What may stand in braces in a text."""

LONGEST_NAME = 40
LONGEST = 4000

MOST = 300
"""Of one shop: more of them nobody finds again."""

_FACT = re.compile(r"\{(\w+)\}")


class NoSuchReply(Missing):
    code = "no_such_reply"


class ReplyNameTaken(Refused):
    code = "reply_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a reply {name!r}", name=name)


class ReplyUnfit(Refused):
    """Without a name or a text, or with a name that cannot be typed after a slash in one go."""

    code = "reply_unfit"


class UnknownFact(Refused):
    """Something in braces that we could never fill."""

    code = "unknown_fact"

    def __init__(self, fact: str) -> None:
        super().__init__(f"no fact {fact!r}", fact=fact[:40], facts=", ".join(f"{{{known}}}" for known in FACTS))


class TooManyReplies(Refused):
    code = "too_many_replies"

    def __init__(self) -> None:
        super().__init__(f"{MOST} replies", most=MOST)


def replies(session: Session, shop_id: int, words: str = "", *, limit: int = MOST) -> list[CannedReply]:
    """Those whose names begin with the words, then those that hold them anywhere; all of them without words."""
    query = sa.select(CannedReply).where(CannedReply.shop_id == shop_id).order_by(CannedReply.name)
    found, wanted = list(session.scalars(query)), words.strip().casefold()
    if wanted:
        found = [one for one in found if wanted in f"{one.name}\n{one.text}".casefold()]
        found.sort(key=lambda one: not one.name.casefold().startswith(wanted))
    return found[:limit]


def add(session: Session, shop_id: int, *, name: str, text: str) -> CannedReply:
    """Raises ReplyUnfit, UnknownFact, ReplyNameTaken, TooManyReplies."""
    taken = session.scalar(sa.select(sa.func.count()).where(CannedReply.shop_id == shop_id))
    if (taken or 0) >= MOST:
        raise TooManyReplies()
    return _write(session, CannedReply(shop_id=shop_id), name, text)


def edit(session: Session, shop_id: int, reply_id: int, *, name: str, text: str) -> None:
    _write(session, get(session, shop_id, reply_id), name, text)


def remove(session: Session, shop_id: int, reply_id: int) -> None:
    session.delete(get(session, shop_id, reply_id))
    session.flush()


def get(session: Session, shop_id: int, reply_id: int) -> CannedReply:
    found = session.get(CannedReply, reply_id)
    if found is None or found.shop_id != shop_id:
        raise NoSuchReply(f"reply {reply_id}")
    return found


def filled(text: str, facts: Mapping[str, str]) -> str:
    """The text with what is known; what is not known stands as it is, for the operator to see."""
    return _FACT.sub(lambda match: facts.get(match[1]) or match[0], text)


def _write(session: Session, row: CannedReply, name: str, text: str) -> CannedReply:
    name, text = name.strip().removeprefix("/").casefold(), text.strip()
    if not name or not text or len(name) > LONGEST_NAME or len(text) > LONGEST or re.search(r"[\s/]", name):
        raise ReplyUnfit()
    if unknown := next((fact for fact in _FACT.findall(text) if fact not in FACTS), None):
        raise UnknownFact(unknown)
    try:
        with session.begin_nested():
            row.name, row.text = name, text
            session.add(row)
            session.flush()
    except IntegrityError:
        raise ReplyNameTaken(name) from None
    return row
