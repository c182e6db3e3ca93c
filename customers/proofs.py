"""Numbers that a messenger itself vouches for, and who is one person by them.

A proof is of an identity: this person of this account had this number at this moment. What is typed, imported or taken
from somebody else's contact is none, and so makes nobody one with another: such cards are only suggested as duplicates.
Numbers change hands, so a proof does not hold for ever.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from customers import consents, contacts
from customers.cards import standing
from customers.contacts import BadPhone
from customers.tables import Apart, ConsentTo, Contact, ContactKind, Customer, Identity, Merge
from kit.clock import utc_now

HOLDS = timedelta(days=90)
"""How long after it was shown a number still speaks for whoever has shown it."""

AGAIN = timedelta(days=1)
"""How soon the same number is taken down anew: a messenger may bring it with every message."""


def take(session: Session, account: ChannelAccount, identity: Identity, customer: Customer, phone: str) -> bool:
    """The messenger vouches that this person has this number now. Whether that is worth a look for `twin`.

    A number that he shows for the first time comes to the card, as the main one if there is none; one that was taken
    off it since does not come back by itself. Nobody else of the same messenger has it any longer.
    """
    number = f"+{phone.lstrip('+')}"
    now = utc_now()
    if identity.phone == number and identity.phone_at is not None and now - identity.phone_at < AGAIN:
        return False
    try:
        number = contacts.phone(number)
    except BadPhone:
        # The number plan has no such number, as with test accounts.
        return False
    _end_those_before(session, account, identity, number)
    if identity.phone != number:
        contacts.lend(session, customer, ContactKind.PHONE, number)
    identity.phone, identity.phone_at = number, now
    session.flush()
    return True


def twin(session: Session, identity: Identity) -> Customer | None:
    """The one other customer who has shown the same number in another messenger, if the two may be joined.

    Nobody if there are several; nor where the number has been taken off one of the cards, where somebody has said that
    they are two people, or where one of them wants his data to be used no more.
    """
    if identity.phone is None or identity.phone_at is None or utc_now() - identity.phone_at > HOLDS:
        return None
    account = session.get_one(ChannelAccount, identity.account_id)
    mine = session.get_one(Customer, identity.customer_id)
    if mine.merged_into_id is not None or not _stands_on(session, mine, identity.phone):
        return None
    shown = (
        sa.select(Identity.customer_id)
        .join(ChannelAccount, ChannelAccount.id == Identity.account_id)
        .where(
            Identity.phone == identity.phone,
            Identity.phone_at > utc_now() - HOLDS,
            sa.or_(ChannelAccount.channel != account.channel, Identity.external_id == identity.external_id),
        )
    )
    others = sa.select(Customer).where(*standing(account.shop_id), Customer.id != mine.id, Customer.id.in_(shown))
    found = session.scalars(others.limit(2)).all()
    if len(found) != 1 or not _stands_on(session, found[0], identity.phone):
        return None
    return found[0] if _may_be_one(session, mine, found[0]) else None


def channels(session: Session, customer: Customer) -> dict[str, list[str]]:
    """By number, the messengers that vouch for it as this customer's."""
    rows = session.execute(
        sa.select(Identity.phone, ChannelAccount.channel)
        .join(ChannelAccount, ChannelAccount.id == Identity.account_id)
        .where(Identity.customer_id == customer.id, Identity.phone.is_not(None))
        .order_by(ChannelAccount.channel)
        .distinct()
    )
    found: dict[str, list[str]] = {}
    for number, channel in rows:
        if number is not None:
            found.setdefault(number, []).append(channel)
    return found


def _end_those_before(session: Session, account: ChannelAccount, identity: Identity, number: str) -> None:
    """A number has one person in a messenger: whoever showed it there before has it no more."""
    same = sa.select(ChannelAccount.id).where(
        ChannelAccount.shop_id == account.shop_id, ChannelAccount.channel == account.channel
    )
    session.execute(
        sa.update(Identity)
        .where(
            Identity.phone == number,
            Identity.account_id.in_(same),
            Identity.external_id != identity.external_id,
        )
        .values(phone=None, phone_at=None)
    )


def _stands_on(session: Session, customer: Customer, number: str) -> bool:
    known = sa.select(Contact.id).where(
        Contact.customer_id == customer.id, Contact.kind == ContactKind.PHONE, Contact.value == number
    )
    return session.scalar(known) is not None


def _may_be_one(session: Session, one: Customer, other: Customer) -> bool:
    for customer in (one, other):
        said = consents.latest(session, customer.id).get(ConsentTo.PERSONAL_DATA)
        if said is not None and not said.given:
            return False
    here, there = _family(session, one.id), _family(session, other.id)
    pairs = [(min(pair), max(pair)) for pair in product(here, there)]
    apart = sa.select(Apart.one_id).where(sa.tuple_(Apart.one_id, Apart.other_id).in_(pairs)).limit(1)
    if session.scalar(apart) is not None:
        return False
    undone = sa.select(Merge.id).where(
        Merge.undone_at.is_not(None),
        sa.or_(
            sa.and_(Merge.kept_id.in_(here), Merge.gone_id.in_(there)),
            sa.and_(Merge.kept_id.in_(there), Merge.gone_id.in_(here)),
        ),
    )
    return session.scalar(undone.limit(1)) is None


def _family(session: Session, customer_id: int) -> set[int]:
    """This card and all that have been put into it, also by way of others."""
    found, fresh = {customer_id}, {customer_id}
    while fresh:
        fresh = set(session.scalars(sa.select(Customer.id).where(Customer.merged_into_id.in_(fresh)))) - found
        found |= fresh
    return found
