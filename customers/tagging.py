"""The shop's tags as a whole: renamed, joined and removed on all cards at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers.cards import tagged, tidy
from customers.tables import Customer
from kit.errors import Missing, Refused
from storage.events import Event, publish

LONGEST = 40


class NoSuchTag(Missing):
    code = "no_such_tag"


class TagUnfit(Refused):
    """Without a name, or with a comma, which parts tags on the card."""

    code = "tag_unfit"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagsChanged(Event):
    """On so many cards the tag is called otherwise, or with an empty `after` is gone."""

    kind: ClassVar[str] = "tags_changed"

    before: str
    after: str
    cards: int


def rename(session: Session, shop_id: int, tag: str, to: str, *, actor: str) -> int:
    """Call a tag otherwise; one that is called so already becomes one with it. Returns on how many cards.

    Raises NoSuchTag, TagUnfit.
    """
    to = tidy(to, LONGEST)
    if not to or "," in to:
        raise TagUnfit()
    return 0 if to == tag else _replace(session, shop_id, tag, to, actor)


def remove(session: Session, shop_id: int, tag: str, *, actor: str) -> int:
    """Take a tag off every card; returns off how many. Raises NoSuchTag."""
    return _replace(session, shop_id, tag, "", actor)


def _replace(session: Session, shop_id: int, tag: str, to: str, actor: str) -> int:
    rows = session.execute(
        sa.select(Customer.id, Customer.tags)
        .where(Customer.shop_id == shop_id, tagged(session, tag))
        .order_by(Customer.id)
        .with_for_update()
    ).all()
    if not rows:
        raise NoSuchTag(f"tag {tag[:LONGEST]!r} of shop {shop_id}")
    new = {to} if to else set()
    session.execute(
        sa.update(Customer),
        [{"id": customer_id, "tags": sorted({*tags, *new} - {tag})} for customer_id, tags in rows],
    )
    told = TagsChanged(shop_id=shop_id, subject=f"shop:{shop_id}", actor=actor, before=tag, after=to, cards=len(rows))
    publish(session, told)
    return len(rows)
