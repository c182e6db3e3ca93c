"""Who a customer is on a channel account. An identity is proof: nothing that is typed joins two people into one.

What a messenger vouches for besides, a number, is taken down by customers.proofs.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from company import shops
from company.accounts import NoSuchChannel
from company.tables import ChannelAccount, Shop
from company.texts import LOCALES, nearest
from customers import contacts
from customers.cards import tidy
from customers.merging import rows_of
from customers.tables import ContactKind, Customer, Identity
from kit.clock import utc_now
from kit.errors import Refused
from storage.hot import Load

_HEARD = Load(
    lambda query: (
        query.join(Shop, Shop.id == ChannelAccount.shop_id)
        .outerjoin(
            Identity, sa.and_(Identity.account_id == ChannelAccount.id, Identity.external_id == sa.bindparam("person"))
        )
        .outerjoin(Customer, Customer.id == Identity.customer_id)
        .where(ChannelAccount.id == sa.bindparam("account_id"))
    ),
    ChannelAccount,
    Shop,
    Identity,
    Customer,
)
_KNOWN = Load(
    lambda query: query.join(Customer, Customer.id == Identity.customer_id).where(
        Identity.account_id == sa.bindparam("account_id"), Identity.external_id == sa.bindparam("person")
    ),
    Identity,
    Customer,
)


Known = tuple[Identity, Customer]


def heard_on(session: Session, account_id: int, person: str) -> tuple[ChannelAccount, Shop, Known | None]:
    """The account on which a person of that external id speaks, its shop, and who he is if he spoke there before.

    Raises company.accounts.NoSuchChannel.
    """
    found = _HEARD.first(session, account_id=account_id, person=person)
    if found is None:
        raise NoSuchChannel(f"channel account {account_id}")
    account, shop, identity, customer = found
    return account, shop, None if identity is None else (identity, customer)


def recognise(
    session: Session,
    account: ChannelAccount,
    *,
    external_id: str,
    name: str = "",
    username: str = "",
    locale: str = "",
) -> Identity:
    """The identity of who speaks, made with its customer at first sight. See `speaker`."""
    identity, _ = speaker(session, account, external_id=external_id, name=name, username=username, locale=locale)
    return identity


def speaker(
    session: Session,
    account: ChannelAccount,
    *,
    external_id: str,
    name: str = "",
    username: str = "",
    locale: str = "",
    email: str = "",
    known: Known | None = None,
) -> Known:
    """The identity of who speaks, and the customer, both made at first sight. `known`: if they were just looked up.

    `email`, where what is said to him goes there anyway, is kept if the card has none; it joins him with nobody. A name
    that changed on the channel changes here, but a card keeps the name that it has.
    """
    name, username = tidy(name, 200), tidy(username, 120)
    known = (
        known or _known(session, account, external_id) or _meet(session, account, external_id, name, username, locale)
    )
    identity, customer = known
    if name and identity.name != name:
        identity.name = name
    if username and identity.username != username:
        identity.username = username
    if name and not customer.name:
        customer.name = name
    if email and customer.email is None and (address := _address(email)):
        contacts.lend(session, customer, ContactKind.EMAIL, address)
    return known


def _known(session: Session, account: ChannelAccount, external_id: str) -> Known | None:
    found = _KNOWN.first(session, account_id=account.id, person=external_id)
    return None if found is None else (found[0], found[1])


def _meet(session: Session, account: ChannelAccount, external_id: str, name: str, username: str, locale: str) -> Known:
    """A new customer with this identity, unless another transaction has just met the same person."""
    now = utc_now()
    spoken = locale.replace("_", "-").split("-")[0].lower()
    try:
        with session.begin_nested():
            customer = Customer(
                shop_id=account.shop_id,
                name=name,
                locale=spoken if spoken in LOCALES else nearest(shops.get(session, account.shop_id).locale),
                created_at=now,
            )
            session.add(customer)
            session.flush()
            identity = Identity(
                account_id=account.id,
                external_id=external_id,
                customer_id=customer.id,
                name=name,
                username=username,
                created_at=now,
            )
            session.add(identity)
    except IntegrityError:
        known = _known(session, account, external_id)
        if known is None:
            raise
        return known
    return identity, customer


HOLDER = rows_of(Identity, locked=False)
"""A message does not lock who says it; it looks again if its conversation has another customer by then."""


def _address(email: str) -> str | None:
    """None for one that the card would not take from a person either."""
    try:
        return contacts.normal(ContactKind.EMAIL, email)
    except Refused:
        return None
